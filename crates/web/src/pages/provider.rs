//! `/lists/provider`: who brings the internet in and filters it, whether they take the IWF list, and
//! what was gone through with suppliers (FIL-18).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use pharos_access::Act;
use pharos_service::{Confirmation, Error, IwfTaken, NewProvider, ProviderRecord, SignedIn};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Summary, Table, TextArea, Warning,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};

const PATH: &str = "/lists/provider";

/// The record as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    broadband: String,
    filter: String,
    firewall: String,
    iwf: String,
    evidence: String,
    confirmed_on: String,
}

/// A review as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypedReview {
    on: String,
    supplier: String,
    outcome: String,
}

/// `GET /lists/provider`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = page(
        &web,
        &me,
        done,
        None,
        TypedReview::default(),
        Errors::default(),
    )
    .await;
    answer(&web, Some(&me), page).await
}

/// `POST /lists/provider`
pub(crate) async fn record(
    State(web): State<Web>,
    Me(me): Me,
    Posted(typed): Posted<Typed>,
) -> Response {
    let new = NewProvider {
        broadband: typed.broadband.clone(),
        filter: typed.filter.clone(),
        firewall: typed.firewall.clone(),
        iwf: typed.iwf.clone(),
        evidence: typed.evidence.clone(),
        confirmed_on: typed.confirmed_on.clone(),
    };
    let outcome = web.app.record_provider(&me, new).await;
    let outcome = outcome.map(|()| PATH.to_owned());
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::No(response) => response,
        After::Again(errors) => {
            let again = page(
                &web,
                &me,
                Done::default(),
                Some(typed),
                TypedReview::default(),
                errors,
            );
            answer(&web, Some(&me), again.await).await
        }
    }
}

/// `POST /lists/provider/reviews`
pub(crate) async fn add_review(
    State(web): State<Web>,
    Me(me): Me,
    Posted(typed): Posted<TypedReview>,
) -> Response {
    let outcome = web
        .app
        .record_supplier_review(&me, &typed.on, &typed.supplier, &typed.outcome)
        .await;
    match after(&web, Some(&me), outcome.map(|()| PATH.to_owned())).await {
        After::Go(path) => go(&path),
        After::No(response) => response,
        After::Again(errors) => {
            let again = page(&web, &me, Done::default(), None, typed, errors);
            answer(&web, Some(&me), again.await).await.into_response()
        }
    }
}

async fn page(
    web: &Web,
    me: &SignedIn,
    done: Done,
    typed: Option<Typed>,
    review: TypedReview,
    errors: Errors,
) -> Result<Response, Error> {
    let record = web.app.provider(&me.actor).await?;
    let of = |field: &str| errors.of(field);
    let mut sheet = Sheet::new(web.frame(me, "").await.with(done), "The provider record")
        .back("/lists", "The filter's lists")
        .lede("Who brings the internet in and filters it, whether they take the list of child abuse addresses, and what shows it.")
        .errors(errors.clone());
    sheet = standing(web, sheet, record.as_ref());
    if let Some(record) = &record {
        sheet = sheet.add(facts(record)).add(reviews(record));
    }
    if !web.app.could(&me.actor, Act::ChangeSettings) {
        return Ok(sheet.response());
    }
    let typed = typed.unwrap_or_else(|| record.as_ref().map(Typed::of).unwrap_or_default());
    let form = Form::to(PATH)
        .field(
            Input::text("broadband", "Broadband provider", typed.broadband).error(of("broadband")),
        )
        .field(Input::text("filter", "Filter products", typed.filter).error(of("filter")))
        .field(Input::text("firewall", "Firewall", typed.firewall).error(of("firewall")))
        .field(
            Choices::one(
                "iwf",
                "Does the provider take the Internet Watch Foundation's list?",
                [("yes", "Yes"), ("no", "No"), ("unknown", "Not known")]
                    .map(|(value, text)| Choice::new(value, text).chosen(value == typed.iwf))
                    .into(),
            )
            .error(of("iwf")),
        )
        .field(
            TextArea::new("evidence", "What shows it", typed.evidence)
                .hint("A letter, a page of the provider, a test and its result.")
                .error(of("evidence")),
        )
        .field(
            Input::text("confirmed_on", "Of which day", typed.confirmed_on)
                .hint("For example 2026-11-22.")
                .width(10)
                .error(of("confirmed_on")),
        )
        .button(Button::main("Keep the record"));
    let heading = match record {
        Some(_) => "Write it anew",
        None => "Write it down",
    };
    sheet = sheet.heading(heading).add(form);
    if record.is_some() {
        let form = Form::to("/lists/provider/reviews")
            .field(
                Input::text("on", "Day", review.on)
                    .hint("For example 2026-11-22.")
                    .width(10)
                    .error(of("on")),
            )
            .field(Input::text("supplier", "Supplier", review.supplier).error(of("supplier")))
            .field(TextArea::new("outcome", "What came of it", review.outcome).error(of("outcome")))
            .button(Button::main("Add the review"));
        sheet = sheet.heading("Add a review with a supplier").add(form);
    }
    Ok(sheet.response())
}

fn standing(web: &Web, sheet: Sheet, record: Option<&ProviderRecord>) -> Sheet {
    let text = match web.app.confirmation(record) {
        Confirmation::Good(until) => {
            return sheet.text(format!("The provider's IWF subscription is confirmed until {until}."));
        }
        Confirmation::Ending(until) => format!(
            "The confirmation that the provider takes the IWF list ends on {until}. Ask for a new one."
        ),
        Confirmation::Expired(until) => format!(
            "The confirmation that the provider takes the IWF list ended on {until}. Ask for a new one now."
        ),
        Confirmation::Missing => {
            "Nothing here shows that the provider takes the IWF list. Ask, and write down the evidence.".to_owned()
        }
    };
    sheet.add(Warning { text })
}

fn facts(record: &ProviderRecord) -> Summary {
    let day = record.confirmed_on.map(|on| on.to_string());
    Summary::default()
        .row("Broadband provider", &record.broadband)
        .row("Filter products", &record.filter)
        .row("Firewall", &record.firewall)
        .row(
            "Takes the IWF list",
            match record.iwf {
                IwfTaken::Yes => "Yes",
                IwfTaken::No => "No",
                IwfTaken::Unknown => "Not known",
            },
        )
        .row("What shows it", &record.evidence)
        .row("Of which day", day.unwrap_or_default())
}

fn reviews(record: &ProviderRecord) -> Table {
    let rows = record
        .reviews
        .iter()
        .map(|review| {
            vec![
                Cell::text(review.on.to_string()),
                Cell::text(&review.supplier),
                Cell::text(&review.outcome),
            ]
        })
        .collect();
    Table::new(
        "Reviews with suppliers, newest first",
        &["Day", "Supplier", "What came of it"],
        rows,
    )
}

impl Typed {
    fn of(record: &ProviderRecord) -> Self {
        let iwf = match record.iwf {
            IwfTaken::Yes => "yes",
            IwfTaken::No => "no",
            IwfTaken::Unknown => "unknown",
        };
        Self {
            broadband: record.broadband.clone(),
            filter: record.filter.clone(),
            firewall: record.firewall.clone(),
            iwf: iwf.to_owned(),
            evidence: record.evidence.clone(),
            confirmed_on: record
                .confirmed_on
                .map(|on| on.to_string())
                .unwrap_or_default(),
        }
    }
}
