//! Starting, listening, stopping: one thread with its own runtime per worker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::hmac;
use http::header::HeaderValue;
use pharos_activity::{BlockDesk, Sink};
use pharos_filter::Filter;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::block_page;
use crate::config::ProxyConfig;
use crate::connection::{Client, serve};
use crate::counts::{Counts, Figures, add};
use crate::doors::Doors;
use crate::download::{self, Scanner};
use crate::failure::Failure;
use crate::go_on::GoOn;
use crate::identity::{Identity, SignIn};
use crate::known_texts::KnownTexts;
use crate::mint::Mint;
use crate::origin::Origins;
use crate::pages::Pages;
use crate::pins::{Pins, Proposal};
use crate::pool::Pool;
use crate::resolve::Names;
use crate::splice::Pipes;
use crate::strangers::{Stranger, Strangers};
use crate::transparent::{self, Way};

/// Connections waiting to be accepted.
const BACKLOG: i32 = 1024;
/// How long answers under way may go on when the proxy stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often unused origin connections are looked through.
const SWEEP: Duration = Duration::from_secs(15);

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 58\r\nRetry-After: 5\r\nConnection: close\r\n\r\nThe web filter has too many open connections. Try again.\r\n";

/// Everything that workers share.
pub(crate) struct Shared {
    pub(crate) config: Arc<ProxyConfig>,
    pub(crate) filter: Arc<Filter>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) desk: Arc<dyn BlockDesk>,
    pub(crate) identity: Identity,
    pub(crate) mint: Option<Mint>,
    pub(crate) origins: Origins,
    pub(crate) pages: Pages,
    pub(crate) go_on: GoOn,
    pub(crate) counts: Counts,
    pub(crate) pins: Pins,
    /// Texts that need not be read again.
    pub(crate) known_texts: KnownTexts,
    pub(crate) strangers: Strangers,
    /// Memory for files that are held back, in pieces.
    pub(crate) scan_memory: Arc<Semaphore>,
    /// How the anti-virus engine does.
    pub(crate) scanner: Scanner,
    /// This process's name in `Via`, by which it knows its own requests again.
    pub(crate) mark: String,
    pub(crate) via: HeaderValue,
    pub(crate) refusal_path: Arc<str>,
    doors: Arc<Doors>,
}

/// One worker's part.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) pipes: Arc<Pipes>,
    pub(crate) stop: CancellationToken,
}

/// The running proxy.
pub struct Running {
    addresses: Vec<SocketAddr>,
    block_pages: Vec<SocketAddr>,
    workers: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

/// Starts the proxy: binds its addresses, starts its workers, returns at once. Until the filter
/// has its first snapshot every request is answered "the filter is starting" (FIL-17).
///
/// # Errors
/// When an address cannot be bound (also when another server already listens there), when the
/// certificate authority cannot be used, or when the system gives no random bytes or threads.
pub fn start(
    config: ProxyConfig,
    filter: Arc<Filter>,
    sink: Arc<dyn Sink>,
    desk: Arc<dyn BlockDesk>,
    sign_in: Arc<dyn SignIn>,
    stop: CancellationToken,
) -> io::Result<Running> {
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some.min(256),
    };
    let shared = Arc::new(Shared::new(config, filter, sink, desk, sign_in)?);
    let (mut addresses, listeners) = bind_all(&shared.config, workers)?;
    shared.origins.set_own(addresses.clone());
    let block_pages = addresses.split_off(addresses.len() - shared.config.block_pages.len());
    let workers = listeners
        .into_iter()
        .enumerate()
        .map(|(number, listeners)| start_worker(number, listeners, &shared, &stop))
        .collect::<io::Result<Vec<_>>>()?;
    tracing::info!(
        ?addresses,
        ?block_pages,
        workers = workers.len(),
        "the proxy is listening"
    );
    Ok(Running {
        addresses,
        block_pages,
        workers,
        shared,
        stop,
    })
}

impl Running {
    /// Where the proxy listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the block page listens for names that the resolver blocks.
    pub fn block_pages(&self) -> &[SocketAddr] {
        &self.block_pages
    }

    /// What it has counted since it started.
    pub fn figures(&self) -> Figures {
        self.shared.counts.figures()
    }

    /// What the running proxy can tell, for as long as it is asked.
    pub fn view(&self) -> View {
        View(Arc::clone(&self.shared))
    }

