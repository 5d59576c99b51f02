//! Runs of the self-check: a list, and one run as a sheet that the leadership signs (AUD-02).

mod sheet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use pharos_access::Act;
use pharos_records::CheckRun;
use pharos_school::CheckId;
use pharos_service::{CheckResult, CheckResults, CheckRow, Error, Signature, SignedIn, Way};
use serde::Deserialize;

use crate::components::{Cell, Errors, Table, TextArea};
use crate::forms::{Posted, errors_of};
use crate::frame::{Done, Frame};
use crate::oops::{Oops, ok};
use crate::pages::kit::{Names, date_words};
use crate::state::{Me, Web};
use crate::words;
use sheet::{FaceLine, Part};

/// So many tests by hand stand on the list.
const TESTS_SHOWN: usize = 50;
/// The most cards of what did not hold; what is beyond is counted.
const CARDS_MAX: usize = 60;

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPage {
    frame: Frame,
    runs: Table,
    empty: bool,
    may_run: bool,
    hand: Option<Table>,
    hand_due: Option<(String, bool)>,
    may_note: bool,
}

/// `GET /checks`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me) -> Response {
    match build_list(&web, &me).await {
        Ok(page) => ok(&page),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn build_list(web: &Web, me: &SignedIn) -> Result<ChecksPage, Error> {
    let runs = web.app.checks(&me.actor).await?;
    let tests = web.app.hand_tests(&me.actor).await?;
    let signed = web.app.check_signatures(&me.actor).await?;
    let signers = signed.values().flatten().map(|signature| signature.by);
    let people = runs
        .iter()
        .chain(&tests)
        .filter_map(|run| run.by)
        .chain(signers)
        .collect();
    let names = Names::of(&web.app, people).await?;
    let signers = |run: &CheckRun| {
        let signers = signed.get(&run.run.id).into_iter().flatten();
        let signers: Vec<String> = signers.map(|signature| names.get(signature.by)).collect();
        if signers.is_empty() {
            "not yet".to_owned()
        } else {
            signers.join(", ")
        }
    };
    let hand = tests
        .iter()
        .take(TESTS_SHOWN)
        .map(|test| hand_row(web, test, &names, signers(test)))
        .collect::<Result<Vec<_>, Error>>()?;
    let rows: Vec<Vec<Cell>> = runs
        .iter()
        .map(|run| {
            vec![
                Cell::link(
                    format!("/checks/{}", run.run.id),
                    words::moment(run.run.to, &web.app.zone()),
                ),
                Cell::text(verdict(run.run.passed, run.run.failed).0),
                Cell::text(run.run.passed.to_string()),
                Cell::text(run.run.failed.to_string()),
                Cell::text(by(run, &names)),
                Cell::text(signers(run)),
            ]
        })
        .collect();
    Ok(ChecksPage {
        frame: web.frame(me, "/checks").await,
        empty: rows.is_empty(),
        runs: Table::new(
            "Runs, newest first",
            &[
                "When",
                "Result",
                "As promised",
                "Not as promised",
                "Run by",
                "Signed by",
            ],
            rows,
        ),
        hand: (!hand.is_empty()).then(|| {
            let heads = [
                "When",
                "What was promised",
                "As whom",
                "Result",
                "By",
                "Signed by",
            ];
            Table::new("Tests by hand, newest first", &heads, hand)
        }),
        hand_due: web.app.hand_due().await?.map(|due| {
            let day = date_words(due.due);
            if due.overdue {
                (
                    format!("The next test by hand was due on {day}: it is overdue."),
                    true,
                )
            } else {
                (format!("The next test by hand is due by {day}."), false)
            }
        }),
        may_note: web.app.could(&me.actor, Act::HandTest),
        may_run: web.prober.is_some() && web.app.could(&me.actor, Act::RunCheck),
    })
}

/// A test by hand in the list.
fn hand_row(web: &Web, test: &CheckRun, names: &Names, signed: String) -> Result<Vec<Cell>, Error> {
    let results = CheckResults::read(test)?;
    let row = results.rows.first();
    let what = row.map(|row| row.kind.says()).unwrap_or_default();
    let whom = tried_as(&results);
    Ok(vec![
        Cell::link(
            format!("/checks/{}", test.run.id),
            words::moment(test.run.to, &web.app.zone()),
        ),
        Cell::text(what),
        Cell::text(whom),
        Cell::text(if test.run.failed > 0 {
            "Failed"
        } else {
            "Held"
        }),
        Cell::text(by(test, names)),
        Cell::text(signed),
    ])
}

/// Who started a run.
fn by(run: &CheckRun, names: &Names) -> String {
    run.by
        .map_or_else(|| "the timetable".to_owned(), |person| names.get(person))
}

/// A run in one word, and the class of its colour.
fn verdict(passed: i64, failed: i64) -> (&'static str, &'static str) {
    match (passed, failed) {
        (0, 0) => ("Nothing could be tried", "ph-standing--risk"),
        (_, 0) => ("Passed", "ph-standing--met"),
        _ => ("Failed", "ph-standing--notmet"),
    }
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    frame: Frame,
    id: String,
    at: String,
    by: String,
    word: &'static str,
    class: &'static str,
    passed: i64,
    failed: i64,
    not_tried: usize,
    failures: Vec<Card>,
    failures_more: usize,
    untried: Vec<Card>,
    untried_more: usize,
    parts: Vec<Part>,
    faces: Vec<FaceLine>,
    scope: Vec<(&'static str, String)>,
    notes: Vec<String>,
    events: Option<String>,
    by_hand: Option<Card>,
    signatures: Vec<Signed>,
    signing: Option<TextArea>,
    errors: Errors,
}

/// What became of one thing, for all whom the same became of.
struct Card {
    what: String,
    whom: String,
    way: &'static str,
    address: String,
    seen: String,
}

/// A signature in words.
struct Signed {
    name: String,
    role: &'static str,
    at: String,
    words: String,
}

/// `GET /checks/{id}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    done: Done,
) -> Response {
    match build(&web, &me, &id, done, Again::default()).await {
        Ok(page) => ok(&page),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// What was sent and what is wrong with it, when the form is shown again.
#[derive(Default)]
struct Again {
    words: String,
    errors: Errors,
}

fn id_of(text: &str) -> Result<CheckId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

async fn build(
    web: &Web,
    me: &SignedIn,
    id: &str,
    done: Done,
    again: Again,
) -> Result<CheckPage, Error> {
    let run = web.app.check(&me.actor, id_of(id)?).await?;
    let results = CheckResults::read(&run)?;
    let mut signed = web.app.check_signatures(&me.actor).await?;
    let signed = signed.remove(&run.run.id).unwrap_or_default();
    let people = run
        .by
        .into_iter()
        .chain(signed.iter().map(|signature| signature.by))
        .collect();
    let names = Names::of(&web.app, people).await?;
    let (word, class) = verdict(run.run.passed, run.run.failed);
    let (failures, failures_more) = cards(&results, CheckResult::Failed);
    let (untried, untried_more) = cards(&results, CheckResult::NotTried);
    let mine = signed.iter().any(|signature| signature.by == me.person.id);
    let signs = web.app.signs_checks(&me.actor) && !mine;
    Ok(CheckPage {
        frame: web.frame(me, "/checks").await.with(done),
        id: run.run.id.to_string(),
        at: words::moment(run.run.to, &web.app.zone()),
        by: by(&run, &names),
        word,
        class,
        passed: run.run.passed,
        failed: run.run.failed,
        not_tried: results.count(CheckResult::NotTried),
        failures,
        failures_more,
        untried,
        untried_more,
        parts: sheet::parts(&results),
        faces: sheet::faces(&results),
        scope: sheet::scope(&results),
        notes: results.notes.clone(),
        events: events(&results),
        by_hand: by_hand(&results),
        signatures: signed
            .iter()
            .map(|one| signature(web, one, &names))
            .collect(),
        signing: signs.then(|| signing(run.run.failed > 0, &again)),
        errors: again.errors,
    })
}

/// What the faces told of while the run lasted.
fn events(results: &CheckResults) -> Option<String> {
    let all: u64 = results.events.values().sum();
    let faces = results.events.iter();
    let faces: Vec<String> = faces
        .map(|(face, count)| format!("{face} {}", words::number(*count)))
        .collect();
    (all > 0).then(|| {
        format!(
            "The faces told of {} about the users of this run ({}). They are counted here and kept out of activity.",
            words::counted(all, "decision", "decisions"),
            faces.join(", ")
        )
    })
}

/// As whom and where a test by hand was made.
fn tried_as(results: &CheckResults) -> String {
    results.users.first().map_or_else(String::new, |user| {
        let group = user.group.replace('-', " ");
        match &user.place {
            Some(place) => format!("{group}, {}", place.replace('-', " ")),
            None => format!("{group}, in no named place"),
        }
    })
}

/// The one thing that a test by hand tried.
fn by_hand(results: &CheckResults) -> Option<Card> {
    let row = results.rows.first()?;
    (row.way == Way::Hand).then(|| card(row, tried_as(results)))
}

fn signature(web: &Web, signature: &Signature, names: &Names) -> Signed {
    Signed {
        name: names.get(signature.by),
        role: signature.role.name(),
        at: words::moment(signature.at, &web.app.zone()),
        words: signature.words.clone(),
    }
}

fn signing(failed: bool, again: &Again) -> TextArea {
    let label = if failed {
        "What is done about what did not hold, and who does it?"
    } else {
        "Remarks (may stay empty)"
    };
    let mut area = TextArea::new("words", label, &again.words);
    area.rows = 3;
    area.characters_max = 1_000;
    area.error = again.errors.of("words");
    area
}

/// The rows that ended so, within [`CARDS_MAX`], and how many more there are. A run of the first
/// version has one row for each probe.
fn cards(results: &CheckResults, wanted: CheckResult) -> (Vec<Card>, usize) {
    let rows = results.rows.iter().filter(|row| row.result == wanted);
    let folded = rows.map(|row| card(row, results.whom(row)));
    let probes = results.probes.iter().filter(|probe| probe.result == wanted);
    let single = probes.map(|probe| Card {
        what: probe.kind.says(),
        whom: probe.group.clone(),
        way: probe.way.says(),
        address: pharos_casework::broken_up(&probe.address),
        seen: probe.seen.clone(),
    });
    let mut cards: Vec<Card> = folded.chain(single).collect();
    let more = cards.len().saturating_sub(CARDS_MAX);
    cards.truncate(CARDS_MAX);
    (cards, more)
}

fn card(row: &CheckRow, whom: String) -> Card {
    Card {
        what: row.kind.says(),
        whom,
        way: row.way.says(),
        address: pharos_casework::broken_up(&row.address),
        seen: row.seen.clone(),
    }
}

/// `POST /checks`: runs the check where the faces can be reached.
pub(crate) async fn run(State(web): State<Web>, Me(me): Me) -> Response {
    if !web.app.could(&me.actor, Act::RunCheck) {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    }
    let Some(prober) = web.prober.clone() else {
        let no = Error::Refused(
            "The filter cannot be reached from here now. Run it on the server with `pharos check`."
                .to_owned(),
        );
        return Oops::new(&web, Some(&me), no).await.into_response();
    };
    match web.app.run_check(&me.actor, &prober).await {
        Ok(id) => Redirect::to(&format!("/checks/{id}?done=checked")).into_response(),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// What is written beside a signature.
#[derive(Debug, Deserialize)]
pub(crate) struct SignForm {
    #[serde(default)]
    words: String,
}

/// `POST /checks/{id}/sign`: the leadership signs the sheet.
pub(crate) async fn sign(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    Posted(form): Posted<SignForm>,
) -> Response {
    let signed = match id_of(&id) {
        Ok(check) => web.app.sign_check(&me, check, &form.words).await,
        Err(error) => Err(error),
    };
    let error = match signed {
        Ok(()) => return Redirect::to(&format!("/checks/{id}?done=signed-check")).into_response(),
        Err(Error::Invalid(problems)) => {
            let again = Again {
                words: form.words,
                errors: errors_of(problems),
            };
            match build(&web, &me, &id, Done::default(), again).await {
                Ok(page) => return (StatusCode::UNPROCESSABLE_ENTITY, ok(&page)).into_response(),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    Oops::new(&web, Some(&me), error).await.into_response()
}
