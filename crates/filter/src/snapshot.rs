//! The one pipeline: who, what, where and when to a decision.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use pharos_catalogue::{Address, CategoryId, CategorySet};
use pharos_policy::spec::DeviceClass;
use pharos_policy::{
    Action, AiUse, Decision, FileKind, Member, Policy, Request, SearchSite, Subject, Whereabouts,
};
use pharos_scan::Dictionaries;
use pharos_school::{PersonId, Unknown, Who};
use rapidhash::fast::RandomState;

use crate::engines::search_site;
use crate::shield::{WayRound, way_round};
use crate::stores::is_extension_store;
use crate::{Categories, Explanation, Query, Roster, Sealed, Versions};

/// What a snapshot is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The policy, compiled against `categories.names()` (see [`crate::compile_policy`]).
    pub policy: Arc<Policy>,
    /// The category lists.
    pub categories: Arc<dyn Categories>,
    /// The sealed lists.
    pub sealed: Arc<dyn Sealed>,
    /// The roll.
    pub roster: Arc<Roster>,
    /// The school's own dictionaries of page text with the shipped ones; `None`: the shipped ones.
    pub dictionaries: Option<Arc<Dictionaries>>,
    /// The versions of all of them, kept with every event.
    pub versions: Versions,
}

/// What a snapshot's lists and tables know about one address, whoever asks for it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    categories: CategorySet,
    sealed: Option<Arc<str>>,
    search: Option<SearchSite>,
    way_round: Option<WayRound>,
    extension_store: bool,
    /// A sealed list has an entry with a path on the host, and no path is seen.
    sealed_below: bool,
    /// A rule of the policy names the host or a domain above it.
    named: bool,
}

impl Facts {
    /// The categories of the address.
    pub fn categories(&self) -> CategorySet {
        self.categories
    }

    /// Which known way round the filter the host is (FIL-16).
    pub fn way_round(&self) -> Option<WayRound> {
        self.way_round
    }

    /// Whether the host belongs to a search engine or the video site, and so may be narrowed.
    pub fn is_search_site(&self) -> bool {
        self.search.is_some()
    }

    fn request<'a>(&'a self, query: &Query<'a>) -> Request<'a> {
        Request {
            address: query.address,
            named: self.named,
            categories: self.categories,
            sealed: self.sealed.as_ref(),
            sealed_below: self.sealed_below,
            search: self.search,
            avoidance: self.way_round.is_some(),
            text: None,
            ai: None,
            file: None,
            extension_store: self.extension_store,
            other_browser: false,
            notice_first: notice_first(query.who),
            from: query.from,
            now: query.now,
        }
    }
}

/// What decides, of whoever asks: under one snapshot two of the same likeness are decided alike, as
/// long as [`Policy::steady_until`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Likeness {
    /// Which of the snapshot's subjects.
    subject: usize,
    whereabouts: Whereabouts,
    notice_first: bool,
}

fn notice_first(who: &Who) -> bool {
    matches!(
        who,
        Who::Unknown {
            why: Unknown::NoticeNotAccepted,
            ..
        }
    )
}

/// Policy, lists and roll at one moment: immutable, swapped in whole.
#[derive(Debug)]
pub struct Snapshot {
    parts: Parts,
    /// Those who are alike to the policy share a subject.
    subjects: HashMap<PersonId, Arc<Subject>, RandomState>,
    /// The same at devices that the school leaves out (FIL-15); empty where it leaves none out.
    left_out: HashMap<PersonId, Arc<Subject>, RandomState>,
    no_categories: Arc<[Arc<str>]>,
}

impl Snapshot {
    /// Builds a snapshot; works out for everybody on the roll what the policy makes of them.
    pub fn new(parts: Parts) -> Self {
        let mut different = HashSet::<Arc<Subject>, RandomState>::default();
        let mut share = |subject: Subject| match different.get(&subject) {
            Some(known) => Arc::clone(known),
            None => {
                let subject = Arc::new(subject);
                different.insert(Arc::clone(&subject));
                subject
            }
        };
        let members = parts.roster.iter();
        let subjects = members
            .map(|member| (member.person, share(parts.policy.subject(member))))
            .collect();
        let members = parts.roster.iter();
        let members = members.filter(|_| parts.policy.leaves_out_any());
        let left_out = members
            .map(|member| (member.person, share(parts.policy.strictest_of(member))))
            .collect();
        Self {
            parts,
            subjects,
            left_out,
            no_categories: Arc::new([]),
        }
    }

    /// Decides. The same for every face; does not allocate where the request passes.
    pub fn decide(&self, query: &Query<'_>) -> Decision {
        let facts = self.facts(query.address);
        let subject = self.subject(query.who, query.from);
        let mut decision = self.weigh(&facts, subject, query);
        self.name_entries(query, &mut decision);
        decision
    }

