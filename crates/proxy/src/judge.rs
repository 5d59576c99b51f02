//! One question to the one filter, and the event that comes of it.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Blocked, Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::{Filter, Query, Snapshot, is_blocked_by};
use pharos_policy::{Action, AiUse, Decision, Layer, Policy};
use pharos_scan::{AgeBand as TextBand, Over, search_terms_in};
use pharos_school::{Face, Role, Who};

use crate::failure::Failure;
use crate::words::{AgeBand, Words};

/// The category that a way round the filter is counted under (FIL-16).
const AVOIDANCE: &str = "avoidance";

/// A decision with what it was made from: one snapshot from start to end.
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) who: Who,
    pub(crate) from: IpAddr,
    pub(crate) face: Face,
    pub(crate) now: Timestamp,
    address: Address,
    search: Option<Box<str>>,
    /// What the text of the page, or of what is sent, was found to be.
    text: Vec<Over>,
    /// Decided for a place that the name leads to, not for the name.
    leads_there: bool,
    snapshot: Arc<Snapshot>,
}

/// Asks the filter about a host and, where it is seen, the raw path and query; [`Failure::NotReady`] while nothing is in force (FIL-17).
pub(crate) fn judge(
    filter: &Filter,
    (host, path): (&Host, Option<&str>),
    who: &Who,
    from: IpAddr,
    face: Face,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let address = match path {
        Some(path) => Address::with_path(host.clone(), path),
        None => Address::of_host(host.clone()),
    };
    let snapshot = filter.snapshot().map_err(|_| Failure::NotReady)?;
    let who = snapshot.check_roll(who.clone());
    let decision = snapshot.decide(&Query {
        address: &address,
        who: &who,
        from: Some(from),
        face,
        now,
    });
    // SRCH-04: the words as the client sent them; a site that is never inspected is never read.
    let search = path
        .filter(|_| decision.inspect && decision.sealed.is_none())
        .and_then(|path| search_terms_in(host, path))
        .map(|found| found.terms.into());
    Ok(Verdict {
        decision,
        search,
        text: Vec::new(),
        leads_there: false,
        who,
        from,
        face,
        now,
        address,
        snapshot,
    })
}

impl Verdict {
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The policy that decided.
    pub(crate) fn policy(&self) -> &Policy {
        self.snapshot.policy()
    }

    /// Whether the lists know the host.
    pub(crate) fn is_listed(&self) -> bool {
        !self.decision.categories.is_empty()
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.decision.sealed.is_some()
    }

    /// For whom the text of what passes is judged; `None` where it is not read: never inside what
    /// is not inspected, never on help sites, and only for whom the policy asks for it.
    pub(crate) fn reads_text(&self) -> Option<TextBand> {
        if !self.may_be_read() {
            return None;
        }
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        if !subject.page_text() {
            return None;
        }
        let Some(member) = self.snapshot.member(&self.who) else {
            let band = if subject.is_unknown() {
                TextBand::Early
            } else {
                TextBand::Secondary
            };
            return Some(band);
        };
        Some(match member.year {
            Some(year) => TextBand::of_year(year.number()),
            None if member.is(Role::Pupil) => TextBand::Prep,
            None => TextBand::Adult,
        })
    }

    /// Whether the beginnings of this reader's prompts are kept: never inside what is not
    /// inspected.
    pub(crate) fn keeps_prompts(&self) -> bool {
        self.may_be_read()
            && self
                .snapshot
                .subject(&self.who, Some(self.from))
                .keeps_prompts()
    }

    /// Whether what passes may be looked at at all.
    pub(crate) fn may_be_read(&self) -> bool {
        self.decision.inspect && !self.is_sealed() && self.decision.layer != Layer::Help
    }

    /// Decides again, knowing what the text was found to be; `Some` where that blocks or warns.
    pub(crate) fn with_text(&self, found: Vec<Over>) -> Option<Verdict> {
        if found.is_empty() {
            return None;
        }
        let names: Vec<Arc<str>> = found
            .iter()
            .map(|over| Arc::clone(&over.category))
            .collect();
        let decision = self.snapshot.decide_text(&self.query(), &names);
        (!decision.action.passes()).then(|| self.decided(decision, found))
    }

    /// Decides again, knowing how a tool of generative AI is used; `Some` where that is blocked.
    pub(crate) fn with_ai(&self, used: AiUse) -> Option<Verdict> {
        let decision = self.snapshot.decide_ai(&self.query(), used);
        (decision.action == Action::Block).then(|| self.decided(decision, Vec::new()))
    }

    /// Decides again as the resolver does, knowing some of the places that the name leads to: the
    /// block of the first that is blocked for this reader, or the verdict as it was.
    pub(crate) fn knowing_where_it_leads(self, places: &[Address]) -> Verdict {
        for address in places {
            let place = self.snapshot.decide(&Query {
                address,
                ..self.query()
            });
            if is_blocked_by(&self.decision, &place) {
                // Whether a connection is opened at all is settled by the name it is made to.
                let inspect = self.decision.inspect && place.inspect;
                return Verdict {
                    decision: Decision { inspect, ..place },
                    leads_there: true,
                    ..self
                };
            }
        }
        self
    }

