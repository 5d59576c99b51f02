//! The governors' report: a period in figures without anybody's name; made, kept, downloaded
//! (REP-01, ROLE-07, FIL-20).

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use pharos_access::{Act, act};
use pharos_governance::{ClauseLine, GovernorsReport, Period, Table as Counts};
use pharos_records::FrozenReport;
use pharos_service::{Error, SignedIn};
use serde::Deserialize;

use crate::components::{Cell, Errors, Input, Table};
use crate::forms::errors_of;
use crate::frame::{Done, Frame};
use crate::oops::{Oops, render};
use crate::pages::field::Field;
use crate::pages::kit::{self, date_words};
use crate::pages::policy;
use crate::state::{Me, Web};
use crate::words;

/// What is said of the limits of every filter and of these figures (FIL-20).
const LIMITS: &str = "No filter and no monitoring can promise complete safety. These figures show what was noticed and done; \
what nobody noticed is not in them. Adults who supervise and teach, and children who know whom to turn to, remain necessary.";

/// First and last day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "governors.html")]
struct ReportPage {
    frame: Frame,
    errors: Errors,
    from: Field,
    to: Field,
    period: Option<ReportView>,
    from_value: String,
    to_value: String,
    kept: Vec<Kept>,
    may_make: bool,
    reads_weeks: bool,
    limits: &'static str,
}

