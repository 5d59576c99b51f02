//! `/changes/new`: proposing a change: categories ticked, or something opened for groups. A whole
//! pack comes as a file at `/settings/pack`.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use pharos_access::act;
use pharos_records::Origin;
use pharos_service::{Error, Opening, Proposal, Proposed, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Choice, Choices, Errors, Form, Input, TextArea};
use crate::forms::{After, Posted, after, go, lines};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};

/// What is proposed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    what: String,
    group: String,
    categories: Vec<String>,
    groups: Vec<String>,
    sites: String,
    days: String,
    review: String,
    why: String,
}

/// `GET /changes/new`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let page = page(&web, &me, &Wanted::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /changes/new`
pub(crate) async fn send(
    State(web): State<Web>,
    Me(me): Me,
    Posted(wanted): Posted<Wanted>,
) -> Response {
    let outcome = proposed(&web, &me, &wanted).await;
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            answer(&web, Some(&me), page(&web, &me, &wanted, errors).await).await
        }
        After::No(response) => response,
    }
}

async fn proposed(web: &Web, me: &SignedIn, wanted: &Wanted) -> Result<String, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let chosen = |list: &[String]| -> Vec<String> {
        list.iter().filter(|one| !one.is_empty()).cloned().collect()
    };
    let what = match wanted.what.as_str() {
        "opening" => Proposed::Opening(Opening {
            groups: chosen(&wanted.groups),
            sites: lines(&wanted.sites),
            categories: Vec::new(),
        }),
        "categories" => {
            let names: BTreeSet<String> = chosen(&wanted.categories).into_iter().collect();
            Proposed::Pack(
                web.app
                    .with_categories(&me.actor, &wanted.group, &names)
                    .await?,
            )
        }
        _ => return Err(Error::field("what", "Choose what you propose.")),
    };
    let proposal = Proposal {
        what,
        why: wanted.why.clone(),
        origin: Origin::Screen,
        days: wanted.days.trim().parse().ok(),
        review_days: wanted.review.trim().parse().ok(),
    };
    let number = web.app.propose_change(&me.actor, &proposal).await?;
    Ok(format!("/changes/{number}?done=proposed"))
}

async fn page(
    web: &Web,
    me: &SignedIn,
    wanted: &Wanted,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let sheet = Sheet::new(web.frame(me, "/changes").await, "Propose a change")
        .back("/changes", "Changes to filtering")
        .errors(errors.clone())
        .lede("It is replayed over the last month first. Two people assess it, one for teaching and one technically, before it can be in force.");
    Ok(sheet
        .heading("Open something for groups")
        .add(opening_form(web, wanted, &errors))
        .heading("Change what is blocked at all times")
        .text("Tick what is blocked. What is not ticked is open where no other rule blocks it.")
        .extend(
            category_forms(web, wanted, &errors)
                .into_iter()
                .map(Into::into),
        )
        .response())
}

fn opening_form(web: &Web, wanted: &Wanted, errors: &Errors) -> Form {
    let school = web.app.school();
    let mine = wanted.what == "opening";
    let shown = |field: &str| if mine { errors.of(field) } else { None };
    let groups = school.pack.filter.groups.keys();
    let groups = groups
        .map(|group| Choice::new(group, group).chosen(wanted.groups.contains(group)))
        .collect();
    let days = if wanted.days.is_empty() {
        "30"
    } else {
        &wanted.days
    };
    Form::to("/changes/new")
        .hidden("what", "opening")
        .field(
            TextArea::new(
                "sites",
                "Which sites?",
                if mine { &wanted.sites } else { "" },
            )
            .rows(3)
            .hint("One on each line")
            .error(shown("sites")),
        )
        .field(
            Choices::several("groups", "For which groups?", groups)
                .small()
                .error(shown("groups")),
        )
        .field(
            Input::text("days", "For how many days?", days)
                .numeric()
                .width(4)
                .hint("At most 366. Nothing is opened for ever.")
                .error(shown("days")),
        )
        .field(
            TextArea::new("why", "Why?", if mine { &wanted.why } else { "" })
                .rows(3)
                .error(shown("why")),
        )
        .button(Button::main("Propose the opening"))
}

/// One form for each group that has its own list.
fn category_forms(web: &Web, wanted: &Wanted, errors: &Errors) -> Vec<Form> {
    let school = web.app.school();
    let by_group = school.pack.settings.map("fil.categories");
    by_group
        .iter()
        .map(|(group, blocked)| {
            let mine = wanted.what == "categories" && wanted.group == *group;
            let shown = |field: &str| if mine { errors.of(field) } else { None };
            let choices = school
                .pack
                .categories
                .keys()
                .map(|name| {
                    let on = if mine {
                        wanted.categories.contains(name)
                    } else {
                        blocked.contains(name)
                    };
                    Choice::new(name, name).chosen(on)
                })
                .collect();
            Form::to("/changes/new")
                .hidden("what", "categories")
                .hidden("group", group)
                .field(
                    Choices::several("categories", format!("Blocked for {group}"), choices)
                        .small()
                        .error(shown("categories")),
                )
                .field(
                    Input::text(
                        "days",
                        "For how many days?",
                        if mine { &wanted.days } else { "" },
                    )
                    .numeric()
                    .width(4)
                    .hint("Leave it empty for good; then it is looked at again after 90 days.")
                    .error(shown("days")),
                )
                .field(
                    TextArea::new("why", "Why?", if mine { &wanted.why } else { "" })
                        .rows(3)
                        .error(shown("why")),
                )
                .button(Button::main(format!("Propose for {group}")))
        })
        .collect()
}
