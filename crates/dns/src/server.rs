//! Sockets, threads, start and end.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use pharos_activity::Sink;
use pharos_catalogue::Upstream;
use pharos_filter::Filter;
use rustls::ClientConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::acts::Acts;
use crate::cache::{Cache, Clock};
use crate::compose::Refusals;
use crate::config::DnsConfig;
use crate::cookie::Jar;
use crate::counts::{Counts, Tally, add};
use crate::encrypted::{self, acceptor};
use crate::forward::{UpstreamHealth, Upstreams};
use crate::special::{Designated, Special};
use crate::tcp::Open;
use crate::worker::{Networks, Shared, Worker};
use crate::{doh, tcp, udp};

/// Kernel buffer for datagrams not yet read: rides out a burst at the start of a lesson.
const RECEIVE_BUFFER: usize = 4 << 20;
const BACKLOG: i32 = 256;
/// How soon a worker without questions lets go of lists that are no longer in force.
const KEEP_UP: Duration = Duration::from_secs(1);
/// How long questions under way may still be answered after the end was asked for.
const GRACE: Duration = Duration::from_millis(1_500);
/// Tries to find one free port for both UDP and TCP where the port is 0.
const PORT_TRIES: usize = 16;

/// A resolver that is answering.
pub struct Running {
    addresses: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    tallies: Vec<Arc<Tally>>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.addresses)
            .field("tls", &self.tls)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// The addresses answered on, UDP and TCP, in the order of [`DnsConfig::listen`]; a port that was 0
    /// is the real one here.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses answered on over TLS, in the order of [`crate::Encrypted::tls`].
    pub fn tls(&self) -> &[SocketAddr] {
        &self.tls
    }

    /// The addresses answered on over HTTPS, in the order of [`crate::Encrypted::https`].
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.tallies)
    }

    /// A reader of the counts that outlives [`Running::join`].
    pub fn counter(&self) -> impl Fn() -> Counts + Send + Sync + use<> {
        let tallies = self.tallies.clone();
        move || Counts::of(&tallies)
    }

    /// A reader of how the upstreams are doing that outlives [`Running::join`].
    pub fn health(&self) -> impl Fn() -> Vec<UpstreamHealth> + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.upstreams.load().health()
    }

    /// A way to have others asked from now on, with how the certificates of those over TLS and HTTPS
    /// are checked ([`DnsConfig::upstreams`], [`DnsConfig::upstream_tls`]). Questions under way are
    /// still answered by those before; what is remembered stays. It outlives [`Running::join`].
    pub fn changer(&self) -> impl Fn(&[Upstream], Option<Arc<ClientConfig>>) + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move |upstreams, tls| {
            let upstreams = Upstreams::new(upstreams, tls);
            shared.upstreams.store(Arc::new(upstreams));
            shared.cache.forget_failures();
        }
    }

    /// Waits until the token given at start was cancelled and every worker has ended.
    pub async fn join(mut self) {
        while self.ended.recv().await.is_some() {}
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a DNS worker ended with a fault");
            }
        }
    }
}

