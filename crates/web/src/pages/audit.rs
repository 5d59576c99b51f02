//! `/audit`: the audit log, and who looked at whom (AUD-01, AUD-05).

use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;
use pharos_access::{Act, act};
use pharos_records::{LedgerFilter, Verdict};
use pharos_school::PersonId;
use pharos_service::{Error, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Cell, Form, Input, Table, Warning};
use crate::forms::Posted;
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// Entries on one page.
const PAGE: usize = 100;
/// How far back look-ups are shown.
const LOOKUPS_BACK: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    person: String,
    act: String,
    before: String,
}

/// `GET /audit`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), page(&web, &me, &Search::default()).await).await
}

/// `POST /audit`
pub(crate) async fn find(
    State(web): State<Web>,
    Me(me): Me,
    Posted(search): Posted<Search>,
) -> Response {
    answer(&web, Some(&me), page(&web, &me, &search).await).await
}

async fn page(web: &Web, me: &SignedIn, search: &Search) -> Result<Response, Error> {
    web.app.open_to::<act::ReadLedger>(&me.actor).await?;
    let zone = web.app.zone();
    let actor = match search.person.trim() {
        "" => None,
        username => Some(web.app.person_named(username).await?.map_or_else(
            || "person:none".to_owned(),
            |person| format!("person:{}", person.id),
        )),
    };
    let act = (!search.act.trim().is_empty()).then(|| search.act.trim().to_owned());
    let filter = LedgerFilter {
        before: search.before.parse().ok(),
        actor,
        act,
        subject: None,
    };
    let entries = web.app.ledger(&me.actor, &filter, PAGE).await?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in &entries {
        rows.push(vec![
            Cell::text(entry.seq.to_string()),
            Cell::text(words::moment(entry.line.at, &zone)),
            Cell::text(subject(web, &entry.line.actor).await?),
            Cell::text(says(&entry.line.act)),
            Cell::text(subject(web, &entry.line.subject).await?),
            Cell::text(&entry.line.detail),
        ]);
    }
    let form = Form::to("/audit")
        .filtering()
        .field(Input::text(
            "person",
            "Done by, by sign-in name",
            &search.person,
        ))
        .field(
            Input::text("act", "Act begins with", &search.act)
                .hint("Such as case. or setting.change"),
        )
        .button(Button::main("Search"));
    let mut sheet = Sheet::new(web.frame(me, "").await, "Audit log")
        .lede("Entries are chained: none can be altered or removed without showing.")
        .add(Piece::Buttons(vec![ButtonLink::secondary(
            "/audit/lookups",
            "Who looked at whom",
        )]))
        .add(whole(web).await?)
        .add(form)
        .add(Table::new(
            "Entries, newest first",
            &["Number", "When", "Who", "Act", "About", "Details"],
            rows,
        ));
    if let Some(last) = entries.last().filter(|_| entries.len() == PAGE) {
        let older = Form::to("/audit")
            .hidden("person", &search.person)
            .hidden("act", &search.act)
            .hidden("before", last.seq.to_string());
        sheet = sheet.add(older.button(Button::secondary("Older")));
    }
    Ok(sheet.response())
}

/// Whether the chain is whole, in words.
async fn whole(web: &Web) -> Result<Piece, Error> {
    if let Some(altered) = web.app.verify_changes().await? {
        let text = format!(
            "The change log was altered outside Pharos: {} {}. Keep the data folder as it is and call for help.",
            altered.table, altered.row
        );
        return Ok(Warning { text }.into());
    }
    Ok(match web.app.verify_ledger().await? {
        Verdict::Whole(head) => Piece::Inset(format!("The chain is whole: {} entries, checked now.", head.map_or(0, |head| head.seq))),
        Verdict::Broken(_) | Verdict::HeadForged => Warning { text: "The chain is broken: somebody altered or removed entries outside Pharos. Keep the data folder as it is and call for help.".to_owned() }.into(),
        Verdict::Unreadable { seq, .. } => Warning { text: format!("Entry {seq} cannot be read. Keep the data folder as it is and call for help.") }.into(),
    })
}

/// An act in words, where it is one of the table.
fn says(name: &str) -> String {
    name.parse::<Act>()
        .map_or_else(|_| name.to_owned(), |act| act.says().to_owned())
}

/// `person:<id>` as a name; everything else as it stands.
async fn subject(web: &Web, text: &str) -> Result<String, Error> {
    match text
        .strip_prefix("person:")
        .and_then(|id| id.parse::<PersonId>().ok())
    {
        Some(id) => words::name(web, Some(id)).await,
        None => Ok(text.to_owned()),
    }
}

/// `GET /audit/lookups`
pub(crate) async fn lookups(State(web): State<Web>, Me(me): Me) -> Response {
    answer(
        &web,
        Some(&me),
        lookups_page(&web, &me, &Search::default()).await,
    )
    .await
}

/// `POST /audit/lookups`
pub(crate) async fn find_lookups(
    State(web): State<Web>,
    Me(me): Me,
    Posted(search): Posted<Search>,
) -> Response {
    answer(&web, Some(&me), lookups_page(&web, &me, &search).await).await
}

async fn lookups_page(web: &Web, me: &SignedIn, search: &Search) -> Result<Response, Error> {
    web.app.open_to::<act::ReadLookups>(&me.actor).await?;
    let zone = web.app.zone();
    let about = match search.person.trim() {
        "" => None,
        username => web
            .app
            .person_named(username)
            .await?
            .map(|person| person.id),
    };
    let nobody = about.is_none() && !search.person.trim().is_empty();
    let found = if nobody {
        Vec::new()
    } else {
        web.app
            .lookups(&me.actor, about, web.app.now() - LOOKUPS_BACK)
            .await?
    };
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        rows.push(vec![
            Cell::text(words::moment(row.at, &zone)),
            Cell::text(words::name(web, row.by).await?),
            Cell::text(says(&row.act)),
            Cell::text(match row.about {
                Some(about) => words::name(web, Some(about)).await?,
                None => subject(web, &row.subject).await?,
            }),
            Cell::text(row.reason.as_deref().unwrap_or("")),
        ]);
    }
    let form = Form::to("/audit/lookups")
        .filtering()
        .field(Input::text(
            "person",
            "About whom, by sign-in name",
            &search.person,
        ))
        .button(Button::main("Search"));
    Ok(Sheet::new(web.frame(me, "").await, "Who looked at whom")
        .back("/audit", "Audit log")
        .lede("The last 30 days, newest first.")
        .add(form)
        .add(Table::new(
            "Look-ups",
            &["When", "Who", "What", "About", "Reason given"],
            rows,
        ))
        .response())
}
