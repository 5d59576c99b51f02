//! The compiled policy: one immutable value, made aside and swapped in whole.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use pharos_catalogue::{CategorySet, Host};
use pharos_school::{ClassId, PersonId, Role, YearBand};

use crate::browsers::Browsers;
use crate::extensions::Extensions;
use crate::files::{Downloads, FileKinds};
use crate::floor::Floor;
use crate::groups::Groups;
use crate::hours::{Hours, Span};
use crate::inspection::Inspection;
use crate::rule::{Audience, Rule};
use crate::scope::Scope;
use crate::sets::{FloorSet, GroupSet, PlaceSet, ToolSet};
use crate::sites::Sites;
use crate::spec::OtherTools;
use crate::steady::Steady;
use crate::subject::Standing;
use crate::{Action, Member, Narrowing, PhaseMode, Subject, YouTube};

/// A policy ready to decide. Made by [`Policy::compile`].
#[derive(Debug)]
pub struct Policy {
    pub(crate) names: Names,
    pub(crate) hours: Hours,
    pub(crate) hours_names: Vec<Arc<str>>,
    pub(crate) places: Vec<(Arc<str>, Vec<IpNet>)>,
    pub(crate) groups: Groups,
    pub(crate) modes: Vec<Mode>,
    pub(crate) search: Vec<Search>,
    pub(crate) other_tools: OtherTools,
    /// For whom page text is read.
    pub(crate) page_text: Vec<(Audience, Action)>,
    /// How tools of generative AI may be used.
    pub(crate) ai: Vec<Ai>,
    pub(crate) downloads: Downloads,
    /// Kinds of files blocked by group.
    pub(crate) blocked_files: Vec<(Audience, FileKinds)>,
    /// The browsers that may be used; none written: any.
    pub(crate) permitted_browsers: Browsers,
    /// For whom requests of others are blocked.
    pub(crate) other_browsers: Vec<Audience>,
    /// For whom the stores of extensions are blocked.
    pub(crate) closed_stores: Vec<Audience>,
    /// The extensions that the school installs, open in a store that is closed.
    pub(crate) extensions: Extensions,
    pub(crate) defaults: Vec<(Audience, Action)>,
    pub(crate) rules: Vec<Rule>,
    /// Rules that speak by category or of everything.
    pub(crate) broad_rules: Vec<usize>,
    pub(crate) sites: Sites,
    pub(crate) never_inspect: CategorySet,
    pub(crate) inspection: Inspection,
    pub(crate) blocks_avoidance: bool,
    pub(crate) avoidance_granted: GroupSet,
    pub(crate) unknown_mode: Option<PhaseMode>,
    pub(crate) unknown: Subject,
    /// Which classes of devices it is for.
    pub(crate) scope: Scope,
    /// What the trust holds the school to.
    pub(crate) floor: Floor,
    pub(crate) guests: Vec<(PlaceSet, Subject)>,
    pub(crate) categories: Vec<Arc<str>>,
    pub(crate) unlisted: Vec<Arc<str>>,
    /// When each member of staff teaches, by sign-in name in lower case.
    pub(crate) timetable: HashMap<Box<str>, Arc<[Span]>>,
    /// Whom rules name one by one.
    pub(crate) singled_out: SingledOut,
    /// How long its decisions stay what they are.
    pub(crate) steady: Steady,
}

/// People and classes that rules name.
#[derive(Debug, Default)]
pub(crate) struct SingledOut {
    people: HashSet<PersonId>,
    classes: HashSet<ClassId>,
}

impl SingledOut {
    pub(crate) fn by(rules: &[Rule]) -> Self {
        let audiences = || rules.iter().map(|rule| &rule.audience);
        Self {
            people: audiences()
                .flat_map(|one| one.people.iter())
                .copied()
                .collect(),
            classes: audiences()
                .flat_map(|one| one.classes.iter())
                .copied()
                .collect(),
        }
    }
}

/// A mode with those it is for.
#[derive(Debug)]
pub(crate) struct Mode {
    pub(crate) mode: PhaseMode,
    pub(crate) years: Vec<YearBand>,
    pub(crate) groups: GroupSet,
    pub(crate) except: GroupSet,
}

