//! The one place where a use case's "no" becomes a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use pharos_service::{Error, SignedIn};

use crate::frame::Frame;
use crate::state::Web;

/// A "no" as a page, with the fitting status.
pub(crate) struct Oops {
    frame: Frame,
    error: Error,
}

#[derive(Template)]
#[template(path = "oops.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    text: String,
    problems: Vec<String>,
}

impl Oops {
    /// The page for whoever asked.
    pub(crate) async fn new(web: &Web, me: Option<&SignedIn>, error: Error) -> Self {
        Self {
            frame: web.public_frame(me).await,
            error,
        }
    }
}

impl IntoResponse for Oops {
    fn into_response(self) -> Response {
        let (status, title) = match &self.error {
            Error::NotFound => (StatusCode::NOT_FOUND, "Not found"),
            // What somebody may not see looks like what is not there (CON-14).
            Error::Denied(_) => (StatusCode::FORBIDDEN, "Not open to you"),
            Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "That cannot be used"),
            Error::Refused(_) => (StatusCode::CONFLICT, "That is not possible"),
            Error::Changed => (StatusCode::CONFLICT, "Changed meanwhile"),
            Error::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "Please wait"),
            Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong"),
        };
        let (text, problems) = match &self.error {
            Error::Invalid(problems) if problems.len() > 1 => (
                "Mend these, then try again.".to_owned(),
                problems
                    .iter()
                    .map(|problem| problem.text.clone())
                    .collect(),
            ),
            other => (other.to_string(), Vec::new()),
        };
        render(
            status,
            &Page {
                frame: self.frame,
                title,
                text,
                problems,
            },
        )
    }
}

/// Prints a page with a status. Our templates cannot fail but for memory; then one plain sentence.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be printed");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The page could not be printed. Try again.",
            )
                .into_response()
        }
    }
}

/// Prints a page.
pub(crate) fn ok(page: &impl Template) -> Response {
    render(StatusCode::OK, page)
}

/// The page, or the no as a page.
pub(crate) async fn answer(
    web: &Web,
    me: Option<&SignedIn>,
    outcome: Result<Response, Error>,
) -> Response {
    match outcome {
        Ok(response) => response,
        Err(error) => Oops::new(web, me, error).await.into_response(),
    }
}
