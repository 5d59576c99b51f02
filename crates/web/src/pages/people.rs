//! `/people`: looking people up.

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_school::{Person, PersonId, Role};
use pharos_service::{Error, FOUND_MAX, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Cell, Form, Input, Summary, Table};
use crate::forms::Posted;
use crate::frame::Done;
use crate::oops::answer;
use crate::pages::attempts;
use crate::pages::kit::Names;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// Words of a name. Posted, so that no name stands in an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    words: String,
}

/// `GET /people`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(&web, Some(&me), list(&web, &me, "", done).await).await
}

/// `POST /people`
pub(crate) async fn find(
    State(web): State<Web>,
    Me(me): Me,
    Posted(search): Posted<Search>,
) -> Response {
    answer(
        &web,
        Some(&me),
        list(&web, &me, &search.words, Done::default()).await,
    )
    .await
}

async fn list(web: &Web, me: &SignedIn, looked_for: &str, done: Done) -> Result<Response, Error> {
    web.app.open_to::<act::ListPeople>(&me.actor).await?;
    let found = web.app.find_people(&me.actor, looked_for).await?;
    let form = Form::to("/people")
        .filtering()
        .field(Input::text("words", "Name", looked_for).hint(
            "The beginning of a first name, family name or sign-in name; at least two letters.",
        ))
        .button(Button::main("Search"));
    let mut sheet = Sheet::new(web.frame(me, "/people").await.with(done), "People").add(form);
    if web.app.could(&me.actor, Act::ImportRoll) {
        sheet = sheet.add(Piece::Buttons(vec![ButtonLink::secondary(
            "/people/import",
            "Bring in a new roll",
        )]));
    }
    if looked_for.trim().is_empty() {
        return Ok(sheet.response());
    }
    if found.is_empty() {
        return Ok(sheet
            .text("Nobody on the roll fits. Try fewer letters, or another part of the name.")
            .response());
    }
    let school = web.app.school();
    let rows = found
        .iter()
        .map(|person| {
            vec![
                Cell::link(format!("/people/{}", person.id), person.full_name()),
                Cell::text(words::roles(&school, &person.roles)),
                Cell::text(person.year.map(|year| year.to_string()).unwrap_or_default()),
                Cell::text(&person.username),
            ]
        })
        .collect();
    if found.len() >= FOUND_MAX {
        sheet = sheet.text(format!(
            "The first {FOUND_MAX} are shown. Add letters to narrow it down."
        ));
    }
    Ok(sheet
        .add(Table::new(
            "People found",
            &["Name", "Role", "Year", "Sign-in name"],
            rows,
        ))
        .response())
}

/// `GET /people/{id}`
pub(crate) async fn one(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    answer(&web, Some(&me), person(&web, &me, &id).await).await
}

async fn person(web: &Web, me: &SignedIn, id: &str) -> Result<Response, Error> {
    web.app.open_to::<act::ListPeople>(&me.actor).await?;
    let id: PersonId = id.parse().map_err(|_| Error::NotFound)?;
    let person = web.app.person(&me.actor, id).await?;
    let school = web.app.school();
    let mut facts = Summary::default()
        .row("Role", words::roles(&school, &person.roles))
        .row("Sign-in name", &person.username);
    if let Some(year) = person.year {
        facts = facts.row("Year", year.to_string());
    }
    if let Some(house) = &person.house {
        facts = facts.row("Boarding house", house);
    }
    facts = facts.row("Classes", classes(web, me, &person).await?);
    if let pharos_school::Standing::Left(on) = person.standing {
        facts = facts.row("Left on", on.to_string());
    }
    let mut sheet = Sheet::new(web.frame(me, "/people").await, person.full_name())
        .back("/people", "People")
        .add(facts);
    if !person.guardians.is_empty() {
        sheet = sheet
            .heading(format!("Linked {}", school.pack.words.word("parents")))
            .add(Piece::Links(
                links(web, person.guardians.iter().copied()).await?,
            ));
    }
    if person.is(Role::Pupil) && web.app.could(&me.actor, Act::ReadAttempts) {
        sheet = chronology(web, me, &person, sheet).await?;
    }
    let ways = [
        (
            "/explain",
            "Ask why something is blocked for them",
            web.app.could(&me.actor, Act::Explain),
        ),
        (
            "/activity",
            "Search web activity",
            web.app.could(&me.actor, Act::SearchActivity) && person.is(Role::Pupil),
        ),
        (
            "/restrictions/new",
            "Restrict their access",
            web.app.could(&me.actor, Act::RestrictPerson),
        ),
    ];
    let ways = ways
        .into_iter()
        .filter(|(_, _, shown)| *shown)
        .map(|(href, text, _)| (href.to_owned(), text.to_owned()))
        .collect();
    Ok(sheet.add(Piece::Links(ways)).response())
}

/// What followed a pupil's blocked attempts, newest first (MON-11).
async fn chronology(
    web: &Web,
    me: &SignedIn,
    pupil: &Person,
    sheet: Sheet,
) -> Result<Sheet, Error> {
    let responses = web.app.attempt_responses_of(&me.actor, pupil.id).await?;
    let by = responses
        .iter()
        .filter_map(|response| response.by)
        .collect();
    let names = Names::of(&web.app, by).await?;
    let sheet = sheet.heading("Advice and support after blocked attempts");
    Ok(match attempts::timeline(web, &responses, &names) {
        Some(timeline) => sheet.add(timeline),
        None => sheet.text("None noted."),
    })
}

async fn classes(web: &Web, me: &SignedIn, person: &Person) -> Result<String, Error> {
    let titles: Vec<_> = web
        .app
        .classes(&me.actor)
        .await?
        .into_iter()
        .filter(|class| person.classes.contains(&class.id))
        .map(|class| class.title)
        .collect();
    Ok(if titles.is_empty() {
        "None".to_owned()
    } else {
        titles.join(", ")
    })
}

async fn links(
    web: &Web,
    people: impl Iterator<Item = PersonId>,
) -> Result<Vec<(String, String)>, Error> {
    let mut links = Vec::new();
    for id in people {
        links.push((format!("/people/{id}"), words::name(web, Some(id)).await?));
    }
    Ok(links)
}
