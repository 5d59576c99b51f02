//! From a use case's problems to the errors of a form, and small readings of what people type.

use axum::extract::{FromRequest, RawForm, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pharos_service::{Error, Problem as Wrong, SignedIn};
use serde::de::DeserializeOwned;

use crate::components::{Errors, Problem};
use crate::oops::Oops;
use crate::state::Web;

/// The problems of a use case as the summary of a form.
pub(crate) fn errors_of(problems: Vec<Wrong>) -> Errors {
    Errors {
        problems: problems
            .into_iter()
            .map(|wrong| Problem {
                field: wrong.field.map(str::to_owned),
                text: wrong.text,
            })
            .collect(),
    }
}

/// A posted form; a name that stands several times becomes a list.
pub(crate) struct Posted<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let RawForm(bytes) = RawForm::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        serde_html_form::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| {
                (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("This form cannot be read ({error}). Go back and try again."),
                )
                    .into_response()
            })
    }
}

/// How a form ended: done, or shown again with what is wrong, or a page that says no.
pub(crate) enum After {
    /// Go on to this path of ours.
    Go(String),
    /// Show the form again.
    Again(Errors),
    /// Show the no.
    No(Response),
}

/// Sorts the outcome of a use case behind a form. What the procedure refuses is shown with the form.
pub(crate) async fn after(
    web: &Web,
    me: Option<&SignedIn>,
    outcome: Result<String, Error>,
) -> After {
    match outcome {
        Ok(path) => After::Go(path),
        Err(Error::Invalid(problems)) => After::Again(errors_of(problems)),
        Err(Error::Refused(text)) => After::Again(Errors {
            problems: vec![Problem { field: None, text }],
        }),
        Err(error) => After::No(Oops::new(web, me, error).await.into_response()),
    }
}

/// A redirect after a form.
pub(crate) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A date and time as browsers send them (`2026-11-02T09:05`), in the school's zone; a date alone
/// is its first moment. Empty is `None`.
pub(crate) fn moment_of(
    field: &'static str,
    text: &str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, Wrong> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<DateTime>()
        .ok()
        .and_then(|civil| civil.to_zoned(zone.clone()).ok())
        .map(|zoned| Some(zoned.timestamp()))
        .ok_or_else(|| {
            Wrong::field(
                field,
                "Write the date and time like this: 2026-11-02T09:05.",
            )
        })
}

/// What stands on lines of its own, without empty lines.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_the_schools_zone() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let read = |text| moment_of("from", text, &zone);
        assert_eq!(
            read("2026-07-01T09:05").unwrap().unwrap().to_string(),
            "2026-07-01T08:05:00Z"
        );
        assert_eq!(
            read("2026-01-05").unwrap().unwrap().to_string(),
            "2026-01-05T00:00:00Z"
        );
        assert_eq!(read(" ").unwrap(), None);
        assert!(read("yesterday").is_err());
    }
}
