//! One worker: everything a thread needs to answer, and the one synchronous step from datagram to
//! verdict.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::Timestamp;
use pharos_activity::Sink;
use pharos_filter::engines::Rewrite;
use pharos_filter::shield::WayRound;
use pharos_filter::{Filter, Snapshot};
use pharos_policy::{Action, Decision};
use pharos_school::Who;

use crate::acts::Acts;
use crate::again::{Led, again};
use crate::askers::{Asker, Askers};
use crate::cache::{Cache, Clock, Entry, Found, Moment};
use crate::compose::{Refusals, Turn, blocked, conclude, given, plain};
use crate::config::DnsConfig;
use crate::cookie::Jar;
use crate::counts::{Tally, add};
use crate::forward::{Flights, Lines, Upstreams};
use crate::gate::{self, Asking, Decided};
use crate::names::{InForce, Known, Names, Ruling};
use crate::rates::{Allowance, Rates};
use crate::says::{JUST_FAILED, NARROWED, NO_UPSTREAM, NOT_READY, OUTSIDE, STALE, UNDECIDABLE};
use crate::special::{Local, Special};
use crate::wire::{Asked, Bytes, Ede, Fit, Name, Reject, Reply, code, name, parse, refuse_raw};

/// Networks as masks and what they leave.
pub(crate) struct Networks {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    pub(crate) fn new(all: &[IpNet]) -> Self {
        let v4 = all.iter().filter_map(|net| match net {
            IpNet::V4(net) => Some((net.netmask().to_bits(), net.network().to_bits())),
            IpNet::V6(_) => None,
        });
        let v6 = all.iter().filter_map(|net| match net {
            IpNet::V6(net) => Some((net.netmask().to_bits(), net.network().to_bits())),
            IpNet::V4(_) => None,
        });
        Self {
            v4: v4.collect(),
            v6: v6.collect(),
        }
    }

    fn hold(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => {
                let ip = ip.to_bits();
                self.v4.iter().any(|(mask, net)| ip & mask == *net)
            }
            IpAddr::V6(ip) => {
                let ip = ip.to_bits();
                self.v6.iter().any(|(mask, net)| ip & mask == *net)
            }
        }
    }
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) config: DnsConfig,
    /// [`DnsConfig::clients`], ready to be compared with.
    pub(crate) own: Networks,
    pub(crate) filter: Arc<Filter>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) acts: Acts,
    pub(crate) cache: Cache,
    /// Whom to ask from now on.
    pub(crate) upstreams: ArcSwap<Upstreams>,
    pub(crate) special: Special,
    pub(crate) refusals: Refusals,
    pub(crate) clock: Clock,
    pub(crate) jar: Jar,
}

impl Shared {
    /// Whether an address may ask without more ado.
    fn serves(&self, ip: IpAddr) -> bool {
        self.own.hold(ip)
    }
}

/// A stretch of time in which nothing in a policy begins or ends.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    number: u64,
    from: Timestamp,
    until: Timestamp,
}