    /// Whether the name was stopped for a place that it leads to.
    pub(crate) fn is_for_where_it_leads(&self) -> bool {
        self.leads_there
    }

    fn query(&self) -> Query<'_> {
        Query {
            address: &self.address,
            who: &self.who,
            from: Some(self.from),
            face: self.face,
            now: self.now,
        }
    }

    fn decided(&self, decision: Decision, text: Vec<Over>) -> Verdict {
        Verdict {
            decision,
            who: self.who.clone(),
            from: self.from,
            face: self.face,
            now: self.now,
            address: self.address.clone(),
            search: self.search.clone(),
            text,
            leads_there: false,
            snapshot: Arc::clone(&self.snapshot),
        }
    }

    /// What the text was found to be, the gravest first.
    pub(crate) fn text(&self) -> Option<&Over> {
        self.text.first()
    }

    /// The rule that decided, for events: where text did, with the score and the threshold.
    fn rule(&self) -> Arc<str> {
        match self.text() {
            Some(over) => over.to_string().into(),
            None => Arc::clone(&self.decision.rule),
        }
    }

    /// The categories of the address and of the text.
    fn categories(&self) -> Arc<[Arc<str>]> {
        let listed = self.snapshot.category_names(self.decision.categories);
        if self.text.is_empty() {
            return listed;
        }
        // Those of the text first: an event keeps only so many.
        let mut all: Vec<Arc<str>> = self.text.iter().map(|o| Arc::clone(&o.category)).collect();
        all.extend(
            listed
                .iter()
                .filter(|name| !self.text.iter().any(|o| o.category == **name))
                .cloned(),
        );
        all.into()
    }

    /// The event of this decision, its bytes still to come. A sealed hit carries no address.
    pub(crate) fn event(&self) -> Event {
        let sealed = self.is_sealed();
        let versions = self.snapshot.versions();
        Event {
            at: self.now,
            who: self.who.clone(),
            group: self.snapshot.group_name(&self.who, Some(self.from)),
            address: self.from,
            face: self.face,
            host: if sealed {
                SEALED_HOST.into()
            } else {
                self.address.host().as_str().into()
            },
            path: self.address.path().filter(|_| !sealed).map(Into::into),
            action: self.decision.action.name(),
            rule: self.rule(),
            categories: self.categories(),
            policy_version: versions.policy,
            catalogue_version: versions.catalogue,
            search: self.search.clone(),
            sealed: self.decision.sealed.clone(),
            bytes_up: 0,
            bytes_down: 0,
        }
    }

    /// The event of a connection that was refused for how it behaved, and not for where it leads:
    /// a way round the filter, unless that is granted (FIL-16). `rule` names the behaviour.
    pub(crate) fn avoided(&self, rule: &str) -> Event {
        let mut event = self.event();
        event.action = Action::Block.name();
        event.rule = rule.into();
        self.count_as_avoidance(&mut event);
        event
    }

    /// Adds the category of ways round to an event.
    pub(crate) fn count_as_avoidance(&self, event: &mut Event) {
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        if self.is_sealed() || subject.may_go_round() {
            return;
        }
        if !event.categories.iter().any(|name| &**name == AVOIDANCE) {
            let own = std::iter::once(Arc::from(AVOIDANCE));
            event.categories = own.chain(event.categories.iter().cloned()).collect();
        }
    }

    /// What the block desk keeps for the page. `why` is the plain sentence on it.
    pub(crate) fn blocked(&self, why: &str) -> Blocked {
        let event = self.event();
        let sealed = self.is_sealed();
        Blocked {
            at: event.at,
            who: event.who,
            group: event.group,
            address: event.address,
            face: event.face,
            host: Some(event.host).filter(|_| !sealed),
            path: event.path,
            action: event.action,
            rule: event.rule,
            categories: if sealed {
                Arc::new([])
            } else {
                event.categories
            },
            why: why.into(),
            may_ask: !sealed,
            policy_version: event.policy_version,
            catalogue_version: event.catalogue_version,
        }
    }

    /// The categories that the deciding reasons name, for the page.
    pub(crate) fn reason_category(&self) -> Option<Arc<str>> {
        self.decision
            .reasons
            .iter()
            .find_map(|reason| reason.category.clone())
    }

    /// Whom a page about this decision speaks to.
    pub(crate) fn band(&self, words: &Words) -> AgeBand {
        let Some(member) = self.snapshot.member(&self.who) else {
            return AgeBand::Middle;
        };
        match member.year {
            Some(year) => words.band_of(year),
            None if member.is(Role::Pupil) => AgeBand::Middle,
            None => AgeBand::Staff,
        }
    }

    /// Whether this reader may go on after a warning.
    pub(crate) fn may_go_on(&self) -> bool {
        self.decision.action == Action::Warn && self.who.person().is_some()
    }
}
