//! "What to do if…": every procedure as a one-page chart to read and print without a case (PRO-02).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use pharos_casework::{Chart, Phase, chart};
use pharos_service::Error;

use crate::frame::Frame;
use crate::oops::{Oops, ok};
use crate::state::{Me, Web};

#[derive(Template)]
#[template(path = "charts.html")]
struct ChartsPage {
    frame: Frame,
    charts: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    when_to_use: String,
}

#[derive(Template)]
#[template(path = "chart.html")]
struct ChartPage {
    frame: Frame,
    chart: Chart,
    phases: Vec<(&'static str, Vec<pharos_casework::Row>)>,
    now: &'static str,
}

/// `GET /what-to-do`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me) -> Response {
    if !me.person.is_staff() {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    }
    let entry = |procedure: pharos_casework::Procedure| Entry {
        id: procedure.reference.id,
        title: procedure.title,
        when_to_use: procedure.when_to_use,
    };
    let charts = web.app.procedures().into_iter().map(entry).collect();
    ok(&ChartsPage {
        frame: web.frame(&me, "").await,
        charts,
    })
}

/// `GET /what-to-do/{id}`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    let procedure = web.app.procedure(&id).filter(|_| me.person.is_staff());
    let Some(procedure) = procedure else {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    };
    let chart = chart(&procedure);
    let named = [
        (Phase::Start, "At once"),
        (Phase::Work, "What this asks"),
        (Phase::Parents, "Parents"),
        (Phase::Close, "Before closing"),
    ];
    let phases = named
        .into_iter()
        .map(|(phase, title)| {
            (
                title,
                chart
                    .rows
                    .iter()
                    .filter(|row| row.phase == phase)
                    .cloned()
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    ok(&ChartPage {
        frame: web.frame(&me, "").await,
        chart,
        phases,
        now: pharos_casework::danger_instruction(None),
    })
}
