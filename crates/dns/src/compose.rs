//! Writing the answer that a decision and its outcome come to, and recording it.

use std::net::IpAddr;

use pharos_filter::shield::WayRound;
use pharos_policy::Action;

use crate::cache::{Entry, Moment};
use crate::config::{BlockAnswer, DnsConfig};
use crate::counts::add;
use crate::gate::Decided;
use crate::names::Answer;
use crate::says::{BLOCKED, NARROWED, STALE, STALE_NXDOMAIN};
use crate::wire::{Asked, Ede, Fit, Name, Reply, Response, code, name, u16_at};
use crate::worker::{Outcome, Pending, Verdict, Worker};

/// Seconds a stale answer may be used before asking again (RFC 8767 section 4).
const STALE_TTL_S: u32 = 30;
/// Times an answer was given by one worker to count as popular.
const POPULAR: u32 = 3;

/// A question whose turn it is: what was asked, how the answer has to fit, and when.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) fit: Fit,
    pub(crate) now: Moment,
}

/// Writes the final answer to a question that waited for an upstream, and its event.
pub(crate) fn settle(worker: &mut Worker, pending: Pending, outcome: &Outcome, now: Moment) {
    let Pending {
        asked,
        mut decided,
        alias,
        fit,
        ..
    } = pending;
    let turn = Turn {
        asked: &asked,
        fit,
        now,
    };
    let done = conclude(worker, turn, &mut decided, alias.as_ref(), outcome);
    decided.record(worker, done);
}

/// Writes the final answer to a question that went by cache or upstream; what was done.
pub(crate) fn conclude(
    worker: &mut Worker,
    turn: Turn<'_>,
    decided: &mut Decided,
    alias: Option<&Name>,
    outcome: &Outcome,
) -> Action {
    let Turn { asked, fit, .. } = turn;
    if let Some(target) = alias {
        narrowed(worker, asked, target, outcome, fit);
        return Action::Narrow;
    }
    let (entry, stale) = match outcome {
        Outcome::Answer(entry) => (entry, false),
        Outcome::Stale(entry) => (entry, true),
        Outcome::Failed(ede) => {
            add(&worker.tally.failed);
            plain(worker, asked, code::SERVFAIL, Some(*ede), fit);
            return decided.decision().action;
        }
    };
    let answer = decided.known.answer(asked.sort(), entry, &decided.snapshot);
    if stale {
        allowed(worker, turn, decided, &answer, true)
    } else {
        given(worker, turn, decided, &answer)
    }
}

/// Gives an answer in its time. A popular one near its end is put down to be fetched again, so that
/// nobody waits when it has ended.
pub(crate) fn given(
    worker: &mut Worker,
    turn: Turn<'_>,
    decided: &mut Decided,
    answer: &Answer,
) -> Action {
    let times = answer.given.get().saturating_add(1);
    answer.given.set(times);
    if times >= POPULAR && answer.entry.nears_its_end(turn.now) && answer.entry.begin_renewal() {
        worker.renewals.push(name::copied(&turn.asked.key));
    }
    allowed(worker, turn, decided, answer, false)
}

fn allowed(
    worker: &mut Worker,
    turn: Turn<'_>,
    decided: &mut Decided,
    answer: &Answer,
    stale: bool,
) -> Action {
    let aliases = worker.shared.filter.aliases();
    if decided.is_cloaked(answer, aliases) {
        add(&worker.tally.cloaked);
        return blocked(worker, turn, None);
    }
    from_entry(worker, turn, &answer.entry, stale);
    decided.decision().action
}

fn from_entry(worker: &mut Worker, turn: Turn<'_>, entry: &Entry, stale: bool) {
    let Worker { out, tally, .. } = worker;
    let made = &entry.response;
    let age = entry.age_s(turn.now);
    let mut reply = Reply::new(out, turn.asked, made.rcode);
    if stale {
        add(&tally.stale);
        reply = reply.because(if made.rcode == code::NXDOMAIN {
            STALE_NXDOMAIN
        } else {
            STALE
        });
    }
    let cut = reply
        .records(&made.body, made.counts, |message| match stale {
            true => made.each_ttl(message, |_| STALE_TTL_S),
            false => made.grow_older(message, age),
        })
        .finish(turn.fit);
    if cut {
        add(&tally.truncated);
    }
}

