//! `/requests`: sites asked for, and what was decided (REQ-01, REQ-02).

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use pharos_access::{Act, act};
use pharos_records::{RequestState, SiteRequest};
use pharos_school::{Person, RequestId};
use pharos_service::{Error, SignedIn, Vetting};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Summary, Table, TextArea,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// Asking for a site.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    address: String,
    purpose: String,
    days: String,
}

/// Deciding.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    approve: String,
    why: String,
    groups: Vec<String>,
    days: String,
    relied_on: String,
}

/// A teacher's word.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Word {
    endorse: String,
    why: String,
}

/// `GET /requests`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(&web, Some(&me), list_page(&web, &me, done).await).await
}

async fn list_page(web: &Web, me: &SignedIn, done: Done) -> Result<Response, Error> {
    let waiting = web.app.requests(&me.actor, true).await?;
    let all = web.app.requests(&me.actor, false).await?;
    let zone = web.app.zone();
    let decided: Vec<_> = all
        .into_iter()
        .filter(|(request, _)| !request.waits())
        .rev()
        .take(50)
        .collect();
    let sheet = Sheet::new(
        web.frame(me, "/requests").await.with(done),
        "Requests for sites",
    )
    .add(Piece::Buttons(vec![ButtonLink::secondary(
        "/requests/new",
        "Ask for a site",
    )]));
    let month = web.app.now() - SignedDuration::from_hours(24 * 30);
    let times = web.app.answer_times(&me.actor, month).await?;
    let sheet = if web.app.vets(&me.actor) && times.answered > 0 {
        sheet.text(format!(
            "{} answered in the last 30 days: half within {}, the longest wait {}.",
            times.answered,
            words::length(SignedDuration::from_mins(times.median_minutes)),
            words::length(SignedDuration::from_mins(times.longest_minutes))
        ))
    } else {
        sheet
    };
    let sheet = if waiting.is_empty() {
        sheet.text("Nothing waits.")
    } else {
        sheet.add(table("Waiting", &waiting, &zone))
    };
    Ok(if decided.is_empty() {
        sheet
    } else {
        sheet.add(table("Decided lately", &decided, &zone))
    }
    .response())
}

fn table(caption: &str, requests: &[(SiteRequest, Option<Person>)], zone: &TimeZone) -> Table {
    let rows = requests
        .iter()
        .map(|(request, asker)| {
            vec![
                Cell::link(
                    format!("/requests/{}", request.id),
                    words::address(&request.address, None),
                ),
                Cell::text(
                    asker
                        .as_ref()
                        .map_or_else(|| "Not known".to_owned(), Person::full_name),
                ),
                Cell::text(words::moment(request.at, zone)),
                Cell::text(state(request.state)),
            ]
        })
        .collect();
    Table::new(
        caption,
        &["Site", "Asked by", "When", "Where it stands"],
        rows,
    )
}

fn state(state: RequestState) -> &'static str {
    match state {
        RequestState::Asked => "With the teacher",
        RequestState::Open => "With those who vet",
        RequestState::Approved => "Opened",
        RequestState::Refused => "Not opened",
        RequestState::Declined => "Not passed on",
    }
}

/// `GET /requests/mine`
pub(crate) async fn mine(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(&web, Some(&me), mine_page(&web, &me, done).await).await
}

async fn mine_page(web: &Web, me: &SignedIn, done: Done) -> Result<Response, Error> {
    let zone = web.app.zone();
    let own = web.app.own_requests(&me.actor, me.person.id).await?;
    let rows: Vec<_> = own
        .iter()
        .map(|request| {
            vec![
                Cell::address(words::address(&request.address, None)),
                Cell::text(words::moment(request.at, &zone)),
                Cell::text(state(request.state)),
                Cell::text(match request.state {
                    RequestState::Declined => request.endorsement.as_deref().unwrap_or(""),
                    _ => request.decision.as_deref().unwrap_or(""),
                }),
            ]
        })
        .collect();
    let sheet = Sheet::new(
        web.frame(me, "/requests").await.with(done),
        "What you asked for",
    )
    .add(Piece::Buttons(vec![ButtonLink::main(
        "/requests/new",
        "Ask for a site",
    )]));
    Ok(if rows.is_empty() {
        sheet.text("You have not asked for a site yet.").response()
    } else {
        sheet
            .add(Table::new(
                "Sites you asked for",
                &["Site", "When", "Answer", "Why"],
                rows,
            ))
            .response()
    })
}

/// `GET /requests/new`
pub(crate) async fn new(State(web): State<Web>, Me(me): Me) -> Response {
    new_page(&web, &me, &Ask::default(), Errors::default()).await
}

