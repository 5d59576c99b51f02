//! `/lists/floor`: the floor of the trust that the school belongs to, what it asks for, and which lines
//! of the school's pack ask for less.

use axum::extract::State;
use axum::response::Response;
use pharos_access::act;
use pharos_pack::Floor;
use pharos_policy::YouTube;
use pharos_policy::spec::WhomSpec;
use pharos_service::{Error, FloorStanding, SignedIn};

use crate::components::{Cell, Summary, Table, Warning};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// `GET /lists/floor`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let page = page(&web, &me).await;
    answer(&web, Some(&me), page).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    web.app.open_to::<act::Explain>(&me.actor).await?;
    let sheet = Sheet::new(web.frame(me, "").await, "The trust's floor")
        .back("/lists", "The filter's lists")
        .lede("What a trust of several schools holds the filter of each to. Nothing of the school's own stands above it: no rule, exception, lesson list or help site.");
    let Some(standing) = web.app.floor_standing(&me.actor).await? else {
        let text = "The school belongs to no trust, and no floor is in force. The school's policy alone decides.";
        return Ok(sheet.text(text).response());
    };
    let mut sheet = warnings(sheet, &standing).add(facts(web, &standing));
    if let Some(floor) = &standing.floor {
        sheet = sheet.add(asks(floor));
        if !floor.spec.help.is_empty() {
            sheet = sheet.text(format!(
                "It says nothing of these, so that none of its categories stands before help: {}.",
                floor.spec.help.join(", ")
            ));
        }
    }
    Ok(below(sheet, &standing).response())
}

fn warnings(sheet: Sheet, standing: &FloorStanding) -> Sheet {
    let mut texts = Vec::new();
    let mut warn = |text: String| texts.push(text);
    if let Some(trouble) = &standing.trouble {
        warn(format!("{trouble}."));
    }
    if standing.floor.is_none() {
        warn("No issue of the floor was taken in yet.".to_owned());
    }
    if standing.stale {
        warn("The place where the trust publishes its floor was not seen for too long.".to_owned());
    }
    if standing.floor.is_some() && !standing.signed {
        warn("The floor stands in the school's own pack, unsigned: a new version of the pack can drop it. Signed by the trust, nothing can.".to_owned());
    }
    if !standing.waiting.is_empty() {
        warn(format!(
            "No list in force carries these categories of the floor, so that nothing is blocked by them yet: {}.",
            standing.waiting.join(", ")
        ));
    }
    if !standing.closed_help.is_empty() {
        warn(format!(
            "The floor closes these help sites of the school, or the pages of Pharos themselves, to pupils. Only the trust can say that they are help: ask it to name them. It reads of them in the school's report as well: {}.",
            standing.closed_help.join(", ")
        ));
    }
    texts
        .into_iter()
        .fold(sheet, |sheet, text| sheet.add(Warning { text }))
}

fn facts(web: &Web, standing: &FloorStanding) -> Summary {
    let zone = web.app.zone();
    let moment = |at: Option<jiff::Timestamp>, none: &str| {
        at.map_or_else(|| none.to_owned(), |at| words::moment(at, &zone))
    };
    let mut facts = Summary::default().row("Trust", &standing.trust);
    if let Some(floor) = &standing.floor {
        facts = facts
            .row("Issue", format!("{} of {}", floor.version, floor.issued))
            .row("Approved by", &floor.approved_by);
    }
    facts
        .row("In force since", moment(standing.taken, "With the pack"))
        .row(
            "Trust's source last seen",
            moment(standing.looked, "Not fetched"),
        )
        .row(
            "Kept by",
            if standing.signed {
                "The trust's signature"
            } else {
                "The school's pack"
            },
        )
}

/// What the floor asks for, one line each.
fn asks(floor: &Floor) -> Table {
    let spec = &floor.spec;
    let blocks = spec.blocks.iter().map(|block| {
        let what = block.categories.iter().chain(&block.sites).cloned();
        let what = what.collect::<Vec<_>>().join(", ");
        vec![
            Cell::text(&block.name),
            Cell::text(whom(&block.whom)),
            Cell::text(format!("Blocks {what}")),
        ]
    });
    let search = spec.search.iter().map(|search| {
        let engines = if search.safe_search {
            "Safe search on every engine"
        } else {
            "Nothing of search engines"
        };
        let video = match search.youtube {
            YouTube::Off => "",
            YouTube::Moderate => "; YouTube at least moderate",
            YouTube::Strict => "; YouTube strict",
        };
        vec![
            Cell::text("Search and video"),
            Cell::text(whom(&search.whom)),
            Cell::text(format!("{engines}{video}")),
        ]
    });
    let round = spec.avoidance.iter().map(|one| {
        vec![
            Cell::text("Ways round the filter"),
            Cell::text(whom(one)),
            Cell::text("Blocks them, whatever is granted"),
        ]
    });
    let rows = blocks.chain(search).chain(round).collect();
    Table::new("What it asks for", &["Name", "For whom", "What"], rows)
}

fn whom(whom: &WhomSpec) -> String {
    let years = whom
        .years
        .iter()
        .map(|band| format!("pupils of years {band}"));
    let named: Vec<String> = whom.groups.iter().cloned().chain(years).collect();
    let mut text = if named.is_empty() {
        "everyone".to_owned()
    } else {
        named.join(", ")
    };
    if !whom.except.is_empty() {
        text.push_str(&format!(", but not {}", whom.except.join(", ")));
    }
    text
}

fn below(sheet: Sheet, standing: &FloorStanding) -> Sheet {
    let sheet = sheet.heading("Lines of the school's pack below the floor");
    if standing.below.is_empty() {
        return sheet.text("None: the pack nowhere asks for less.");
    }
    let rows = standing
        .below
        .iter()
        .map(|problem| {
            vec![
                Cell::text(format!("{}:{}", problem.file, problem.place.line)),
                Cell::text(&problem.message),
            ]
        })
        .collect();
    sheet
        .text("They are without effect. Take them out, or ask the trust to lower its floor.")
        .add(Table::new(
            "Below the floor",
            &["Line", "What it asks for"],
            rows,
        ))
}