/// Binds the addresses and starts answering. Needs no async runtime of the caller: each worker is a
/// thread with its own.
///
/// Until `filter` has a snapshot in force, every question that is not about a local name is
/// answered SERVFAIL with Extended DNS Error 14 (FIL-17).
///
/// # Errors
/// An address that cannot be bound, with the address in the message; no address at all.
pub fn start(
    config: DnsConfig,
    filter: Arc<Filter>,
    sink: Arc<dyn Sink>,
    stop: CancellationToken,
) -> io::Result<Running> {
    if config.listen.is_empty() {
        let what = "the DNS face has no address to listen on; give it one, such as 127.0.0.1:5300";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let workers = match config.limits.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let mut doors: Vec<Doors> = (0..workers).map(|_| Doors::default()).collect();
    let mut addresses = Vec::new();
    for address in &config.listen {
        let pairs = bind(*address, workers)?;
        addresses.push(pairs[0].udp.local_addr()?);
        for (mine, pair) in doors.iter_mut().zip(pairs) {
            mine.plain.push(pair);
        }
    }
    let (mut tls, mut https) = (Vec::new(), Vec::new());
    if let Some(encrypted) = &config.encrypted {
        let dot = acceptor(&encrypted.certificate, &["dot"])?;
        let doh = acceptor(&encrypted.certificate, &["h2", "http/1.1"])?;
        for address in &encrypted.tls {
            tls.push(listeners(*address, &mut doors, |mine, listener| {
                mine.tls.push((listener, dot.clone()));
            })?);
        }
        for address in &encrypted.https {
            https.push(listeners(*address, &mut doors, |mine, listener| {
                mine.https.push((listener, doh.clone()));
            })?);
        }
    }
    let designated = config
        .encrypted
        .as_ref()
        .map(|encrypted| Designated::new(&encrypted.name, &tls, &https));
    let upstreams = Upstreams::new(&config.upstreams, config.upstream_tls.clone());
    let shared = Arc::new(Shared {
        cache: Cache::new(&config.limits),
        upstreams: ArcSwap::from_pointee(upstreams),
        special: Special::new(&config.local_names, designated.flatten()),
        refusals: Refusals::new(&config),
        own: Networks::new(&config.clients),
        clock: Clock::start(),
        jar: Jar::new().map_err(|_| io::Error::other("the system gives no random numbers"))?,
        config,
        filter,
        sink,
        acts: Acts::default(),
    });
    let (ends, ended) = mpsc::channel(1);
    let mut running = Running {
        addresses,
        tls,
        https,
        tallies: Vec::new(),
        shared: Arc::clone(&shared),
        threads: Vec::new(),
        ended,
    };
    for (number, mine) in doors.into_iter().enumerate() {
        let tally = Arc::new(Tally::default());
        running.tallies.push(Arc::clone(&tally));
        let (shared, stop, ends) = (Arc::clone(&shared), stop.clone(), ends.clone());
        let thread = std::thread::Builder::new()
            .name(format!("dns-{number}"))
            .spawn(move || {
                watch(&mine, &shared, &tally, &stop);
                drop(ends);
            })?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// One worker's sockets.
#[derive(Default)]
struct Doors {
    plain: Vec<Pair>,
    tls: Vec<(TcpListener, TlsAcceptor)>,
    https: Vec<(TcpListener, TlsAcceptor)>,
}

/// One worker's sockets for one address.
struct Pair {
    udp: UdpSocket,
    tcp: TcpListener,
}

fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<Pair>> {
    let explain = |error: io::Error| {
        let what = format!(
            "cannot answer DNS on {address}: {error}; is another resolver running there, or is the \
             port below 1024 without the right to bind it?"
        );
        io::Error::new(error.kind(), what)
    };
    let mut last = None;
    for _ in 0..if address.port() == 0 { PORT_TRIES } else { 1 } {
        match bind_all(address, workers) {
            Ok(pairs) => return Ok(pairs),
            Err(error) => last = Some(error),
        }
    }
    Err(explain(
        last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()),
    ))
}

/// Binds one address for every worker; gives it with its real port.
fn listeners(
    address: SocketAddr,
    doors: &mut [Doors],
    mut give: impl FnMut(&mut Doors, TcpListener),
) -> io::Result<SocketAddr> {
    let explain = |error: io::Error| {
        let what = format!("cannot answer encrypted DNS on {address}: {error}");
        io::Error::new(error.kind(), what)
    };
    let mut bind = || {
        // As in `bind_all`: first see that nobody has it.
        let alone = socket(address, Type::STREAM, false)?;
        let real = alone.local_addr()?.as_socket().unwrap_or(address);
        drop(alone);
        for mine in &mut *doors {
            let listener = socket(real, Type::STREAM, true)?;
            listener.listen(BACKLOG)?;
            give(mine, listener.into());
        }
        Ok(real)
    };
    bind().map_err(explain)
}

fn bind_all(address: SocketAddr, workers: usize) -> io::Result<Vec<Pair>> {
    // Sharing a port would silently share it with a second server of the same user, too: first see
    // that nobody has it.
    let alone = socket(address, Type::DGRAM, false)?;
    let address: SocketAddr = SocketAddr::new(
        address.ip(),
        alone
            .local_addr()?
            .as_socket()
            .map_or(address.port(), |bound| bound.port()),
    );
    drop(socket(address, Type::STREAM, false)?);
    drop(alone);
    let pair = |_| {
        let udp = socket(address, Type::DGRAM, true)?;
        // Best effort: the kernel holds it to its own limit.
        let _ = udp.set_recv_buffer_size(RECEIVE_BUFFER);
        let tcp = socket(address, Type::STREAM, true)?;
        tcp.listen(BACKLOG)?;
        Ok(Pair {
            udp: udp.into(),
            tcp: tcp.into(),
        })
    };
    (0..workers).map(pair).collect()
}

fn socket(address: SocketAddr, kind: Type, share: bool) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM {
        Protocol::UDP
    } else {
        Protocol::TCP
    };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    if address.is_ipv6() {
        // `0.0.0.0` and `[::]` can then stand side by side in the settings.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Runs one worker; a fault in the program costs the questions under way, never the service.
fn watch(doors: &Doors, shared: &Arc<Shared>, tally: &Arc<Tally>, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match catch_unwind(AssertUnwindSafe(|| run(doors, shared, tally, stop))) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::error!(%error, "a DNS worker could not start; trying again");
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(_) => tracing::error!("a DNS worker met a fault in the program; starting it again"),
        }
        add(&tally.worker_restarts);
    }
}

fn run(
    doors: &Doors,
    shared: &Arc<Shared>,
    tally: &Arc<Tally>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rc = Rc::new(RefCell::new(Worker::new(
        Arc::clone(shared),
        Arc::clone(tally),
    )));
    LocalSet::new().block_on(&runtime, async {
        let open: Open = Rc::default();
        let mut serving = Vec::new();
        for pair in &doors.plain {
            let udp = Rc::new(udp::Door::new(pair.udp.try_clone()?)?);
            serving.push(spawn_local(udp::serve(udp, Rc::clone(&rc))));
            let tcp = tokio::net::TcpListener::from_std(pair.tcp.try_clone()?)?;
            let (rc, open) = (Rc::clone(&rc), Rc::clone(&open));
            serving.push(spawn_local(tcp::listen(tcp, rc, open, tcp::plain)));
        }
        let taken =
            |listener: &TcpListener| tokio::net::TcpListener::from_std(listener.try_clone()?);
        for (listener, acceptor) in &doors.tls {
            let (rc, open) = (Rc::clone(&rc), Rc::clone(&open));
            let serve = encrypted::dot;
            let listening = encrypted::listen(taken(listener)?, acceptor.clone(), rc, open, serve);
            serving.push(spawn_local(listening));
        }
        for (listener, acceptor) in &doors.https {
            let (rc, open) = (Rc::clone(&rc), Rc::clone(&open));
            let serve = doh::serve;
            let listening = encrypted::listen(taken(listener)?, acceptor.clone(), rc, open, serve);
            serving.push(spawn_local(listening));
        }
        serving.push(spawn_local(keep_up(Rc::clone(&rc))));
        let fault = tokio::select! {
            () = stop.cancelled() => false,
            () = any_ended(&mut serving) => true,
        };
        for task in &serving {
            task.abort();
        }
        if fault {
            return Err(io::Error::other("a listener ended by itself"));
        }
        let landed = async {
            while !rc.borrow().flights.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Those still under way after the grace time are answered by the next resolver.
        let _ = tokio::time::timeout(GRACE, landed).await;
        Ok(())
    })
}

/// Lets go of a snapshot that is no longer in force, also while nobody asks: lists are large.
async fn keep_up(rc: Rc<RefCell<Worker>>) {
    loop {
        tokio::time::sleep(KEEP_UP).await;
        let mut worker = rc.borrow_mut();
        let now = worker.shared.clock.now();
        worker.in_force(now);
    }
}

/// Returns when a listener task has ended, which only a fault in the program can cause.
async fn any_ended(serving: &mut [tokio::task::JoinHandle<()>]) {
    std::future::poll_fn(|context| {
        let ended = serving
            .iter_mut()
            .any(|task| std::future::Future::poll(std::pin::Pin::new(task), context).is_ready());
        if ended {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
