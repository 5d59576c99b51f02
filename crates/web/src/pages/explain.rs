//! `/explain`: why something is blocked or not, with every rule considered (FIL-06).

use axum::extract::State;
use axum::response::Response;
use pharos_access::act;
use pharos_filter::Explanation;
use pharos_policy::{Reason, Weight};
use pharos_service::{Error, ExplainQuestion, Problem, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Cell, Choice, Errors, Form, Input, Select, Summary, Table};
use crate::forms::{Posted, errors_of, moment_of};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// The most devices offered.
const PLACES_MAX: usize = 500;

/// The question.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Question {
    address: String,
    person: String,
    place: String,
    from: String,
    at: String,
}

/// `GET /explain`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let outcome = match web.app.open_to::<act::Explain>(&me.actor).await {
        Ok(()) => Ok(sheet(&web, &me, &Question::default(), Errors::default())
            .await
            .response()),
        Err(error) => Err(error),
    };
    answer(&web, Some(&me), outcome).await
}

/// `POST /explain`
pub(crate) async fn ask(
    State(web): State<Web>,
    Me(me): Me,
    Posted(question): Posted<Question>,
) -> Response {
    let outcome = match verdict(&web, &me, &question).await {
        Err(Error::Invalid(problems)) => Ok(sheet(&web, &me, &question, errors_of(problems))
            .await
            .response()),
        other => other,
    };
    answer(&web, Some(&me), outcome).await
}

async fn sheet(web: &Web, me: &SignedIn, question: &Question, errors: Errors) -> Sheet {
    let form = Form::to("/explain")
        .filtering()
        .field(
            Input::text("address", "Address", &question.address)
                .hint("As it stands in the browser, such as example.org/page")
                .error(errors.of("address")),
        )
        .field(
            Input::text("person", "For whom, by sign-in name", &question.person)
                .hint("Leave empty for somebody unknown")
                .error(errors.of("person")),
        )
        .field(
            Select::new(
                "place",
                "At which device or place",
                places(web, &question.place),
            )
            .hint("Or give its network address")
            .error(errors.of("place")),
        )
        .field(
            Input::text("from", "From which network address", &question.from)
                .hint("Leave empty where a place is chosen, or for nowhere in particular")
                .error(errors.of("from")),
        )
        .field(
            Input::text("at", "When", &question.at)
                .kind("datetime-local")
                .hint("Leave empty for now; a past time is answered by the policy of then")
                .error(errors.of("at")),
        )
        .button(Button::main("Explain"));
    Sheet::new(
        web.frame(me, "/explain").await,
        "What would this person see, here, at this time?",
    )
    .errors(errors)
    .lede("The verdict for one address, with every rule that was considered.")
    .add(form)
}

/// The school's devices and places, each by an address that stands for it.
fn places(web: &Web, chosen: &str) -> Vec<Choice> {
    let school = web.app.school();
    let mut choices = vec![Choice::new("", "Nowhere in particular")];
    let mut add = |address: String, text: String| {
        let on = address == chosen;
        choices.push(Choice::new(address, text).chosen(on));
    };
    for (name, place) in &school.pack.filter.places {
        if let Some(address) = place.ranges.first().and_then(|range| first_of(range)) {
            add(address, format!("Place: {name}"));
        }
    }
    for device in school.pack.addresses.iter().take(PLACES_MAX) {
        add(
            device.range.addr().to_string(),
            format!("Device: {}", device.label),
        );
    }
    choices
}

/// An address within a range as the pack writes it.
fn first_of(range: &str) -> Option<String> {
    let address = range.split('/').next()?;
    address
        .parse::<std::net::IpAddr>()
        .ok()
        .map(|address| address.to_string())
}

async fn verdict(web: &Web, me: &SignedIn, question: &Question) -> Result<Response, Error> {
    web.app.open_to::<act::Explain>(&me.actor).await?;
    let zone = web.app.zone();
    let at =
        moment_of("at", &question.at, &zone).map_err(|problem| Error::Invalid(vec![problem]))?;
    let typed = match question.from.trim() {
        "" => question.place.trim(),
        typed => typed,
    };
    let from = match typed {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            Error::Invalid(vec![Problem::field(
                "from",
                "Write the network address like this: 10.0.3.4",
            )])
        })?),
    };
    let person = match question.person.trim() {
        "" => None,
        username => Some(
            web.app
                .person_reached(&me.actor, username)
                .await?
                .ok_or_else(|| Error::field("person", "Nobody on the roll has this sign-in name."))?
                .id,
        ),
    };
    let found = web
        .app
        .explain(
            &me.actor,
            &ExplainQuestion {
                address: question.address.clone(),
                person,
                from,
                at,
            },
        )
        .await?;
    let sheet = sheet(web, me, question, Errors::default()).await;
    Ok(verdict_of(sheet, &found, &words::address(&question.address, None)).response())
}

