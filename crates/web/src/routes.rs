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

    get "/activity", May(Act::SearchActivity) => p::activity::show;
    post "/activity", May(Act::SearchActivity) => p::activity::find;
    get "/explain", May(Act::Explain) => p::explain::show;
    post "/explain", May(Act::Explain) => p::explain::ask;

    get "/blocked/{reference}", Anyone => p::blocked::show;
    get "/blocked/{reference}/ask", Anyone => p::blocked::ask;
    post "/blocked/{reference}/ask", Anyone => p::blocked::send_ask;
    get "/blocked/{reference}/report", Anyone => p::blocked::report;
    post "/blocked/{reference}/report", Anyone => p::blocked::send_report;
    get "/thanks", Anyone => p::blocked::thanks;

    get "/requests", May(Act::ReadRequests) => p::requests::list;
    get "/requests/mine", SignedIn => p::requests::mine;
    get "/requests/new", SignedIn => p::requests::new;
    post "/requests/new", SignedIn => p::requests::send;
    get "/requests/{id}", May(Act::ReadRequests) => p::requests::one;
    post "/requests/{id}", May(Act::DecideRequest) => p::requests::decide;
    post "/requests/{id}/endorse", May(Act::EndorseRequest) => p::requests::endorse;

    get "/lessons/new", May(Act::LessonList) => p::overrides::lesson;
    post "/lessons/new", May(Act::LessonList) => p::overrides::open_lesson;
    get "/supervision", May(Act::NoteSupervision) => p::supervision::show;
    post "/supervision", May(Act::NoteSupervision) => p::supervision::note;
    post "/supervision/{id}/concern", May(Act::NoteSupervision) => p::supervision::concern;
    get "/restrictions/new", May(Act::RestrictPerson) => p::overrides::restriction;
    post "/restrictions/new", May(Act::RestrictPerson) => p::overrides::restrict;
    get "/blocks/new", May(Act::EmergencyBlock) => p::overrides::block;
    post "/blocks/new", May(Act::EmergencyBlock) => p::overrides::block_now;
    get "/overrides", SignedIn => p::overrides::list;
    post "/overrides/{id}/end", May(Act::EndOverride) => p::overrides::end;

    get "/changes", May(Act::AssessChange) => p::changes::list;
    post "/changes", May(Act::AssessChange) => p::changes::find;
    get "/changes/new", May(Act::ProposePolicy) => p::propose::show;
    post "/changes/new", May(Act::ProposePolicy) => p::propose::send;
    get "/changes/{number}", May(Act::AssessChange) => p::changes::one;
    post "/changes/{number}/{what}", May(Act::AssessChange) => p::changes::act_on;
    get "/groups", May(Act::ReviewChange) => p::groups::list;
    post "/groups", May(Act::AddException) => p::groups::add;

    get "/settings", May(Act::ProposePolicy) => p::settings::show;
    get "/settings/pack", May(Act::ProposePolicy) => p::settings::versions;
    upload "/settings/pack", May(Act::ProposePolicy) => p::settings::install;
    get "/settings/pack/{number}", May(Act::ProposePolicy) => p::versions::version;
    post "/settings/pack/{number}/back", May(Act::ProposePolicy) => p::versions::go_back;
    post "/settings/pack/{number}/back-now", May(Act::ProposePolicy) => p::versions::go_back_now;
    get "/lists", May(Act::Explain) => p::lists::show;
    get "/lists/floor", May(Act::Explain) => p::floor::show;
    get "/campuses", May(Act::ProposePolicy) => p::campuses::show;
    get "/lists/provider", May(Act::Explain) => p::provider::show;
    post "/lists/provider", May(Act::ChangeSettings) => p::provider::record;
    post "/lists/provider/reviews", May(Act::ChangeSettings) => p::provider::add_review;
    get "/audit", May(Act::ReadLedger) => p::audit::show;
    post "/audit", May(Act::ReadLedger) => p::audit::find;
    get "/audit/lookups", May(Act::ReadLookups) => p::audit::lookups;
    post "/audit/lookups", May(Act::ReadLookups) => p::audit::find_lookups;

    get "/network", May(Act::ReadNetwork) => p::network::show;
    post "/network/gaps", May(Act::ReadNetwork) => p::network::explain;
    post "/network/unopened", May(Act::ReadNetwork) => p::unopened::settle;
    get "/network/firewall", May(Act::ReadNetwork) => p::network::firewall;
    get "/network/status", May(Act::ReadNetwork) => p::status::show;
    get "/network/roaming", May(Act::ChangeSettings) => p::roaming::show;
    post "/network/roaming", May(Act::ChangeSettings) => p::roaming::add;
    post "/network/roaming/change", May(Act::ChangeSettings) => p::roaming::change;
    get "/limits", May(Act::ReadChecks) => p::limits::show;
    get "/notice", Anyone => p::notice::show;
    post "/notice", Anyone => p::notice::submit;

    get "/help", Anyone => p::public::help;
    get "/monitoring", Anyone => p::public::monitoring;
    get "/licences", Anyone => p::public::licences;
    get "/connect", Anyone => p::public::connect;
    get "/ca.crt", Anyone => p::public::certificate;
    get "/ca.pem", Anyone => p::public::certificate_text;
    get "/proxy.pac", Anyone => p::public::pac;

    get "/inbox", May(Act::ListAlerts) => p::inbox::show;
    get "/alerts/{id}", SignedIn => p::alert::show;
    post "/alerts/{id}/concern", SignedIn => p::alert::open_concern;
    post "/alerts/{id}/{what}", SignedIn => p::alert::act;
    get "/cases", May(Act::ListCases) => p::cases::show;
    get "/cases/{id}", SignedIn => p::case::show;
    get "/cases/{id}/print", SignedIn => p::case::print;
    get "/cases/{id}/emergency", SignedIn => p::case::emergency;
    post "/cases/{id}/emergency", SignedIn => p::case::open_in_emergency;
    get "/cases/{id}/do/{what}", SignedIn => p::case::form;
    post "/cases/{id}/do/{what}", SignedIn => p::case::act;

    get "/report", Anyone => p::report::show;
    post "/report", Anyone => p::report::submit;
    get "/report/received/{number}", Anyone => p::report::received;
    get "/breach", May(Act::RecallActivity) => p::breach::show;
    post "/breach", May(Act::RecallActivity) => p::breach::submit;
    get "/what-to-do", SignedIn => p::charts::list;
    get "/what-to-do/{id}", SignedIn => p::charts::show;
    get "/policy", May(Act::ReadPolicy) => p::policy::show;
    get "/policy/{id}", May(Act::ReadPolicy) => p::policy::clause;
    post "/policy/{id}/attest", May(Act::RecordStanding) => p::policy::attest;
    get "/checks", May(Act::ReadChecks) => p::checks::list;
    post "/checks", May(Act::RunCheck) => p::checks::run;
    get "/checks/hand", May(Act::HandTest) => p::hand::new;
    post "/checks/hand", May(Act::HandTest) => p::hand::note;
    get "/checks/{id}", May(Act::ReadChecks) => p::checks::show;
    post "/checks/{id}/sign", May(Act::RecordStanding) => p::checks::sign;
    get "/reports", May(Act::ReadReport) => p::governors::show;
    post "/reports", May(Act::MakeReport) => p::governors::make;
    get "/reports/csv", May(Act::ReadReport) => p::governors::csv;
    get "/weeks", May(Act::ReadWeek) => p::weeks::list;
    get "/weeks/{monday}", May(Act::ReadWeek) => p::weeks::show;
    post "/weeks/{monday}/reviews", May(Act::ReviewWeek) => p::weeks::review;
    get "/attempts", May(Act::ReadAttempts) => p::attempts::list;
    get "/attempts/{from}", May(Act::ReadAttempts) => p::attempts::show;
    post "/attempts/{from}/sign", May(Act::AuditAttempts) => p::attempts::sign;
    get "/attempts/{from}/{person}", May(Act::ReadAttempts) => p::attempts::one;
    post "/attempts/{from}/{person}", May(Act::AuditAttempts) => p::attempts::respond;
    get "/reports/{id}/pdf", May(Act::ReadReport) => p::governors::pdf;
}