    /// What lists and tables know about an address, whoever asks: to be looked up once and weighed
    /// for each asker with [`Snapshot::weigh`]. Belongs to this snapshot.
    pub fn facts(&self, address: &Address) -> Facts {
        let host_only = address.path().is_none();
        Facts {
            categories: self.parts.categories.categories(address),
            sealed: self.parts.sealed.hit(address).cloned(),
            search: search_site(address),
            way_round: way_round(address.host()),
            extension_store: is_extension_store(address.host()),
            sealed_below: host_only && self.parts.sealed.needs_path(address.host()),
            named: self.parts.policy.names_host(address.host()),
        }
    }

    /// [`Snapshot::decide`] from facts already looked up and for a subject already found; its
    /// reasons carry categories but not the lists and entries behind them.
    pub fn weigh(&self, facts: &Facts, subject: &Subject, query: &Query<'_>) -> Decision {
        let request = facts.request(query);
        self.parts.policy.decide(subject, &request)
    }

    /// [`Snapshot::weigh`] without reasons.
    pub fn judge(&self, facts: &Facts, subject: &Subject, query: &Query<'_>) -> Decision {
        let request = facts.request(query);
        self.parts.policy.judge(subject, &request)
    }

    /// What decides, of whoever asks.
    pub fn likeness(&self, who: &Who, from: Option<IpAddr>) -> Likeness {
        self.likeness_of(self.subject(who, from), who, from)
    }

    /// [`Snapshot::likeness`] where the subject is already found.
    pub fn likeness_of(&self, subject: &Subject, who: &Who, from: Option<IpAddr>) -> Likeness {
        Likeness {
            // Subjects live as long as the snapshot: where they stand tells them apart.
            subject: std::ptr::from_ref(subject).addr(),
            whereabouts: self.parts.policy.whereabouts(from),
            notice_first: notice_first(who),
        }
    }

    /// Decides once more, now that the text of a page or of what is sent has been read and reaches
    /// the threshold of these categories, the gravest first. The same order of rules holds: help
    /// sites, exceptions and lesson lists stand above (FIL-06).
    pub fn decide_text(&self, query: &Query<'_>, found: &[Arc<str>]) -> Decision {
        let facts = self.facts(query.address);
        let request = self.request_with_text(&facts, query, found);
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.decide(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// What is asked, with the categories that its text reaches, the gravest first.
    fn request_with_text<'a>(
        &self,
        facts: &'a Facts,
        query: &Query<'a>,
        found: &'a [Arc<str>],
    ) -> Request<'a> {
        let mut request = facts.request(query);
        request.text = found.first();
        let names = self.parts.categories.names();
        for name in found {
            let number = names.iter().position(|known| known == name);
            if let Some(number) = number.and_then(|number| u8::try_from(number).ok()) {
                request.categories.insert(CategoryId(number));
            }
        }
        request
    }

