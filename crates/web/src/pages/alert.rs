//! One alert: what was noticed, why it is shown, what was done; and what to do next (MON-03, MON-04).

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use pharos_casework::Author;
use pharos_monitor::{AlertBody as Said, AlertCommand, AlertEntry, AlertOutcome};
use pharos_records::{AlertFile, AlertState};
use pharos_school::{AlertId, Person, PersonId};
use pharos_service::{AlertBody, Error, Problem, SignedIn};

use crate::components::{Choice, Choices, Errors, Summary, TextArea, Timeline, TimelineItem};
use crate::forms::errors_of;
use crate::frame::{Done, Frame};
use crate::oops::{Oops, render};
use crate::pages::field::Field;
use crate::pages::inbox::{colour, severity, who_words};
use crate::pages::kit::{self, Given, Names, Picked, lasted};
use crate::state::{Me, Web};
use crate::words;

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    frame: Frame,
    errors: Errors,
    id: String,
    theme: &'static str,
    severity: &'static str,
    colour: &'static str,
    waiting: String,
    state: &'static str,
    why: Vec<String>,
    facts: Summary,
    hosts: Vec<String>,
    open: bool,
    closed: bool,
    case: Option<String>,
    ask: Vec<Field>,
    note: Field,
    close: Vec<Field>,
    story: Timeline,
}

/// `GET /alerts/{id}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    done: Done,
) -> Response {
    page(
        &web,
        &me,
        &id,
        done,
        &Given::default(),
        Errors::default(),
        Vec::new(),
        StatusCode::OK,
    )
    .await
}

