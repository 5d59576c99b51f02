//! Every route in one table: method, path, who may. Tests walk it as every role.

use axum::Router;
use axum::routing::{get, post};
use pharos_access::Act;

use crate::pages as p;
use crate::state::Web;
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
}
