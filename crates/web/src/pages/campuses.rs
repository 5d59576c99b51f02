//! `/campuses`: the campuses or schools that share this server, for those who act for all of them.

use axum::extract::State;
use axum::response::Response;
use pharos_service::{CampusLine, Error, FloorStanding, SignedIn};

use crate::components::{Cell, Table};
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// `GET /campuses`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let page = page(&web, &me).await;
    answer(&web, Some(&me), page).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let lines = web.app.campuses(&me.actor).await?;
    let sheet = Sheet::new(web.frame(me, "").await, "Campuses")
        .back("/lists", "The filter's lists")
        .lede("Parts of the school, or schools of a trust, that share this server. Whoever acts for one sees and changes its people alone.");
    if lines.is_empty() {
        let text = "There are none: everybody acts for the whole school. Campuses are named in the pack ([campuses.NAME]).";
        return Ok(sheet.text(text).response());
    }
    let floor = web.app.floor_standing(&me.actor).await?;
    let kept = web.app.clauses(&me.actor).await?;
    let not_kept = kept
        .iter()
        .filter(|clause| {
            use pharos_governance::Standing::{AtRisk, NotMet};
            matches!(clause.standing, Some(NotMet | AtRisk))
        })
        .count();
    let sheet = sheet
        .text(format!(
            "All stand on one policy: {}; {not_kept} clauses not kept or at risk.",
            floor_says(floor.as_ref())
        ))
        .add(table(web, &lines))
        .add(Piece::Links(vec![
            ("/lists/floor".to_owned(), "The trust's floor".to_owned()),
            (
                "/policy".to_owned(),
                "Every clause of the policy".to_owned(),
            ),
        ]));
    Ok(sheet.response())
}

fn floor_says(floor: Option<&FloorStanding>) -> String {
    match floor.and_then(|standing| standing.floor.as_ref()) {
        Some(floor) => format!("floor {} of {} is in force", floor.version, floor.trust),
        None => "no trust's floor is in force".to_owned(),
    }
}

fn table(web: &Web, lines: &[CampusLine]) -> Table {
    let zone = web.app.zone();
    let rows = lines
        .iter()
        .map(|line| {
            let check = match line.check {
                Some((at, all, failed)) => {
                    format!(
                        "{}: {failed} of {all} did not hold",
                        words::moment(at, &zone)
                    )
                }
                None => "Never in its places".to_owned(),
            };
            let or_none = |names: &[String]| match names {
                [] => "None".to_owned(),
                names => names.join(", "),
            };
            vec![
                Cell::text(&line.title),
                Cell::text(line.people.to_string()),
                Cell::text(or_none(&line.places)),
                Cell::text(or_none(&line.delegates)),
                Cell::text(line.waiting.to_string()),
                Cell::text(line.changes.to_string()),
                Cell::text(check),
            ]
        })
        .collect();
    Table::new(
        "How each stands",
        &[
            "Campus",
            "People",
            "Places",
            "Acts for it alone",
            "Requests waiting",
            "Own changes in force",
            "Last check there",
        ],
        rows,
    )
}
