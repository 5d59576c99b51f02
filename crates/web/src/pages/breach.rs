//! `/breach`: staff report what got through the filter. The pupil and "about five minutes ago" are
//! enough; the address is chosen from the log (BRE-02).

use axum::extract::{Form as Posted, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use pharos_access::act;
use pharos_service::{Error, NewBreach, Recalled, SignedIn};

use crate::components::{Button, Choice, Choices, Errors, Form, Input, Select, TextArea, Warning};
use crate::forms::errors_of;
use crate::oops::answer;
use crate::pages::kit::{self, Given, describe};
use crate::sheet::Sheet;
use crate::state::{Me, Web};

/// How long ago, in minutes, and how it is said.
const AGO: [(i64, &str); 5] = [
    (0, "Just now"),
    (5, "About five minutes ago"),
    (15, "About a quarter of an hour ago"),
    (60, "About an hour ago"),
    (180, "About three hours ago"),
];

/// `GET /breach`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let page = ask(&web, &me, &Given::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /breach`: first shows what was open, then takes the report.
pub(crate) async fn submit(
    State(web): State<Web>,
    Me(me): Me,
    Posted(pairs): Posted<Vec<(String, String)>>,
) -> Response {
    let given = Given::new(pairs);
    let outcome = match take(&web, &me, &given).await {
        Err(Error::Invalid(problems)) => ask(&web, &me, &given, errors_of(problems)).await,
        other => other,
    };
    answer(&web, Some(&me), outcome).await
}

async fn take(web: &Web, me: &SignedIn, given: &Given) -> Result<Response, Error> {
    web.app.open_to::<act::RecallActivity>(&me.actor).await?;
    let about = moment(web, given)?;
    let pupil = match given.one("pupil") {
        "" => None,
        id => Some(
            id.parse()
                .map_err(|_| Error::field("pupil", "Choose a pupil from the list."))?,
        ),
    };
    if given.one("step") != "send"
        && let Some(pupil) = pupil
    {
        let opened = web.app.recall(me, pupil, about).await?;
        return choose(web, me, given, about, &opened).await;
    }
    let breach = NewBreach {
        pupil,
        about,
        hosts: given.all("host").map(str::to_owned).collect(),
        address: given.maybe("address"),
        what: given.text("what"),
        danger: match given.one("danger") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
    };
    let raised = web.app.report_breach(me, breach).await?;
    Ok(Redirect::to(&format!("/report/received/{}", raised.number)).into_response())
}

/// The moment meant: fixed once chosen, so that a slow second page does not shift it.
fn moment(web: &Web, given: &Given) -> Result<Timestamp, Error> {
    if let Some(at) = given.maybe("at") {
        return kit::moment(&at, &web.app.zone())
            .ok_or_else(|| Error::field("when", "Choose when it was."));
    }
    let minutes = given.one("when").parse::<i64>().ok();
    AGO.iter()
        .find(|(ago, _)| Some(*ago) == minutes)
        .map(|(ago, _)| web.app.now() - SignedDuration::from_mins(*ago))
        .ok_or_else(|| Error::field("when", "Choose when it was."))
}

async fn ask(web: &Web, me: &SignedIn, given: &Given, errors: Errors) -> Result<Response, Error> {
    web.app.open_to::<act::RecallActivity>(&me.actor).await?;
    let mut pupils = vec![Choice::new("", "Nobody, or somebody else")];
    pupils.extend(web.app.own_pupils(me).await?.iter().map(|pupil| {
        let id = pupil.id.to_string();
        Choice::new(id.clone(), describe(pupil)).chosen(given.one("pupil") == id)
    }));
    let when = AGO
        .iter()
        .map(|(ago, words)| {
            let ago = ago.to_string();
            Choice::new(ago.clone(), *words).chosen(given.one("when") == ago)
        })
        .collect();
    let form = Form::to("/breach")
        .field(Select::new("pupil", "Which pupil of yours was it?", pupils).error(errors.of("pupil")))
        .field(Choices::one("when", "When?", when).error(errors.of("when")))
        .field(
            Input::text("address", "The address, if you have it", given.one("address"))
                .hint("Do not open it again. Leave this empty if you do not know: you can choose it from the log next.")
                .error(errors.of("addresses")),
        )
        .field(
            TextArea::new("what", "What happened?", given.one("what"))
                .hint("A sentence is enough. You may leave it empty.")
                .rows(3)
                .error(errors.of("what")),
        )
        .field(danger(given, &errors))
        .button(Button::main("Go on"));
    Ok(
        Sheet::new(web.frame(me, "/breach").await, "Something got through the filter")
            .lede("Screens off, pupils first. Then tell the lead and the technical team here; it takes half a minute.")
            .errors(errors)
            .add(Warning {
                text: "If it may be a picture of a child being abused: do not look again, do not copy it, do not send it to anyone. Report it here without the picture.".to_owned(),
            })
            .add(form)
            .response(),
    )
}

fn danger(given: &Given, errors: &Errors) -> Choices {
    let answer =
        |value: &str, text: &str| Choice::new(value, text).chosen(given.one("danger") == value);
    Choices::one(
        "danger",
        "Is anyone in immediate danger?",
        vec![answer("yes", "Yes"), answer("no", "No")],
    )
    .hint("If yes, call 999 first.")
    .inline()
    .error(errors.of("danger"))
}

async fn choose(
    web: &Web,
    me: &SignedIn,
    given: &Given,
    about: Timestamp,
    opened: &[Recalled],
) -> Result<Response, Error> {
    let zone = web.app.zone();
    let sites = opened
        .iter()
        .map(|site| {
            let at = site.at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
            let hint = match &site.device {
                Some(device) => format!("{at}, {device}"),
                None => at,
            };
            Choice::new(site.host.clone(), site.shown.clone()).hint(hint)
        })
        .collect::<Vec<_>>();
    let mut form = Form::to("/breach")
        .hidden("step", "send")
        .hidden("at", kit::local(about, &zone));
    for name in ["pupil", "address", "what", "danger"] {
        form = form.hidden(name, given.one(name));
    }
    let lede = if sites.is_empty() {
        "The log has nothing of this pupil around that time. You can report it all the same."
    } else {
        "These sites were open around that time. Choose the one you mean; choose none if you are not sure."
    };
    if !sites.is_empty() {
        form = form.field(Choices::several("host", "Which site?", sites));
    }
    Ok(
        Sheet::new(web.frame(me, "/breach").await, "Which site was it?")
            .back("/breach", "Begin again")
            .lede(lede)
            .add(form.button(Button::main("Send the report")))
            .response(),
    )
}