    /// Waits until every worker has ended; they end when the token given at the start is
    /// cancelled. Blocks the calling thread.
    pub fn join(self) {
        for worker in self.workers {
            if worker.join().is_err() {
                tracing::error!("a proxy worker ended with a panic");
            }
        }
    }

    /// [`Running::join`] for async callers.
    pub async fn wait(self) {
        if tokio::task::spawn_blocking(move || self.join())
            .await
            .is_err()
        {
            tracing::error!("waiting for the proxy's workers was cut off");
        }
    }

    /// Stops the proxy and waits, at most a few seconds.
    pub fn stop(self) {
        self.stop.cancel();
        self.join();
    }
}

/// What a running proxy can tell about itself.
#[derive(Clone)]
pub struct View(Arc<Shared>);

impl View {
    /// What it has counted since it started.
    pub fn figures(&self) -> Figures {
        self.0.counts.figures()
    }

    /// Whether the anti-virus engine did not answer when it was last asked (FIL-19).
    pub fn scanner_is_away(&self) -> bool {
        self.0.scanner.away()
    }

    /// Has this one find origins from now on, or the system's resolvers where none is given.
    pub fn ask_names(&self, names: Option<Arc<dyn Names>>) {
        self.0.origins.ask_names(names);
    }

    /// Hosts that could not be looked into several times: people may decide to leave them alone.
    pub fn proposals(&self) -> Vec<Proposal> {
        self.0.pins.proposals()
    }

    /// Browsers that are not permitted and were seen since the start, the last seen first (FIL-16).
    pub fn strangers(&self) -> Vec<Stranger> {
        self.0.strangers.all()
    }
}

impl Shared {
    fn new(
        config: ProxyConfig,
        filter: Arc<Filter>,
        sink: Arc<dyn Sink>,
        desk: Arc<dyn BlockDesk>,
        sign_in: Arc<dyn SignIn>,
    ) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = Arc::new(config);
        let mint = match &config.authority {
            Some(authority) => Some(
                Mint::new(
                    Arc::clone(authority),
                    Arc::clone(&provider),
                    config.limits.minted,
                )
                .map_err(io::Error::other)?,
            ),
            None => None,
        };
        let mark = format!("pharos-{}", hex(&random::<8>()?));
        Ok(Self {
            identity: Identity::new(config.sign_in, sign_in, key()?, &config.limits),
            origins: Origins::new(Arc::clone(&config), provider)?,
            pages: Pages::new(config.words.clone(), &config.web),
            go_on: GoOn::new(key()?),
            counts: Counts::default(),
            pins: Pins::default(),
            known_texts: KnownTexts::new(&random()?, config.limits.known_texts)
                .map_err(io::Error::other)?,
            strangers: Strangers::default(),
            scan_memory: Arc::new(Semaphore::new(config.limits.scan_memory / download::PIECE)),
            scanner: Scanner::default(),
            via: HeaderValue::from_str(&format!("1.1 {mark}")).map_err(io::Error::other)?,
            mark,
            refusal_path: format!("/refused-{}", hex(&random::<16>()?)).into(),
            doors: Arc::default(),
            config,
            filter,
            sink,
            desk,
            mint,
        })
    }

    /// Counts a failure under whose fault it is.
    pub(crate) fn count(&self, failure: Failure) {
        match failure {
            Failure::Certificate(_) => add(&self.counts.bad_certificates),
            Failure::Itself | Failure::Loop => add(&self.counts.loops),
            Failure::BrokenRequest => add(&self.counts.refused_requests),
            _ if failure.is_origins() => add(&self.counts.origin_failures),
            _ => {}
        }
        tracing::debug!(code = failure.code(), "a request failed");
    }
}

