//! `/changes`: the change log of filtering and monitoring, what waits for assessment, what must be
//! looked at again (REQ-03, REQ-04, REQ-05).

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use pharos_access::{Act, act};
use pharos_records::{ChangeState, ChangeStep, Effect};
use pharos_service::{Error, LogFilter, LogFormat, LogLine, OpenChange, Side, SignedIn};
use serde::Deserialize;
use uuid::Uuid;

use super::change_log::{KINDS, effect, state, table};
use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Select, Summary, Table, TextArea, Warning,
};
use crate::forms::{After, Posted, after, errors_of, go, moment_of};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// Lines of the log shown on the page; the export holds more.
const SHOWN_MAX: usize = 200;
/// Sites of a replay shown in one direction.
const SITES_SHOWN: usize = 50;

/// Which lines.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    from: String,
    to: String,
    person: String,
    kind: String,
    effect: String,
    format: String,
}

/// Something said about a change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    side: String,
    pub(super) why: String,
    days: String,
}

/// `GET /changes`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = list_page(&web, &me, &Wanted::default(), Errors::default(), done).await;
    answer(&web, Some(&me), page).await
}

/// `POST /changes`: the log by date, person, kind and effect; on the page or as a file.
pub(crate) async fn find(
    State(web): State<Web>,
    Me(me): Me,
    Posted(wanted): Posted<Wanted>,
) -> Response {
    let outcome = match found(&web, &me, &wanted).await {
        Err(Error::Invalid(problems)) => {
            list_page(&web, &me, &wanted, errors_of(problems), Done::default()).await
        }
        other => other,
    };
    answer(&web, Some(&me), outcome).await
}

async fn found(web: &Web, me: &SignedIn, wanted: &Wanted) -> Result<Response, Error> {
    let format = match wanted.format.as_str() {
        "csv" => LogFormat::Csv,
        "json" => LogFormat::Json,
        _ => return list_page(web, me, wanted, Errors::default(), Done::default()).await,
    };
    let filter = filter_of(web, me, wanted).await?;
    let bytes = web
        .app
        .export_change_log(&me.actor, &filter, format)
        .await?;
    let (kind, name) = match format {
        LogFormat::Csv => ("text/csv; charset=utf-8", "changes-to-filtering.csv"),
        LogFormat::Json => ("application/json", "changes-to-filtering.json"),
    };
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((head, bytes).into_response())
}

async fn filter_of(web: &Web, me: &SignedIn, wanted: &Wanted) -> Result<LogFilter, Error> {
    web.app.open_to::<act::AssessChange>(&me.actor).await?;
    let zone = web.app.zone();
    let moment = |field, text: &str| {
        moment_of(field, text, &zone).map_err(|problem| Error::Invalid(vec![problem]))
    };
    let by = match wanted.person.trim() {
        "" => None,
        username => Some(
            web.app
                .person_named(username)
                .await?
                .ok_or_else(|| Error::field("person", "Nobody on the roll has this sign-in name."))?
                .id,
        ),
    };
    Ok(LogFilter {
        from: moment("from", &wanted.from)?,
        to: moment("to", &wanted.to)?,
        by,
        kind: Some(wanted.kind.clone()).filter(|kind| !kind.is_empty()),
        effect: Effect::from_name(&wanted.effect),
    })
}

async fn list_page(
    web: &Web,
    me: &SignedIn,
    wanted: &Wanted,
    errors: Errors,
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::AssessChange>(&me.actor).await?;
    let filter = if errors.problems.is_empty() {
        filter_of(web, me, wanted).await?
    } else {
        LogFilter::default()
    };
    let lines = web.app.change_log(&me.actor, &filter).await?;
    let now = web.app.now();
    let mut sheet = Sheet::new(
        web.frame(me, "/changes").await.with(done),
        "Changes to filtering",
    )
    .errors(errors.clone())
    .lede("Every change to filtering and monitoring, however it was made: who, why, what went and what came, who assessed it, and what it did.");
    if web.app.could(&me.actor, Act::ProposePolicy) {
        sheet = sheet.add(Piece::Buttons(vec![
            ButtonLink::main("/changes/new", "Propose a change"),
            ButtonLink::secondary("/settings/pack", "Versions of the policy"),
        ]));
    }
    let drafts: Vec<&LogLine> = lines.iter().filter(|line| line.state == "draft").collect();
    if !drafts.is_empty() {
        sheet = sheet.add(table(web, "Waiting for assessment", &drafts));
    }
    let due = |line: &&LogLine| {
        line.state == "in-force" && line.review.is_some_and(|review| review <= now)
    };
    let due: Vec<&LogLine> = lines.iter().filter(due).collect();
    if !due.is_empty() {
        sheet = sheet.add(table(web, "To be looked at again", &due));
    }
    let shown: Vec<&LogLine> = lines.iter().take(SHOWN_MAX).collect();
    sheet = sheet.heading("The log").add(search(wanted, &errors));
    sheet = if shown.is_empty() {
        sheet.text("Nothing was changed.")
    } else {
        sheet.add(table(web, "Changes, newest first", &shown))
    };
    if lines.len() > SHOWN_MAX {
        sheet = sheet.text(format!(
            "{} more are in the export.",
            lines.len() - SHOWN_MAX
        ));
    }
    Ok(sheet.response())
}

