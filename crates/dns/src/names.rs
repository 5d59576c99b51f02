//! What a worker remembers of names asked lately: what the lists say of them, their answers, and what
//! was decided for whom. All of it belongs to one snapshot; another in force begins anew.
//!
//! A table of fixed size in which a name has a few places to stand. Who fills it on purpose only
//! takes places from others, and those are then looked up again. What belongs to an earlier snapshot is
//! not found any more, and gives way first: freeing all of it at once would keep questions waiting.

use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use pharos_catalogue::{Address, CategorySet};
use pharos_filter::{Facts, Likeness, Snapshot, engines};
use pharos_policy::{Action, Decision};
use rapidhash::fast::RandomState;
use smallvec::SmallVec;

use crate::cache::{Entry, Moment};
use crate::wire::Bytes;

/// Sets of places, a power of two; a name belongs to one of them.
const SETS: usize = 4_096;
/// Names remembered as asked for once, a power of two.
const ONCE: usize = 16_384;
/// Places of a set: their marks are compared in one go.
const WAYS: usize = 4;
/// Largest answer remembered beside a name; larger ones stay in the shared cache alone.
const ANSWER_MAX: usize = 512;
/// Answers remembered of one name: a browser asks for three record types.
const ANSWERS_MAX: usize = 4;
/// Rulings remembered of one name: for people who are decided differently.
const RULINGS_MAX: usize = 4;

/// The snapshot that a worker decides by: counted within the worker, so that workers on other
/// processors are not disturbed by every question.
pub(crate) type InForce = Rc<Arc<Snapshot>>;

/// One name asked for.
pub(crate) struct Known {
    /// In wire form, lower case.
    name: Bytes,
    /// Which of the snapshots that a worker decided by it belongs to, counted.
    of: u64,
    pub(crate) address: Address,
    pub(crate) facts: Facts,
    /// The names of its categories, for events.
    pub(crate) categories: Arc<[Arc<str>]>,
    /// Its part of an act's mark.
    pub(crate) mark: u64,
    /// Whether it was asked for again since it last could have made room.
    again: Cell<bool>,
    answers: RefCell<SmallVec<[Rc<Answer>; 1]>>,
    rulings: RefCell<SmallVec<[Kept; 1]>>,
}

/// What a name is asked for: record type and flags, as [`Asked::key`] ends.
pub(crate) type Sort = [u8; 3];

/// An answer with all that decides whether a person may have it.
pub(crate) struct Answer {
    sort: Sort,
    pub(crate) entry: Arc<Entry>,
    /// Where it leads.
    pub(crate) targets: Box<[Target]>,
    /// How often it was given from here.
    pub(crate) given: Cell<u32>,
    /// For whom none of the targets was blocked, and in which stretch of time, lately.
    clear: Cell<Option<(Likeness, u64)>>,
}

/// A name that an answer leads to.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) facts: Facts,
}

/// A ruling with those whom it is for, and the stretch of time.
struct Kept {
    likeness: Likeness,
    stretch: u64,
    ruled: Ruled,
}

/// What was decided of a name, and how the short way goes with it.
#[derive(Clone)]
pub(crate) struct Ruled {
    pub(crate) ruling: Rc<Ruling>,
    short: Option<Short>,
}

/// How a name may be answered without looking at it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Short {
    /// With its own answer.
    AsItIs,
    /// As every blocked name.
    Blocked,
}

/// What is ready to be given.
pub(crate) enum Ready {
    /// The name's answer.
    Answer(Rc<Answer>),
    /// The answer to every blocked name.
    Blocked,
}

/// What was decided, for all who are decided alike.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    /// Its part of an act's mark, where what is decided is what is done.
    pub(crate) mark: u64,
}

impl Answer {
    fn new(sort: Sort, entry: &Arc<Entry>, snapshot: &Snapshot) -> Self {
        let targets = entry.leads_to.iter().map(|address| Target {
            address: address.clone(),
            facts: snapshot.facts(address),
        });
        Self {
            sort,
            entry: Arc::clone(entry),
            targets: targets.collect(),
            given: Cell::default(),
            clear: Cell::default(),
        }
    }

    /// Notes that none of the places it leads to is blocked for these.
    pub(crate) fn found_clear(&self, likeness: Likeness, stretch: u64) {
        self.clear.set(Some((likeness, stretch)));
    }

    /// Whether these may have it without a look at where it leads.
    pub(crate) fn leads_nowhere_blocked(&self, likeness: Likeness, stretch: u64) -> bool {
        self.targets.is_empty() || self.clear.get() == Some((likeness, stretch))
    }
}

impl Known {
    fn new((name, of): (Bytes, u64), address: Address, facts: Facts, mark: u64) -> Self {
        Self {
            name,
            of,
            categories: Arc::default(),
            address,
            facts,
            mark,
            again: Cell::default(),
            answers: RefCell::default(),
            rulings: RefCell::default(),
        }
    }

    /// The answer remembered, if it is still in its time.
    pub(crate) fn fresh(&self, sort: Sort, now: Moment) -> Option<Rc<Answer>> {
        let answers = self.answers.borrow();
        let answer = answers.iter().find(|answer| answer.sort == sort)?;
        answer.entry.is_fresh(now).then(|| Rc::clone(answer))
    }

