//! One question to the one filter, and the event that comes of it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Response, header};
use jiff::Timestamp;
use pharos_activity::{Blocked, Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::EngineId;
use pharos_filter::{Filter, Query, Snapshot, is_blocked_by};
use pharos_policy::{
    Action, AiUse, BROWSERS_RULE, Browser, DOWNLOADS_RULE, Decision, EXTENSION_STORES_RULE,
    FileKind, Layer, Narrowing, Policy, SEARCH_TOOLS_RULE, store_file,
};
use pharos_scan::engines::engine_of;
use pharos_scan::{AgeBand as TextBand, Dictionaries, Over, search_terms_in};
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
    /// The host belongs to a search engine or the video site: others are never narrowed.
    is_search_site: bool,
    /// The address that is decided on in its place: a store's file is decided on as the extension's own.
    stands_for: Option<Address>,
    search: Option<Box<str>>,
    /// What the text of the page, or of what is sent, was found to be.
    text: Vec<Over>,
    /// Decided for a place that the name leads to, not for the name.
    leads_there: bool,
    /// Why the file that was answered is stopped.
    file: Option<Filed>,
    /// The browser that is stopped.
    browser: Option<Browser>,
    snapshot: Arc<Snapshot>,
}

/// Why a file is stopped (FIL-19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filed {
    /// The reader may not download this kind.
    Kind(FileKind),
    /// The anti-virus engine found this.
    Virus(Box<str>),
    /// It was not scanned, and why.
    Unscanned(Box<str>),
}

/// The rule's name where the anti-virus engine decided.
const ANTIVIRUS_RULE: &str = "fil.antivirus";
/// The category that an event carries where a virus was found.
const MALWARE: &str = "malware";

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
    let decide = |address| {
        snapshot.decide(&Query {
            address,
            who: &who,
            from: Some(from),
            face,
            now,
        })
    };
    let mut decision = decide(&address);
    let mut stands_for = None;
    if let Some(extension) = led_from(filter, &address, &decision, now) {
        let own = decide(&extension);
        if own.action.passes() {
            (decision, stands_for) = (own, Some(extension));
        }
    }
    // SRCH-04: the words as the client sent them; a site that is never inspected is never read.
    let search = path
        .filter(|_| decision.inspect && decision.sealed.is_none())
        .and_then(|path| search_terms_in(host, path))
        .map(|found| found.terms.into());
    Ok(Verdict {
        decision,
        is_search_site: engine_of(host).is_some(),
        search,
        text: Vec::new(),
        leads_there: false,
        file: None,
        browser: None,
        who,
        from,
        face,
        now,
        address,
        stands_for,
        snapshot,
    })
}

/// The address of an extension which the school installs, where a closed store has just led from it to the
/// file that is asked for (FIL-19).
fn led_from(
    filter: &Filter,
    address: &Address,
    decision: &Decision,
    now: Timestamp,
) -> Option<Address> {
    if &*decision.rule != EXTENSION_STORES_RULE {
        return None;
    }
    filter
        .extension_files()
        .came_from(store_file(address)?, now)
}

/// Remembers the file that a store leads to from the address of an extension which the school installs.
pub(crate) fn note_extension<B>(filter: &Filter, verdict: &Verdict, answer: &Response<B>) {
    if !answer.status().is_redirection() || !verdict.policy().permits_extension(&verdict.address) {
        return;
    }
    let to = answer.headers().get(header::LOCATION);
    let Some(to) = to.and_then(|to| to.to_str().ok()) else {
        return;
    };
    let to = match to.starts_with('/') && !to.starts_with("//") {
        true => Ok(Address::with_path(verdict.address.host().clone(), to)),
        false => Address::parse(to),
    };
    if let Some(file) = to.ok().and_then(|to| store_file(&to)) {
        let files = filter.extension_files();
        files.note(file, &verdict.address, verdict.now);
    }
}

impl fmt::Display for Filed {
    /// The rule as events and pages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filed::Kind(kind) => write!(f, "{DOWNLOADS_RULE} ({kind})"),
            Filed::Virus(name) => write!(f, "{ANTIVIRUS_RULE}: {name}"),
            Filed::Unscanned(why) => write!(f, "{ANTIVIRUS_RULE}: not scanned, {why}"),
        }
    }
}

impl Verdict {
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// How the request is narrowed, where its host can be.
    pub(crate) fn narrowing(&self) -> Option<Narrowing> {
        self.is_search_site.then_some(self.decision.narrowing)
    }

    /// The policy that decided.
    pub(crate) fn policy(&self) -> &Policy {
        self.snapshot.policy()
    }

    /// Whether the lists know the host.
    pub(crate) fn is_listed(&self) -> bool {
        !self.decision.categories.is_empty()
    }