fn search(wanted: &Wanted, errors: &Errors) -> Form {
    let choose = |value: &str, text: &str, now: &str| Choice::new(value, text).chosen(value == now);
    let kinds = KINDS
        .iter()
        .map(|(value, text)| choose(value, text, &wanted.kind))
        .collect();
    let effects = [
        ("", "Any"),
        ("opens", "Opens"),
        ("closes", "Closes"),
        ("both", "Both"),
        ("neither", "Neither"),
    ];
    let effects = effects
        .iter()
        .map(|(value, text)| choose(value, text, &wanted.effect))
        .collect();
    let formats = [("", "On this page"), ("csv", "As CSV"), ("json", "As JSON")];
    let formats = formats
        .iter()
        .map(|(value, text)| choose(value, text, &wanted.format))
        .collect();
    let date = |name, label: &str, value: &str| {
        Input::text(name, label, value)
            .kind("datetime-local")
            .error(errors.of(name))
    };
    Form::to("/changes")
        .filtering()
        .field(date("from", "From", &wanted.from))
        .field(date("to", "Until", &wanted.to))
        .field(Input::text("person", "By, sign-in name", &wanted.person).error(errors.of("person")))
        .field(Select::new("kind", "What", kinds))
        .field(Select::new("effect", "Effect", effects))
        .field(Select::new("format", "Show", formats))
        .button(Button::main("Show"))
}

/// `GET /changes/{number}`
pub(crate) async fn one(
    State(web): State<Web>,
    Me(me): Me,
    Path(number): Path<String>,
    done: Done,
) -> Response {
    let page = one_page(
        &web,
        &me,
        &number,
        &Said::default(),
        Errors::default(),
        done,
    )
    .await;
    answer(&web, Some(&me), page).await
}