    /// What people of whom this was ruled may have without looking at the name anew.
    pub(crate) fn ready(
        &self,
        ruled: &Ruled,
        sort: Sort,
        (likeness, stretch): (Likeness, u64),
        now: Moment,
    ) -> Option<Ready> {
        match ruled.short? {
            Short::Blocked => Some(Ready::Blocked),
            Short::AsItIs => {
                let answer = self.fresh(sort, now)?;
                let clear = answer.leads_nowhere_blocked(likeness, stretch);
                clear.then_some(Ready::Answer(answer))
            }
        }
    }

    /// Ways round the filter and search sites that are narrowed have answers of their own; what a sealed
    /// list holds is kept each time.
    fn short(&self, decision: &Decision) -> Option<Short> {
        let narrowed = || engines::rewrite(self.address.host(), decision.narrowing).is_some();
        if self.facts.way_round().is_some() || decision.sealed.is_some() {
            return None;
        }
        match decision.action {
            Action::Block => Some(Short::Blocked),
            Action::Warn => None,
            _ if self.facts.is_search_site() && narrowed() => None,
            Action::Tunnel | Action::Allow | Action::Narrow => Some(Short::AsItIs),
        }
    }

    /// The answer with its targets looked up; remembered if it is small.
    pub(crate) fn answer(&self, sort: Sort, entry: &Arc<Entry>, snapshot: &Snapshot) -> Rc<Answer> {
        let answer = Rc::new(Answer::new(sort, entry, snapshot));
        if entry.response.body.len() <= ANSWER_MAX {
            let mut answers = self.answers.borrow_mut();
            answers.retain(|other| other.sort != sort);
            answers.truncate(ANSWERS_MAX - 1);
            answers.insert(0, Rc::clone(&answer));
        }
        answer
    }

    /// What was decided for people of this likeness in this stretch of time.
    pub(crate) fn ruled(&self, likeness: Likeness, stretch: u64) -> Option<Ruled> {
        let rulings = self.rulings.borrow();
        let mut kept = rulings.iter().filter(|kept| kept.stretch == stretch);
        let kept = kept.find(|kept| kept.likeness == likeness)?;
        Some(kept.ruled.clone())
    }

    /// Remembers what was decided.
    pub(crate) fn keep(&self, likeness: Likeness, stretch: u64, ruling: Rc<Ruling>) -> Ruled {
        let ruled = Ruled {
            short: self.short(&ruling.decision),
            ruling,
        };
        let mut rulings = self.rulings.borrow_mut();
        rulings.retain(|kept| kept.stretch == stretch);
        rulings.truncate(RULINGS_MAX - 1);
        rulings.insert(
            0,
            Kept {
                likeness,
                stretch,
                ruled: ruled.clone(),
            },
        );
        ruled
    }
}

/// The table.
pub(crate) struct Names {
    /// A part of each name's hash: most places are told apart without looking at the name.
    marks: Box<[[u32; WAYS]]>,
    places: Box<[[Option<Rc<Known>>; WAYS]]>,
    /// Marks of names that were asked for once and are not remembered yet: most of those that are
    /// asked for once are never asked for again.
    once: Box<[u32]>,
    /// Whose turn it is to make room.
    turn: usize,
    /// Which snapshot all belongs to from now on.
    of: u64,
    /// The names of the categories looked up last: most names have the same few.
    latest: Option<(CategorySet, Arc<[Arc<str>]>)>,
    random: RandomState,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            marks: vec![[0; WAYS]; SETS].into(),
            places: (0..SETS).map(|_| Default::default()).collect(),
            once: vec![0; ONCE].into(),
            turn: 0,
            of: 0,
            latest: None,
            random: RandomState::default(),
        }
    }
}

