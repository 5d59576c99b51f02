//! Questions under way on one socket or connection, by id, and the check that an answer is theirs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use rapidhash::quality::RandomState;
use tokio::sync::oneshot;

use super::dice::Dice;
use crate::counts::{Tally, add};
use crate::wire::u16_at;

/// Questions open on one line, at most; beyond it a line counts as full.
const OPEN_MAX: usize = 4_096;
/// Messages that nobody asked for; beyond this the other side talks nonsense or somebody is guessing,
/// and the line is given up.
const STRAYS_MAX: u32 = 16;

/// What comes back.
#[derive(Debug)]
pub(super) enum Heard {
    /// The answer with our question in it, letter by letter.
    Answer(Vec<u8>),
    /// An answer with our id and question, but not our letter case: a server that does not keep
    /// it, or a forger who could not see it.
    OtherCase,
}

/// The questions under way on one line.
#[derive(Default)]
pub(super) struct Open {
    waiting: HashMap<u16, Waiting, RandomState>,
    strays: u32,
    closed: bool,
}

struct Waiting {
    /// The question section as it was sent.
    question: Vec<u8>,
    to: oneshot::Sender<Heard>,
}

/// One question's place on a line; given up when dropped.
pub(super) struct Ticket {
    pub(super) id: u16,
    pub(super) answer: oneshot::Receiver<Heard>,
    open: Rc<RefCell<Open>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Ok(mut open) = self.open.try_borrow_mut() {
            open.waiting.remove(&self.id);
        }
    }
}

impl Open {
    /// Takes a place with an id that no other open question has, writes the id into the message, and
    /// puts that on its way.
    ///
    /// # Errors
    /// The line is closed or full, or the message could not be sent; the place is then free again.
    pub(super) fn send(
        open: &Rc<RefCell<Self>>,
        message: &mut [u8],
        dice: &mut Dice,
        on_its_way: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<Ticket> {
        let ticket = Self::enter(open, message, dice).ok_or(io::ErrorKind::QuotaExceeded)?;
        on_its_way(message)?;
        Ok(ticket)
    }

    fn enter(open: &Rc<RefCell<Self>>, message: &mut [u8], dice: &mut Dice) -> Option<Ticket> {
        let mut this = open.borrow_mut();
        if this.closed || this.waiting.len() >= OPEN_MAX {
            return None;
        }
        let mut id = u16::from_be_bytes(dice.throw()?);
        while this.waiting.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        message.get_mut(..2)?.copy_from_slice(&id.to_be_bytes());
        let length = crate::wire::name::skip(message, 12)? + 4;
        let question = message.get(12..length)?.to_vec();
        let (to, answer) = oneshot::channel();
        this.waiting.insert(id, Waiting { question, to });
        Some(Ticket {
            id,
            answer,
            open: Rc::clone(open),
        })
    }

    /// Hands an answer to whoever asked, or counts it as stray.
    ///
    /// # Errors
    /// Too many strays: nothing more is to be heard on this line.
    pub(super) fn hear(&mut self, message: &[u8], tally: &Tally) -> io::Result<()> {
        if self.is_awaited(message) {
            return Ok(());
        }
        add(&tally.upstream_bad);
        self.strays += 1;
        if self.strays >= STRAYS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }

    fn is_awaited(&mut self, message: &[u8]) -> bool {
        let Some(id) = u16_at(message, 0) else {
            return false;
        };
        let Some(waiting) = self.waiting.get(&id) else {
            return false;
        };
        let theirs = message.get(12..12 + waiting.question.len());
        let heard = match theirs {
            Some(theirs) if theirs == waiting.question => Heard::Answer(message.to_vec()),
            Some(theirs) if theirs.eq_ignore_ascii_case(&waiting.question) => Heard::OtherCase,
            _ => return false,
        };
        if let Some(waiting) = self.waiting.remove(&id) {
            // Nobody is there any more where the time was up.
            drop(waiting.to.send(heard));
        }
        true
    }

    /// Nothing more will come: everybody who waits is told, and nobody may enter.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.waiting.clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
