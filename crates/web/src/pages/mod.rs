//! The pages: one file for each subject with its handlers, one template for each page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use pharos_service::Error;

use crate::oops::Oops;
use crate::state::{Anyone, Web};

pub(crate) mod activity;
pub(crate) mod alert;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod blocked;
pub(crate) mod breach;
mod browsers;
pub(crate) mod campuses;
pub(crate) mod case;
pub(crate) mod cases;
pub(crate) mod change_log;
pub(crate) mod changes;
pub(crate) mod charts;
pub(crate) mod checks;
pub(crate) mod device;
pub(crate) mod explain;
mod field;
pub(crate) mod floor;
pub(crate) mod governors;
pub(crate) mod groups;
pub(crate) mod hand;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod inbox;
mod kit;
pub(crate) mod limits;
pub(crate) mod lists;
pub(crate) mod network;
pub(crate) mod notice;
pub(crate) mod overrides;
pub(crate) mod people;
pub(crate) mod policy;
pub(crate) mod propose;
pub(crate) mod provider;
pub(crate) mod public;
pub(crate) mod report;
pub(crate) mod requests;
pub(crate) mod roaming;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod status;
pub(crate) mod supervision;
pub(crate) mod unopened;
pub(crate) mod versions;
pub(crate) mod weeks;

/// Every path that is none.
pub(crate) async fn nothing_here(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    Oops::new(&web, me.as_ref(), Error::NotFound)
        .await
        .into_response()
}
