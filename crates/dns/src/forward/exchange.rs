//! One question to the upstreams, until one answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::lines::{Line, Lines};
use super::open::{Heard, Ticket};
use crate::cache::Clock;
use crate::counts::{Tally, add};
use crate::says::{NO_ANSWER, NOT_REACHED};
use crate::wire::{Bad, Bytes, CD, DO, Ede, Response, UDP_MAX, read};
use crate::worker::Shared;

enum Failure {
    /// Nothing came back in time, or the network refused.
    Unreachable,
    /// Something came back that cannot be used.
    Unusable,
}

/// Asks the upstreams in turn, each for so long.
///
/// # Errors
/// An Extended DNS Error for the client when none gave a usable answer.
pub(crate) async fn resolve(
    clock: &Clock,
    patience: Duration,
    tally: &Arc<Tally>,
    lines: &Lines,
    key: &[u8],
) -> Result<Response, Ede> {
    let upstreams = lines.upstreams();
    let mut why = NOT_REACHED;
    let mut refused = smallvec::SmallVec::<[usize; 4]>::new();
    for at in upstreams.order(clock.now().ms) {
        if refused.contains(&at) {
            continue;
        }
        match ask(lines, at, tally, key, patience).await {
            Ok(response) => {
                upstreams.answered(at);
                return Ok(response);
            }
            Err(Failure::Unusable) => {
                upstreams.answered(at);
                refused.push(at);
                why = NO_ANSWER;
            }
            Err(Failure::Unreachable) => {
                add(&tally.upstream_errors);
                if upstreams.failed(at, clock.now().ms) {
                    add(&tally.upstream_down);
                    let upstream = upstreams.get(at);
                    tracing::warn!(%upstream, "a DNS upstream does not answer; trying the others");
                }
            }
        }
    }
    Err(why)
}

/// Asks one upstream in its way.
async fn ask(
    lines: &Lines,
    at: usize,
    tally: &Arc<Tally>,
    key: &[u8],
    time: Duration,
) -> Result<Response, Failure> {
    let mut question = question(key).ok_or(Failure::Unusable)?;
    let stream = match lines.get(at).ok_or(Failure::Unreachable)? {
        Line::Plain(datagrams, stream) => {
            lines.mix_case(&mut question);
            let ticket = datagrams.send(&mut question, &mut lines.dice(), tally);
            let heard = hear(ticket, key, time).await?;
            match heard {
                Some(Ok(response)) => return Ok(response),
                Some(Err(Bad::Truncated)) => add(&tally.upstream_tcp),
                Some(Err(bad)) => return Err(unusable(tally, bad)),
                // Over TCP nobody can forge an answer without seeing the question.
                None => add(&tally.upstream_case),
            }
            stream
        }
        Line::Stream(stream) => stream,
        Line::Https(https) => {
            // Boxed: it is large, and every question by any other way would carry the room for it.
            let asked = timeout(time, Box::pin(https.ask(question))).await;
            let answer = asked
                .map_err(|_| Failure::Unreachable)?
                .map_err(|_| Failure::Unreachable)?;
            return usable(Some(read(&answer, 0, key)), tally);
        }
    };
    let ticket = stream.send(&mut question, &mut lines.dice(), tally);
    usable(hear(ticket, key, time).await?, tally)
}

/// The answer to a question that was sent; `None`: its letter case was lost on the way.
async fn hear(
    ticket: io::Result<Ticket>,
    key: &[u8],
    time: Duration,
) -> Result<Option<Result<Response, Bad>>, Failure> {
    let mut ticket = ticket.map_err(|_| Failure::Unreachable)?;
    match timeout(time, &mut ticket.answer).await {
        Ok(Ok(Heard::Answer(message))) => Ok(Some(read(&message, ticket.id, key))),
        Ok(Ok(Heard::OtherCase)) => Ok(None),
        Ok(Err(_)) | Err(_) => Err(Failure::Unreachable),
    }
}

fn usable(heard: Option<Result<Response, Bad>>, tally: &Tally) -> Result<Response, Failure> {
    match heard {
        Some(Ok(response)) => Ok(response),
        Some(Err(bad)) => Err(unusable(tally, bad)),
        None => Err(unusable(tally, Bad::NotOurs)),
    }
}

fn unusable(tally: &Tally, bad: Bad) -> Failure {
    if bad != Bad::Refuses {
        add(&tally.upstream_bad);
    }
    Failure::Unusable
}

/// The question as we ask it: lower-case, recursion wanted, our own EDNS, nothing of the client's
/// beyond name, type and the signature bits. Its id is 0.
fn question(key: &[u8]) -> Option<Vec<u8>> {
    let (flags, name_and_kind) = key.split_last()?;
    let mut message = Vec::with_capacity(key.len() + 32);
    let checking_disabled = if flags & CD != 0 { 0x10 } else { 0 };
    message.extend_from_slice(&[0, 0, 0x01, checking_disabled, 0, 1, 0, 0, 0, 0, 0, 1]);
    message.extend_from_slice(name_and_kind);
    message.extend_from_slice(&[0, 1]);
    let [size_high, size_low] = UDP_MAX.to_be_bytes();
    let signatures = if flags & DO != 0 { 0x80 } else { 0 };
    message.extend_from_slice(&[0, 0, 41, size_high, size_low, 0, 0, signatures, 0, 0, 0]);
    Some(message)
}

/// Keeps an answer for everybody.
pub(super) fn keep(
    shared: &Shared,
    tally: &Tally,
    key: &[u8],
    response: Response,
) -> Arc<crate::cache::Entry> {
    if response.edited {
        add(&tally.service_records_edited);
    }
    let now = shared.clock.now();
    let entry = Arc::new(crate::cache::Entry::new(
        response,
        &shared.config.limits,
        now,
    ));
    shared.cache.keep(Bytes::from_slice(key), &entry);
    entry
}
