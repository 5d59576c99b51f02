//! `/notice`: the notice of monitoring, accepted with a name before first use (MON-09).

use axum::extract::State;
use axum::response::Response;
use pharos_service::{Error, NoticeState};
use serde::Deserialize;

use crate::components::{Button, Choice, Choices, Errors, Form, Input};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::sheet::{Piece, Sheet};
use crate::state::{Anyone, From, Web};

/// A name and the acceptance.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NoticeForm {
    name: String,
    accept: String,
}

/// `GET /notice`
pub(crate) async fn show(
    State(web): State<Web>,
    From(from): From,
    Anyone(me): Anyone,
    done: Done,
) -> Response {
    let sheet = Sheet::new(
        web.public_frame(me.as_ref()).await.with(done),
        "Before you use this network",
    );
    page(&web, sheet, from, "", Errors::default())
}

/// `POST /notice`
pub(crate) async fn submit(
    State(web): State<Web>,
    From(from): From,
    Posted(form): Posted<NoticeForm>,
) -> Response {
    let outcome: Result<_, Error> = web
        .app
        .accept_notice(&form.name, form.accept == "yes", from)
        .await
        .map(|_| "/notice?done=notice".to_owned());
    match after(&web, None, outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let sheet = Sheet::new(web.public_frame(None).await, "Before you use this network");
            page(&web, sheet, from, &form.name, errors)
        }
        After::No(response) => response,
    }
}

fn page(web: &Web, sheet: Sheet, from: std::net::IpAddr, name: &str, errors: Errors) -> Response {
    let school = web.app.school();
    let hours = web.app.notice_hours();
    let sheet = sheet
        .errors(errors.clone())
        .lede(format!(
            "{} filters and watches use of this network to keep children safe. That holds for every device on it, yours too.",
            school.name
        ))
        .add(Piece::List(vec![
            "Kept: which sites this device asks for, when, whether they were blocked, and the words of web searches where they can be seen.".to_owned(),
            format!(
                "Seen only by the few people who may look, such as the {}; each look is noted with a name.",
                school.pack.words.word("lead")
            ),
            format!("Deleted after {} days.", school.activity_days),
            "No filter can promise complete safety. Supervision and teaching remain necessary.".to_owned(),
        ]))
        .add(Piece::Links(vec![(
            "/monitoring".to_owned(),
            "Read how use is watched here".to_owned(),
        )]));
    match web.app.notice_state(from) {
        NoticeState::NotHere => sheet
            .text("There is nothing to accept on the network that you are on.")
            .response(),
        NoticeState::Named => sheet
            .text("Somebody is named at this device: its use counts as theirs. On a lent device, say when you are done.")
            .add(Form::to("/device/sign-out").button(Button::secondary("I am done with this device")))
            .response(),
        NoticeState::Asked => {
            let form = Form::to("/notice")
                .field(
                    Input::text("name", "Your first and last name", name)
                        .autocomplete("name")
                        .error(errors.of("name")),
                )
                .field(
                    Choices::several(
                        "accept",
                        "The notice",
                        vec![Choice::new("yes", "I have read this, and I accept it")],
                    )
                    .error(errors.of("accept")),
                )
                .button(Button::main("Accept and go on"));
            sheet
                .text(format!(
                    "Pages load once somebody has accepted this. It holds for {hours} hours; what this device does is logged under the name given."
                ))
                .add(form)
                .heading("At this school yourself?")
                .add(Piece::Links(vec![(
                    "/device/sign-in".to_owned(),
                    "Sign in with your school name instead".to_owned(),
                )]))
                .response()
        }
    }
}