fn start_worker(
    number: usize,
    listeners: Vec<Listening>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> io::Result<JoinHandle<()>> {
    let limits = &shared.config.limits;
    let worker = Arc::new(Worker {
        shared: Arc::clone(shared),
        pool: Pool::new(limits.pool_per_origin, limits.pool, limits.pool_idle),
        pipes: Pipes::new(limits.pipes),
        stop: stop.clone(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name(format!("proxy-{number}"))
        .spawn(move || {
            runtime.block_on(work(worker, listeners));
            runtime.shutdown_background();
        })
}

async fn work(worker: Arc<Worker>, listeners: Vec<Listening>) {
    let tasks = TaskTracker::new();
    for (listener, way) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let accepting = accept_all(Arc::clone(&worker), listener, way, tasks.clone());
                drop(tasks.spawn(accepting));
            }
            Err(error) => tracing::error!(%error, "a listening socket could not be used"),
        }
    }
    loop {
        tokio::select! {
            () = worker.stop.cancelled() => break,
            () = tokio::time::sleep(SWEEP) => worker.pool.sweep(),
        }
    }
    tasks.close();
    if tokio::time::timeout(LAST_WORDS, tasks.wait())
        .await
        .is_err()
    {
        tracing::debug!("connections still open are cut off");
    }
}

async fn accept_all(worker: Arc<Worker>, listener: TcpListener, way: Way, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = worker.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => take(&worker, stream, from, way, &tasks),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn take(worker: &Arc<Worker>, stream: TcpStream, from: SocketAddr, way: Way, tasks: &TaskTracker) {
    let shared = &worker.shared;
    let ip = from.ip().to_canonical();
    add(&shared.counts.connections);
    let (limits, made_room) = (&shared.config.limits, &shared.counts.made_room);
    let Some(door) = shared.doors.open(ip, limits, made_room) else {
        add(&shared.counts.turned_away);
        if way == Way::Told {
            // One try: a connection too many gets no more of our time than this.
            let _ = stream.try_write(TURNED_AWAY);
        }
        return;
    };
    let _ = stream.set_nodelay(true);
    if way == Way::BlockPage {
        tasks.spawn(block_page::take(Arc::clone(worker), stream, ip, door));
        return;
    }
    let door = Arc::new(door);
    if way == Way::Told {
        let client = Client::new(worker, ip, None, Some(door));
        tasks.spawn(serve(client, stream));
        return;
    }
    match way.meant(&stream) {
        Ok(Some(meant)) => {
            let worker = Arc::clone(worker);
            tasks.spawn(transparent::take(worker, stream, from, meant, door));
        }
        // Somebody has asked this very address: there is nothing to be had here.
        Ok(None) => add(&shared.counts.loops),
        Err(error) => {
            add(&shared.counts.misdirected);
            tracing::warn!(%error, "the kernel does not say whom a connection was for; is it sent here by `pharos network rules`?");
        }
    }
}

/// A listening socket and how connections come to it.
type Listening = (std::net::TcpListener, Way);

/// The addresses bound and, for each worker, its listeners.
type Bound = (Vec<SocketAddr>, Vec<Vec<Listening>>);

/// Binds every address once per worker. Workers share an address by `SO_REUSEPORT`; a first
/// binding without it finds out whether another server is there already.
fn bind_all(config: &ProxyConfig, workers: usize) -> io::Result<Bound> {
    let told = config.listen.iter().map(|address| (*address, Way::Told));
    let unasked = config.transparent.iter().map(|unasked| {
        let way = if unasked.tproxy {
            Way::Tproxy
        } else {
            Way::Redirect
        };
        (unasked.listen, way)
    });
    let block_pages = config.block_pages.iter().map(|at| (*at, Way::BlockPage));
    let mut addresses = Vec::new();
    let mut listeners: Vec<Vec<Listening>> = (0..workers).map(|_| Vec::new()).collect();
    for (address, way) in told.chain(unasked).chain(block_pages) {
        let probe = bind(address, way, false).map_err(|error| {
            let hint = match (way, error.kind()) {
                (Way::Tproxy, io::ErrorKind::PermissionDenied) => {
                    "TPROXY needs the capability CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)"
                }
                (_, io::ErrorKind::PermissionDenied) => {
                    "a port below 1024 needs the capability CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
                }
                _ => "is another server there? choose another address with --proxy, --transparent or --block-page",
            };
            io::Error::new(error.kind(), format!("the proxy cannot listen on {address}: {error}; {hint}"))
        })?;
        let address = probe.local_addr()?;
        addresses.push(address);
        if workers == 1 {
            listeners[0].push((probe, way));
            continue;
        }
        drop(probe);
        for mine in &mut listeners {
            mine.push((bind(address, way, true)?, way));
        }
    }
    Ok((addresses, listeners))
}

fn bind(address: SocketAddr, way: Way, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if way != Way::Told && address.is_ipv6() {
        // Each kind of address has its own socket: the kernel tells them whom connections were for
        // in different words.
        socket.set_only_v6(true)?;
    }
    if way == Way::Tproxy {
        if address.is_ipv4() {
            socket.set_ip_transparent_v4(true)?;
        } else {
            socket.set_ip_transparent_v6(true)?;
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| io::Error::other("the operating system gave no random bytes"))?;
    Ok(bytes)
}

fn key() -> io::Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