/// `POST /changes/{number}/{what}`
pub(crate) async fn act_on(
    State(web): State<Web>,
    Me(me): Me,
    Path((number, what)): Path<(String, String)>,
    Posted(said): Posted<Said>,
) -> Response {
    let outcome = acted(&web, &me, &number, &what, &said).await;
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = one_page(&web, &me, &number, &said, errors, Done::default()).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn acted(
    web: &Web,
    me: &SignedIn,
    number: &str,
    what: &str,
    said: &Said,
) -> Result<String, Error> {
    web.app.open_to::<act::AssessChange>(&me.actor).await?;
    if what == "look" {
        let id = Uuid::try_parse(number).map_err(|_| Error::NotFound)?;
        let days = said.days.trim().parse().ok();
        web.app
            .review_override(&me.actor, id, &said.why, days)
            .await?;
        return Ok("/overrides?done=looked".to_owned());
    }
    let number: i64 = number.parse().map_err(|_| Error::NotFound)?;
    let (app, actor) = (&web.app, &me.actor);
    let done = match what {
        "assess" => {
            let side = match said.side.as_str() {
                "educational" => Side::Educational,
                "technical" => Side::Technical,
                _ => {
                    return Err(Error::field(
                        "side",
                        "Choose from which side you assess it.",
                    ));
                }
            };
            app.assess_change(actor, number, side, &said.why).await?;
            "assessed"
        }
        "consent" => {
            app.consent_to_change(actor, number, &said.why).await?;
            "consented"
        }
        "in-force" => {
            app.put_in_force(actor, number).await?;
            "in-force"
        }
        "withdraw" => {
            app.withdraw_change(actor, number, &said.why).await?;
            "withdrawn"
        }
        "review" => {
            app.review_change(actor, number, &said.why, said.days.trim().parse().ok())
                .await?;
            "looked"
        }
        _ => return Err(Error::NotFound),
    };
    Ok(format!("/changes/{number}?done={done}"))
}

async fn one_page(
    web: &Web,
    me: &SignedIn,
    number: &str,
    said: &Said,
    errors: Errors,
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::AssessChange>(&me.actor).await?;
    let number: i64 = number.parse().map_err(|_| Error::NotFound)?;
    let open = web.app.change(&me.actor, number).await?;
    let frame = web.frame(me, "/changes").await.with(done);
    let mut sheet = Sheet::new(frame, format!("Change {number} to filtering"))
        .back("/changes", "Changes to filtering")
        .errors(errors.clone())
        .add(facts(web, &open).await?);
    if !open.body.settings.is_empty() {
        let rows = open.body.settings.iter().map(|(name, before, after)| {
            vec![
                Cell::text(&**name),
                Cell::text(&**before),
                Cell::text(&**after),
            ]
        });
        sheet = sheet.add(Table::new(
            "Settings, before and after",
            &["Setting", "Before", "After"],
            rows.collect(),
        ));
    }
    sheet = sheet
        .extend(lines(&open))
        .extend(replay(web, me, &open).await?);
    sheet = sheet.add(steps(web, &open).await?);
    Ok(forms(web, me, &open, said, &errors, sheet).response())
}

async fn facts(web: &Web, open: &OpenChange) -> Result<Summary, Error> {
    let (zone, change) = (web.app.zone(), &open.change);
    let by = match change.by {
        Some(_) => words::name(web, change.by).await?,
        None if change.origin == pharos_records::Origin::Command => {
            "The operator, on the server".to_owned()
        }
        None => "Pharos".to_owned(),
    };
    let mut facts = Summary::default()
        .row("Where it stands", state(change.state.name()))
        .row("Proposed by", by)
        .row("When", words::moment(change.at, &zone))
        .row(
            "Came by",
            match change.origin {
                pharos_records::Origin::Screen => "This screen",
                pharos_records::Origin::File => "A file",
                pharos_records::Origin::Command => "A command on the server",
                pharos_records::Origin::System => "Pharos itself",
            },
        )
        .row("Why", &open.body.why)
        .row("Effect", effect(change.effect.name()));
    if let Some(pack) = change.pack {
        facts = facts.row(
            "Policy",
            format!("Version {pack}, drafted on version {}", open.body.base),
        );
    }
    if let Some(version) = open.body.back_to {
        facts = facts.row("Goes back to", format!("Version {version}"));
    }
    if let Some(until) = change.until {
        facts = facts.row("Holds until", words::moment(until, &zone));
    }
    if let Some(review) = change.review_at {
        let late = if change.state == ChangeState::InForce && review <= web.app.now() {
            " – this is overdue"
        } else {
            ""
        };
        facts = facts.row(
            "To be looked at by",
            format!("{}{late}", words::moment(review, &zone)),
        );
    }
    Ok(facts)
}

fn lines(open: &OpenChange) -> Vec<Piece> {
    if open.body.lines.is_empty() {
        return Vec::new();
    }
    let mut text = String::new();
    let mut file = "";
    for line in &open.body.lines {
        if line.file != file {
            file = &line.file;
            text.push_str(&format!("{file}\n"));
        }
        text.push_str(&format!("{} {}\n", line.sign, line.text));
    }
    if open.body.more_lines > 0 {
        text.push_str(&format!("… and {} more lines\n", open.body.more_lines));
    }
    vec![
        Piece::Heading("Before and after".to_owned()),
        Piece::Text("Lines that go begin with –, lines that come with +.".to_owned()),
        Piece::Plain(text),
    ]
}

/// What the change would have done to recorded activity. People are named to those alone who may
/// search their activity.
async fn replay(web: &Web, me: &SignedIn, open: &OpenChange) -> Result<Vec<Piece>, Error> {
    let Some(replay) = &open.body.replay else {
        return Ok(Vec::new());
    };
    let zone = web.app.zone();
    let mut pieces = vec![Piece::Heading("What it would have done".to_owned())];
    let span = match (replay.oldest, replay.newest) {
        (Some(oldest), Some(newest)) => format!(
            "Replayed over {} requests from {} to {}.",
            words::number(replay.events),
            words::moment(oldest, &zone),
            words::moment(newest, &zone)
        ),
        _ => "No activity is recorded yet: there was nothing to replay.".to_owned(),
    };
    pieces.push(Piece::Text(span));
    let names = web.app.could(&me.actor, Act::SearchActivity);
    for (title, direction) in [
        ("Newly opens", &replay.opens),
        ("Newly closes", &replay.closes),
    ] {
        if direction.asked == 0 {
            pieces.push(Piece::Text(format!(
                "{title}: nothing that anybody asked for."
            )));
            continue;
        }
        let mut rows = Vec::new();
        for site in direction.sites.iter().take(SITES_SHOWN) {
            let groups: Vec<String> = site
                .groups
                .iter()
                .map(|(group, count)| format!("{group} {count}"))
                .collect();
            let mut people = site.people_count.to_string();
            if names {
                let mut known = Vec::new();
                for person in site.people.iter().take(5) {
                    known.extend(web.app.name_if_searchable(&me.actor, *person).await?);
                }
                if !known.is_empty() {
                    people = format!("{people}: {}", known.join(", "));
                }
            }
            rows.push(vec![
                Cell::address(words::address(&site.site, None)),
                Cell::text(site.categories.join(", ")),
                Cell::text(format!(
                    "{} → {}",
                    words::action(site.from.name()),
                    words::action(site.to.name())
                )),
                Cell::text(site.asked.to_string()),
                Cell::text(groups.join(", ")),
                Cell::text(people),
            ]);
        }
        let caption = format!(
            "{title}: asked for {} at {}",
            words::counted(direction.asked, "time", "times"),
            words::counted(direction.site_count, "site", "sites")
        );
        pieces.push(
            Table::new(
                caption,
                &[
                    "Site",
                    "Categories",
                    "Verdict",
                    "Asked for",
                    "By group",
                    "People",
                ],
                rows,
            )
            .into(),
        );
    }
    Ok(pieces)
}

async fn steps(web: &Web, open: &OpenChange) -> Result<Piece, Error> {
    let zone = web.app.zone();
    let mut rows = Vec::new();
    for step in &open.steps {
        let by = match step.by {
            Some(_) => words::name(web, step.by).await?,
            None => "Pharos".to_owned(),
        };
        let said = pharos_service::words_of(step.step, &step.body);
        rows.push(vec![
            Cell::text(pharos_service::step_says(step.step)),
            Cell::text(by),
            Cell::text(words::moment(step.at, &zone)),
            Cell::text(said.trim_start_matches(" – ")),
        ]);
    }
    Ok(if rows.is_empty() {
        Piece::Text("Nobody has assessed it yet.".to_owned())
    } else {
        Table::new(
            "Assessments and what followed",
            &["Step", "By", "When", "In words"],
            rows,
        )
        .into()
    })
}

fn forms(
    web: &Web,
    me: &SignedIn,
    open: &OpenChange,
    said: &Said,
    errors: &Errors,
    mut sheet: Sheet,
) -> Sheet {
    let (number, may) = (open.change.number, |act| web.app.could(&me.actor, act));
    let path = |what: &str| format!("/changes/{number}/{what}");
    let why = |label: &str| {
        TextArea::new("why", label, &said.why)
            .rows(3)
            .error(errors.of("why"))
    };
    match open.change.state {
        ChangeState::Draft => {
            let missing = missing(web, open);
            if missing.is_empty() {
                sheet = sheet.text("Everything that is asked for is there.");
            } else {
                sheet = sheet.add(Warning {
                    text: format!("Before it can be in force it needs {}.", missing.join(", ")),
                });
            }
            if may(Act::AssessChange)
                && !(open.has(ChangeStep::Educational) && open.has(ChangeStep::Technical))
            {
                let sides = vec![
                    Choice::new("educational", "For teaching").chosen(said.side == "educational"),
                    Choice::new("technical", "Technically").chosen(said.side == "technical"),
                ];
                sheet = sheet.heading("Assess it").add(
                    Form::to(path("assess"))
                        .field(
                            Choices::one("side", "From which side?", sides)
                                .inline()
                                .error(errors.of("side")),
                        )
                        .field(why("What are the risks, and why are they worth taking?"))
                        .button(Button::secondary("Add the assessment")),
                );
            }
            if web.app.wants_consent() && may(Act::ConsentChange) && !open.has(ChangeStep::Consent)
            {
                sheet = sheet.heading("Consent").add(
                    Form::to(path("consent"))
                        .field(why("Why the leadership agrees"))
                        .button(Button::secondary("Consent")),
                );
            }
            if may(Act::InstallPolicy) && missing.is_empty() {
                sheet = sheet
                    .heading("Put it in force")
                    .text("It acts on the next request, and is tested on live traffic at once.")
                    .add(Form::to(path("in-force")).button(Button::main("Put it in force")));
            }
            if may(Act::ProposePolicy) {
                sheet = sheet
                    .heading("Give this change up")
                    .text("Nothing of it will be in force. The log keeps it.");
                sheet = sheet.add(
                    Form::to(path("withdraw"))
                        .field(why("Why it is given up"))
                        .button(Button::warning("Give it up")),
                );
            }
        }
        ChangeState::InForce => {
            if may(Act::ReviewChange) {
                sheet = sheet.heading("Look at it again").add(
                    Form::to(path("review"))
                        .field(why("What you found"))
                        .field(
                            Input::text("days", "Look again in how many days?", &said.days)
                                .numeric()
                                .width(4)
                                .hint("Leave it empty if that is not needed."),
                        )
                        .button(Button::main("Note it")),
                );
            }
        }
        ChangeState::Withdrawn => {}
    }
    sheet
}

fn missing(web: &Web, open: &OpenChange) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !open.has(ChangeStep::Educational) {
        missing.push("a risk assessment for teaching");
    }
    if !open.has(ChangeStep::Technical) {
        missing.push("a technical risk assessment");
    }
    if web.app.wants_consent() && !open.has(ChangeStep::Consent) {
        missing.push("the leadership's consent");
    }
    missing
}