/// Search settings with those they are for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) audience: Audience,
    pub(crate) narrowing: Narrowing,
    pub(crate) tools: Option<ToolSet>,
    /// The same in the order in which they are written.
    pub(crate) order: Vec<u8>,
}

/// How some may use tools of generative AI.
#[derive(Debug)]
pub(crate) struct Ai {
    pub(crate) audience: Audience,
    pub(crate) blocks_signed_out: bool,
    pub(crate) keeps_prompts: bool,
}

/// The name of the built-in rule against using tools of generative AI without signing in there.
pub const AI_SIGNED_OUT_RULE: &str = "fil.ai_signed_out";

/// The name of the built-in rule against workspaces that are not the school's (`[[tenants]]`).
pub const AI_WORKSPACE_RULE: &str = "ai-workspace";

/// The name of the built-in rule against search tools that are not approved (SRCH-03).
pub const SEARCH_TOOLS_RULE: &str = "search-tools";

/// The name of the built-in rule against downloads of listed kinds of files (FIL-19).
pub const DOWNLOADS_RULE: &str = "fil.downloads";

/// The name of the built-in rule on the text of pages and of what is sent (FIL-02).
pub const PAGE_TEXT_RULE: &str = "page-text";

/// The name of the built-in rule against browsers that are not permitted (FIL-16).
pub const BROWSERS_RULE: &str = "fil.browsers";

/// The name of the built-in rule against stores of extensions and user scripts (FIL-19).
pub const EXTENSION_STORES_RULE: &str = "fil.extension_stores";

/// The name of the built-in rule that holds everything but help back until the notice of
/// monitoring is accepted (MON-09).
pub const NOTICE_RULE: &str = "notice";
/// The rule that holds whoever has used the day's minutes of mail up (FIL-10), named after its setting.
pub const MAIL_CAP_RULE: &str = "fil.mail_cap_minutes";

/// Names of what is built in, made once so that a decision can share them.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) sealed: Arc<str>,
    pub(crate) avoidance: Arc<str>,
    pub(crate) notice: Arc<str>,
    pub(crate) search_tools: Arc<str>,
    pub(crate) safe_search: Arc<str>,
    pub(crate) page_text: Arc<str>,
    pub(crate) ai_signed_out: Arc<str>,
    pub(crate) ai_workspace: Arc<str>,
    pub(crate) downloads: Arc<str>,
    pub(crate) browsers: Arc<str>,
    pub(crate) extension_stores: Arc<str>,
    pub(crate) adult_led: Arc<str>,
    pub(crate) teacher_directed: Arc<str>,
    pub(crate) default: Arc<str>,
    pub(crate) unknown: Arc<str>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            sealed: "sealed".into(),
            avoidance: "avoidance".into(),
            notice: NOTICE_RULE.into(),
            search_tools: SEARCH_TOOLS_RULE.into(),
            safe_search: "safe-search".into(),
            page_text: PAGE_TEXT_RULE.into(),
            ai_signed_out: AI_SIGNED_OUT_RULE.into(),
            ai_workspace: AI_WORKSPACE_RULE.into(),
            downloads: DOWNLOADS_RULE.into(),
            browsers: BROWSERS_RULE.into(),
            extension_stores: EXTENSION_STORES_RULE.into(),
            adult_led: PhaseMode::AdultLed.name().into(),
            teacher_directed: PhaseMode::TeacherDirected.name().into(),
            default: "default".into(),
            unknown: "unknown".into(),
        }
    }
}

impl Policy {
    /// Whether any rule names the host or a domain above it. Where none does, whoever asks, a
    /// [`crate::Request`] may say so and save the look for each of them.
    pub fn names_host(&self, host: &Host) -> bool {
        self.sites.holds_any(host)
    }

    /// What the policy makes of somebody on the roll (FIL-05).
    pub fn subject(&self, member: &Member) -> Subject {
        let groups = self.groups.of(member);
        let subject = Subject {
            standing: Standing::Known,
            person: Some(member.person),
            groups,
            classes: member.classes.iter().copied().collect(),
            lessons: self
                .timetable
                .get(&*member.username)
                .cloned()
                .unwrap_or_default(),
            boarder: Some(member.house.is_some()),
            mode: self.mode_of(member, groups),
            floor: self.floor.of(member, groups),
            ..blank_subject()
        };
        let as_pupil = member.is(Role::Pupil) || !member.is(Role::Staff);
        let mut subject = self.settle(subject, as_pupil);
        // What no rule asks for would only keep apart those who are decided alike.
        let SingledOut { people, classes } = &self.singled_out;
        subject.person = subject.person.filter(|person| people.contains(person));
        let named = subject.classes.iter().copied();
        subject.classes = named.filter(|class| classes.contains(class)).collect();
        subject
    }