fn verdict_of(sheet: Sheet, found: &Explanation, address: &str) -> Sheet {
    let mut facts = Summary::default()
        .row("Address", address)
        .row("Verdict", words::action(found.action.name()))
        .row(
            "Because of",
            format!("{} (rule {})", layer(found.layer), found.rule),
        )
        .row(
            "Categories",
            if found.categories.is_empty() {
                "None known".to_owned()
            } else {
                found.categories.join(", ")
            },
        );
    let user = match (&found.user, found.identity.unknown_because) {
        (Some(user), _) => user.to_string(),
        (None, why) => format!("Somebody unknown ({})", why.unwrap_or("not named")),
    };
    if let Some(class) = found.left_out {
        facts = facts.row(
            "Left out of the scope",
            format!(
                "{} (fil.scope): they get what an unknown device gets",
                class.title()
            ),
        );
    }
    let lists: Vec<_> = found
        .list_versions
        .iter()
        .map(|list| format!("{} {}", list.list, list.version))
        .collect();
    facts = facts
        .row("Asked as", user)
        .row(
            "The proxy looks inside",
            if found.inspect { "Yes" } else { "No" },
        )
        .row("Text of pages there", text(found))
        .row("Policy version", found.policy_version.to_string())
        .row(
            "List versions",
            if lists.is_empty() {
                "No lists".to_owned()
            } else {
                lists.join(", ")
            },
        );
    let rows = found.reasons.iter().map(row).collect();
    sheet
        .heading("The verdict")
        .add(facts)
        .add(Table::new("Every rule considered, the one that decided first", &["Level", "Rule", "Says", "What became of it", "Matched"], rows))
        .text("Levels speak in this order: sealed lists, the trust's floor, help, the school's blocks, personal restrictions, exceptions, lesson lists, groups, then what holds when nothing else speaks.")
}

/// By whose dictionaries the text of pages is judged.
fn text(found: &Explanation) -> String {
    match &found.page_text {
        None => "Is not read for this reader".to_owned(),
        Some(text) if text.own_dictionaries.is_empty() => {
            format!("Is judged as for {} by the shipped dictionaries", text.band)
        }
        Some(text) => format!(
            "Is judged as for {} by the shipped dictionaries and the school's own {}",
            text.band,
            text.own_dictionaries.join(", ")
        ),
    }
}

fn row(reason: &Reason) -> Vec<Cell> {
    let parts = [
        ("list", &reason.list),
        ("entry", &reason.entry),
        ("category", &reason.category),
        ("hours", &reason.hours),
        ("place", &reason.place),
        ("change", &reason.over),
        ("by", &reason.by),
    ];
    let matched: Vec<_> = parts
        .into_iter()
        .filter_map(|(what, value)| {
            value.as_ref().map(|value| {
                if what == "entry" {
                    format!("{what} {}", words::address(value, None))
                } else {
                    format!("{what} {value}")
                }
            })
        })
        .collect();
    vec![
        Cell::text(layer(reason.layer)),
        Cell::text(&*reason.rule),
        Cell::text(words::action(reason.action.name())),
        Cell::text(weight(reason.weight)),
        Cell::text(matched.join(", ")),
    ]
}

fn layer(layer: pharos_policy::Layer) -> &'static str {
    use pharos_policy::Layer::{
        Default, Exception, Floor, Group, Help, LessonList, Personal, SchoolBlock, Sealed,
    };
    match layer {
        Sealed => "Sealed lists",
        Floor => "The trust's floor",
        Help => "Help is never blocked",
        SchoolBlock => "The school's own blocks",
        Personal => "Restriction for one person",
        Exception => "Approved exception",
        LessonList => "Lesson list",
        Group => "Rules for groups",
        Default => "What holds when nothing else speaks",
    }
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Decided => "Decided",
        Weight::Outranked => "Outranked by a rule above or a stricter one beside it",
        Weight::OtherPeople => "Is for other people",
        Weight::OtherHours => "Is for other hours",
        Weight::OtherPlace => "Is for other places",
        Weight::NotYet => "Has not begun",
        Weight::Expired => "Has run out",
        Weight::OtherMode => "Does not speak in this mode",
        Weight::PathUnseen => "Names a page, and only the site is seen",
    }
}