/// `POST /requests/new`
pub(crate) async fn send(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Ask>,
) -> Response {
    let sent = web
        .app
        .ask_for_site(
            &me.person,
            &me.actor,
            &form.address,
            &form.purpose,
            form.days.trim().parse().ok(),
        )
        .await;
    match after(
        &web,
        Some(&me),
        sent.map(|_| "/requests/mine?done=asked".to_owned()),
    )
    .await
    {
        After::Go(path) => go(&path),
        After::Again(errors) => new_page(&web, &me, &form, errors).await,
        After::No(response) => response,
    }
}

async fn new_page(web: &Web, me: &SignedIn, form: &Ask, errors: Errors) -> Response {
    let fields = Form::to("/requests/new")
        .field(
            Input::text("address", "Which site?", &form.address)
                .hint("As it stands in the browser, such as example.org")
                .error(errors.of("address")),
        )
        .field(
            TextArea::new("purpose", "What do you need it for?", &form.purpose)
                .rows(3)
                .hint("Such as the lesson and the task.")
                .error(errors.of("purpose")),
        )
        .field(
            Input::text("days", "For how many days?", &form.days)
                .numeric()
                .width(4)
                .hint("You can leave this empty."),
        )
        .button(Button::main("Send"));
    Sheet::new(web.frame(me, "/requests").await, "Ask for a site")
        .errors(errors)
        .lede("Somebody looks at the site first. You will see the answer here.")
        .add(fields)
        .response()
}

/// `GET /requests/{id}`
pub(crate) async fn one(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    let outcome = one_page(&web, &me, &id, &Decision::default(), Errors::default()).await;
    answer(&web, Some(&me), outcome).await
}

/// `POST /requests/{id}`
pub(crate) async fn decide(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    Posted(form): Posted<Decision>,
) -> Response {
    let decided = decided(&web, &me, &id, &form).await;
    match after(
        &web,
        Some(&me),
        decided.map(|()| "/requests?done=decided".to_owned()),
    )
    .await
    {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            answer(
                &web,
                Some(&me),
                one_page(&web, &me, &id, &form, errors).await,
            )
            .await
        }
        After::No(response) => response,
    }
}

/// `POST /requests/{id}/endorse`
pub(crate) async fn endorse(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    Posted(word): Posted<Word>,
) -> Response {
    let outcome = endorsed(&web, &me, &id, &word).await;
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = one_page(&web, &me, &id, &Decision::default(), errors).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn endorsed(web: &Web, me: &SignedIn, id: &str, word: &Word) -> Result<String, Error> {
    web.app.open_to::<act::EndorseRequest>(&me.actor).await?;
    let id: RequestId = id.parse().map_err(|_| Error::NotFound)?;
    let pass_on = match word.endorse.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::field("endorse", "Choose whether you pass it on.")),
    };
    web.app
        .endorse_request(&me.actor, id, pass_on, &word.why)
        .await?;
    Ok("/requests?done=endorsed".to_owned())
}

async fn decided(web: &Web, me: &SignedIn, id: &str, form: &Decision) -> Result<(), Error> {
    web.app.open_to::<act::DecideRequest>(&me.actor).await?;
    let id: RequestId = id.parse().map_err(|_| Error::NotFound)?;
    let approve = match form.approve.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::field("approve", "Choose whether it opens.")),
    };
    let groups = form
        .groups
        .iter()
        .filter(|group| !group.is_empty())
        .cloned()
        .collect();
    let vetting = Vetting {
        approve,
        why: form.why.clone(),
        groups,
        days: form.days.trim().parse().unwrap_or(0),
        relied_on: form.relied_on.clone(),
    };
    web.app.decide_request(&me.actor, id, &vetting).await
}