/// `POST /alerts/{id}/{what}`: `acknowledge`, `ask`, `note`, `close`.
pub(crate) async fn act(
    State(web): State<Web>,
    Me(me): Me,
    Path((id, what)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::new(pairs);
    match carry_out(&web, &me, &id, &what, &given).await {
        Ok(code) if given.one("to") == "inbox" => {
            Redirect::to(&format!("/inbox?done={code}")).into_response()
        }
        Ok(code) => Redirect::to(&format!("/alerts/{id}?done={code}")).into_response(),
        Err(Stop::Choose(people)) => {
            let errors = kit::errors(vec![(
                "person",
                "Choose whom you mean from the list.".to_owned(),
            )]);
            page(
                &web,
                &me,
                &id,
                Done::default(),
                &given,
                errors,
                people,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(Stop::No(Error::Invalid(problems))) => {
            page(
                &web,
                &me,
                &id,
                Done::default(),
                &given,
                errors_of(problems),
                Vec::new(),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(Stop::No(error @ (Error::Refused(_) | Error::Changed))) => {
            let errors = errors_of(vec![Problem::whole(error.to_string())]);
            page(
                &web,
                &me,
                &id,
                Done::default(),
                &given,
                errors,
                Vec::new(),
                StatusCode::CONFLICT,
            )
            .await
        }
        Err(Stop::No(error)) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `POST /alerts/{id}/concern`: the second of the two clicks; the case is open and shown (CON-01).
pub(crate) async fn open_concern(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Response {
    let raised = match id.parse::<AlertId>() {
        Ok(id) => web.app.raise_from_alert(&me, id, "").await,
        Err(_) => Err(Error::NotFound),
    };
    match raised {
        Ok(raised) => Redirect::to(&format!("/cases/{}?done=opened", raised.case)).into_response(),
        Err(error @ Error::Refused(_)) => {
            let errors = errors_of(vec![Problem::whole(error.to_string())]);
            page(
                &web,
                &me,
                &id,
                Done::default(),
                &Given::default(),
                errors,
                Vec::new(),
                StatusCode::CONFLICT,
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

enum Stop {
    Choose(Vec<Choice>),
    No(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::No(error)
    }
}

async fn carry_out(
    web: &Web,
    me: &SignedIn,
    id: &str,
    what: &str,
    given: &Given,
) -> Result<&'static str, Stop> {
    let id: AlertId = id.parse().map_err(|_| Error::NotFound)?;
    let needed = |field: &'static str, text: &str| {
        given.maybe(field).ok_or_else(|| Error::field(field, text))
    };
    let (command, code) = match what {
        "acknowledge" => (AlertCommand::Acknowledge, "acknowledged"),
        "ask" => {
            let ask = needed("ask", "Write what you ask your colleague to do.")?;
            let name = needed("name", "Write whom you ask: a name or sign-in name.")?;
            let to = match kit::pick(&web.app, &me.actor, given, &name, Person::is_staff).await? {
                Picked::One(person) => person.id,
                Picked::Several(people) => return Err(Stop::Choose(people)),
                Picked::Nobody => {
                    return Err(Error::field(
                        "name",
                        "No member of staff on the roll has that name. Check it.",
                    )
                    .into());
                }
            };
            (AlertCommand::Assign { to, ask }, "alert-asked")
        }
        "note" => (
            AlertCommand::Note {
                text: needed("text", "Write the note.")?,
            },
            "noted",
        ),
        "close" => {
            let outcome = AlertOutcome::ALL
                .iter()
                .copied()
                .find(|outcome| outcome.name() == given.one("outcome"));
            let mut wrong = Vec::new();
            if given.one("explanation").is_empty() {
                wrong.push(Problem::field(
                    "explanation",
                    "Write the explanation: what it was, and what the person said.",
                ));
            }
            if outcome.is_none() {
                wrong.push(Problem::field("outcome", "Choose the outcome."));
            }
            match outcome {
                Some(outcome) if wrong.is_empty() => (
                    AlertCommand::Close {
                        explanation: given.text("explanation"),
                        outcome,
                    },
                    "alert-closed",
                ),
                _ => return Err(Error::Invalid(wrong).into()),
            }
        }
        _ => return Err(Error::NotFound.into()),
    };
    web.app.act_on_alert(me, id, command).await?;
    Ok(code)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one page with everything its forms were filled in with"
)]
async fn page(
    web: &Web,
    me: &SignedIn,
    id: &str,
    done: Done,
    given: &Given,
    errors: Errors,
    people: Vec<Choice>,
    status: StatusCode,
) -> Response {
    match build(web, me, id, done, given, errors, people).await {
        Ok(page) => render(status, &page),
        Err(error) => Oops::new(web, Some(me), error).await.into_response(),
    }
}

async fn build(
    web: &Web,
    me: &SignedIn,
    id: &str,
    done: Done,
    given: &Given,
    errors: Errors,
    people: Vec<Choice>,
) -> Result<AlertPage, Error> {
    let file = web
        .app
        .alert(&me.actor, id.parse().map_err(|_| Error::NotFound)?)
        .await?;
    let body = AlertBody::read(&file.alert.body)?;
    // Entries that only set a clock hold no words and are passed over.
    let told = AlertFile {
        alert: file.alert.clone(),
        entries: file
            .entries
            .iter()
            .filter(|entry| entry.kind != "chase-ended")
            .cloned()
            .collect(),
    };
    let entries = web.app.alert_entries(&told)?;
    let names = Names::of(&web.app, mentioned(&file, &entries)).await?;
    let (zone, now) = (web.app.zone(), web.app.now());
    let alert = &file.alert;
    let closed = alert.state == AlertState::Closed;
    let moment = |at| words::moment(at, &zone);
    let mut facts = Summary::default()
        .row("Who", who_words(&body.noticed.who, &names))
        .row("First seen", moment(body.noticed.first_at))
        .row("Last seen", moment(alert.last_at))
        .row(
            "How often",
            if alert.count > 1 {
                format!("{} times", alert.count)
            } else {
                "Once".to_owned()
            },
        );
    if let Some(search) = &body.search {
        let what = match &body.asked_of {
            Some(tool) => format!("Asked of {tool}"),
            None => "Searched for".to_owned(),
        };
        facts = facts.row(&what, format!("“{search}”"));
    }
    facts = facts.row(
        "Rule",
        format!("{}, version {}", alert.rule, alert.rule_version),
    );
    let needs = web.app.needs_addresses(&me.actor);
    let hosts = if needs {
        body.shown_hosts()
    } else {
        body.hosts()
            .iter()
            .map(|_| pharos_casework::WITHHELD.to_owned())
            .take(1)
            .collect()
    };
    Ok(AlertPage {
        frame: web.frame(me, "/inbox").await.with(done),
        id: id.to_owned(),
        theme: body.noticed.theme.title(),
        severity: severity(body.noticed.severity),
        colour: colour(body.noticed.severity),
        waiting: lasted(now.duration_since(alert.at)),
        state: match alert.state {
            AlertState::Open => "Nobody has acknowledged it",
            AlertState::Acknowledged => "Acknowledged",
            AlertState::Closed => "Closed",
        },
        why: body.why().to_vec(),
        facts,
        hosts,
        open: alert.state == AlertState::Open,
        closed,
        case: alert.case.map(|case| case.to_string()),
        ask: ask_fields(given, &errors, people),
        note: TextArea::new("text", "Note", given.one("text"))
            .rows(3)
            .error(errors.of("text"))
            .into(),
        close: close_fields(given, &errors),
        story: story(&entries, &names, alert, &zone),
        errors,
    })
}

fn ask_fields(given: &Given, errors: &Errors, people: Vec<Choice>) -> Vec<Field> {
    let name = crate::components::Input::text("name", "Whom?", given.one("name"));
    let mut fields: Vec<Field> = vec![
        name.hint("A name or sign-in name of a member of staff. They see this alert alone.")
            .error(errors.of("name"))
            .into(),
    ];
    if !people.is_empty() {
        fields.push(
            Choices::one("person", "Which of these?", people)
                .error(errors.of("person"))
                .into(),
        );
    }
    let ask = TextArea::new("ask", "What do you ask them?", given.one("ask"))
        .hint("Such as: talk with the pupil about the reason.")
        .rows(3);
    fields.push(ask.error(errors.of("ask")).into());
    fields
}

fn close_fields(given: &Given, errors: &Errors) -> Vec<Field> {
    let outcomes = AlertOutcome::ALL
        .iter()
        .map(|outcome| {
            Choice::new(outcome.name(), outcome_words(*outcome))
                .chosen(given.one("outcome") == outcome.name())
        })
        .collect();
    vec![
        TextArea::new("explanation", "Explanation", given.one("explanation"))
            .error(errors.of("explanation"))
            .into(),
        Choices::one("outcome", "Outcome", outcomes)
            .error(errors.of("outcome"))
            .into(),
    ]
}

const fn outcome_words(outcome: AlertOutcome) -> &'static str {
    match outcome {
        AlertOutcome::InOrder => "Schoolwork, or otherwise in order",
        AlertOutcome::TalkedThrough => "Talked through",
        AlertOutcome::Support => "Support arranged",
        AlertOutcome::Behaviour => "Handled under the behaviour policy or code of conduct",
        AlertOutcome::BecameConcern => "It became a concern",
        AlertOutcome::RuleWrong => "The rule or a list was wrong; the technical team was told",
    }
}

fn mentioned(file: &AlertFile, entries: &[AlertEntry]) -> Vec<PersonId> {
    let mut people: Vec<PersonId> = file.alert.about.map(|about| about.id).into_iter().collect();
    for entry in entries {
        people.extend(entry.by.person());
        if let Said::Assigned { to, .. } = &entry.body {
            people.push(*to);
        }
    }
    people
}

fn story(
    entries: &[AlertEntry],
    names: &Names,
    alert: &pharos_records::Alert,
    zone: &jiff::tz::TimeZone,
) -> Timeline {
    let item =
        |at: jiff::Timestamp, title: String, by: Option<String>, body: String| TimelineItem {
            id: None,
            title,
            at: words::moment(at, zone),
            at_machine: at.to_string(),
            by,
            body,
        };
    let mut items = vec![item(
        alert.at,
        "Raised".to_owned(),
        Some("Pharos".to_owned()),
        String::new(),
    )];
    for entry in entries {
        let (title, body) = match &entry.body {
            Said::Raised { .. } | Said::Again { .. } => ("Seen again".to_owned(), String::new()),
            Said::Notified { to, .. } => (
                format!("Nobody had acknowledged it: {to} told"),
                String::new(),
            ),
            Said::Acknowledged => ("Acknowledged".to_owned(), String::new()),
            Said::Assigned { to, ask } => (format!("{} asked", names.get(*to)), ask.clone()),
            Said::Noted { text } => ("Note".to_owned(), text.clone()),
            Said::Opened { .. } => ("Opened as a concern".to_owned(), String::new()),
            Said::Closed {
                explanation,
                outcome,
            } => (
                format!("Closed: {}", outcome_words(*outcome)),
                explanation.clone(),
            ),
        };
        let by = match entry.by {
            Author::Person { person } => names.get(person),
            Author::Outside | Author::Pharos => "Pharos".to_owned(),
        };
        items.push(item(entry.at, title, Some(by), body));
    }
    items.reverse();
    Timeline { items }
}