    /// What the policy makes of a device whose user is unknown (FIL-17): a guest in the places set
    /// for guests, else the strictest.
    pub fn unknown(&self, from: Option<IpAddr>) -> &Subject {
        if self.guests.is_empty() {
            return &self.unknown;
        }
        let places = from.map_or(PlaceSet::default(), |from| self.places_of(from));
        self.guests
            .iter()
            .find(|(guests, _)| guests.meets(places))
            .map_or(&self.unknown, |(_, subject)| subject)
    }

    /// What becomes of a search with a tool that is not approved.
    pub fn other_tools(&self) -> OtherTools {
        self.other_tools
    }

    /// The names of the groups that somebody is in, built-in ones first.
    pub fn groups_of(&self, subject: &Subject) -> Vec<Arc<str>> {
        self.groups.names_of(subject.groups).cloned().collect()
    }

    /// Who wrote the floor in force, with its version; `None` where there is none.
    pub fn floor_by(&self) -> Option<&Arc<str>> {
        (!self.floor.is_empty()).then_some(&self.floor.by)
    }

    /// The names of every group, built-in ones first.
    pub fn group_names(&self) -> &[Arc<str>] {
        self.groups.names()
    }

    /// Categories that rules name and no list in force carries: those rules wait for a list.
    pub fn unlisted(&self) -> &[Arc<str>] {
        &self.unlisted
    }

    /// The names of the hours that are on for somebody, for explanations and pages.
    pub fn hours_on(&self, subject: &Subject, now: jiff::Timestamp) -> Vec<Arc<str>> {
        let on = self.hours.active(now, subject.boarder).any;
        let names = self.hours_names.iter().enumerate();
        names
            .filter(|(number, _)| on.contains(*number))
            .map(|(_, name)| Arc::clone(name))
            .collect()
    }

    /// The subjects that stand for nobody on the roll; called once the rest is in place.
    pub(crate) fn make_unknown(&mut self, guests: Vec<(PlaceSet, GroupSet)>) {
        let strictest = self.unknown_mode.unwrap_or_else(|| self.strictest_mode());
        let groups = self.groups.of_pupils;
        let unknown = Subject {
            groups,
            mode: strictest,
            floor: self.floor.of_unknown(groups),
            ..blank_subject()
        };
        self.unknown = self.settle(unknown, true);
        self.guests = guests
            .into_iter()
            .map(|(places, groups)| {
                let mode = self.mode_by_groups(groups);
                let standing = Standing::Guest;
                let guest = Subject {
                    standing,
                    groups,
                    mode,
                    boarder: Some(false),
                    floor: self.floor.of_guests(groups, self.groups.of_pupils),
                    ..blank_subject()
                };
                (places, self.settle(guest, true))
            })
            .collect();
    }

    pub(crate) fn places_of(&self, from: IpAddr) -> PlaceSet {
        let from = from.to_canonical();
        let mut set = PlaceSet::default();
        for (number, (_, ranges)) in self.places.iter().enumerate() {
            if ranges.iter().any(|range| range.contains(&from)) {
                set.insert(number);
            }
        }
        set
    }

