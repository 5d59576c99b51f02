//! Into which tools of generative AI Pharos sees here, and into which not: from the adapters in force
//! and the policy (FIL-20).

use std::collections::BTreeSet;
use std::sync::Arc;

use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_school::{Face, Unknown, Who};

use super::limits::{Limit, fixed, here};
use crate::App;

impl App {
    /// What is not seen of tools of generative AI as Pharos is set up here.
    pub(super) fn ai_limits(&self, limits: &mut Vec<Limit>) {
        let faces = self.inner().network.faces.load_full();
        if !faces.is_some_and(|faces| faces.proxy && faces.inspects) {
            limits.push(here(
                "What is asked of any AI tool, and what it answers",
                "Without the proxy and the school's certificate only the tool's name is seen: it can be blocked or open, and nothing else.",
                "Let the proxy look inside, and set devices up to use it.",
            ));
            return;
        }
        let Ok(snapshot) = self.filter().snapshot() else {
            return;
        };
        let nobody = Who::Unknown {
            why: Unknown::NoSignIn,
            device: None,
        };
        let (mut seen, mut unopened) = (BTreeSet::new(), BTreeSet::new());
        for tool in self.inner().tools.now().all() {
            if tool.hosts().is_empty() {
                continue;
            }
            let opened = tool.hosts().iter().any(|host| {
                let address = Address::of_host(host.clone());
                let asked = Query {
                    address: &address,
                    who: &nobody,
                    from: None,
                    face: Face::Https,
                    now: self.now(),
                };
                snapshot.decide(&asked).inspect
            });
            let of = if opened { &mut seen } else { &mut unopened };
            of.insert(Arc::clone(&tool.title));
        }
        unopened.retain(|title| !seen.contains(title));
        limits.push(here(
            format!("AI tools other than these: {}", names(&seen)),
            "Of these, prompts and answers in the browser are read, by an adapter for each. Of others the text of pages is read as of any page, and a prompt is not told from the rest.",
            "Block the category generative-ai and allow the tools that are approved, or write an adapter (docs/ai-tools.md).",
        ));
        if !unopened.is_empty() {
            limits.push(here(
                format!("Inside these AI tools: {}", names(&unopened)),
                "The policy leaves their hosts unopened, so neither prompts nor answers are seen.",
                "Take them out of what is never looked into, or block them.",
            ));
        }
        if self.school().pack.filter.page_text.is_empty() {
            limits.push(here(
                "What AI tools answer",
                "Reading the text of pages is switched off for everybody (fil.page_text), so answers are stopped for nobody.",
                "Switch it on for pupils.",
            ));
        }
    }
}

fn names(titles: &BTreeSet<Arc<str>>) -> String {
    if titles.is_empty() {
        return "none".to_owned();
    }
    let titles: Vec<&str> = titles.iter().map(AsRef::as_ref).collect();
    titles.join(", ")
}

/// What no setting changes about tools of generative AI.
pub(super) fn always() -> Limit {
    fixed(
        "AI tools in apps of their own, inside other services, and on the device itself",
        "Apps such as ChatGPT's and Gemini's trust their own certificate alone; assistants inside messengers, office programs and browsers speak with everything else there; what runs on the device sends nothing.",
        "Device management: forbid the apps and assistants, and let approved tools be used in the browser.",
    )
}
