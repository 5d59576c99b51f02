//! `/blocked/{reference}`: what stopped, why, and what a reader can do (BRE-01, REQ-01). Reached
//! from block pages; the reference stands for everything, so that nothing personal is in an address.

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_activity::Blocked;
use pharos_casework::danger_instruction;
use pharos_service::{Error, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Choice, Choices, Errors, Form, Input, Summary, TextArea};
use crate::forms::{After, Posted, after, go};
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Anyone, From, Web};
use crate::words::{self, Reader, reader};

/// Asking for the site.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    purpose: String,
    days: String,
}

/// Saying that something is wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    what: String,
    danger: String,
}

/// `GET /blocked/{reference}`
pub(crate) async fn show(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Path(reference): Path<String>,
) -> Response {
    answer(&web, me.as_ref(), page(&web, me.as_ref(), &reference).await).await
}

async fn page(web: &Web, me: Option<&SignedIn>, reference: &str) -> Result<Response, Error> {
    let blocked = web.app.blocked_site(reference)?;
    let reader = reader_of(web, me, &blocked).await?;
    let adult = adult(web, reader);
    let (title, lede) = match reader {
        Reader::Youngest => (
            "This page is blocked",
            format!("You have not done anything wrong. If you are sad or worried, tell {adult}."),
        ),
        Reader::Middle => (
            "This page is blocked at school",
            format!("You are not in trouble. If it upset you, tell {adult}."),
        ),
        Reader::Older | Reader::Adult => (
            "This page is blocked",
            "The filter stopped it. A block is not an accusation.".to_owned(),
        ),
    };
    let mut facts = Summary::default().row("Why", &*blocked.why);
    if let Some(host) = &blocked.host {
        facts = facts.row("Site", words::address(host, None));
    }
    if reader == Reader::Adult {
        facts = facts
            .row("Rule", &*blocked.rule)
            .row("Categories", blocked.categories.join(", "));
    }
    facts = facts.row("Reference", reference);
    let mut buttons = vec![ButtonLink::warning(
        format!("/blocked/{reference}/report"),
        "Something is wrong",
    )];
    if blocked.may_ask {
        buttons.push(ButtonLink::secondary(
            format!("/blocked/{reference}/ask"),
            "Ask for this site",
        ));
    }
    Ok(Sheet::new(web.public_frame(me).await, title)
        .lede(lede)
        .add(facts)
        .add(Piece::Buttons(buttons))
        .add(Piece::Links(vec![(
            "/help".to_owned(),
            "Find someone to talk to".to_owned(),
        )]))
        .response())
}

/// `GET /blocked/{reference}/ask`
pub(crate) async fn ask(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Path(reference): Path<String>,
) -> Response {
    let outcome = ask_page(
        &web,
        me.as_ref(),
        &reference,
        &Ask::default(),
        Errors::default(),
    )
    .await;
    answer(&web, me.as_ref(), outcome).await
}

/// `POST /blocked/{reference}/ask`
pub(crate) async fn send_ask(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Path(reference): Path<String>,
    Posted(form): Posted<Ask>,
) -> Response {
    let sent = web
        .app
        .ask_from_block(
            me.as_ref(),
            &reference,
            &form.purpose,
            form.days.trim().parse().ok(),
        )
        .await;
    match after(&web, me.as_ref(), sent.map(|_| String::new())).await {
        After::Go(_) => sent_page(me.as_ref()),
        After::Again(errors) => {
            answer(
                &web,
                me.as_ref(),
                ask_page(&web, me.as_ref(), &reference, &form, errors).await,
            )
            .await
        }
        After::No(response) => response,
    }
}

async fn ask_page(
    web: &Web,
    me: Option<&SignedIn>,
    reference: &str,
    form: &Ask,
    errors: Errors,
) -> Result<Response, Error> {
    let blocked = web.app.blocked_site(reference)?;
    let Some(host) = blocked.host.as_deref().filter(|_| blocked.may_ask) else {
        return Err(Error::Refused(
            "This is blocked for everyone, always. It cannot be asked for.".to_owned(),
        ));
    };
    if me.is_none() && web.app.blocked_person(&blocked).await?.is_none() {
        return Ok(go(&format!("/sign-in?to=/blocked/{reference}/ask")));
    }
    let fields = Form::to(format!("/blocked/{reference}/ask"))
        .field(
            TextArea::new("purpose", "What do you need it for?", &form.purpose)
                .rows(3)
                .hint("Such as the lesson and the task.")
                .error(errors.of("purpose")),
        )
        .field(
            Input::text("days", "For how many days?", &form.days)
                .numeric()
                .width(4)
                .hint("You can leave this empty.")
                .error(errors.of("days")),
        )
        .button(Button::main("Send"));
    Ok(Sheet::new(web.public_frame(me).await, "Ask for this site")
        .back(format!("/blocked/{reference}"), "Back")
        .errors(errors)
        .lede(format!(
            "You ask for {}. A teacher looks at it first.",
            words::address(host, None)
        ))
        .add(fields)
        .response())
}