impl Names {
    /// What is remembered of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<Known>> {
        let (set, mark) = self.place(name);
        let marks = self.marks.get(set)?;
        let places = self.places.get(set)?;
        let known = places
            .iter()
            .zip(marks)
            .filter(|(_, known)| **known == mark)
            .find_map(|(place, _)| {
                let is_it =
                    |known: &&Rc<Known>| known.of == self.of && known.name.as_slice() == name;
                place.as_ref().filter(is_it)
            })?;
        known.again.set(true);
        Some(known)
    }

    /// Looks a name up that is not there, and remembers it if it is the second time. `marks` makes the
    /// marks of acts.
    pub(crate) fn learn(
        &mut self,
        name: &[u8],
        address: Address,
        snapshot: &Snapshot,
        marks: &RandomState,
    ) -> Rc<Known> {
        let facts = snapshot.facts(&address);
        let set = facts.categories();
        let mark = marks.hash_one(address.host().as_str());
        let mut known = Known::new((Bytes::from_slice(name), self.of), address, facts, mark);
        known.categories = match &self.latest {
            Some((latest, names)) if *latest == set => Arc::clone(names),
            _ if set.is_empty() => snapshot.category_names(set),
            _ => {
                let names = snapshot.category_names(set);
                self.latest = Some((set, Arc::clone(&names)));
                names
            }
        };
        match self.was_asked_for(name) {
            true => self.put(known),
            false => Rc::new(known),
        }
    }

    /// Whether a name was asked for before; it is from now on.
    fn was_asked_for(&mut self, name: &[u8]) -> bool {
        let hash = self.random.hash_one(name);
        let mark = (hash >> 32) as u32;
        match self.once.get_mut(hash as usize % ONCE) {
            Some(once) if *once != mark => {
                *once = mark;
                false
            }
            _ => true,
        }
    }

    /// In its own place of an earlier snapshot, or in an empty one. Where its set is full, in the place of
    /// another: of one that belongs to an earlier snapshot or that nobody asked for again, if there is one,
    /// so that names asked for once do not push out those that people go to.
    fn put(&mut self, known: Known) -> Rc<Known> {
        let known = Rc::new(known);
        let (set, mark) = self.place(&known.name);
        self.turn = self.turn.wrapping_add(1);
        if let (Some(places), Some(marks)) = (self.places.get_mut(set), self.marks.get_mut(set)) {
            let turns = || (0..WAYS).map(|way| (way + self.turn) % WAYS);
            let at = |way: &usize| places.get(*way).and_then(Option::as_ref);
            let is_itself = |way: &usize| at(way).is_some_and(|other| other.name == known.name);
            let gives_way =
                |way: &usize| at(way).is_none_or(|other| other.of != self.of || !other.again.get());
            let way = turns().find(is_itself).or_else(|| turns().find(gives_way));
            let way = way.unwrap_or_else(|| {
                // All were asked for again: who is from now on will tell.
                let all = places.iter().flatten();
                all.for_each(|known| known.again.set(false));
                self.turn % WAYS
            });
            places[way] = Some(Rc::clone(&known));
            marks[way] = mark;
        }
        known
    }

    /// Finds nothing of what is there any more: another snapshot is in force.
    pub(crate) fn begin_anew(&mut self) {
        self.of += 1;
        self.latest = None;
    }

    fn place(&self, name: &[u8]) -> (usize, u32) {
        let hash = self.random.hash_one(name);
        (hash as usize % SETS, (hash >> 32) as u32)
    }
}

#[cfg(test)]
mod tests {
    use pharos_catalogue::Host;

    use super::*;

    fn known(number: usize) -> Known {
        let host = Host::parse(&format!("site{number}.example")).unwrap();
        let name = format!("key {number}").as_bytes().into();
        Known::new((name, 0), Address::of_host(host), Facts::default(), 0)
    }

    /// FIL-01: as many names as there are places crowd each other out a little, never get mixed up,
    /// and what is put is found.
    #[test]
    fn fil_01_names_are_found_again_and_never_mixed_up() {
        let mut names = Names::default();
        for number in 0..SETS * WAYS {
            names.put(known(number));
            let found = names.find(format!("key {number}").as_bytes()).unwrap();
            assert_eq!(
                found.address.host().as_str(),
                format!("site{number}.example")
            );
        }
        let kept = (0..SETS * WAYS).filter(|number| {
            let found = names.find(format!("key {number}").as_bytes());
            found.is_some_and(|known| {
                assert_eq!(
                    known.address.host().as_str(),
                    format!("site{number}.example")
                );
                true
            })
        });
        assert!(kept.count() > SETS * WAYS * 3 / 4);
    }

    /// FIL-03: under another snapshot nothing is found of what was remembered before, and takes no place from
    /// what is remembered from then on.
    #[test]
    fn fil_03_nothing_is_found_of_an_earlier_snapshot() {
        let mut names = Names::default();
        let all = 0..SETS * WAYS / 2;
        let found = |names: &Names, number: usize| {
            let found = names.find(format!("key {number}").as_bytes());
            found.map(|known| known.mark)
        };
        for number in all.clone() {
            names.put(known(number));
            found(&names, number);
        }
        for snapshot in 1..4 {
            names.begin_anew();
            assert!(all.clone().all(|number| found(&names, number).is_none()));
            let mut kept = 0;
            for number in all.clone() {
                names.put(Known {
                    of: names.of,
                    mark: snapshot,
                    ..known(number)
                });
                assert_eq!(found(&names, number), Some(snapshot));
            }
            for number in all.clone() {
                let found = found(&names, number);
                assert!(found.is_none_or(|mark| mark == snapshot));
                kept += usize::from(found.is_some());
            }
            assert!(kept > all.len() * 9 / 10, "{kept}");
        }
    }

    /// FIL-01: names that are asked for once, however many, do not push out those asked for again.
    #[test]
    fn fil_01_names_asked_for_once_do_not_push_out_the_popular() {
        let mut names = Names::default();
        let popular = SETS;
        let mut found = 0;
        for number in 0..8 * popular {
            let again = number % popular;
            match names.find(format!("key {again}").as_bytes()) {
                Some(_) => found += 1,
                None => drop(names.put(known(again))),
            }
            names.put(known(popular + number));
        }
        // Where chance decided who gives way it would be half of them.
        assert!(found > 7 * popular * 4 / 5, "{found}");
    }
}
