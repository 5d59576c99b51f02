//! Runs of the self-check: a list, and one run as a sheet of groups by what was tried, failures
//! first (AUD-02).

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use pharos_access::Act;
use pharos_records::CheckRun;
use pharos_service::{CheckResult, CheckResults, Error, ProbeRow, SignedIn, Way};

use crate::components::{Cell, Table};
use crate::frame::{Done, Frame};
use crate::oops::{Oops, ok};
use crate::state::{Me, Web};
use crate::words;

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPage {
    frame: Frame,
    runs: Table,
    empty: bool,
    may_run: bool,
}

/// `GET /checks`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me) -> Response {
    match web.app.checks(&me.actor).await {
        Ok(runs) => {
            let zone = web.app.zone();
            let rows: Vec<Vec<Cell>> = runs.iter().map(|run| row(run, &zone)).collect();
            let may_run = web.prober.is_some() && web.app.could(&me.actor, Act::RunCheck);
            ok(&ChecksPage {
                frame: web.frame(&me, "/checks").await,
                empty: rows.is_empty(),
                runs: Table::new(
                    "Runs, newest first",
                    &["When", "Result", "As promised", "Not as promised"],
                    rows,
                ),
                may_run,
            })
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

fn row(run: &CheckRun, zone: &jiff::tz::TimeZone) -> Vec<Cell> {
    vec![
        Cell::link(
            format!("/checks/{}", run.run.id),
            words::moment(run.run.to, zone),
        ),
        Cell::text(verdict(run.run.passed, run.run.failed).0),
        Cell::text(run.run.passed.to_string()),
        Cell::text(run.run.failed.to_string()),
    ]
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
    at: String,
    word: &'static str,
    class: &'static str,
    passed: i64,
    failed: i64,
    groups: Vec<String>,
    rows: Vec<SheetRow>,
    failures: Vec<Failure>,
}

struct SheetRow {
    what: String,
    cells: Vec<SheetCell>,
}

struct SheetCell {
    group: String,
    word: &'static str,
    class: &'static str,
}

struct Failure {
    what: String,
    group: String,
    way: &'static str,
    address: String,
    seen: String,
    word: &'static str,
}

/// `GET /checks/{id}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    done: Done,
) -> Response {
    match build(&web, &me, &id, done).await {
        Ok(page) => ok(&page),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn build(web: &Web, me: &SignedIn, id: &str, done: Done) -> Result<CheckPage, Error> {
    let run = web
        .app
        .check(&me.actor, id.parse().map_err(|_| Error::NotFound)?)
        .await?;
    let results = CheckResults::read(&run)?;
    let (groups, rows) = sheet(&results.probes);
    let (word, class) = verdict(run.run.passed, run.run.failed);
    let mut failures: Vec<Failure> = results
        .probes
        .iter()
        .filter(|probe| probe.result != CheckResult::Passed)
        .map(failure)
        .collect();
    failures.sort_by_key(|failure| failure.word);
    Ok(CheckPage {
        frame: web.frame(me, "/checks").await.with(done),
        at: words::moment(run.run.to, &web.app.zone()),
        word,
        class,
        passed: run.run.passed,
        failed: run.run.failed,
        groups: groups.iter().map(|group| group.replace('-', " ")).collect(),
        rows,
        failures,
    })
}

/// What was tried by group; the rows with a failure stand first. A cell is as good as the worst of
/// its probes.
fn sheet(probes: &[ProbeRow]) -> (Vec<String>, Vec<SheetRow>) {
    let mut by_what: BTreeMap<String, BTreeMap<String, u8>> = BTreeMap::new();
    let mut groups: Vec<String> = Vec::new();
    for probe in probes {
        if !groups.contains(&probe.group) {
            groups.push(probe.group.clone());
        }
        let cell = by_what
            .entry(probe.kind.says())
            .or_default()
            .entry(probe.group.clone())
            .or_insert(0);
        *cell = (*cell).max(badness(probe.result));
    }
    let mut rows: Vec<(u8, SheetRow)> = by_what
        .into_iter()
        .map(|(what, cells)| {
            let worst = cells.values().copied().max().unwrap_or(0);
            let cells = groups
                .iter()
                .map(|group| cell(group, cells.get(group).copied()))
                .collect();
            (worst, SheetRow { what, cells })
        })
        .collect();
    rows.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| first.what.cmp(&second.what)));
    (groups, rows.into_iter().map(|(_, row)| row).collect())
}

const fn badness(result: CheckResult) -> u8 {
    match result {
        CheckResult::Passed => 0,
        CheckResult::NotTried => 1,
        CheckResult::Failed => 2,
    }
}

fn cell(group: &str, badness: Option<u8>) -> SheetCell {
    let (word, class) = match badness {
        Some(0) => ("Held", "ph-standing--met"),
        Some(1) => ("Not tried", "ph-standing--risk"),
        Some(_) => ("Failed", "ph-standing--notmet"),
        None => ("–", ""),
    };
    SheetCell {
        group: group.replace('-', " "),
        word,
        class,
    }
}

fn failure(probe: &ProbeRow) -> Failure {
    Failure {
        what: probe.kind.says(),
        group: probe.group.clone(),
        way: match probe.way {
            Way::Dns => "by name (DNS)",
            Way::Proxy => "through the proxy",
        },
        address: pharos_casework::broken_up(&probe.address),
        seen: probe.seen.clone(),
        word: if probe.result == CheckResult::Failed {
            "Failed"
        } else {
            "Not tried"
        },
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
    match web.app.run_check(&me.actor, prober.as_ref()).await {
        Ok(id) => Redirect::to(&format!("/checks/{id}?done=checked")).into_response(),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pharos_service::CheckKind;

    fn probe(group: &str, name: &str, result: CheckResult) -> ProbeRow {
        let kind = CheckKind::Category(name.to_owned());
        ProbeRow {
            group: group.to_owned(),
            way: Way::Dns,
            kind,
            address: "bad.example".to_owned(),
            result,
            seen: String::new(),
        }
    }

    /// AUD-02: failures stand first, and one failed probe fails its cell.
    #[test]
    fn aud_02_failures_stand_first() {
        let probes = [
            probe("pupils", "gambling", CheckResult::Passed),
            probe("pupils", "weapons", CheckResult::Passed),
            probe("pupils", "weapons", CheckResult::Failed),
            probe("staff", "gambling", CheckResult::NotTried),
        ];
        let (groups, rows) = sheet(&probes);
        assert_eq!(groups, ["pupils", "staff"]);
        let words: Vec<(&str, Vec<&str>)> = rows
            .iter()
            .map(|row| {
                (
                    row.what.as_str(),
                    row.cells.iter().map(|cell| cell.word).collect(),
                )
            })
            .collect();
        assert_eq!(
            words,
            [
                ("weapons is blocked", vec!["Failed", "–"]),
                ("gambling is blocked", vec!["Held", "Not tried"])
            ]
        );
    }
}