async fn one_page(
    web: &Web,
    me: &SignedIn,
    id: &str,
    form: &Decision,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::ReadRequests>(&me.actor).await?;
    let id: RequestId = id.parse().map_err(|_| Error::NotFound)?;
    let (request, asker) = web.app.request(&me.actor, id).await?;
    let zone = web.app.zone();
    let mut facts = Summary::default()
        .row("Site", words::address(&request.address, None))
        .row(
            "Asked by",
            asker
                .as_ref()
                .map_or_else(|| "Not known".to_owned(), Person::full_name),
        )
        .row("When", words::moment(request.at, &zone))
        .row("What for", &request.purpose);
    if let Some(until) = request.wanted_until {
        facts = facts.row("Wanted until", words::day(until, &zone));
    }
    facts = facts.row("Where it stands", state(request.state));
    if let Some(said) = &request.endorsement {
        let by = words::name(web, request.endorsed_by).await?;
        facts = facts.row("Their teacher says", format!("{said} ({by})"));
    }
    if me.person.is_staff() {
        facts = site_facts(web, me, &request, facts).await?;
    }
    if let Some(relied_on) = &request.relied_on {
        facts = facts.row("Assessment relied on", relied_on);
    }
    if let Some(why) = &request.decision {
        facts = facts
            .row("Decided by", words::name(web, request.decided_by).await?)
            .row("Why", why);
    }
    let sheet = Sheet::new(web.frame(me, "/requests").await, "Request for a site")
        .back("/requests", "Requests")
        .errors(errors.clone())
        .add(facts);
    if request.state == RequestState::Asked && web.app.could(&me.actor, Act::EndorseRequest) {
        return Ok(sheet
            .heading("Pass it on?")
            .text("Those who vet sites see it once you pass it on.")
            .add(endorsement_form(&request, &errors))
            .response());
    }
    let may = web.app.could(&me.actor, Act::DecideRequest)
        && web.app.may_vet(&me.actor, request.by).await?;
    if request.state != RequestState::Open || !may {
        return Ok(sheet.response());
    }
    Ok(sheet
        .heading("Decide")
        .text("Look at the site first. Sealed lists stay shut whatever you choose here.")
        .add(decision_form(web, me, &request, form, &errors))
        .response())
}

/// What is known of the site: its categories and what became of it before (REQ-01).
async fn site_facts(
    web: &Web,
    me: &SignedIn,
    request: &SiteRequest,
    facts: Summary,
) -> Result<Summary, Error> {
    let known = web.app.request_facts(&me.actor, request).await?;
    let categories = if known.categories.is_empty() {
        "None known".to_owned()
    } else {
        known.categories.join(", ")
    };
    let before = if known.asked_before == 0 {
        "Not asked for before".to_owned()
    } else {
        format!(
            "Asked for {} times before: {} opened, {} not",
            known.asked_before, known.opened_before, known.refused_before
        )
    };
    let facts = facts
        .row("Categories", categories)
        .row(
            "Blocked by",
            if known.sealed {
                "A sealed list: it stays shut".to_owned()
            } else if let Some(by) = &known.floor {
                format!("The trust's floor ({by}): nothing that the school approves opens it")
            } else {
                known.blocked_by
            },
        )
        .row(
            "History",
            format!(
                "{before}. Blocked {} times in the last 30 days.",
                known.blocked_lately
            ),
        );
    Ok(facts)
}

fn endorsement_form(request: &SiteRequest, errors: &Errors) -> Form {
    let choices = vec![
        Choice::new("yes", "Pass it on"),
        Choice::new("no", "Do not pass it on"),
    ];
    Form::to(format!("/requests/{}/endorse", request.id))
        .field(
            Choices::one("endorse", "What do you say?", choices)
                .inline()
                .error(errors.of("endorse")),
        )
        .field(
            TextArea::new("why", "Why", "")
                .rows(3)
                .hint("The pupil reads this if you do not pass it on.")
                .error(errors.of("why")),
        )
        .button(Button::main("Say so"))
}

fn decision_form(
    web: &Web,
    me: &SignedIn,
    request: &SiteRequest,
    form: &Decision,
    errors: &Errors,
) -> Form {
    let school = web.app.school();
    let chosen = |group: &str| form.groups.iter().any(|one| one == group);
    let groups = school
        .pack
        .filter
        .groups
        .keys()
        .filter(|group| {
            // Whoever acts for one campus opens for its groups alone.
            let within = me.actor.within();
            within.is_none_or(|within| within.groups.contains(*group))
        })
        .map(|group| Choice::new(group, group).chosen(chosen(group)))
        .collect();
    let days = if form.days.is_empty() {
        "14"
    } else {
        &form.days
    };
    Form::to(format!("/requests/{}", request.id))
        .field(
            Choices::one(
                "approve",
                "Open it?",
                vec![
                    Choice::new("yes", "Open it").chosen(form.approve == "yes"),
                    Choice::new("no", "Keep it shut").chosen(form.approve == "no"),
                ],
            )
            .inline()
            .error(errors.of("approve")),
        )
        .field(
            Choices::several("groups", "For whom", groups)
                .small()
                .hint("Choose none to open it for the one who asked alone.")
                .error(errors.of("groups")),
        )
        .field(
            Input::text("days", "For how many days", days)
                .numeric()
                .width(4)
                .hint("At most 366. Nothing is opened for ever.")
                .error(errors.of("days")),
        )
        .field(
            TextArea::new("why", "Why", &form.why)
                .rows(3)
                .hint("The one who asked reads this.")
                .error(errors.of("why")),
        )
        .field(
            TextArea::new(
                "relied_on",
                "Which assessment do you rely on?",
                &form.relied_on,
            )
            .rows(2)
            .hint("You can leave this empty."),
        )
        .button(Button::main("Decide"))
}
