//! `/settings/pack/{number}`: the policy as it stood, and the way back to it (REQ-04).

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, SignedIn, WentBack};

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

/// `POST /settings/pack/{number}/back`: proposes to go back.
pub(crate) async fn go_back(
    State(web): State<Web>,
    Me(me): Me,
    Path(number): Path<String>,
    Posted(said): Posted<Said>,
) -> Response {
    let outcome = went_back(&web, &me, &number, &said.why).await;
    told(&web, &me, &number, &said.why, outcome).await
}

/// `POST /settings/pack/{number}/back-now`: goes back at once, where that only tightens.
pub(crate) async fn go_back_now(
    State(web): State<Web>,
    Me(me): Me,
    Path(number): Path<String>,
    Posted(said): Posted<Said>,
) -> Response {
    let outcome = tightened(&web, &me, &number, &said.why).await;
    told(&web, &me, &number, &said.why, outcome).await
}

async fn went_back(web: &Web, me: &SignedIn, number: &str, why: &str) -> Result<String, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let version = number.parse().map_err(|_| Error::NotFound)?;
    Ok(match web.app.go_back_to(&me.actor, version, why).await? {
        WentBack::InForce(change) => format!("/changes/{change}?done=went-back"),
        WentBack::Waits(change) => format!("/changes/{change}?done=proposed"),
    })
}

async fn tightened(web: &Web, me: &SignedIn, number: &str, why: &str) -> Result<String, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let version = number.parse().map_err(|_| Error::NotFound)?;
    let change = web.app.tighten_back_to(&me.actor, version, why).await?;
    Ok(format!("/changes/{change}?done=went-back"))
}

async fn told(
    web: &Web,
    me: &SignedIn,
    number: &str,
    why: &str,
    outcome: Result<String, Error>,
) -> Response {
    match after(web, Some(me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = version_page(web, me, number, why, errors).await;
            answer(web, Some(me), page).await
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
        sheet = sheet.extend(ways_back(web, me, number, why, &errors).await?);
    }
    for (file, text) in texts {
        sheet = sheet.add(Piece::Heading(file)).add(Piece::Plain(text));
    }
    Ok(sheet.response())
}

/// The forms to go back: proposed like every change, and at once where it only tightens.
async fn ways_back(
    web: &Web,
    me: &SignedIn,
    number: i64,
    why: &str,
    errors: &Errors,
) -> Result<Vec<Piece>, Error> {
    let beyond = match web.app.beyond_tightening(&me.actor, number).await {
        // A version that was never in force is shown, and is no way back.
        Err(Error::Refused(why_not)) => return Ok(vec![Piece::Text(why_not)]),
        Err(Error::Invalid(_)) => {
            let text = "This version no longer reads as a pack of this Pharos. Bring it in as a file, put right.";
            return Ok(vec![Piece::Text(text.to_owned())]);
        }
        other => other?,
    };
    let form = |to: &str, hint: &str, button: Button| -> Piece {
        let text = TextArea::new("why", "Why go back to it?", why)
            .rows(3)
            .error(errors.of("why"))
            .hint(hint);
        Form::to(format!("/settings/pack/{number}/{to}"))
            .field(text)
            .button(button)
            .into()
    };
    let may_now = web.app.could(&me.actor, Act::EmergencyBlock);
    if beyond.is_empty() && may_now {
        return Ok(vec![
            Piece::Text("Going back only tightens the filter.".to_owned()),
            form(
                "back-now",
                "It is in force at once, as a new change, and is looked at by the end of the next school day.",
                Button::warning("Go back to this version now"),
            ),
        ]);
    }
    let mut pieces = Vec::new();
    if !beyond.is_empty() {
        pieces.push(Piece::Text(format!(
            "Going back would do more than tighten the filter, so that it is assessed first: {}.",
            beyond.join("; ")
        )));
    }
    pieces.push(form(
        "back",
        "It is proposed as a change: assessed by two people before it is in force, unless it changes nothing of filtering or monitoring.",
        Button::main("Propose to go back to this version"),
    ));
    Ok(pieces)
}