    /// What text is read against, where the school has dictionaries of its own.
    pub(crate) fn dictionaries(&self) -> Option<&Arc<Dictionaries>> {
        self.snapshot.dictionaries()
    }

    /// The approved search tool in place of one that is not: its name, and where to search there with
    /// the same words (SRCH-03).
    pub(crate) fn instead(&self) -> Option<(&'static str, String)> {
        if &*self.decision.rule != SEARCH_TOOLS_RULE || self.decision.action != Action::Block {
            return None;
        }
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        let engine = EngineId(subject.chosen_tool()?).engine();
        Some((engine.name, engine.search_at(self.search.as_deref())))
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.decision.sealed.is_some()
    }

    /// For whom the text of what passes is judged; `None` where it is not read: never inside what
    /// is not inspected, never on help sites, and only for whom the policy asks for it.
    pub(crate) fn reads_text(&self) -> Option<TextBand> {
        self.may_be_read()
            .then(|| self.snapshot.text_band(&self.who, Some(self.from)))
            .flatten()
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
        Snapshot::text_may_be_read(&self.decision)
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

    /// Whether what this reader downloads is looked at: never inside what is not inspected, nor
    /// where devices fetch their updates.
    pub(crate) fn looks_at_downloads(&self) -> bool {
        let policy = self.policy();
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        self.may_be_read()
            && policy.judges_downloads(subject)
            && !policy.is_download_site(self.address.host())
    }

    /// Whether this reader may not download files of this kind, or they are scanned.
    pub(crate) fn looks_at_kind(&self, kind: FileKind) -> bool {
        let antivirus = self.policy().antivirus();
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        subject.blocked_files().contains(kind)
            || (antivirus.engine.is_some() && antivirus.kinds.contains(kind))
    }

    /// Decides again, knowing what kind of file is downloaded; `Some` where that is blocked.
    pub(crate) fn with_file(&self, kind: FileKind) -> Option<Verdict> {
        let decision = self.snapshot.decide_file(&self.query(), kind);
        (&*decision.rule == DOWNLOADS_RULE).then(|| Verdict {
            file: Some(Filed::Kind(kind)),
            ..self.decided(decision, Vec::new())
        })
    }

    /// The verdict on a file that the anti-virus engine stops, or could not look at.
    pub(crate) fn stopped_as(&self, filed: Filed) -> Verdict {
        let mut decision = self.decision.clone();
        decision.action = Action::Block;
        decision.layer = Layer::SchoolBlock;
        decision.rule = ANTIVIRUS_RULE.into();
        decision.reasons.clear();
        Verdict {
            file: Some(filed),
            ..self.decided(decision, Vec::new())
        }
    }

    /// Why the file that was answered is stopped.
    pub(crate) fn file(&self) -> Option<&Filed> {
        self.file.as_ref()
    }

    /// Decides again, knowing that a browser asks that is not permitted; `Some` where that is
    /// blocked (FIL-16).
    pub(crate) fn with_browser(&self, browser: Browser) -> Option<Verdict> {
        let subject = self.snapshot.subject(&self.who, Some(self.from));
        if !subject.blocks_other_browsers() {
            return None;
        }
        let decision = self.snapshot.decide_other_browser(&self.query());
        (&*decision.rule == BROWSERS_RULE).then(|| Verdict {
            browser: Some(browser),
            ..self.decided(decision, Vec::new())
        })
    }

    /// The browser that is stopped, where one is.
    pub(crate) fn browser(&self) -> Option<Browser> {
        self.browser
    }

    fn query(&self) -> Query<'_> {
        Query {
            address: self.stands_for.as_ref().unwrap_or(&self.address),
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
            is_search_site: self.is_search_site,
            stands_for: self.stands_for.clone(),
            search: self.search.clone(),
            text,
            leads_there: false,
            file: None,
            browser: None,
            snapshot: Arc::clone(&self.snapshot),
        }
    }

    /// What the text was found to be, the gravest first.
    pub(crate) fn text(&self) -> Option<&Over> {
        self.text.first()
    }

    /// The rule that decided, for events: where text did, with the score and the threshold.
    fn rule(&self) -> Arc<str> {
        match (self.text(), &self.file, self.browser) {
            (Some(over), ..) => over.to_string().into(),
            (None, Some(filed), _) => filed.to_string().into(),
            (None, None, Some(browser)) => format!("{BROWSERS_RULE} ({browser})").into(),
            (None, None, None) => Arc::clone(&self.decision.rule),
        }
    }

    /// The categories of the address and of the text.
    fn categories(&self) -> Arc<[Arc<str>]> {
        let listed = self.snapshot.category_names(self.decision.categories);
        if matches!(self.file, Some(Filed::Virus(_))) && !listed.iter().any(|n| &**n == MALWARE) {
            return [Arc::from(MALWARE)]
                .into_iter()
                .chain(listed.iter().cloned())
                .collect();
        }
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