/// The real name as an alias of the restricted one, with that one's addresses; without them where
/// they cannot be had, so that the unrestricted site is never reached instead.
fn narrowed(worker: &mut Worker, asked: &Asked, target: &[u8], outcome: &Outcome, fit: Fit) {
    let ttl = worker.shared.config.limits.decided_ttl_s;
    let reply = Reply::new(&mut worker.out, asked, code::NOERROR);
    let cut = match outcome {
        Outcome::Answer(entry) | Outcome::Stale(entry) => reply
            .alias(target, &entry.response.addresses, ttl)
            .because(NARROWED)
            .finish(fit),
        Outcome::Failed(ede) => reply.alias(target, &[], ttl).because(*ede).finish(fit),
    };
    if cut {
        add(&worker.tally.truncated);
    }
}

/// The block page's address or NXDOMAIN. One text for every block, so that what is
/// on a sealed list cannot be told from what is on any other (FIL-03).
///
/// A warning cannot be shown in a name look-up, nor passed: it stops here, like a block. A way
/// round the filter does not exist at all, as a device would take any address for a yes.
pub(crate) fn blocked(worker: &mut Worker, turn: Turn<'_>, way_round: Option<WayRound>) -> Action {
    add(&worker.tally.blocked);
    if way_round.is_some() {
        add(&worker.tally.avoidance);
    }
    let Worker { shared, out, .. } = worker;
    refusal(out, turn.asked, &shared.config, way_round)
        .because(BLOCKED)
        .finish(turn.fit);
    Action::Block
}

fn refusal<'a>(
    out: &'a mut Vec<u8>,
    asked: &'a Asked,
    config: &DnsConfig,
    way_round: Option<WayRound>,
) -> Reply<'a> {
    let ttl = config.limits.decided_ttl_s;
    let ip = match (config.block, asked.kind) {
        (BlockAnswer::Page { v4, .. }, code::A) => v4.map(IpAddr::V4),
        (BlockAnswer::Page { v6, .. }, code::AAAA) => v6.map(IpAddr::V6),
        _ => None,
    };
    let absent = match way_round {
        Some(WayRound::Discovery) => false,
        Some(_) => true,
        None => config.block == BlockAnswer::NxDomain,
    };
    match ip.filter(|_| way_round.is_none()) {
        _ if absent => Reply::new(out, asked, code::NXDOMAIN).negative_for(ttl),
        Some(ip) => Reply::new(out, asked, code::NOERROR).address(ip, ttl),
        None => Reply::new(out, asked, code::NOERROR).negative_for(ttl),
    }
}

/// The answers to every blocked name, made once: to A, AAAA and all other questions.
pub(crate) struct Refusals([Response; 3]);

impl Refusals {
    pub(crate) fn new(config: &DnsConfig) -> Self {
        Self([code::A, code::AAAA, code::HTTPS].map(|kind| {
            let asked = Asked::of_root(kind);
            let mut out = Vec::new();
            refusal(&mut out, &asked, config, None).finish(Fit::Stream);
            let count = |at| u16_at(&out, at).unwrap_or_default();
            Response {
                rcode: out.get(3).map_or(code::SERVFAIL, |low| low & 0x0f),
                counts: (count(6), count(8)),
                body: out.split_off((12 + asked.question.len()).min(out.len())),
                ..Response::default()
            }
        }))
    }

    /// The answer to a question of this type.
    pub(crate) fn to(&self, kind: u16) -> &Response {
        let [a, aaaa, other] = &self.0;
        match kind {
            code::A => a,
            code::AAAA => aaaa,
            _ => other,
        }
    }
}

/// An answer without records.
pub(crate) fn plain(
    worker: &mut Worker,
    asked: &Asked,
    rcode: u8,
    ede: Option<Ede>,
    fit: Fit,
) -> Verdict {
    let reply = Reply::new(&mut worker.out, asked, rcode);
    match ede {
        Some(ede) => reply.because(ede).finish(fit),
        None => reply.finish(fit),
    };
    Verdict::Reply
}