/// One thread's own part.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tally: Arc<Tally>,
    /// The answer being written; used again and again.
    pub(crate) out: Vec<u8>,
    pub(crate) flights: Flights,
    /// The snapshot decided by, kept between questions as long as it is in force.
    snapshot: Option<InForce>,
    /// Those that no longer are, and that a question under way is still decided by.
    gone: Vec<InForce>,
    /// When that was last looked at: questions that came in one go are decided by one snapshot.
    looked_at: Timestamp,
    /// The stretch of time in which it decides alike for alike.
    stretch: Stretch,
    /// Names asked lately.
    pub(crate) names: Names,
    /// Who asked lately.
    askers: Askers,
    /// The ruling made last: most are the same few, and share one.
    latest: Option<Rc<Ruling>>,
    rates: Rates,
    /// Ways to the upstreams, as they were when last asked.
    lines: Rc<Lines>,
    /// Popular answers near their end, to be fetched again when this batch is done.
    pub(crate) renewals: Vec<Bytes>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, tally: Arc<Tally>) -> Self {
        Self {
            rates: Rates::new(&shared.config.limits),
            lines: Rc::new(Lines::new(shared.upstreams.load_full())),
            shared,
            tally,
            out: Vec::with_capacity(4_096),
            flights: Flights::default(),
            snapshot: None,
            gone: Vec::new(),
            looked_at: Timestamp::MIN,
            stretch: Stretch {
                number: 0,
                from: Timestamp::MAX,
                until: Timestamp::MAX,
            },
            names: Names::default(),
            askers: Askers::default(),
            latest: None,
            renewals: Vec::new(),
        }
    }

    /// The ways to the upstreams: new ones where others are to be asked than before.
    pub(crate) fn lines(&mut self) -> Rc<Lines> {
        let now = self.shared.upstreams.load();
        if !Arc::ptr_eq(&now, self.lines.upstreams()) {
            self.lines = Rc::new(Lines::new(Arc::clone(&now)));
        }
        Rc::clone(&self.lines)
    }

    /// The snapshot in force; lets go of one that no longer is.
    pub(crate) fn in_force(&mut self, now: Moment) -> Option<InForce> {
        if !self.gone.is_empty() {
            self.let_go();
        }
        match &self.snapshot {
            Some(_) if self.looked_at == now.wall => {}
            Some(snapshot) if self.shared.filter.is_in_force(snapshot) => {
                self.looked_at = now.wall;
            }
            _ => {
                // Without a snapshot there is nothing to forget.
                if let Some(before) = self.snapshot.take() {
                    self.begin_anew(before);
                }
                self.snapshot = self.shared.filter.snapshot().ok().map(Rc::new);
            }
        }
        self.snapshot.clone()
    }

    /// Finds nothing any more of what was found out under a snapshot.
    fn begin_anew(&mut self, before: InForce) {
        self.names.begin_anew();
        self.askers.begin_anew();
        self.latest = None;
        self.stretch.until = Timestamp::MIN;
        self.gone.push(before);
        self.let_go();
    }

    /// Lets go of the snapshots that no question under way is decided by any more. Freeing lists takes
    /// longer than hundreds of answers: a thread of its own does it.
    fn let_go(&mut self) {
        let done = |one: &mut InForce| Rc::strong_count(one) == 1;
        for one in self.gone.extract_if(.., done) {
            if let Some(last) = Rc::into_inner(one).and_then(Arc::into_inner) {
                let freeing = std::thread::Builder::new().name("dns-freeing".to_owned());
                // Without a thread to be had it is freed here.
                drop(freeing.spawn(move || drop(last)));
            }
        }
    }

    /// The number of the stretch of time in which questions are decided alike.
    fn stretch(&mut self, snapshot: &Snapshot, now: Timestamp) -> u64 {
        let stretch = &mut self.stretch;
        if !(stretch.from..stretch.until).contains(&now) {
            *stretch = Stretch {
                number: stretch.number + 1,
                from: now,
                until: snapshot.policy().steady_until(now),
            };
        }
        stretch.number
    }

    /// Who asks from an address.
    pub(crate) fn asker(&mut self, ip: IpAddr, snapshot: &Snapshot, now: Timestamp) -> Rc<Asker> {
        let Shared { filter, acts, .. } = &*self.shared;
        let from = (filter.addresses(), snapshot, &acts.marks);
        self.askers.find(ip, now, from)
    }

    /// When a question came, and its length.
    pub(crate) fn asking(&mut self, snapshot: &Snapshot, packet: &[u8], now: Moment) -> Asking {
        Asking {
            at: now.wall,
            stretch: self.stretch(snapshot, now.wall),
            bytes: packet.len(),
        }
    }

    /// A decision in the form it is remembered in.
    pub(crate) fn ruling(&mut self, decision: Decision, snapshot: &Snapshot) -> Rc<Ruling> {
        if let Some(latest) = &self.latest
            && latest.decision == decision
        {
            return Rc::clone(latest);
        }
        let mark = self.ruling_mark(decision.action, &decision.rule, snapshot);
        let ruling = Rc::new(Ruling { decision, mark });
        self.latest = Some(Rc::clone(&ruling));
        ruling
    }

    /// The part of an act's mark that is made by what was done and why.
    pub(crate) fn ruling_mark(&self, done: Action, rule: &str, snapshot: &Snapshot) -> u64 {
        let versions = snapshot.versions();
        let by = (versions.policy, versions.catalogue);
        self.shared.acts.marks.hash_one((done, rule, by))
    }
}

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
    Tls,
    Https,
}

