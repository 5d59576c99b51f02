//! The cases that somebody may know of, by their next clock.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::frame::Frame;
use crate::oops::{Oops, ok};
use crate::pages::inbox::{CaseCard, case_cards};
use crate::state::{Me, Web};

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesPage {
    frame: Frame,
    closed: bool,
    cases: Vec<CaseCard>,
}

/// Which cases.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    show: String,
}

/// `GET /cases`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Query(which): Query<Which>,
) -> Response {
    let closed = which.show == "closed";
    let cases = match web.app.cases(&me.actor, !closed).await {
        Ok(cases) => case_cards(&web, cases).await,
        Err(error) => Err(error),
    };
    match cases {
        Ok(cases) => ok(&CasesPage {
            frame: web.frame(&me, "/cases").await,
            closed,
            cases,
        }),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}
