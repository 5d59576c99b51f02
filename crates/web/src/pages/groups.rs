//! `/groups`: exception groups with their members, and adding one (REQ-06).

use axum::extract::State;
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, ExceptionGroup, NewMember, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Cell, Choice, Errors, Form, Input, Select, Table, TextArea};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// A member to be added.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    group: String,
    person: String,
    asked_by: String,
    days: String,
    why: String,
}

/// `GET /groups`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = page(&web, &me, &Wanted::default(), Errors::default(), done).await;
    answer(&web, Some(&me), page).await
}

/// `POST /groups`
pub(crate) async fn add(
    State(web): State<Web>,
    Me(me): Me,
    Posted(wanted): Posted<Wanted>,
) -> Response {
    let outcome = added(&web, &me, &wanted).await;
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = page(&web, &me, &wanted, errors, Done::default()).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn added(web: &Web, me: &SignedIn, wanted: &Wanted) -> Result<String, Error> {
    web.app.open_to::<act::AddException>(&me.actor).await?;
    let named = async |field: &'static str, username: &str| {
        web.app
            .person_named(username)
            .await?
            .map(|person| person.id)
            .ok_or_else(|| Error::field(field, "Nobody on the roll has this sign-in name."))
    };
    let person = named("person", &wanted.person).await?;
    let asked_by = match wanted.asked_by.trim() {
        "" => person,
        username => named("asked_by", username).await?,
    };
    let new = NewMember {
        group: wanted.group.clone(),
        person,
        asked_by,
        why: wanted.why.clone(),
        days: wanted.days.trim().parse().unwrap_or(0),
    };
    web.app.add_member(&me.actor, &new).await?;
    Ok("/groups?done=member".to_owned())
}

async fn page(
    web: &Web,
    me: &SignedIn,
    wanted: &Wanted,
    errors: Errors,
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::ReviewChange>(&me.actor).await?;
    let groups = web.app.exception_groups(&me.actor).await?;
    let mut sheet = Sheet::new(web.frame(me, "/changes").await.with(done), "Exception groups")
        .back("/changes", "Changes to filtering")
        .errors(errors.clone())
        .lede("Who may have what others may not. Each member has a reason, somebody who approved, an end, and a date to look again.");
    if groups.is_empty() {
        return Ok(sheet.text("The policy has no exception groups.").response());
    }
    for group in &groups {
        sheet = sheet.heading(&group.name);
        let opens = if group.opens.is_empty() {
            "nothing of its own".to_owned()
        } else {
            group.opens.join(", ")
        };
        sheet = sheet
            .text(format!("Opens: {opens}."))
            .add(members(web, group).await?);
        for member in group.members.iter().filter(|member| member.id.is_some()) {
            let (Some(id), true) = (member.id, web.app.could(&me.actor, Act::EndOverride)) else {
                continue;
            };
            sheet = sheet.add(
                Form::to(format!("/overrides/{id}/end")).button(Button::secondary(format!(
                    "End it for {}",
                    member.person.full_name()
                ))),
            );
        }
    }
    if web.app.could(&me.actor, Act::AddException)
        && web
            .app
            .may_vet_anybody(&me.actor, Act::AddException)
            .await?
    {
        sheet = sheet
            .heading("Add a member")
            .add(form(&groups, wanted, &errors));
    }
    Ok(sheet.response())
}

async fn members(web: &Web, group: &ExceptionGroup) -> Result<Piece, Error> {
    let zone = web.app.zone();
    let mut rows = Vec::new();
    for member in &group.members {
        let time = |at: Option<jiff::Timestamp>, none: &str| {
            at.map_or_else(|| none.to_owned(), |at| words::moment(at, &zone))
        };
        let named = async |id: Option<pharos_school::PersonId>| match id {
            Some(_) => words::name(web, id).await,
            None => Ok("The policy pack".to_owned()),
        };
        rows.push(vec![
            Cell::text(member.person.full_name()),
            Cell::text(&*member.why),
            Cell::text(named(member.asked_by).await?),
            Cell::text(named(member.approved_by).await?),
            Cell::text(time(member.until, "While the pack names them")),
            Cell::text(time(member.review_at, "With the pack")),
            Cell::text(time(member.last_use, "Not within a year")),
        ]);
    }
    if rows.is_empty() {
        return Ok(Piece::Text("Nobody is in it.".to_owned()));
    }
    let heads = [
        "Member",
        "Why",
        "Asked by",
        "Approved by",
        "Until",
        "Look again",
        "Last use",
    ];
    Ok(Table::new(format!("Members of {}", group.name), &heads, rows).into())
}

fn form(groups: &[ExceptionGroup], wanted: &Wanted, errors: &Errors) -> Form {
    let choices = groups
        .iter()
        .map(|group| Choice::new(&group.name, &group.name).chosen(group.name == wanted.group))
        .collect();
    let days = if wanted.days.is_empty() {
        "90"
    } else {
        &wanted.days
    };
    Form::to("/groups")
        .field(Select::new("group", "Which group?", choices).error(errors.of("group")))
        .field(
            Input::text("person", "Who, by sign-in name?", &wanted.person)
                .error(errors.of("person")),
        )
        .field(
            Input::text(
                "asked_by",
                "Who asked for it, by sign-in name?",
                &wanted.asked_by,
            )
            .hint("Leave it empty if they asked themselves.")
            .error(errors.of("asked_by")),
        )
        .field(
            Input::text("days", "For how many days?", days)
                .numeric()
                .width(4)
                .hint("At most 366.")
                .error(errors.of("days")),
        )
        .field(
            TextArea::new("why", "Why?", &wanted.why)
                .rows(3)
                .error(errors.of("why")),
        )
        .button(Button::main("Add"))
}