impl Over {
    fn fit(self) -> Fit {
        match self {
            Over::Udp => Fit::Datagram,
            Over::Tcp => Fit::Stream,
            Over::Tls | Over::Https => Fit::Encrypted,
        }
    }
}

/// Where a question comes from.
pub(crate) struct Client {
    ip: IpAddr,
    over: Over,
    /// Who it is, where the device itself said so (FIL-15); it may then ask from anywhere.
    device: Option<Who>,
}

impl Client {
    pub(crate) fn new(ip: IpAddr, over: Over) -> Self {
        Self {
            ip: ip.to_canonical(),
            over,
            device: None,
        }
    }

    /// A device that carries its own identity.
    pub(crate) fn of_device(ip: IpAddr, over: Over, device: Who) -> Self {
        Self {
            device: Some(device),
            ..Self::new(ip, over)
        }
    }
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
    pub(crate) fit: Fit,
}

impl Pending {
    fn new(asked: Asked, decided: Decided, fetch: Bytes, alias: Option<Name>, fit: Fit) -> Self {
        Self {
            asked,
            decided,
            fetch,
            alias,
            stale: None,
            fit,
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
pub(crate) fn answer(worker: &mut Worker, packet: &[u8], client: Client, now: Moment) -> Verdict {
    let Client { ip, over, device } = client;
    add(match over {
        Over::Udp => &worker.tally.udp,
        Over::Tcp => &worker.tally.tcp,
        Over::Tls => &worker.tally.tls,
        Over::Https => &worker.tally.https,
    });
    let own = device.is_some() || worker.shared.serves(ip);
    let allowance = match over {
        Over::Udp => worker.rates.take(ip, own, now.ms),
        _ => Allowance::Left,
    };
    if allowance == Allowance::Spent {
        add(&worker.tally.limited);
        return Verdict::Silent;
    }
    let plain = own && device.is_none() && allowance == Allowance::Left;
    let met = match plain {
        true => match again(worker, packet, ip, over.fit(), now) {
            Led::ToAnswer => return Verdict::Reply,
            Led::Nowhere(met) => met,
        },
        false => None,
    };
    let mut asked = match parse(packet) {
        Ok(asked) => asked,
        Err(_) if allowance != Allowance::Left => {
            add(&worker.tally.limited);
            return Verdict::Silent;
        }
        Err(reject) => return rejected(worker, packet, reject),
    };
    let proven = bake(worker, &mut asked, ip, now);
    let fit = over.fit();
    if allowance == Allowance::Overdrawn {
        if !proven {
            return beyond(worker, &asked);
        }
        worker.rates.overdraw(ip, own);
    }
    if let Some(verdict) = turned_away(worker, &asked, own, fit) {
        return verdict;
    }
    let found = match met {
        Some(met) => Ok(met),
        None => find_name(worker, &asked, fit, now),
    };
    let (snapshot, known) = match found {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let asker = match device {
        Some(who) => Rc::new(Asker::new(who, ip, &snapshot, &worker.shared.acts.marks)),
        None => worker.asker(ip, &snapshot, now.wall),
    };
    let asking = worker.asking(&snapshot, packet, now);
    let mut decided = Decided::new(worker, snapshot, known, asker, asking);
    let turn = Turn {
        asked: &asked,
        fit,
        now,
    };
    match decided_answer(worker, turn, &mut decided) {
        Ok(done) => {
            decided.record(worker, done);
            Verdict::Reply
        }
        Err(missing) => {
            let Missing {
                fetch,
                alias,
                stale,
            } = *missing;
            let mut pending = Pending::new(asked, decided, fetch, alias, fit);
            pending.stale = stale;
            Verdict::Forward(Box::new(pending))
        }
    }
}

/// An answer that an upstream has to be asked for.
struct Missing {
    fetch: Bytes,
    alias: Option<Name>,
    stale: Option<Arc<Entry>>,
}

/// Puts the cookie into the answer where the client sent its own; whether it proved its address.
fn bake(worker: &Worker, asked: &mut Asked, ip: IpAddr, now: Moment) -> bool {
    let Some(cookie) = asked.edns.and_then(|edns| edns.cookie) else {
        return false;
    };
    // Serial number arithmetic (RFC 9018 section 4.3): only the lower 32 bits count.
    let now_s = now.wall.as_second() as u32;
    let jar = &worker.shared.jar;
    asked.server_cookie = Some(jar.make(cookie.client, ip, now_s));
    jar.proves(&cookie, ip, now_s)
}

/// A question beyond the allowance of a client whose address may be forged: nothing, or in turn a
/// short answer that a real client gets on with, never longer than the question by much.
fn beyond(worker: &mut Worker, asked: &Asked) -> Verdict {
    add(&worker.tally.limited);
    if !worker.rates.slips() {
        return Verdict::Silent;
    }
    add(&worker.tally.slipped);
    if asked.server_cookie.is_some() {
        Reply::new(&mut worker.out, asked, code::BADCOOKIE).finish(Fit::Datagram);
    } else {
        Reply::new(&mut worker.out, asked, code::NOERROR).over_tcp_please();
    }
    Verdict::Reply
}

/// What is remembered of a name, or is found out now; the verdict at once where it is not for the filter
/// to decide.
fn find_name(
    worker: &mut Worker,
    asked: &Asked,
    fit: Fit,
    now: Moment,
) -> Result<(InForce, Rc<Known>), Verdict> {
    let snapshot = worker.in_force(now);
    if let (Some(snapshot), Some(known)) = (&snapshot, worker.names.find(asked.name())) {
        return Ok((Rc::clone(snapshot), Rc::clone(known)));
    }
    if let Some(local) = worker.shared.special.answer(asked.name(), asked.kind) {
        return Err(local_answer(worker, asked, local, fit));
    }
    let Some(snapshot) = snapshot else {
        add(&worker.tally.not_ready);
        return Err(plain(worker, asked, code::SERVFAIL, Some(NOT_READY), fit));
    };
    match learn(worker, asked.name(), &snapshot) {
        Some(known) => Ok((snapshot, known)),
        None => Err(nameless(worker, asked, fit)),
    }
}

/// Looks a name up that is not remembered; `None` where no list can hold it.
pub(crate) fn learn(worker: &mut Worker, name: &[u8], snapshot: &Snapshot) -> Option<Rc<Known>> {
    let address = gate::address(name)?;
    let marks = &worker.shared.acts.marks;
    Some(worker.names.learn(name, address, snapshot, marks))
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
fn turned_away(worker: &mut Worker, asked: &Asked, own: bool, fit: Fit) -> Option<Verdict> {
    let refuse = |worker: &mut Worker, ede| {
        add(&worker.tally.refused);
        Some(plain(worker, asked, code::REFUSED, ede, fit))
    };
    if !own {
        return refuse(worker, Some(OUTSIDE));
    }
    match asked.kind {
        _ if asked.class != code::IN || !asked.recurse => refuse(worker, None),
        code::ANY => {
            add(&worker.tally.refused);
            Reply::new(&mut worker.out, asked, code::NOERROR)
                .any_is_refused(3_600)
                .finish(fit);
            Some(Verdict::Reply)
        }
        code::OPT | code::TKEY..=code::MAILA => refuse(worker, None),
        _ => None,
    }
}

fn local_answer(worker: &mut Worker, asked: &Asked, local: Local, fit: Fit) -> Verdict {
    add(&worker.tally.local);
    let Worker { shared, out, .. } = worker;
    let ttl = shared.config.limits.decided_ttl_s;
    match local {
        Local::Address(ip) => Reply::new(out, asked, code::NOERROR).address(ip, ttl),
        Local::Nothing => Reply::new(out, asked, code::NOERROR).negative_for(ttl),
        Local::NoSuchName => Reply::new(out, asked, code::NXDOMAIN).negative_for(ttl),
        Local::Designated => {
            let reply = Reply::new(out, asked, code::NOERROR);
            match &shared.special.designated {
                Some(own) => reply.records(&own.body, (own.count, 0), |_| {}),
                None => reply.negative_for(ttl),
            }
        }
    }
    .finish(fit);
    Verdict::Reply
}

/// The root, or a name no list could ever hold: nothing that a browser can visit.
fn nameless(worker: &mut Worker, asked: &Asked, fit: Fit) -> Verdict {
    add(&worker.tally.refused);
    plain(worker, asked, code::REFUSED, Some(UNDECIDABLE), fit)
}

/// Writes the answer and says what was done, or says what has to be asked for first.
fn decided_answer(
    worker: &mut Worker,
    turn: Turn<'_>,
    decided: &mut Decided,
) -> Result<Action, Box<Missing>> {
    let Turn { asked, fit, now } = turn;
    let way_round = decided.way_round();
    // Signals to a whole network are the same for everybody: an answer to one device's canary
    // would be an invitation.
    let signal = matches!(way_round, Some(WayRound::Canary | WayRound::Discovery));
    if signal || !decided.decision().action.passes() {
        return Ok(blocked(worker, turn, way_round));
    }
    let (target, fetch) = match decided.rewrite() {
        None => {
            if let Some(answer) = decided.known.fresh(asked.sort(), now) {
                add(&worker.tally.cache_hits);
                return Ok(given(worker, turn, decided, &answer));
            }
            let want = Want {
                key: &asked.key,
                alias: None,
            };
            return look_up(worker, turn, decided, want);
        }
        // HTTPS records of the real name would carry its own addresses and keys.
        Some(_) if !matches!(asked.kind, code::A | code::AAAA) => (None, None),
        Some(Rewrite::Address(ip)) => (Some(ip), None),
        Some(Rewrite::Name(target)) => (None, name::from_dotted(target)),
    };
    add(&worker.tally.narrowed);
    if let Some(target) = fetch {
        let want = Want {
            key: &asked.key_of(&target, asked.kind),
            alias: Some(&target),
        };
        return look_up(worker, turn, decided, want);
    }
    let ttl = worker.shared.config.limits.decided_ttl_s;
    let reply = Reply::new(&mut worker.out, asked, code::NOERROR);
    let reply = match target {
        Some(ip) if asked.kind == code::A => reply.address(ip.into(), ttl),
        _ => reply.negative_for(ttl),
    };
    reply.because(NARROWED).finish(fit);
    Ok(Action::Narrow)
}

/// What to look up: the question in the form of [`Asked::key`], and the name that the one asked for
/// is narrowed to, where it is.
#[derive(Clone, Copy)]
struct Want<'a> {
    key: &'a Bytes,
    alias: Option<&'a Name>,
}

/// From the cache at once, or from an upstream.
fn look_up(
    worker: &mut Worker,
    turn: Turn<'_>,
    decided: &mut Decided,
    want: Want<'_>,
) -> Result<Action, Box<Missing>> {
    let (Want { key, alias }, now) = (want, turn.now);
    let mut missing = Missing {
        fetch: Bytes::new(),
        alias: None,
        stale: None,
    };
    let shared = &worker.shared;
    match shared.cache.find(key, now) {
        Found::Fresh(entry) => {
            add(&worker.tally.cache_hits);
            let outcome = Outcome::Answer(entry);
            return Ok(conclude(worker, turn, decided, alias, &outcome));
        }
        Found::Stale(entry) => missing.stale = Some(entry),
        Found::Nothing => {}
    }
    let upstreams = shared.upstreams.load();
    let reason = if upstreams.is_empty() {
        add(&worker.tally.no_upstream);
        Some(NO_UPSTREAM)
    } else if shared.cache.failed_just_now(key, now) {
        Some(JUST_FAILED)
    } else if missing.stale.is_some() && upstreams.all_resting(now.ms) {
        Some(STALE)
    } else {
        None
    };
    match reason {
        None => {
            missing.fetch = Bytes::from_slice(key);
            missing.alias = alias.cloned();
            Err(Box::new(missing))
        }
        Some(ede) => {
            let outcome = without_upstream(missing.stale.as_ref(), ede);
            Ok(conclude(worker, turn, decided, alias, &outcome))
        }
    }
}

/// What is left when no upstream answers: the old answer, or the failure.
pub(crate) fn without_upstream(stale: Option<&Arc<Entry>>, ede: Ede) -> Outcome {
    match stale {
        Some(entry) => Outcome::Stale(Arc::clone(entry)),
        None => Outcome::Failed(ede),
    }
}

#[cfg(test)]
mod tests;