    /// Explains as [`Snapshot::decide_text`] decides.
    pub(crate) fn explain_text(&self, query: &Query<'_>, found: &[Arc<str>]) -> Decision {
        let facts = self.facts(query.address);
        let request = self.request_with_text(&facts, query, found);
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.explain(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// Decides once more, now that it is known how a tool of generative AI is used.
    pub fn decide_ai(&self, query: &Query<'_>, used: AiUse) -> Decision {
        let facts = self.facts(query.address);
        let mut request = facts.request(query);
        request.ai = Some(used);
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.decide(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// Decides once more, now that it is known what kind of file is downloaded (FIL-19).
    pub fn decide_file(&self, query: &Query<'_>, kind: FileKind) -> Decision {
        let facts = self.facts(query.address);
        let mut request = facts.request(query);
        let (policy, host) = (&self.parts.policy, query.address.host());
        let own = kind == FileKind::Extensions && policy.permits_extension(query.address);
        request.file = Some(kind).filter(|_| !own && !policy.is_download_site(host));
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.decide(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// Decides once more, now that it is known that a browser asks that is not permitted (FIL-16).
    pub fn decide_other_browser(&self, query: &Query<'_>) -> Decision {
        let facts = self.facts(query.address);
        let mut request = facts.request(query);
        request.other_browser = true;
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.decide(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// What happens, and nothing else: for replays of many.
    pub fn action(&self, query: &Query<'_>) -> Action {
        let facts = self.facts(query.address);
        let request = facts.request(query);
        self.parts
            .policy
            .action(self.subject(query.who, query.from), &request)
    }

    /// What happens by this snapshot and by another. Where both ask the same lists, those are asked
    /// once.
    pub fn compare(&self, other: &Snapshot, query: &Query<'_>) -> (Action, Action) {
        if !self.shares_lists(other) {
            return (self.action(query), other.action(query));
        }
        let facts = self.facts(query.address);
        let request = Request {
            named: true,
            ..facts.request(query)
        };
        let by = |snapshot: &Snapshot| {
            let subject = snapshot.subject(query.who, query.from);
            snapshot.parts.policy.action(subject, &request)
        };
        (by(self), by(other))
    }

    fn shares_lists(&self, other: &Snapshot) -> bool {
        let (mine, theirs) = (&self.parts, &other.parts);
        std::ptr::addr_eq(
            Arc::as_ptr(&mine.categories),
            Arc::as_ptr(&theirs.categories),
        ) && std::ptr::addr_eq(Arc::as_ptr(&mine.sealed), Arc::as_ptr(&theirs.sealed))
    }

    /// Decides in the same way, and gives every rule considered, the winning one first (FIL-06).
    pub fn explain(&self, query: &Query<'_>) -> Decision {
        let facts = self.facts(query.address);
        let request = facts.request(query);
        let subject = self.subject(query.who, query.from);
        let mut decision = self.parts.policy.explain(subject, &request);
        self.name_entries(query, &mut decision);
        decision
    }

    /// [`Snapshot::explain`] in the shape that `explain --json` prints.
    pub fn explanation(&self, query: &Query<'_>) -> Explanation {
        let decision = self.explain(query);
        let page_text = self.text_explained(query, &decision);
        Explanation {
            page_text,
            ..Explanation::new(self, query, decision)
        }
    }

    /// The versions that decisions are made with.
    pub fn versions(&self) -> &Versions {
        &self.parts.versions
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.parts.policy
    }

    /// The roll in force.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.parts.roster
    }

    /// The category lists in force.
    pub fn categories(&self) -> &Arc<dyn Categories> {
        &self.parts.categories
    }

    /// What page text is read against, where the school has dictionaries of its own.
    pub fn dictionaries(&self) -> Option<&Arc<Dictionaries>> {
        self.parts.dictionaries.as_ref()
    }

    /// The sealed lists in force.
    pub fn sealed(&self) -> &Arc<dyn Sealed> {
        &self.parts.sealed
    }

    /// The parts, to build the next snapshot from with one of them changed.
    pub fn parts(&self) -> Parts {
        self.parts.clone()
    }

    /// The names of the categories in a set, in the catalogue's order.
    pub fn category_names(&self, set: CategorySet) -> Arc<[Arc<str>]> {
        if set.is_empty() {
            return Arc::clone(&self.no_categories);
        }
        let names = self.parts.categories.names();
        set.iter()
            .filter_map(|id| names.get(usize::from(id.0)).cloned())
            .collect()
    }

    /// The member of the roll behind a request, if one is named and still on it.
    pub fn member(&self, who: &Who) -> Option<&Arc<Member>> {
        who.person()
            .and_then(|person| self.parts.roster.get(person))
    }

    /// The group that stands for whoever is behind a request, for events and figures: `pupils`,
    /// `staff`, … or `unknown`.
    pub fn group_name(&self, who: &Who, from: Option<IpAddr>) -> Option<Arc<str>> {
        self.subject(who, from).group().cloned()
    }

    /// The names of every group that whoever is behind a request is in, built-in ones first.
    pub fn subject_groups(&self, who: &Who, from: Option<IpAddr>) -> Vec<Arc<str>> {
        self.parts.policy.groups_of(self.subject(who, from))
    }

    /// What the policy makes of whoever is behind a request: their mode, their narrowing.
    /// Someone not on the roll is unknown; at a device that the school leaves out everybody is, and
    /// keeps what is forbidden to them alone (FIL-15).
    pub fn subject(&self, who: &Who, from: Option<IpAddr>) -> &Subject {
        let policy = &self.parts.policy;
        let person = who.person();
        let known = person.and_then(|person| self.subjects.get(&person).map(Arc::as_ref));
        if policy.left_out(who, known, from).is_some() {
            return person
                .and_then(|person| self.left_out.get(&person).map(Arc::as_ref))
                .unwrap_or_else(|| policy.strictest());
        }
        known.unwrap_or_else(|| policy.unknown(from))
    }

    /// The class of devices that the school leaves out, where whoever asks is at one (`fil.scope`).
    pub fn left_out(&self, who: &Who, from: Option<IpAddr>) -> Option<DeviceClass> {
        let person = who.person();
        let known = person.and_then(|person| self.subjects.get(&person).map(Arc::as_ref));
        self.parts.policy.left_out(who, known, from)
    }

    /// Turns someone who is not on the roll into [`Unknown::NotOnRoll`].
    pub fn check_roll(&self, who: Who) -> Who {
        match who {
            Who::Known { person, device, .. } if !self.subjects.contains_key(&person) => {
                Who::Unknown {
                    why: Unknown::NotOnRoll,
                    device,
                }
            }
            who => who,
        }
    }

    /// Adds list and entry to reasons that rest on a category. A sealed hit carries nothing but
    /// the list's name, whatever else holds the address.
    fn name_entries(&self, query: &Query<'_>, decision: &mut Decision) {
        if decision.sealed.is_some() || decision.reasons.iter().all(|r| r.category.is_none()) {
            return;
        }
        let names = self.parts.categories.names();
        let hits = self.parts.categories.hits(query.address);
        for reason in &mut decision.reasons {
            let Some(category) = &reason.category else {
                continue;
            };
            let hit = hits
                .iter()
                .find(|hit| names.get(usize::from(hit.category.0)) == Some(category));
            if let Some(hit) = hit {
                reason.list = Some(Arc::clone(&hit.list));
                reason.entry = Some(Arc::clone(&hit.entry));
            }
        }
    }
}
