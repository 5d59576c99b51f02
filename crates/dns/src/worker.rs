//! One worker: everything a thread needs to answer, and the one synchronous step from datagram to
//! verdict.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pharos_activity::Sink;
use pharos_filter::Filter;
use pharos_filter::engines::Rewrite;
use pharos_filter::shield::WayRound;
use pharos_policy::Action;

use crate::cache::{Cache, Clock, Entry, Found, Moment};
use crate::compose::{blocked, conclude, plain};
use crate::config::DnsConfig;
use crate::counts::{Tally, add};
use crate::forward::{Flights, Upstreams};
use crate::gate::{self, Decided};
use crate::says::{JUST_FAILED, NARROWED, NO_UPSTREAM, NOT_READY, OUTSIDE, STALE, UNDECIDABLE};
use crate::special::{Local, Special};
use crate::wire::{Asked, Bytes, Ede, Name, Reject, Reply, code, name, parse, refuse_raw};

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) config: DnsConfig,
    pub(crate) filter: Arc<Filter>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) cache: Cache,
    pub(crate) upstreams: Upstreams,
    pub(crate) special: Special,
    pub(crate) clock: Clock,
}

/// One thread's own part.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tally: Arc<Tally>,
    /// The answer being written; used again and again.
    pub(crate) out: Vec<u8>,
    pub(crate) flights: Flights,
}

/// What becomes of a message.
pub(crate) enum Verdict {
    /// Nothing is sent.
    Silent,
    /// The answer stands in [`Worker::out`].
    Reply,
    /// An upstream has to be asked first.
    Forward(Box<Pending>),
}

/// A question that waits for an upstream.
pub(crate) struct Pending {
    pub(crate) asked: Asked,
    pub(crate) decided: Decided,
    /// The question to ask, in the form of [`Asked::key`].
    pub(crate) fetch: Bytes,
    /// Where the name is narrowed to another: that name.
    pub(crate) alias: Option<Name>,
    /// An old answer for want of a better one.
    pub(crate) stale: Option<Arc<Entry>>,
    pub(crate) udp: bool,
}

impl Pending {
    fn new(asked: Asked, decided: Decided, fetch: Bytes, alias: Option<Name>, udp: bool) -> Self {
        Self {
            asked,
            decided,
            fetch,
            alias,
            stale: None,
            udp,
        }
    }
}

/// How the search for an answer ended.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// An answer in its time.
    Answer(Arc<Entry>),
    /// An old answer, as there is no better one.
    Stale(Arc<Entry>),
    /// None, and why.
    Failed(Ede),
}

/// Answers one message: no waiting, no system call beyond reading clocks beforehand. The reply,
/// where there is one, is left in [`Worker::out`].
pub(crate) fn answer(
    worker: &mut Worker,
    packet: &[u8],
    from: SocketAddr,
    udp: bool,
    now: Moment,
) -> Verdict {
    add(if udp {
        &worker.tally.udp
    } else {
        &worker.tally.tcp
    });
    let asked = match parse(packet) {
        Ok(asked) => asked,
        Err(reject) => return rejected(worker, packet, reject),
    };
    let ip = from.ip().to_canonical();
    if let Some(verdict) = turned_away(worker, &asked, ip, udp) {
        return verdict;
    }
    if let Some(local) = worker.shared.special.answer(asked.name(), asked.kind) {
        return local_answer(worker, &asked, local, udp);
    }
    let shared = Arc::clone(&worker.shared);
    let Ok(snapshot) = shared.filter.snapshot() else {
        add(&worker.tally.not_ready);
        return plain(worker, &asked, code::SERVFAIL, Some(NOT_READY), udp);
    };
    let Some(address) = gate::address(asked.name()) else {
        return nameless(worker, &asked, udp);
    };
    let who = snapshot.check_roll(shared.filter.addresses().identify(ip, now.wall));
    let decided = Decided::new(snapshot, address, who, ip, now.wall, packet.len());
    decided_answer(worker, asked, decided, udp, now)
}

fn rejected(worker: &mut Worker, packet: &[u8], reject: Reject) -> Verdict {
    let (rcode, extended) = match reject {
        Reject::Silent => {
            add(&worker.tally.dropped);
            return Verdict::Silent;
        }
        Reject::Code(rcode) => (rcode, false),
        Reject::BadVersion => (0, true),
    };
    add(&worker.tally.malformed);
    if refuse_raw(&mut worker.out, packet, rcode, extended) {
        Verdict::Reply
    } else {
        Verdict::Silent
    }
}

