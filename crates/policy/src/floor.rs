//! A compiled floor: for whom each of its parts is, and what it says of search and of ways round.

use std::sync::Arc;

use pharos_catalogue::Address;
use pharos_school::{Role, YearBand};

use crate::sets::{FloorSet, GroupSet};
use crate::subject::Subject;
use crate::{Member, Narrowing};

/// The most parts of a floor: blocks, lines on search and lines on ways round together.
pub const FLOOR_PARTS_MAX: usize = FloorSet::MAX;
/// The name of the floor's rule against search engines that cannot be held to their strict filter.
pub const FLOOR_SEARCH_RULE: &str = "floor: safe-search";
/// The name of the floor's rule against ways round the filter.
pub const FLOOR_AVOIDANCE_RULE: &str = "floor: avoidance";

/// A floor; without parts where the school has none.
#[derive(Debug)]
pub(crate) struct Floor {
    /// Who wrote it, with its version.
    pub(crate) by: Arc<str>,
    /// Hosts of which it says nothing.
    pub(crate) help: Vec<Address>,
    /// For whom each part is, by its number.
    pub(crate) whom: Vec<Whom>,
    /// Parts on search, each with what it asks for.
    pub(crate) search: Vec<(usize, Narrowing)>,
    /// Parts on ways round the filter.
    pub(crate) avoidance: Vec<usize>,
    pub(crate) search_name: Arc<str>,
    pub(crate) avoidance_name: Arc<str>,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            by: Arc::from(""),
            help: Vec::new(),
            whom: Vec::new(),
            search: Vec::new(),
            avoidance: Vec::new(),
            search_name: FLOOR_SEARCH_RULE.into(),
            avoidance_name: FLOOR_AVOIDANCE_RULE.into(),
        }
    }
}

/// For whom a part of a floor is.
#[derive(Debug)]
pub(crate) struct Whom {
    pub(crate) groups: GroupSet,
    pub(crate) years: Vec<YearBand>,
    pub(crate) except: GroupSet,
    pub(crate) guests: bool,
}

impl Whom {
    fn is_everyone(&self) -> bool {
        self.groups.is_empty() && self.years.is_empty()
    }

    fn holds(&self, member: &Member, groups: GroupSet) -> bool {
        let in_years = || {
            let of_year = |band: &YearBand| member.year.is_none_or(|year| band.contains(year));
            member.is(Role::Pupil) && self.years.iter().any(of_year)
        };
        (self.is_everyone() || self.groups.meets(groups) || in_years())
            && !self.except.meets(groups)
    }

    /// Whether it may be for a pupil, given the groups that pupils can be in.
    fn may_hold_pupils(&self, of_pupils: GroupSet) -> bool {
        self.is_everyone() || !self.years.is_empty() || self.groups.meets(of_pupils)
    }
}

impl Floor {
    pub(crate) fn is_empty(&self) -> bool {
        self.whom.is_empty()
    }

    /// Whether the floor says nothing of an address: a help site of its own.
    pub(crate) fn is_silent_on(&self, address: &Address) -> bool {
        self.help.iter().any(|help| help.covers(address))
    }

    /// The parts for somebody on the roll.
    pub(crate) fn of(&self, member: &Member, groups: GroupSet) -> FloorSet {
        self.parts(|whom| whom.holds(member, groups))
    }

    /// The parts for a device whose user is unknown: all that could be a pupil's.
    pub(crate) fn of_unknown(&self, of_pupils: GroupSet) -> FloorSet {
        self.parts(|whom| whom.may_hold_pupils(of_pupils))
    }

    /// The parts for guests: a school says who counts as a guest, and so could a pupil's device; they
    /// are held as pupils unless the floor itself says otherwise.
    pub(crate) fn of_guests(&self, groups: GroupSet, of_pupils: GroupSet) -> FloorSet {
        self.parts(|whom| {
            let own =
                (whom.is_everyone() || whom.groups.meets(groups)) && !whom.except.meets(groups);
            own || (whom.guests && whom.may_hold_pupils(of_pupils))
        })
    }

    /// Works the floor into what holds for somebody whose parts and own narrowing are known.
    pub(crate) fn settle(&self, subject: &mut Subject) {
        for (number, narrowing) in &self.search {
            if subject.floor.contains(*number) {
                subject.narrowing = subject.narrowing.stricter(*narrowing);
                subject.floor_safe_search |= narrowing.safe_search;
            }
        }
        subject.floor_avoidance = self
            .avoidance
            .iter()
            .any(|number| subject.floor.contains(*number));
    }

    fn parts(&self, holds: impl Fn(&Whom) -> bool) -> FloorSet {
        let mut set = FloorSet::default();
        for (number, whom) in self.whom.iter().enumerate() {
            if holds(whom) {
                set.insert(number);
            }
        }
        set
    }
}
