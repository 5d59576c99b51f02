//! Page text in explanations: for whom it is judged, by whose dictionaries, and what a text comes to.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use pharos_policy::{Decision, Layer, PAGE_TEXT_RULE};
use pharos_scan::{AgeBand, Dictionaries, Media, PageScan, Report};
use pharos_school::{Role, Who};

use crate::explanation::{TextExplained, TextOver};
use crate::{Explanation, Query, Snapshot};

/// The shipped dictionaries, for explanations; a released build has them.
static SHIPPED: LazyLock<Option<Arc<Dictionaries>>> =
    LazyLock::new(|| Dictionaries::built_in().ok().map(Arc::new));

impl Snapshot {
    /// Whose thresholds hold for the text that somebody reads; `None` where the policy does not have
    /// it read for them (`fil.page_text`).
    pub fn text_band(&self, who: &Who, from: Option<IpAddr>) -> Option<AgeBand> {
        let subject = self.subject(who, from);
        if !subject.page_text() {
            return None;
        }
        let Some(member) = self.member(who) else {
            return Some(if subject.is_unknown() {
                AgeBand::Early
            } else {
                AgeBand::Secondary
            });
        };
        Some(match member.year {
            Some(year) => AgeBand::of_year(year.number()),
            None if member.is(Role::Pupil) => AgeBand::Prep,
            None => AgeBand::Adult,
        })
    }

    /// Whether the text of an address may be read at all once it is decided so: never inside what is
    /// not inspected, and never of help sites.
    pub fn text_may_be_read(decision: &Decision) -> bool {
        decision.inspect && decision.sealed.is_none() && decision.layer != Layer::Help
    }

    pub(crate) fn text_explained(
        &self,
        query: &Query<'_>,
        decision: &Decision,
    ) -> Option<TextExplained> {
        if !Self::text_may_be_read(decision) {
            return None;
        }
        let band = self.text_band(query.who, query.from)?;
        let own = self.dictionaries().map(|all| all.own_files());
        Some(TextExplained {
            band: band.name(),
            own_dictionaries: own.unwrap_or_default(),
            words: None,
            over: Vec::new(),
        })
    }

    /// [`Snapshot::explanation`] of a page or message whose text is given: read and judged as the proxy
    /// does, with the school's own dictionaries named where their words are in it (FIL-02, FIL-06).
    /// The reason that rests on the text names them as its list.
    pub fn explanation_of_text(&self, query: &Query<'_>, media: Media, text: &[u8]) -> Explanation {
        let plain = self.explanation(query);
        let (Some(mut explained), Some(band)) = (
            plain.page_text.clone(),
            self.text_band(query.who, query.from),
        ) else {
            return plain;
        };
        let Some(dictionaries) = self.dictionaries().or(SHIPPED.as_ref()) else {
            return plain;
        };
        let report = read(dictionaries, media.clone(), text);
        explained.words = Some(report.words);
        explained.over = over(&report, band);
        if explained.over.iter().any(|one| !one.own.is_empty())
            && let Some(shipped) = SHIPPED.as_ref()
        {
            let without = read(shipped, media, text);
            for one in &mut explained.over {
                one.without_own = without
                    .over(band)
                    .any(|shipped| shipped.category == one.category);
            }
        }
        let found: Vec<Arc<str>> = explained
            .over
            .iter()
            .map(|one| Arc::clone(&one.category))
            .collect();
        if found.is_empty() {
            return Explanation {
                page_text: Some(explained),
                ..plain
            };
        }
        let mut decision = self.explain_text(query, &found);
        let own: Vec<&str> = explained
            .over
            .iter()
            .take(1)
            .flat_map(|one| one.own.iter().map(|part| &*part.file))
            .collect();
        for reason in &mut decision.reasons {
            if &*reason.rule == PAGE_TEXT_RULE {
                reason.list = (!own.is_empty()).then(|| own.join(", ").into());
                reason.entry = None;
            }
        }
        Explanation {
            page_text: Some(explained),
            ..Explanation::new(self, query, decision)
        }
    }
}

fn read(dictionaries: &Arc<Dictionaries>, media: Media, text: &[u8]) -> Report {
    let mut scan = PageScan::new(dictionaries, media);
    scan.push(text);
    scan.finish();
    scan.report()
}

/// What is over, the furthest over first, as the proxy orders it.
fn over(report: &Report, band: AgeBand) -> Vec<TextOver> {
    let mut all: Vec<TextOver> = report
        .over(band)
        .map(|found| TextOver {
            category: Arc::clone(&found.category),
            score: found.score,
            threshold: found.thresholds[band as usize],
            without_own: found.own.is_empty(),
            own: found.own.clone(),
        })
        .collect();
    all.sort_by_key(|one| {
        let share = i64::from(one.score) * 1000 / i64::from(one.threshold.max(1));
        (std::cmp::Reverse(share), Arc::clone(&one.category))
    });
    all
}
