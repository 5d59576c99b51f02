//! Pages for people. HTML only: what may be done and what is true comes from `pharos-service`.
//!
//! No script at all: every form is a plain POST that ends in a redirect, or shows itself again with
//! what is wrong. Everything printed is escaped. The routes are one table, in `routes.rs`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use pharos_service::App;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod assets;
mod behind;
mod components;
mod facts;
mod forms;
mod frame;
mod oops;
mod pages;
mod routes;
mod security;
mod serve;
mod sheet;
mod state;
mod uploads;
mod words;

pub use facts::{NetworkFacts, PacFile, PacWriter, ProxyName, TrustSteps};
pub use pages::case::CASE_FORMS;
pub use routes::{ROUTES, Route, WhoMay};
pub use serve::Limits;

/// How the pages are served.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether people come over HTTPS, so that cookies are sent over nothing else.
    pub secure_cookies: bool,
    /// The web servers in front of the pages, if any: what they say of where a request came from
    /// (`X-Forwarded-For`) is believed.
    pub behind: Vec<IpAddr>,
    /// Addresses of the filter itself. A request from one of them came through its proxy, and says
    /// nothing of the device behind it.
    pub own: Vec<IpAddr>,
    /// What devices need to know of the network.
    pub network: NetworkFacts,
    /// Tries the faces for the self-check; `None` leaves the button out.
    pub prober: Option<Arc<dyn pharos_service::Prober>>,
    /// Bounds of what clients may hold open.
    pub limits: Limits,
}

impl Config {
    /// The pages at this address, over plain HTTP, with nothing in front of them.
    pub fn new(listen: SocketAddr, network: NetworkFacts) -> Self {
        Self {
            listen,
            secure_cookies: false,
            behind: Vec::new(),
            own: Vec::new(),
            network,
            prober: None,
            limits: Limits::default(),
        }
    }
}

/// Pages being served.
#[derive(Debug)]
pub struct Running {
    /// The address bound.
    pub address: SocketAddr,
    /// Ends once the token is cancelled and the answers under way are given.
    pub join: JoinHandle<()>,
}

/// Serves the pages until the token is cancelled.
///
/// # Errors
/// When the address cannot be bound.
pub async fn start(config: Config, app: App, stop: CancellationToken) -> io::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let behind = behind::Behind::new(&config.behind);
    let limits = config.limits;
    let pages = router(app, config);
    let join = tokio::spawn(serve::serve(listener, pages, behind, limits, stop));
    Ok(Running { address, join })
}

/// All pages, guarded; for [`start`] and for tests. Every request must carry the address it came
/// from (`ConnectInfo<SocketAddr>`).
pub fn router(app: App, config: Config) -> Router {
    let web = state::Web {
        app,
        secure_cookies: config.secure_cookies,
        behind: Arc::new(behind::Behind::new(&config.behind)),
        own: Arc::from(config.own),
        network: Arc::new(config.network),
        uploads: Arc::default(),
        prober: config.prober,
    };
    security::guard(routes::router()).with_state(web)
}