struct ReportView {
    title: String,
    clauses: Vec<(u64, &'static str, &'static str)>,
    wanting: Vec<Wanting>,
    tables: Vec<(&'static str, Vec<Table>)>,
    nothing: String,
    times: Table,
    checks: (u64, u64, u64),
    hand: (u64, u64),
    lists: Table,
    refused: String,
}

struct Wanting {
    id: String,
    title: String,
    word: &'static str,
    class: &'static str,
    why: &'static str,
}

struct Kept {
    id: String,
    period: String,
    made: String,
    csv: String,
}

/// `GET /reports`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Query(asked): Query<Asked>,
    done: Done,
) -> Response {
    let usual = web.app.usual_period();
    let read = |text: &str, otherwise: Date| {
        if text.is_empty() {
            Some(otherwise)
        } else {
            kit::day(text)
        }
    };
    let (from, to) = (read(&asked.from, usual.from), read(&asked.to, usual.to));
    let (Some(from), Some(to)) = (from, to) else {
        let errors = kit::errors(vec![(
            "from",
            "Write both days, such as 2026-09-01.".to_owned(),
        )]);
        return page(
            &web,
            &me,
            usual,
            None,
            errors,
            done,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    };
    let period = Period { from, to };
    match web.app.governors_report(&me.actor, period).await {
        Ok(report) => {
            page(
                &web,
                &me,
                period,
                Some(&report),
                Errors::default(),
                done,
                StatusCode::OK,
            )
            .await
        }
        Err(Error::Invalid(problems)) => {
            page(
                &web,
                &me,
                period,
                None,
                errors_of(problems),
                done,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `POST /reports`: makes the PDF and keeps it for good.
pub(crate) async fn make(State(web): State<Web>, Me(me): Me, Form(asked): Form<Asked>) -> Response {
    let (Some(from), Some(to)) = (kit::day(&asked.from), kit::day(&asked.to)) else {
        let errors = kit::errors(vec![(
            "from",
            "Write both days, such as 2026-09-01.".to_owned(),
        )]);
        return page(
            &web,
            &me,
            web.app.usual_period(),
            None,
            errors,
            Done::default(),
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    };
    let period = Period { from, to };
    match web.app.freeze_report(&me.actor, period).await {
        Ok(_) => Redirect::to("/reports?done=kept").into_response(),
        Err(Error::Invalid(problems)) => {
            page(
                &web,
                &me,
                period,
                None,
                errors_of(problems),
                Done::default(),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `GET /reports/{id}/pdf`: a kept report as it was presented.
pub(crate) async fn pdf(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    let kept = match id.parse() {
        Ok(id) => web.app.frozen_report(&me.actor, id).await,
        Err(_) => Err(Error::NotFound),
    };
    match kept.and_then(|kept| {
        kept.report
            .pdf
            .map(|pdf| (kept.report.from, kept.report.to, pdf))
            .ok_or(Error::NotFound)
    }) {
        Ok((from, to, pdf)) => file(
            "application/pdf",
            &format!("governors-report-{from}-{to}.pdf"),
            pdf,
        ),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `GET /reports/csv`: the figures of a period as they are counted now.
pub(crate) async fn csv(
    State(web): State<Web>,
    Me(me): Me,
    Query(asked): Query<Asked>,
) -> Response {
    if let Err(error) = web.app.open_to::<act::ReadReport>(&me.actor).await {
        return Oops::new(&web, Some(&me), error).await.into_response();
    }
    let made = match (kit::day(&asked.from), kit::day(&asked.to)) {
        (Some(from), Some(to)) => web
            .app
            .governors_csv(&me.actor, Period { from, to })
            .await
            .map(|csv| (from, to, csv)),
        _ => Err(Error::field("from", "Write both days, such as 2026-09-01.")),
    };
    match made {
        Ok((from, to, csv)) => file(
            "text/csv; charset=utf-8",
            &format!("governors-report-{from}-{to}.csv"),
            csv,
        ),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// A download. Its name holds dates only.
fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind.to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ),
        ],
        bytes,
    )
        .into_response()
}

async fn page(
    web: &Web,
    me: &SignedIn,
    period: Period,
    report: Option<&GovernorsReport>,
    errors: Errors,
    done: Done,
    status: StatusCode,
) -> Response {
    let kept = match web.app.frozen_reports(&me.actor).await {
        Ok(kept) => kept,
        Err(error) => return Oops::new(web, Some(me), error).await.into_response(),
    };
    let zone = web.app.zone();
    let day = |name: &'static str, label: &str, day: Date| -> Field {
        Input::text(name, label, day.to_string())
            .kind("date")
            .width(10)
            .error(errors.of(name))
            .into()
    };
    let page = ReportPage {
        frame: web.frame(me, "/reports").await.with(done),
        from: day("from", "First day", period.from),
        to: day("to", "Last day", period.to),
        from_value: period.from.to_string(),
        to_value: period.to.to_string(),
        period: report.map(view),
        kept: kept
            .iter()
            .filter(|report| report.report.kind == "governors")
            .map(|report| kept_view(report, &zone))
            .collect(),
        may_make: web.app.could(&me.actor, Act::MakeReport),
        reads_weeks: web.app.could(&me.actor, Act::ReadWeek),
        limits: LIMITS,
        errors: errors.clone(),
    };
    render(status, &page)
}

fn kept_view(kept: &FrozenReport, zone: &jiff::tz::TimeZone) -> Kept {
    let report = &kept.report;
    Kept {
        id: report.id.to_string(),
        period: format!("{} to {}", date_words(report.from), date_words(report.to)),
        made: words::moment(kept.at, zone),
        csv: format!("/reports/csv?from={}&to={}", report.from, report.to),
    }
}

fn view(report: &GovernorsReport) -> ReportView {
    let [met, attested, at_risk, not_met, unbound] = report.clauses;
    let groups: [(&'static str, &[Counts]); 3] = [
        ("Incidents and outcomes", &report.cases),
        ("What monitoring raised", &report.alerts),
        ("Follow-up and what was learnt", &report.follow_up),
    ];
    let empty = groups
        .iter()
        .flat_map(|(_, tables)| tables.iter())
        .filter(|table| table.rows.is_empty());
    ReportView {
        title: format!(
            "{} to {}",
            date_words(report.period.from),
            date_words(report.period.to)
        ),
        clauses: vec![
            (not_met, "not met", "ph-tile--bad"),
            (at_risk, "at risk", "ph-tile--warn"),
            (attested, "attested", ""),
            (met, "met", "ph-tile--good"),
            (unbound, "bound to no control", ""),
        ],
        wanting: report.wanting.iter().map(wanting).collect(),
        nothing: empty
            .map(|table| table.title.to_lowercase())
            .collect::<Vec<_>>()
            .join("; "),
        tables: groups
            .into_iter()
            .map(|(title, tables)| {
                (
                    title,
                    tables
                        .iter()
                        .filter(|table| !table.rows.is_empty())
                        .map(counts)
                        .collect::<Vec<_>>(),
                )
            })
            .filter(|(_, tables)| !tables.is_empty())
            .collect(),
        times: times(report),
        checks: report.checks,
        hand: report.hand,
        lists: lists(report),
        refused: report.refused.to_string(),
    }
}

fn wanting(line: &ClauseLine) -> Wanting {
    Wanting {
        id: line.id.clone(),
        title: line.title.clone(),
        word: policy::word(line.standing),
        class: policy::class(line.standing),
        why: line.why,
    }
}

fn counts(table: &Counts) -> Table {
    let mut rows: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|(label, count)| vec![Cell::text(label.words()), Cell::text(count.to_string())])
        .collect();
    if let Some(total) = table.total {
        rows.push(vec![Cell::text("All"), Cell::text(total.to_string())]);
    }
    let caption = table.note.map_or_else(
        || table.title.to_owned(),
        |note| format!("{} ({note})", table.title),
    );
    Table::new(caption, &["What", "How many"], rows)
}

fn times(report: &GovernorsReport) -> Table {
    let median = |minutes: Option<u64>| {
        minutes.map_or_else(
            || "not shown: too few".to_owned(),
            |minutes| {
                kit::lasted(jiff::SignedDuration::from_mins(
                    i64::try_from(minutes).unwrap_or(i64::MAX / 60),
                ))
            },
        )
    };
    let row = |time: &pharos_governance::TimeFigure| {
        vec![
            Cell::text(time.what),
            Cell::text(median(time.median_minutes)),
            Cell::text(time.of.to_string()),
        ]
    };
    Table::new(
        "How long it took",
        &["What", "Middle time", "Of how many"],
        report.times.iter().map(row).collect(),
    )
}

fn lists(report: &GovernorsReport) -> Table {
    let row = |(list, age): &(pharos_governance::ListLine, Option<i64>)| {
        let age = age.map_or_else(
            || "never refreshed".to_owned(),
            |days| format!("{days} days"),
        );
        let kind = if list.sealed { "sealed" } else { "open" };
        vec![
            Cell::text(&list.name),
            Cell::text(kind),
            Cell::text(list.entries.to_string()),
            Cell::text(age),
        ]
    };
    Table::new(
        "The lists",
        &["List", "Kind", "Entries", "Age at the end of the period"],
        report.lists.iter().map(row).collect(),
    )
}
