//! `/activity`: who reached what. Searched by POST, so that nothing personal stands in an address;
//! every look-up of a person is in the ledger before anything is shown (AUD-05).

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use pharos_access::act;
use pharos_activity::{Cursor, Found, Query, Stored};
use pharos_service::{Error, Problem, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Cell, Choice, Errors, Form, Input, Select, Table, Warning};
use crate::forms::{Posted, errors_of, moment_of};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// Events on one page.
const PAGE: usize = 100;

/// The search.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    person: String,
    device: String,
    address: String,
    from: String,
    to: String,
    category: String,
    action: String,
    site: String,
    words: String,
    reason: String,
    /// Where to go on: `milliseconds.number`.
    after: String,
}

/// `GET /activity`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(
        &web,
        Some(&me),
        form_page(&web, &me, &Search::default(), Errors::default()).await,
    )
    .await
}

/// `POST /activity`
pub(crate) async fn find(
    State(web): State<Web>,
    Me(me): Me,
    Posted(search): Posted<Search>,
) -> Response {
    let outcome = match results(&web, &me, &search).await {
        Err(Error::Invalid(problems)) => form_page(&web, &me, &search, errors_of(problems)).await,
        other => other,
    };
    answer(&web, Some(&me), outcome).await
}

async fn form_page(
    web: &Web,
    me: &SignedIn,
    search: &Search,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::SearchActivity>(&me.actor).await?;
    Ok(sheet(web, me, search, errors).await.response())
}

async fn sheet(web: &Web, me: &SignedIn, search: &Search, errors: Errors) -> Sheet {
    let form = form(web, search, &errors);
    Sheet::new(web.frame(me, "/activity").await, "Web activity")
        .errors(errors)
        .lede("Every look at a person is noted with your name and reason, and the safeguarding lead and the head can see it.")
        .add(form)
}

fn form(web: &Web, search: &Search, errors: &Errors) -> Form {
    let mut categories = vec![Choice::new("", "Any")];
    let mut names: BTreeSet<String> = web
        .app
        .school()
        .declared_categories
        .iter()
        .map(|name| name.to_string())
        .collect();
    names.extend(
        web.app
            .list_status()
            .into_iter()
            .flat_map(|list| list.categories.into_keys()),
    );
    categories.extend(
        names
            .into_iter()
            .map(|name| Choice::new(&name, &name).chosen(name == search.category)),
    );
    let actions = [
        ("", "Any"),
        ("block", "Blocked"),
        ("warn", "Warned"),
        ("allow", "Let through"),
        ("narrow", "Let through, narrowed"),
        ("tunnel", "Let through, not looked into"),
    ];
    let actions = actions
        .map(|(value, text)| Choice::new(value, text).chosen(value == search.action))
        .into();
    Form::to("/activity")
        .filtering()
        .field(
            Input::text("person", "Person, by sign-in name", &search.person)
                .error(errors.of("person")),
        )
        .field(Input::text("device", "Device", &search.device).error(errors.of("device")))
        .field(
            Input::text("address", "Network address", &search.address).error(errors.of("address")),
        )
        .field(
            Input::text("from", "From", &search.from)
                .kind("datetime-local")
                .error(errors.of("from")),
        )
        .field(
            Input::text("to", "Until", &search.to)
                .kind("datetime-local")
                .error(errors.of("to")),
        )
        .field(Select::new("category", "Category", categories))
        .field(Select::new("action", "What happened", actions))
        .field(Input::text("site", "Part of the site's name", &search.site))
        .field(Input::text("words", "Part of a search", &search.words))
        .field(
            Input::text("reason", "Why you are looking", &search.reason).error(errors.of("reason")),
        )
        .button(Button::main("Search"))
}

async fn results(web: &Web, me: &SignedIn, search: &Search) -> Result<Response, Error> {
    web.app.open_to::<act::SearchActivity>(&me.actor).await?;
    let zone = web.app.zone();
    let query = query_of(search, &zone)?;
    let found = match search.person.trim() {
        "" => {
            web.app
                .activity_at(&me.actor, &query, &search.reason)
                .await?
        }
        username => {
            let found = web.app.person_reached(&me.actor, username).await?;
            let person = found.ok_or_else(|| {
                Error::field("person", "Nobody on the roll has this sign-in name.")
            })?;
            web.app
                .activity_of(&me.actor, person.id, query, &search.reason)
                .await?
        }
    };
    let mut sheet = sheet(web, me, search, Errors::default()).await;
    for missing in &found.missing {
        sheet = sheet.add(Warning {
            text: format!(
                "Part of the store could not be read, so events may be missing here: {missing}"
            ),
        });
    }
    if found.events.is_empty() && found.next.is_none() {
        return Ok(sheet
            .text("Nothing was found that you may see. Visits to help sites are never shown.")
            .response());
    }
    let rows = rows(web, &found.events, &zone).await?;
    sheet = sheet.add(Table::new(
        "What was found, newest first",
        &[
            "When",
            "Who",
            "Device",
            "Address",
            "What happened",
            "Categories",
            "Searched or asked for",
        ],
        rows,
    ));
    Ok(more(sheet, search, &found).response())
}

