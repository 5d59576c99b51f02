//! The pages: one file for each subject with its handlers, one template for each page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use pharos_service::Error;

use crate::oops::Oops;
use crate::state::{Anyone, Web};

pub(crate) mod device;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod people;
pub(crate) mod sign_in;

/// Every path that is none.
pub(crate) async fn nothing_here(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    Oops::new(&web, me.as_ref(), Error::NotFound)
        .await
        .into_response()
}