/// Questions that are refused whatever the name: from outside, other classes, zone transfers,
/// ANY, and those that only probe the cache (which would tell what others looked up).
fn turned_away(worker: &mut Worker, asked: &Asked, ip: IpAddr, udp: bool) -> Option<Verdict> {
    let refuse = |worker: &mut Worker, ede| {
        add(&worker.tally.refused);
        Some(plain(worker, asked, code::REFUSED, ede, udp))
    };
    if !worker
        .shared
        .config
        .clients
        .iter()
        .any(|net| net.contains(&ip))
    {
        return refuse(worker, Some(OUTSIDE));
    }
    match asked.kind {
        _ if asked.class != code::IN || !asked.recurse => refuse(worker, None),
        code::ANY => {
            add(&worker.tally.refused);
            Reply::new(&mut worker.out, asked, code::NOERROR)
                .any_is_refused(3_600)
                .finish(udp);
            Some(Verdict::Reply)
        }
        code::OPT | code::TKEY..=code::MAILA => refuse(worker, None),
        _ => None,
    }
}

fn local_answer(worker: &mut Worker, asked: &Asked, local: Local, udp: bool) -> Verdict {
    add(&worker.tally.local);
    let ttl = worker.shared.config.limits.decided_ttl_s;
    match local {
        Local::Address(ip) => Reply::new(&mut worker.out, asked, code::NOERROR)
            .address(ip, ttl)
            .finish(udp),
        Local::Nothing => Reply::new(&mut worker.out, asked, code::NOERROR)
            .negative_for(ttl)
            .finish(udp),
        Local::NoSuchName => Reply::new(&mut worker.out, asked, code::NXDOMAIN)
            .negative_for(ttl)
            .finish(udp),
    };
    Verdict::Reply
}

/// The root, or a name no list could ever hold: nothing that a browser can visit.
fn nameless(worker: &mut Worker, asked: &Asked, udp: bool) -> Verdict {
    add(&worker.tally.refused);
    plain(worker, asked, code::REFUSED, Some(UNDECIDABLE), udp)
}

fn decided_answer(
    worker: &mut Worker,
    asked: Asked,
    decided: Decided,
    udp: bool,
    now: Moment,
) -> Verdict {
    let way_round = decided.way_round();
    // Signals to a whole network are the same for everybody: an answer to one device's canary
    // would be an invitation.
    let signal = matches!(way_round, Some(WayRound::Canary | WayRound::Discovery));
    if signal || !decided.decision.action.passes() {
        blocked(worker, &asked, &decided, way_round, udp);
        return Verdict::Reply;
    }
    let (target, fetch) = match decided.rewrite() {
        None => {
            let fetch = asked.key.clone();
            return look_up(worker, Pending::new(asked, decided, fetch, None, udp), now);
        }
        // HTTPS records of the real name would carry its own addresses and keys.
        Some(_) if !matches!(asked.kind, code::A | code::AAAA) => (None, None),
        Some(Rewrite::Address(ip)) => (Some(ip), None),
        Some(Rewrite::Name(target)) => (None, name::from_dotted(target)),
    };
    add(&worker.tally.narrowed);
    if let Some(target_name) = fetch {
        let fetch = asked.key_of(&target_name, asked.kind);
        let pending = Pending::new(asked, decided, fetch, Some(target_name), udp);
        return look_up(worker, pending, now);
    }
    let ttl = worker.shared.config.limits.decided_ttl_s;
    let reply = Reply::new(&mut worker.out, &asked, code::NOERROR);
    let reply = match target {
        Some(ip) if asked.kind == code::A => reply.address(ip.into(), ttl),
        _ => reply.negative_for(ttl),
    };
    reply.because(NARROWED).finish(udp);
    decided.record(worker, Action::Narrow);
    Verdict::Reply
}

/// From the cache at once, or from an upstream.
fn look_up(worker: &mut Worker, mut pending: Pending, now: Moment) -> Verdict {
    let shared = Arc::clone(&worker.shared);
    match shared.cache.find(&pending.fetch, now) {
        Found::Fresh(entry) => {
            add(&worker.tally.cache_hits);
            return conclude(worker, &pending, &Outcome::Answer(entry), now);
        }
        Found::Stale(entry) => pending.stale = Some(entry),
        Found::Nothing => {}
    }
    let reason = if shared.upstreams.is_empty() {
        add(&worker.tally.no_upstream);
        Some(NO_UPSTREAM)
    } else if shared.cache.failed_just_now(&pending.fetch, now) {
        Some(JUST_FAILED)
    } else if pending.stale.is_some() && shared.upstreams.all_resting(now.ms) {
        Some(STALE)
    } else {
        None
    };
    match reason {
        None => Verdict::Forward(Box::new(pending)),
        Some(ede) => {
            let outcome = without_upstream(&pending, ede);
            conclude(worker, &pending, &outcome, now)
        }
    }
}

/// What is left when no upstream answers: the old answer, or the failure.
pub(crate) fn without_upstream(pending: &Pending, ede: Ede) -> Outcome {
    match &pending.stale {
        Some(entry) => Outcome::Stale(Arc::clone(entry)),
        None => Outcome::Failed(ede),
    }
}
