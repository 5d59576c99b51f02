//! What a worker remembers of names asked lately: how they are decided for anybody, and their
//! answer. Both belong to one snapshot; another in force begins anew.
//!
//! A table of fixed size in which a name has a few places to stand. Who fills it on purpose only
//! takes places from others, and those are then looked up again.

use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use pharos_catalogue::{Address, CategorySet};
use pharos_filter::{Facts, Snapshot};
use rapidhash::fast::RandomState;

use crate::cache::{Entry, Moment};
use crate::wire::Bytes;

/// Sets of places, a power of two; a name belongs to one of them.
const SETS: usize = 4_096;
/// Places of a set: their marks are compared in one go.
const WAYS: usize = 4;
/// Largest answer remembered beside a name; larger ones stay in the shared cache alone.
const ANSWER_MAX: usize = 512;

/// The snapshot that a worker decides by: counted within the worker, so that workers on other
/// processors are not disturbed by every question.
pub(crate) type InForce = Rc<Arc<Snapshot>>;

/// One name asked for, with record type and flags.
pub(crate) struct Known {
    key: Bytes,
    pub(crate) address: Address,
    pub(crate) facts: Facts,
    /// The names of its categories, for events.
    pub(crate) categories: Arc<[Arc<str>]>,
    answer: RefCell<Option<Answer>>,
}

/// An answer with all that decides whether a person may have it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) entry: Arc<Entry>,
    /// Where it leads.
    pub(crate) targets: Rc<[Target]>,
    /// How often it was given from here.
    pub(crate) given: Rc<Cell<u32>>,
}

/// A name that an answer leads to.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) facts: Facts,
}

impl Known {
    fn new(key: Bytes, address: Address, facts: Facts, categories: Arc<[Arc<str>]>) -> Self {
        Self {
            key,
            categories,
            address,
            facts,
            answer: RefCell::default(),
        }
    }

    /// The answer remembered, if it is still in its time.
    pub(crate) fn fresh(&self, now: Moment) -> Option<Answer> {
        let answer = self.answer.borrow();
        answer
            .as_ref()
            .filter(|answer| answer.entry.is_fresh(now))
            .cloned()
    }

    /// The answer with its targets looked up; remembered if it is small.
    pub(crate) fn answer(&self, entry: &Arc<Entry>, snapshot: &Snapshot) -> Answer {
        let targets = entry.leads_to.iter().map(|address| Target {
            address: address.clone(),
            facts: snapshot.facts(address),
        });
        let answer = Answer {
            entry: Arc::clone(entry),
            targets: targets.collect(),
            given: Rc::default(),
        };
        if entry.response.body.len() <= ANSWER_MAX {
            *self.answer.borrow_mut() = Some(answer.clone());
        }
        answer
    }
}

/// The table.
pub(crate) struct Names {
    /// A part of each name's hash: most places are told apart without looking at the name.
    marks: Box<[[u32; WAYS]]>,
    places: Box<[[Option<Rc<Known>>; WAYS]]>,
    /// Whose turn it is to make room.
    turn: usize,
    /// The names of the categories looked up last: most names have the same few.
    latest: Option<(CategorySet, Arc<[Arc<str>]>)>,
    random: RandomState,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            marks: vec![[0; WAYS]; SETS].into(),
            places: (0..SETS).map(|_| Default::default()).collect(),
            turn: 0,
            latest: None,
            random: RandomState::default(),
        }
    }
}

impl Names {
    /// What is remembered under the key of a question.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Rc<Known>> {
        let (set, mark) = self.place(key);
        let marks = self.marks.get(set)?;
        let places = self.places.get(set)?;
        places
            .iter()
            .zip(marks)
            .filter(|(_, known)| **known == mark)
            .find_map(|(place, _)| place.as_ref().filter(|known| known.key.as_slice() == key))
    }

    /// Looks a name up that is not there, and remembers it.
    pub(crate) fn learn(&mut self, key: Bytes, address: Address, snapshot: &Snapshot) -> Rc<Known> {
        let facts = snapshot.facts(&address);
        let set = facts.categories();
        let categories = match &self.latest {
            Some((latest, names)) if *latest == set => Arc::clone(names),
            _ if set.is_empty() => snapshot.category_names(set),
            _ => {
                let names = snapshot.category_names(set);
                self.latest = Some((set, Arc::clone(&names)));
                names
            }
        };
        self.put(Known::new(key, address, facts, categories))
    }

    /// Where its set is full, in the place of another.
    fn put(&mut self, known: Known) -> Rc<Known> {
        let known = Rc::new(known);
        let (set, mark) = self.place(&known.key);
        self.turn = self.turn.wrapping_add(1);
        if let (Some(places), Some(marks)) = (self.places.get_mut(set), self.marks.get_mut(set)) {
            let free = places.iter().position(Option::is_none);
            let way = free.unwrap_or(self.turn % WAYS);
            places[way] = Some(Rc::clone(&known));
            marks[way] = mark;
        }
        known
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.places.fill_with(Default::default);
        self.latest = None;
    }

    fn place(&self, key: &[u8]) -> (usize, u32) {
        let hash = self.random.hash_one(key);
        (hash as usize % SETS, (hash >> 32) as u32)
    }
}

#[cfg(test)]
mod tests {
    use pharos_catalogue::Host;

    use super::*;

    fn known(number: usize) -> Known {
        let host = Host::parse(&format!("site{number}.example")).unwrap();
        Known {
            key: format!("key {number}").as_bytes().into(),
            address: Address::of_host(host),
            facts: Facts::default(),
            categories: [].into(),
            answer: RefCell::default(),
        }
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
        names.clear();
        assert!(names.find(b"key 1").is_none());
    }
}
