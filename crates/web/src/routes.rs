//! Every route in one table: method, path, who may. Tests walk it as every role.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use pharos_access::Act;

use crate::pages as p;
use crate::state::Web;
use crate::uploads::UPLOAD_BYTES_MAX;
use WhoMay::{Anyone, May, SignedIn};

/// Whom a route is for. The use cases decide; this says what they decide for a role as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhoMay {
    /// Anybody, signed in or not.
    Anyone,
    /// Anybody signed in; what is shown follows from who it is.
    SignedIn,
    /// Those with a role that may do this.
    May(Act),
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with `{…}` for what varies.
    pub path: &'static str,
    /// Whom it is for.
    pub who: WhoMay,
}

/// A route that takes files.
fn upload<H: Handler<T, Web>, T: 'static>(handler: H) -> MethodRouter<Web> {
    post(handler).layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX + (1 << 20)))
}

macro_rules! routes {
    ($($method:ident $path:literal, $who:expr => $handler:expr;)+) => {
        /// All routes.
        pub const ROUTES: &[Route] = &[$(Route { method: routes!(@ $method), path: $path, who: $who },)+];

        /// The router of all routes.
        pub(crate) fn router() -> Router<Web> {
            Router::new()$(.route($path, $method($handler)))+.fallback(p::nothing_here)
        }
    };
    (@ get) => { "GET" };
    (@ post) => { "POST" };
    (@ upload) => { "POST" };
}

routes! {
    get "/assets/{file}", Anyone => crate::assets::asset;

    get "/sign-in", Anyone => p::sign_in::show;
    post "/sign-in", Anyone => p::sign_in::submit;
    post "/sign-out", Anyone => p::sign_in::sign_out;
    get "/account/second-factor", SignedIn => p::sign_in::second_factor;
    post "/account/second-factor", SignedIn => p::sign_in::confirm_second_factor;
    get "/account/password", SignedIn => p::sign_in::password;
    post "/account/password", SignedIn => p::sign_in::change_password;

    get "/", SignedIn => p::home::show;
    get "/device/sign-in", Anyone => p::device::show;
    post "/device/sign-in", Anyone => p::device::submit;
    post "/device/sign-out", Anyone => p::device::sign_out;

    get "/people", May(Act::ListPeople) => p::people::show;
    post "/people", May(Act::ListPeople) => p::people::find;
    get "/people/import", May(Act::ImportRoll) => p::import::show;
    upload "/people/import", May(Act::ImportRoll) => p::import::look;
    post "/people/import/apply", May(Act::ImportRoll) => p::import::apply;
    get "/people/{id}", May(Act::ListPeople) => p::people::one;
}
