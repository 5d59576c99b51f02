//! Use cases: authorise, load, decide, save, audit, enqueue.
//!
//! Pages, commands and jobs all call these, so that no rule hides in a handler. Everything is a
//! method of [`App`], in the file of its subject; what a person reads when the answer is no is in
//! [`Error`].

mod activity;
mod alerts;
mod app;
mod attempts;
mod audit;
mod blocked;
mod breaches;
mod campus;
mod cases;
mod changes;
mod checks;
mod clock;
mod desk;
mod error;
mod explain;
mod floor;
mod gate;
mod governance;
mod groups;
mod help_visits;
mod lessons;
mod lists;
mod mail_cap;
mod network;
mod notices;
mod overrides;
mod packs;
mod people;
mod provider;
mod quiet;
mod reports;
mod requests;
mod roaming;
mod school;
mod sealed;
mod sign_in;
mod snapshot;
pub mod standby;
mod status;
mod supervision;
mod tools;
mod trouble;
mod uninspected;
mod unzip;
mod watchkeeping;
mod weeks;
mod whatif;

pub use alerts::{AlertBody, Watch};
pub use app::{App, Ports, WhenInForce};
pub use attempts::{
    AttemptAudit, AttemptResponse, AuditInterval, AuditLine, AuditPeriod, AuditSigned,
    AuditedPupil, ResponseKind, ThemeTried,
};
pub use audit::Waiting;
pub use breaches::{NewBreach, RECALLED_MAX, Recalled};
pub use campus::CampusLine;
pub use cases::{OpenCase, Raised, shown_addresses};
pub use changes::{
    Brought, ChangeBody, LogFilter, LogFormat, LogLine, OpenChange, Opening, Proposal, Proposed,
    Side, Verification, WentBack, step_says, words_of,
};
pub use checks::{
    Ask, Asking, CheckResults, HandChoices, HandDue, Kind as CheckKind, NewHandTest, Outcome,
    ProbeRow, Prober, Proof, Reach, Result_ as CheckResult, Row as CheckRow, ScopeThen, Seen,
    Signature, UserTried, Way, WayTried,
};
pub use clock::{Clock, SystemClock};
pub use desk::Desk;
pub use error::{Error, Problem};
pub use explain::ExplainQuestion;
pub use floor::{CheckTold, ClauseTold, FloorStanding, FloorTold, SchoolReport};
pub use groups::{ExceptionGroup, Member, NewMember};
pub use lessons::{NewLesson, OpenedLesson, Supervision};
pub use lists::NewList;
pub use network::{
    AddressLine, AskBrowsers, AskUnopened, Faces, FirewallView, GapLine, LeaseLine, Limit, Missing,
    NO_FILTER_IS_COMPLETE, NetworkView, NoticeState, Noticed, NoticedCounts, QuietPlace,
    RadiusCounts, ScopeLine, StrangeBrowser, Unopened, UnopenedLine,
};
pub use notices::NoticeBody;
pub use packs::PackFiles;
pub use people::{FOUND_MAX, ImportError};
pub use pharos_lists::{Fetched, FloorFetched, SealedFetched};
pub use provider::{Confirmation, IwfTaken, NewProvider, ProviderRecord, SupplierReview};
pub use requests::{AnswerTimes, RequestFacts, Vetting};
pub use roaming::{NewRoamingDevice, ROAMING_DAYS, RoamingDevice};
pub use school::School;
pub use sign_in::{Enrolment, HalfSession, SessionToken, SignInOutcome, SignedIn, current_code};
pub use status::{AskRunning, Count, Disk, FaceStatus, LastCheck, Running, Status, UpstreamStatus};
pub use supervision::{LessonToNote, NewSupervision, SupervisionNote};
pub use trouble::{SelfWatch, Trouble};
pub use unzip::pack_files;
pub use watchkeeping::DatesDue;
pub use weeks::{
    AlertLine, AlertSeen, Blocked as WeekBlocked, CategoryLine, CheckLine, RequestLine,
    SEALED_CATEGORY, StandsOut, UNLISTED, Week, WeekLine, WeekRead, WeekReport,
};
