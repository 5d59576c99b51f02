//! `/settings/pack/{number}`: the policy as it stood, and the way back to it (REQ-04).

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, SignedIn};

use super::changes::Said;
use crate::components::{Button, Errors, Form, TextArea};
use crate::forms::{After, Posted, after, go};
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};

/// `GET /settings/pack/{number}`: the policy as it stood, against the one in force.
pub(crate) async fn version(
    State(web): State<Web>,
    Me(me): Me,
    Path(number): Path<String>,
) -> Response {
    let page = version_page(&web, &me, &number, "", Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /settings/pack/{number}/back`
pub(crate) async fn go_back(
    State(web): State<Web>,
    Me(me): Me,
    Path(number): Path<String>,
    Posted(said): Posted<Said>,
) -> Response {
    let outcome = match (
        web.app.open_to::<act::InstallPolicy>(&me.actor).await,
        number.parse(),
    ) {
        (Err(error), _) => Err(error),
        (_, Err(_)) => Err(Error::NotFound),
        (_, Ok(version)) => web
            .app
            .go_back_to(&me.actor, version, &said.why)
            .await
            .map(|change| format!("/changes/{change}?done=went-back")),
    };
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = version_page(&web, &me, &number, &said.why, errors).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn version_page(
    web: &Web,
    me: &SignedIn,
    number: &str,
    why: &str,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let number: i64 = number.parse().map_err(|_| Error::NotFound)?;
    let in_force = i64::try_from(web.app.school().version).unwrap_or_default();
    let texts = web.app.version_text(&me.actor, number).await?;
    let mut sheet = Sheet::new(
        web.frame(me, "/settings").await,
        format!("Version {number} of the policy"),
    )
    .back("/settings/pack", "Versions of the pack")
    .errors(errors.clone());
    if number == in_force {
        sheet = sheet.lede("This is the version in force.");
    } else {
        let (lines, more) = web
            .app
            .compare_versions(&me.actor, in_force, number)
            .await?;
        let mut text: String = lines
            .iter()
            .map(|line| format!("{}: {} {}\n", line.file, line.sign, line.text))
            .collect();
        if more > 0 {
            text.push_str(&format!("… and {more} more lines\n"));
        }
        sheet = sheet
            .heading(format!(
                "What going back from version {in_force} would change"
            ))
            .add(Piece::Plain(text));
        if web.app.could(&me.actor, Act::InstallPolicy) {
            sheet = sheet.add(
                Form::to(format!("/settings/pack/{number}/back"))
                    .field(TextArea::new("why", "Why go back to it?", why).rows(3).error(errors.of("why")).hint("It is in force at once, as a new change, and is looked at by the end of the next school day."))
                    .button(Button::warning("Go back to this version")),
            );
        }
    }
    for (file, text) in texts {
        sheet = sheet.add(Piece::Heading(file)).add(Piece::Plain(text));
    }
    Ok(sheet.response())
}