fn sent_page(me: Option<&SignedIn>) -> Response {
    if me.is_some() {
        return go("/requests/mine?done=asked");
    }
    go("/thanks?done=asked-here")
}

/// `GET /blocked/{reference}/report`
pub(crate) async fn report(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Path(reference): Path<String>,
) -> Response {
    let outcome = report_page(
        &web,
        me.as_ref(),
        &reference,
        &Report::default(),
        Errors::default(),
    )
    .await;
    answer(&web, me.as_ref(), outcome).await
}

/// `POST /blocked/{reference}/report`
pub(crate) async fn send_report(
    State(web): State<Web>,
    Anyone(me): Anyone,
    From(from): From,
    Path(reference): Path<String>,
    Posted(form): Posted<Report>,
) -> Response {
    let danger = match form.danger.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let outcome = match web
        .app
        .report_from_block(me.as_ref(), &reference, &form.what, danger, from)
        .await
    {
        Ok(raised) => received(&web, me.as_ref(), &reference, raised.number, danger).await,
        Err(Error::Invalid(problems)) => {
            report_page(
                &web,
                me.as_ref(),
                &reference,
                &form,
                crate::forms::errors_of(problems),
            )
            .await
        }
        Err(error) => Err(error),
    };
    answer(&web, me.as_ref(), outcome).await
}

async fn report_page(
    web: &Web,
    me: Option<&SignedIn>,
    reference: &str,
    form: &Report,
    errors: Errors,
) -> Result<Response, Error> {
    let blocked = web.app.blocked_site(reference)?;
    let reader = reader_of(web, me, &blocked).await?;
    let danger = [("no", "No"), ("yes", "Yes"), ("", "I do not know")];
    let danger = danger
        .map(|(value, text)| Choice::new(value, text).chosen(value == form.danger))
        .into();
    let fields = Form::to(format!("/blocked/{reference}/report"))
        .field(
            TextArea::new("what", "What happened?", &form.what)
                .rows(4)
                .hint("A few words are enough. You can also leave this empty.")
                .error(errors.of("what")),
        )
        .field(Choices::one("danger", "Is somebody in danger right now?", danger).inline())
        .button(Button::warning("Send now"));
    Ok(Sheet::new(web.public_frame(me).await, "Something is wrong")
        .back(format!("/blocked/{reference}"), "Back")
        .errors(errors)
        .lede(turn_off(web, reader))
        .text("Telling is right. You will not be in trouble for it. The page, the time and this device are filled in for you.")
        .add(fields)
        .response())
}

/// The number only: what comes of it is for those who need to know (CON-14).
async fn received(
    web: &Web,
    me: Option<&SignedIn>,
    reference: &str,
    number: i64,
    danger: Option<bool>,
) -> Result<Response, Error> {
    let blocked = web.app.blocked_site(reference)?;
    let reader = reader_of(web, me, &blocked).await?;
    let mut sheet = Sheet::new(web.public_frame(me).await, "Thank you for telling us")
        .lede(format!(
            "Your report has the number {number}. The right people know already."
        ))
        .add(Piece::Inset(turn_off(web, reader)));
    if danger == Some(true) {
        sheet = sheet.add(crate::components::Warning {
            text: danger_instruction(danger).to_owned(),
        });
    }
    Ok(sheet
        .add(Piece::Links(vec![(
            "/help".to_owned(),
            "Find someone to talk to".to_owned(),
        )]))
        .response())
}

fn turn_off(web: &Web, reader: Reader) -> String {
    match reader {
        Reader::Youngest => format!(
            "Turn the screen off now. Then go to {}.",
            adult(web, reader)
        ),
        _ => format!(
            "Switch the screen off now and fetch {}.",
            adult(web, reader)
        ),
    }
}

/// Whom a reader turns to.
fn adult(web: &Web, reader: Reader) -> String {
    let school = web.app.school();
    match reader {
        Reader::Youngest | Reader::Middle => "a grown-up you trust at school".to_owned(),
        Reader::Older => school.adult_to_tell(),
        Reader::Adult => format!("the {}", school.pack.words.word("lead")),
    }
}

async fn reader_of(web: &Web, me: Option<&SignedIn>, blocked: &Blocked) -> Result<Reader, Error> {
    match me {
        Some(me) => Ok(reader(Some(&me.person))),
        None => Ok(reader(web.app.blocked_person(blocked).await?.as_ref())),
    }
}

/// `GET /thanks`
pub(crate) async fn thanks(
    State(web): State<Web>,
    Anyone(me): Anyone,
    done: crate::frame::Done,
) -> Response {
    Sheet::new(web.public_frame(me.as_ref()).await.with(done), "Thank you")
        .text("You can close this page.")
        .response()
}
