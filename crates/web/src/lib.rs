//! Pages for people. HTML only: what may be done and what is true comes from `pharos-service`.
//!
//! No script at all: every form is a plain POST that ends in a redirect, or shows itself again with
//! what is wrong. Everything printed is escaped. The routes are one table, in `routes.rs`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use pharos_service::App;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod assets;
mod components;
mod facts;
mod forms;
mod frame;
mod oops;
mod pages;
mod routes;
mod security;
mod sheet;
mod state;
mod uploads;
mod words;

pub use facts::{NetworkFacts, TrustSteps};
pub use routes::{ROUTES, Route, WhoMay};

/// How the pages are served.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether people come over HTTPS, so that cookies are sent over nothing else.
    pub secure_cookies: bool,
    /// What devices need to know of the network.
    pub network: NetworkFacts,
    /// Tries the faces for the self-check; `None` leaves the button out.
    pub prober: Option<Arc<dyn pharos_service::Prober>>,
}

/// Pages being served.
#[derive(Debug)]
pub struct Running {
    /// The address bound.
    pub address: SocketAddr,
    /// Ends once the token is cancelled and the answers under way are given.
    pub join: JoinHandle<io::Result<()>>,
}

/// Serves the pages until the token is cancelled.
///
/// # Errors
/// When the address cannot be bound.
pub async fn start(config: Config, app: App, stop: CancellationToken) -> io::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let service = router(app, config.secure_cookies, config.network, config.prober)
        .into_make_service_with_connect_info::<SocketAddr>();
    let join = tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    });
    Ok(Running { address, join })
}

/// All pages, guarded; for [`start`] and for tests. Every request must carry the address it came
/// from (`ConnectInfo<SocketAddr>`).
pub fn router(
    app: App,
    secure_cookies: bool,
    network: NetworkFacts,
    prober: Option<Arc<dyn pharos_service::Prober>>,
) -> Router {
    let web = state::Web {
        app,
        secure_cookies,
        network: Arc::new(network),
        uploads: Arc::default(),
        prober,
    };
    security::guard(routes::router()).with_state(web)
}