/// The way on to older events, by POST like the search itself.
fn more(sheet: Sheet, search: &Search, found: &Found) -> Sheet {
    let Some(next) = found.next else { return sheet };
    let fields = [
        ("person", &search.person),
        ("device", &search.device),
        ("address", &search.address),
        ("from", &search.from),
        ("to", &search.to),
        ("category", &search.category),
        ("action", &search.action),
        ("site", &search.site),
        ("words", &search.words),
        ("reason", &search.reason),
    ];
    let form = fields
        .into_iter()
        .fold(Form::to("/activity"), |form, (name, value)| {
            form.hidden(name, value)
        });
    sheet.add(
        form.hidden(
            "after",
            format!("{}.{}", next.at.as_millisecond(), next.number),
        )
        .button(Button::secondary("Older")),
    )
}

fn query_of(search: &Search, zone: &TimeZone) -> Result<Query, Error> {
    let mut wrong = Vec::new();
    let mut time = |field, text: &str| {
        moment_of(field, text, zone).unwrap_or_else(|problem| {
            wrong.push(problem);
            None
        })
    };
    let (from, to) = (time("from", &search.from), time("to", &search.to));
    let address = match search.address.trim() {
        "" => None,
        text => text.parse().map(Some).unwrap_or_else(|_| {
            wrong.push(Problem::field(
                "address",
                "Write the network address like this: 10.0.3.4",
            ));
            None
        }),
    };
    if search.reason.trim().chars().count() < 5 {
        wrong.push(Problem::field(
            "reason",
            "Say why you are looking, in a few words. It is kept with the look-up.",
        ));
    }
    if search.person.trim().is_empty() && search.device.trim().is_empty() && address.is_none() {
        wrong.push(Problem::field(
            "person",
            "Name a person, a device or a network address.",
        ));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let one = |text: &str| (!text.trim().is_empty()).then(|| text.trim().into());
    Ok(Query {
        device: one(&search.device),
        address,
        from,
        to,
        categories: one(&search.category).into_iter().collect(),
        actions: one(&search.action).into_iter().collect(),
        host: one(&search.site),
        search: one(&search.words),
        limit: PAGE,
        after: cursor(&search.after),
        ..Query::default()
    })
}

fn cursor(text: &str) -> Option<Cursor> {
    let (at, number) = text.split_once('.')?;
    Some(Cursor {
        at: jiff::Timestamp::from_millisecond(at.parse().ok()?).ok()?,
        number: number.parse().ok()?,
    })
}

async fn rows(web: &Web, events: &[Stored], zone: &TimeZone) -> Result<Vec<Vec<Cell>>, Error> {
    let mut rows = Vec::with_capacity(events.len());
    for Stored { event, .. } in events {
        let name = match event.who.person() {
            Some(person) => web.app.name_of(person).await?,
            None => None,
        };
        let device = event.who.device().map_or_else(
            || event.address.to_string(),
            |label| format!("{label}, {}", event.address),
        );
        let address = match &event.sealed {
            Some(list) => Cell::text(format!(
                "On the sealed list {list}; the address is never kept"
            )),
            None => Cell::address(words::address(&event.host, event.path.as_deref())),
        };
        rows.push(vec![
            Cell::text(words::moment(event.at, zone)),
            Cell::text(words::who(&event.who, name.as_deref())),
            Cell::text(device),
            address,
            Cell::text(format!(
                "{} (rule {})",
                words::action(event.action),
                event.rule
            )),
            Cell::text(event.categories.join(", ")),
            Cell::text(match web.app.tool_asked(event) {
                Some(tool) => format!("{tool}: {}", event.search.as_deref().unwrap_or("")),
                None => event.search.as_deref().unwrap_or("").to_owned(),
            }),
        ]);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search {
        Search {
            device: "LIB-04".to_owned(),
            reason: "Alert in the library".to_owned(),
            ..Search::default()
        }
    }

    #[test]
    fn a_search_needs_a_reason_and_somebody_or_something() {
        let fields = |search: &Search| match query_of(search, &TimeZone::UTC) {
            Err(Error::Invalid(problems)) => problems
                .into_iter()
                .filter_map(|problem| problem.field)
                .collect(),
            _ => Vec::new(),
        };
        assert_eq!(fields(&Search::default()), ["reason", "person"]);
        assert_eq!(
            fields(&Search {
                from: "soon".to_owned(),
                address: "x".to_owned(),
                ..search()
            }),
            ["from", "address"]
        );
        assert!(fields(&search()).is_empty());
    }

    #[test]
    fn a_place_to_go_on_is_read_back() {
        assert_eq!(cursor("1000.7").unwrap().number, 7);
        assert!(cursor("").is_none() && cursor("x.7").is_none());
    }
}
