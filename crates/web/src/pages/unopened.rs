//! The part of `/network` on what the proxy could not look into: proposed to be left alone, by change
//! control, or put aside (FIL-01, REQ-03).

use axum::extract::State;
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, SignedIn, Unopened, UnopenedLine};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Select, Table, TextArea,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::pages::network::{Typed, page};
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// For how many days a host is left alone where nothing else is typed.
const DAYS: &str = "90";

/// What is to become of a host.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnopenedForm {
    host: String,
    what: String,
    days: String,
    reason: String,
}

/// `POST /network/unopened`
pub(crate) async fn settle(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<UnopenedForm>,
) -> Response {
    let outcome = settled(&web, &me, &form).await;
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(mut errors) => {
            // The form of the gap list, on the same page, has a field "why" too.
            for problem in &mut errors.problems {
                if problem.field.as_deref() == Some("why") {
                    problem.field = Some("reason".into());
                }
            }
            let typed = Typed {
                unopened: form,
                ..Typed::default()
            };
            let page = page(&web, &me, Done::default(), &typed, errors).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn settled(web: &Web, me: &SignedIn, form: &UnopenedForm) -> Result<String, Error> {
    web.app.open_to::<act::ReadNetwork>(&me.actor).await?;
    match form.what.as_str() {
        "alone" => {
            let days = form.days.trim().parse().ok();
            let number = web
                .app
                .propose_uninspected(&me.actor, &form.host, days, &form.reason)
                .await?;
            Ok(format!("/changes/{number}?done=proposed"))
        }
        "aside" => {
            web.app
                .dismiss_unopened(me, &form.host, &form.reason)
                .await?;
            Ok("/network?done=unopened".to_owned())
        }
        _ => Err(Error::field("what", "Choose what shall become of it.")),
    }
}

/// The list, with what can be done about it.
pub(super) fn list(
    sheet: Sheet,
    web: &Web,
    me: &SignedIn,
    lines: &[UnopenedLine],
    form: &UnopenedForm,
    errors: &Errors,
) -> Sheet {
    let mut sheet = sheet.heading("Could not be looked into");
    if lines.is_empty() {
        return sheet.text("No host has failed three times since the proxy was started, beside those that are left alone or put aside.");
    }
    let zone = web.app.zone();
    let rows = lines.iter().map(|line| {
        let noticed = &line.noticed;
        let waits = match line.waits {
            Some(number) => Cell::link(
                format!("/changes/{number}"),
                format!("Change {number} waits"),
            ),
            None => Cell::text("No"),
        };
        vec![
            Cell::address(words::address(&noticed.host, None)),
            Cell::text(what_happened(noticed)),
            Cell::text(match noticed.devices {
                8.. => "8 or more".to_owned(),
                few => few.to_string(),
            }),
            Cell::text(words::moment(noticed.last, &zone)),
            waits,
        ]
    });
    sheet = sheet
        .text("An application that trusts one certificate only fails like this, and so does a device without the school's certificate: look at the number of devices first. A host that is left alone is filtered by its name as before; what is inside is no longer seen.")
        .add(Table::new(
            "Hosts, those that failed most often first",
            &["Host", "What happened", "Devices", "Last", "Proposed"],
            rows.collect(),
        ));
    let may = [
        (Act::ProposePolicy, "alone", "Propose to leave it alone"),
        (Act::ChangeSettings, "aside", "Put it aside for 90 days"),
    ];
    let ways: Vec<Choice> = may
        .iter()
        .filter(|(act, ..)| web.app.could(&me.actor, *act))
        .map(|(_, value, text)| {
            let choice = Choice::new(*value, *text).chosen(*value == form.what);
            match *value {
                "alone" => choice.hint("Two people assess the change before it is in force."),
                _ => choice.hint("It is looked into as before, and fails as before."),
            }
        })
        .collect();
    if ways.is_empty() {
        return sheet;
    }
    let hosts = lines.iter().map(|line| {
        let host = line.noticed.host.as_str();
        Choice::new(host, words::address(host, None)).chosen(host == form.host)
    });
    let days = if form.days.is_empty() {
        DAYS
    } else {
        &form.days
    };
    sheet.add(
        Form::to("/network/unopened")
            .field(Select::new("host", "Which host?", hosts.collect()).error(errors.of("host")))
            .field(Choices::one("what", "What shall become of it?", ways).error(errors.of("what")))
            .field(
                Input::text("days", "For how many days is it left alone?", days)
                    .numeric()
                    .width(4)
                    .hint("At most 366. Then it is looked at again.")
                    .error(errors.of("days")),
            )
            .field(
                TextArea::new("reason", "Why?", &form.reason)
                    .rows(2)
                    .error(errors.of("reason")),
            )
            .button(Button::main("Send")),
    )
}

fn what_happened(noticed: &Unopened) -> String {
    [
        (noticed.distrusted, "The school's certificate was refused"),
        (noticed.left, "Left as soon as the certificate was seen"),
        (
            noticed.client_certificate,
            "The site asked for a certificate of the device",
        ),
    ]
    .iter()
    .filter(|(times, _)| *times > 0)
    .map(|(times, what)| format!("{what}: {}", words::counted(*times, "time", "times")))
    .collect::<Vec<_>>()
    .join("; ")
}
