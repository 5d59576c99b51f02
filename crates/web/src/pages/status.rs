//! `/network/status`: how Pharos itself is doing, what is wrong first. It names nobody (FIL-17).

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use pharos_service::{Count, Error, FaceStatus, SignedIn, Status, UpstreamStatus};

use crate::components::{Cell, Summary, Table, Warning};
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// `GET /network/status`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), page(&web, &me).await).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let status = web.app.status(&me.actor).await?;
    let zone = web.app.zone();
    let mut sheet = Sheet::new(web.frame(me, "/network").await, "How Pharos is doing")
        .back("/network", "Network")
        .lede("Faces, resolvers outside, lists, store and checks as they are now. There is nobody's name on this page.");
    for trouble in &status.troubles {
        sheet = sheet.add(Warning {
            text: trouble.clone(),
        });
    }
    if status.troubles.is_empty() {
        sheet = sheet.add(Piece::Inset("Everything works as it should.".to_owned()));
    }
    sheet = sheet.heading("In short").add(in_short(&status, &zone));
    if let Some(running) = &status.running {
        sheet = faces(sheet, &running.faces);
        sheet = upstreams(sheet, &running.upstreams);
    }
    sheet = lists(sheet, &status);
    if let Some(running) = &status.running {
        for face in &running.faces {
            sheet = counts(sheet, face);
        }
    }
    Ok(sheet.response())
}

fn in_short(status: &Status, zone: &TimeZone) -> Summary {
    let running = status.running.as_ref();
    let since = running.and_then(|running| running.since);
    let disk = running.and_then(|running| running.disk);
    let activity = &status.activity;
    Summary::default()
        .row(
            "Running since",
            since.map_or_else(
                || "not running".to_owned(),
                |since| words::moment(since, zone),
            ),
        )
        .row(
            "In force",
            status.versions.map_or_else(
                || "nothing".to_owned(),
                |(policy, catalogue)| format!("policy {policy}, lists {catalogue}"),
            ),
        )
        .row(
            "Last check",
            status.last_check.map_or_else(
                || "never".to_owned(),
                |last| {
                    format!(
                        "{}: {} as promised, {} not",
                        words::moment(last.at, zone),
                        words::number(u64::try_from(last.passed).unwrap_or(0)),
                        words::number(u64::try_from(last.failed).unwrap_or(0))
                    )
                },
            ),
        )
        .row(
            "Activity kept",
            format!(
                "{}, {}; {} waiting, {} lost since the start",
                words::counted(activity.events, "event", "events"),
                size(activity.bytes),
                words::number(activity.waiting),
                words::number(activity.dropped)
            ),
        )
        .row(
            "Disk",
            disk.map_or_else(
                || "not told".to_owned(),
                |disk| format!("{} free of {}", size(disk.free), size(disk.total)),
            ),
        )
        .row(
            "Wi-Fi sign-ins (RADIUS)",
            format!(
                "{} taken, {} with a wrong secret, {} from strangers, {} malformed",
                words::number(status.radius.taken),
                words::number(status.radius.wrong_secret),
                words::number(status.radius.strangers),
                words::number(status.radius.malformed)
            ),
        )
        .row(
            "Firewall events",
            format!(
                "{} taken, {} passed over because too many came at once",
                words::number(status.firewall.0),
                words::number(status.firewall.1)
            ),
        )
}

fn faces(sheet: Sheet, faces: &[FaceStatus]) -> Sheet {
    let rows = faces
        .iter()
        .map(|face| {
            let at = if face.at.is_empty() {
                "off".to_owned()
            } else {
                face.at.join(", ")
            };
            vec![Cell::text(face.name), Cell::text(at)]
        })
        .collect();
    sheet.heading("Faces").add(Table::new(
        "Where Pharos listens",
        &["Face", "Address"],
        rows,
    ))
}

fn upstreams(sheet: Sheet, upstreams: &[UpstreamStatus]) -> Sheet {
    let sheet = sheet.heading("Resolvers outside");
    if upstreams.is_empty() {
        return sheet.text("None is named, so nothing outside is found by name here: give one with --dns-upstream.");
    }
    let rows = upstreams
        .iter()
        .map(|one| {
            let doing = match (one.is_down, one.failures) {
                (true, tries) => {
                    format!("does not answer: {}", words::counted(tries, "try", "tries"))
                }
                (false, 0) => "answers".to_owned(),
                (false, tries) => {
                    format!("missed the last {}", words::counted(tries, "try", "tries"))
                }
            };
            vec![Cell::text(&one.name), Cell::text(doing)]
        })
        .collect();
    sheet.add(Table::new(
        "In order of preference",
        &["Resolver", "How it is doing"],
        rows,
    ))
}

fn lists(sheet: Sheet, status: &Status) -> Sheet {
    let age = |age, stale: bool| {
        let stale = if stale { " – too old" } else { "" };
        format!("{}{stale}", words::length(age))
    };
    let sealed = status.sealed.iter().map(|list| {
        vec![
            Cell::text(format!("{} (sealed)", list.name)),
            Cell::text(age(list.age, list.stale)),
            Cell::text(words::number(list.entries)),
        ]
    });
    let rows: Vec<_> = status
        .lists
        .iter()
        .map(|list| {
            vec![
                Cell::text(&list.name),
                Cell::text(age(list.age, list.stale)),
                Cell::text(words::number(list.entries)),
            ]
        })
        .chain(sealed)
        .collect();
    let sheet = sheet.heading("Lists");
    if rows.is_empty() {
        return sheet.text("There is no list at all.");
    }
    sheet
        .add(Table::new("", &["List", "Age", "Entries"], rows))
        .add(Piece::Links(vec![(
            "/lists".to_owned(),
            "More about the lists".to_owned(),
        )]))
}

/// What a face did, and what it turned away.
fn counts(sheet: Sheet, face: &FaceStatus) -> Sheet {
    if face.counts.is_empty() {
        return sheet;
    }
    let rows = |odd: bool| -> Vec<Vec<Cell>> {
        let counted = |count: &&Count| count.is_odd == odd && count.value > 0;
        let row = |count: &Count| {
            vec![
                Cell::text(&count.says),
                Cell::text(words::number(count.value)),
            ]
        };
        face.counts.iter().filter(counted).map(row).collect()
    };
    let (odd, done) = (rows(true), rows(false));
    let mut sheet = sheet.heading(format!("{}: since the start", face.name));
    sheet = if odd.is_empty() {
        sheet.text("Nothing was turned away, failed or was lost.")
    } else {
        let heads = ["Turned away, failed or lost", "How often"];
        sheet.add(Table::new("", &heads, odd))
    };
    if done.is_empty() {
        return sheet.text("Nothing was asked yet.");
    }
    sheet.add(Table::new("", &["Done", "How often"], done))
}

/// Bytes in the largest fitting unit.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut whole = bytes;
    let mut tenth = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenth = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{whole} bytes"),
        _ => format!("{whole}.{tenth} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_written_in_the_largest_fitting_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
