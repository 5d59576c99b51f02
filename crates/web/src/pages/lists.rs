//! `/lists`: how old and how large the filter's lists are; of sealed lists never what is on them
//! (FIL-03, FIL-04).

use axum::extract::State;
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, SignedIn};

use crate::components::{Cell, Details, Table, Warning};
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// `GET /lists`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), page(&web, &me).await).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    web.app.open_to::<act::Explain>(&me.actor).await?;
    let mut sheet = Sheet::new(web.frame(me, "").await, "The filter's lists");
    let lists = web.app.list_status();
    if lists.is_empty() {
        sheet = sheet.add(Warning {
            text: "There is no list at all. Only the school's own rules block anything.".to_owned(),
        });
    }
    for list in lists.iter().filter(|list| list.stale) {
        sheet = sheet.add(Warning {
            text: format!(
                "The list {} is {} old. It should be refreshed at least every {}.",
                list.name,
                words::length(list.age),
                words::length(list.allowed_age)
            ),
        });
    }
    let rows = lists
        .iter()
        .map(|list| {
            vec![
                Cell::text(&list.name),
                Cell::text(list.entries.to_string()),
                Cell::text(format!(
                    "{}{}",
                    words::length(list.age),
                    if list.stale { " – too old" } else { "" }
                )),
                Cell::text(list.version.to_string()),
                Cell::text(list.malformed.to_string()),
                Cell::text(list.protected.to_string()),
                Cell::text(
                    list.categories
                        .iter()
                        .map(|(name, count)| format!("{name}: {count}"))
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
            ]
        })
        .collect();
    sheet = sheet.add(Table::new(
        "Lists",
        &[
            "Name",
            "Entries",
            "Age",
            "Version",
            "Malformed lines",
            "Left out",
            "Categories",
        ],
        rows,
    ));
    sheet = fetches(web, sheet);
    for list in lists.iter().filter(|list| !list.problems.is_empty()) {
        sheet = sheet.add(Details {
            summary: format!("The first malformed lines of {}", list.name),
            text: list.problems.join("; "),
        });
    }
    let mut links = vec![
        (
            "/lists/provider".to_owned(),
            "The provider record: who brings the internet in, and whether they take the IWF list"
                .to_owned(),
        ),
        (
            "/lists/floor".to_owned(),
            "The trust's floor: what nothing of the school's own stands above".to_owned(),
        ),
    ];
    if web.app.could(&me.actor, Act::ProposePolicy) {
        let text = "Campuses: who shares this server, and how each stands";
        links.push(("/campuses".to_owned(), text.to_owned()));
    }
    let sheet = sealed(web, sheet)?.add(Piece::Links(links));
    Ok(sheet.response())
}

/// How fetching from publishers goes.
fn fetches(web: &Web, sheet: Sheet) -> Sheet {
    let zone = web.app.zone();
    let fetches = web.app.fetch_status();
    if fetches.is_empty() {
        return sheet;
    }
    let moment = |at: Option<jiff::Timestamp>| {
        at.map_or_else(|| "not yet".to_owned(), |at| words::moment(at, &zone))
    };
    let rows = fetches
        .iter()
        .map(|fetch| {
            vec![
                Cell::text(if fetch.sealed {
                    format!("{} (sealed)", fetch.list)
                } else {
                    fetch.list.clone()
                }),
                Cell::text(&fetch.url),
                Cell::text(moment(fetch.last_good)),
                Cell::text(moment(fetch.next)),
                Cell::text(fetch.trouble.clone().unwrap_or_else(|| "None".to_owned())),
            ]
        })
        .collect();
    sheet.add(Table::new(
        "Fetched from publishers",
        &["List", "From", "Last answer", "Next try", "Trouble"],
        rows,
    ))
}

fn sealed(web: &Web, sheet: Sheet) -> Result<Sheet, Error> {
    let zone = web.app.zone();
    let sealed = web.app.sealed_status()?;
    let sheet = sheet
        .heading("Sealed lists of illegal material")
        .text("Nobody can read what is on them, switch them off or open anything on them.");
    if sealed.is_empty() {
        let text = "There is no sealed list here. Without membership of the Internet Watch Foundation and the like a school does not have one, and illegal material is stopped only where other lists name it.";
        return Ok(sheet.add(Warning {
            text: text.to_owned(),
        }));
    }
    let mut sheet = sheet;
    for list in &sealed {
        if let Some(trouble) = &list.trouble {
            sheet = sheet.add(Warning {
                text: format!(
                    "The sealed list {} cannot be used: {trouble}. Nothing new is put in force until it is back.",
                    list.name
                ),
            });
        }
    }
    for list in sealed
        .iter()
        .filter(|list| list.stale && list.trouble.is_none())
    {
        sheet = sheet.add(Warning {
            text: format!(
                "The sealed list {} is empty or too old ({}).",
                list.name,
                words::length(list.age)
            ),
        });
    }
    let rows = sealed
        .iter()
        .map(|list| {
            vec![
                Cell::text(&list.name),
                Cell::text(&list.owner),
                Cell::text(list.entries.to_string()),
                Cell::text(words::day(list.issued, &zone)),
                Cell::text(words::length(list.age)),
                Cell::text(list.checksum.get(..16).unwrap_or(&list.checksum)),
                Cell::text(if list.trouble.is_some() {
                    "Missing or damaged"
                } else if list.stale {
                    "Empty or too old"
                } else {
                    "Live"
                }),
            ]
        })
        .collect();
    Ok(sheet.add(Table::new(
        "Sealed lists",
        &[
            "Name", "Owner", "Entries", "Issued", "Age", "Checksum", "State",
        ],
        rows,
    )))
}
