//! `/limits`: what Pharos cannot see here and why, from what is on and set at this moment (FIL-20).

use axum::extract::State;
use axum::response::Response;
use pharos_service::{Error, Limit, NO_FILTER_IS_COMPLETE, SignedIn};

use crate::components::{Cell, Table};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};

/// `GET /limits`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), page(&web, &me).await).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let limits = web.app.limits(&me.actor).await?;
    let (mended, fixed): (Vec<&Limit>, Vec<&Limit>) =
        limits.iter().partition(|limit| limit.can_be_mended);
    let mut sheet = Sheet::new(
        web.frame(me, "").await,
        "What Pharos cannot see here, and why",
    )
    .back("/checks", "Checks")
    .lede(NO_FILTER_IS_COMPLETE);
    if !mended.is_empty() {
        sheet = sheet
            .heading("As Pharos is set up here")
            .text("This follows from what is switched on, set and counted now. Each of these can be mended.")
            .add(table("What could be mended", &mended));
    }
    Ok(sheet
        .heading("Whatever the settings")
        .add(table("What no setting changes", &fixed))
        .response())
}

fn table(caption: &str, limits: &[&Limit]) -> Table {
    let rows = limits
        .iter()
        .map(|limit| {
            vec![
                Cell::text(&limit.what),
                Cell::text(&limit.why),
                Cell::text(&limit.helps),
            ]
        })
        .collect();
    Table::new(caption, &["Not seen", "Why", "What helps"], rows)
}
