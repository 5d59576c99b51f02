//! What a worker remembers of names asked lately: how they are decided for anybody, and their
//! answer. Both belong to one snapshot; another in force begins anew.
//!
//! A table of fixed size in which a name has one place. Who fills it on purpose only takes places
//! from others, and those are then looked up again.

use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use pharos_catalogue::Address;
use pharos_filter::{Facts, Snapshot};
use rapidhash::fast::RandomState;

use crate::cache::{Entry, Moment};
use crate::wire::Bytes;

/// Names remembered by one worker.
const PLACES: usize = 8_192;
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
    pub(crate) fn new(key: Bytes, address: Address, snapshot: &Snapshot) -> Self {
        let facts = snapshot.facts(&address);
        Self {
            key,
            categories: snapshot.category_names(facts.categories()),
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
    places: Box<[Option<Rc<Known>>]>,
    random: RandomState,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| None).collect(),
            random: RandomState::default(),
        }
    }
}

impl Names {
    /// What is remembered under the key of a question.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Rc<Known>> {
        self.places[self.place(key)]
            .as_ref()
            .filter(|known| known.key.as_slice() == key)
    }

    /// Remembers a name in the place of another.
    pub(crate) fn put(&mut self, known: Known) -> Rc<Known> {
        let known = Rc::new(known);
        self.places[self.place(&known.key)] = Some(Rc::clone(&known));
        known
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.places.fill(None);
    }

    fn place(&self, key: &[u8]) -> usize {
        self.random.hash_one(key) as usize % PLACES
    }
}