    /// Search, default and rules of a subject whose groups and mode are known.
    pub(crate) fn settle(&self, mut subject: Subject, as_pupil: bool) -> Subject {
        let unknown = subject.standing == Standing::Unknown;
        let search: Vec<&Search> = self
            .search
            .iter()
            .filter(|search| search.audience.holds(&subject, true))
            .collect();
        let mut narrowing = None::<Narrowing>;
        let mut tools = None::<ToolSet>;
        for setting in &search {
            narrowing = Some(narrowing.unwrap_or_default().stricter(setting.narrowing));
            tools = match (tools, setting.tools) {
                (Some(mine), Some(theirs)) => Some(mine.and(theirs)),
                (mine, theirs) => mine.or(theirs),
            };
        }
        let usual = if as_pupil {
            Narrowing::STRICTEST
        } else {
            Narrowing {
                safe_search: true,
                youtube: YouTube::Off,
            }
        };
        subject.narrowing = if unknown {
            Narrowing::STRICTEST
        } else {
            narrowing.unwrap_or(usual)
        };
        subject.tools = tools;
        let mut order = search.iter().flat_map(|setting| &setting.order);
        subject.chosen_tool = order
            .find(|tool| tools.is_some_and(|tools| tools.contains(usize::from(**tool))))
            .copied();
        subject.page_text = self
            .page_text
            .iter()
            .filter(|(audience, _)| audience.holds(&subject, true))
            .map(|(_, action)| *action)
            .max();
        for ai in &self.ai {
            if ai.audience.holds(&subject, true) {
                subject.ai_blocks_signed_out |= ai.blocks_signed_out;
                subject.ai_keeps_prompts |= ai.keeps_prompts;
            }
        }
        for (audience, kinds) in &self.blocked_files {
            if audience.holds(&subject, true) {
                subject.blocked_files = subject.blocked_files.with(*kinds);
            }
        }
        let among = |closed: &[Audience]| closed.iter().any(|one| one.holds(&subject, true));
        let closed = (among(&self.other_browsers), among(&self.closed_stores));
        (subject.blocks_other_browsers, subject.closes_stores) = closed;
        subject.group = if unknown {
            Some(Arc::clone(&self.names.unknown))
        } else {
            self.groups.label(subject.groups).cloned()
        };
        let defaults = self
            .defaults
            .iter()
            .filter(|(audience, _)| audience.holds(&subject, true));
        subject.default = defaults
            .map(|(_, action)| *action)
            .max()
            .unwrap_or(Action::Allow);
        self.floor.settle(&mut subject);
        subject.avoidance_granted = !unknown && self.avoidance_granted.meets(subject.groups);
        subject.broad_rules = self
            .broad_rules
            .iter()
            .copied()
            .filter(|number| self.rules[*number].is_for(&subject))
            .collect();
        subject
    }

    fn mode_of(&self, member: &Member, groups: GroupSet) -> PhaseMode {
        let year = member.year.filter(|_| member.is(Role::Pupil));
        let holds = |mode: &Mode| {
            let by_year = year.is_some_and(|year| mode.years.iter().any(|b| b.contains(year)));
            (by_year || mode.groups.meets(groups)) && !mode.except.meets(groups)
        };
        self.modes
            .iter()
            .filter(|mode| holds(mode))
            .map(|m| m.mode)
            .max()
            .unwrap_or_default()
    }

    fn mode_by_groups(&self, groups: GroupSet) -> PhaseMode {
        let holds = |mode: &Mode| mode.groups.meets(groups) && !mode.except.meets(groups);
        self.modes
            .iter()
            .filter(|mode| holds(mode))
            .map(|m| m.mode)
            .max()
            .unwrap_or_default()
    }

    /// The strictest mode that any pupil can be in.
    fn strictest_mode(&self) -> PhaseMode {
        let of_pupils =
            |mode: &Mode| !mode.years.is_empty() || mode.groups.meets(self.groups.of_pupils);
        self.modes
            .iter()
            .filter(|mode| of_pupils(mode))
            .map(|m| m.mode)
            .max()
            .unwrap_or_default()
    }
}

/// Nobody: the strictest of what can be said without a policy.
pub(crate) fn blank_subject() -> Subject {
    Subject {
        standing: Standing::Unknown,
        person: None,
        groups: GroupSet::default(),
        group: None,
        classes: Box::default(),
        lessons: Arc::default(),
        boarder: None,
        mode: PhaseMode::General,
        narrowing: Narrowing::STRICTEST,
        tools: None,
        chosen_tool: None,
        page_text: None,
        ai_blocks_signed_out: false,
        ai_keeps_prompts: false,
        blocked_files: FileKinds::default(),
        blocks_other_browsers: false,
        closes_stores: false,
        default: Action::Block,
        avoidance_granted: false,
        floor: FloorSet::default(),
        floor_safe_search: false,
        floor_avoidance: false,
        broad_rules: Box::default(),
    }
}
