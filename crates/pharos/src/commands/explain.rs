//! `pharos explain`

use pharos_filter::Explanation;
use pharos_policy::Action;
use pharos_service::ExplainQuestion;

use super::{operator, refused};
use crate::cli::ExplainArgs;
use crate::output::Output;
use crate::wire::Opened;

/// Prints the verdict and why. 0 when it passes, 1 when it is blocked or warned about.
pub(super) async fn run(
    opened: &Opened,
    args: &ExplainArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let at = match &args.at {
        Some(text) => Some(text.parse().map_err(|_| {
            anyhow::anyhow!("--at {text:?} is not a time; write it as 2026-11-03T10:15:00Z")
        })?),
        None => None,
    };
    let person = match &args.user {
        Some(name) => match opened.app.person_named(name).await? {
            Some(person) => Some(person.id),
            None => anyhow::bail!(
                "nobody on the roll has the sign-in name {name:?}; see `pharos people list`"
            ),
        },
        None => None,
    };
    let question = ExplainQuestion {
        address: args.url.clone(),
        person,
        from: args.from,
        at,
    };
    let explanation = match opened.app.explain(&operator(), &question).await {
        Ok(explanation) => explanation,
        Err(error) => return refused(error, output),
    };
    if output.json {
        output.json(&explanation);
    } else {
        print(&explanation, output);
    }
    Ok(u8::from(matches!(
        explanation.action,
        Action::Block | Action::Warn
    )))
}

fn print(explanation: &Explanation, output: &mut Output) {
    let who = explanation.user.as_deref().unwrap_or("an unknown user");
    output.say(format!(
        "{} for {who}, by the rule {:?}",
        explanation.action.name().to_uppercase(),
        explanation.rule
    ));
    if !explanation.categories.is_empty() {
        let names: Vec<_> = explanation.categories.iter().map(AsRef::as_ref).collect();
        output.say(format!("Categories: {}", names.join(", ")));
    }
    output.say("Every rule considered, the winning one first:");
    for (number, reason) in explanation.reasons.iter().enumerate() {
        let mut line = format!(
            "  {}. {:?} asks to {} ({})",
            number + 1,
            reason.rule,
            reason.action,
            reason.weight.says()
        );
        let mut add = |label: &str, value: Option<&str>| {
            if let Some(value) = value {
                line.push_str(&format!("; {label} {value}"));
            }
        };
        add("category", reason.category.as_deref());
        add("list", reason.list.as_deref());
        add("entry", reason.entry.as_deref());
        add("hours", reason.hours.as_deref());
        add("change", reason.over.as_deref());
        output.say(line);
    }
    output.say(format!(
        "Policy version {}, catalogue version {}",
        explanation.policy_version, explanation.catalogue_version
    ));
}
