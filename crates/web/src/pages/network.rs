//! `/network`: devices, Wi-Fi sessions and gaps, and `/network/firewall`: what the firewall tells, for
//! the technical team (MON-02, MON-05, FIL-15, FIL-16).

use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use pharos_directory::presence::{GapDevice, GapKind};
use pharos_school::Confidence;
use pharos_service::{Error, GapLine, NetworkView, RadiusCounts, SignedIn};
use serde::Deserialize;

use super::unopened::UnopenedForm;
use crate::components::{
    Button, Cell, Choice, Details, Errors, Form, Select, Summary, Table, TextArea, Warning,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// The explanation of a gap.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct GapForm {
    device: String,
    why: String,
}

/// `GET /network`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = page(&web, &me, done, &Typed::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// What was typed into one of the page's forms.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) gap: GapForm,
    pub(super) unopened: UnopenedForm,
}

/// `POST /network/gaps`
pub(crate) async fn explain(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<GapForm>,
) -> Response {
    let outcome = web
        .app
        .explain_gap(&me, &form.device, &form.why)
        .await
        .map(|()| "/network?done=gap".to_owned());
    match after(&web, Some(&me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let typed = Typed {
                gap: form,
                ..Typed::default()
            };
            let page = page(&web, &me, Done::default(), &typed, errors).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

pub(super) async fn page(
    web: &Web,
    me: &SignedIn,
    done: Done,
    typed: &Typed,
    errors: Errors,
) -> Result<Response, Error> {
    let view = web.app.network(&me.actor).await?;
    let zone = web.app.zone();
    let frame = web.frame(me, "/network").await.with(done);
    let mut sheet = Sheet::new(frame, "Network")
        .errors(errors.clone())
        .lede("Which devices are on the network, who is at them and how sure that is, and which go round the filter. Opening this page is noted with your name.")
        .add(Piece::Links(vec![
            ("/network/status".to_owned(), "How Pharos itself is doing".to_owned()),
            ("/network/firewall".to_owned(), "What the firewall tells".to_owned()),
            ("/network/roaming".to_owned(), "Devices away from school".to_owned()),
            ("/limits".to_owned(), "What Pharos cannot see here, and why".to_owned()),
        ]));
    sheet = scope(sheet, &view);
    sheet = gaps(sheet, web, &view, &zone, &typed.gap, &errors).await?;
    sheet = super::unopened::list(sheet, web, me, &view.unopened, &typed.unopened, &errors);
    sheet = super::browsers::list(sheet, web, &view.browsers);
    sheet = who(sheet, &view, &zone);
    sheet = sessions(sheet, &view, &zone);
    Ok(sources(sheet, &view, &zone).response())
}

/// Which classes of devices the filter is for, and how each is covered (FIL-15).
fn scope(sheet: Sheet, view: &NetworkView) -> Sheet {
    let rows = view.scope.iter().map(|line| {
        let missing = if line.in_scope {
            let each = line
                .missing
                .iter()
                .map(|one| format!("{} {}", one.why, one.helps));
            each.collect::<Vec<_>>().join(" ")
        } else {
            "What of them reaches Pharos gets what an unknown device gets.".to_owned()
        };
        let colour = match (line.in_scope, line.missing.is_empty(), line.by.is_empty()) {
            (false, ..) => "grey",
            (true, true, _) => "green",
            (true, false, false) => "yellow",
            (true, false, true) => "red",
        };
        vec![
            Cell::text(line.class.title()),
            Cell::tag(line.stands(), colour),
            Cell::text(line.by.join("; ")),
            Cell::text(missing),
        ]
    });
    sheet
        .heading("What the filter is for")
        .text("The school says in fil.scope which devices the filter is for.")
        .add(Table::new(
            "Classes of devices",
            &[
                "Devices",
                "Here",
                "Met by",
                "What is missing, and what helps",
            ],
            rows.collect(),
        ))
}

async fn gaps(
    sheet: Sheet,
    web: &Web,
    view: &NetworkView,
    zone: &TimeZone,
    form: &GapForm,
    errors: &Errors,
) -> Result<Sheet, Error> {
    let mut sheet = sheet.heading("Not passing the filter");
    for quiet in &view.quiet {
        sheet = sheet.add(Warning {
            text: match quiet.last {
                Some(last) => format!(
                    "Nothing of the network {} ({}) has passed the filter since {}.",
                    quiet.place,
                    quiet.range,
                    words::moment(last, zone)
                ),
                None => format!(
                    "Nothing of the network {} ({}) has ever passed the filter, as far as is remembered. Does its line lead past Pharos?",
                    quiet.place, quiet.range
                ),
            },
        });
    }
    if view.gaps.is_empty() {
        return Ok(sheet.text("Every device that was on the network passes the filter, and every registered one was seen since the last school day began."));
    }
    let mut rows = Vec::with_capacity(view.gaps.len());
    for line in &view.gaps {
        rows.push(gap_row(web, line, zone).await?);
    }
    let devices = view.gaps.iter().map(|line| {
        let value = line.gap.device.to_string();
        let text = format!("{} ({value})", line.gap.label);
        Choice::new(value.clone(), text).chosen(value == form.device)
    });
    Ok(sheet
        .add(Table::new(
            "Devices",
            &[
                "Device",
                "What is odd",
                "Last passed",
                "Last on the network",
                "Explained",
            ],
            rows,
        ))
        .add(
            Form::to("/network/gaps")
                .field(
                    Select::new("device", "Device", devices.collect()).error(errors.of("device")),
                )
                .field(
                    TextArea::new(
                        "why",
                        "Why it does not pass the filter, and what was done",
                        &form.why,
                    )
                    .hint("It stays on the list as explained until it passes the filter again.")
                    .rows(2)
                    .error(errors.of("why")),
                )
                .button(Button::main("Explain this gap")),
        ))
}

async fn gap_row(web: &Web, line: &GapLine, zone: &TimeZone) -> Result<Vec<Cell>, Error> {
    let gap = &line.gap;
    let addresses: Vec<String> = gap.addresses.iter().map(ToString::to_string).collect();
    let odd = match gap.kind {
        GapKind::GoesRound => "On the network, and goes round the filter",
        GapKind::NotSeen => "Registered, and not seen since the last school day began",
    };
    let when = |at: Option<jiff::Timestamp>| {
        at.map_or_else(|| "never".to_owned(), |at| words::moment(at, zone))
    };
    let explained = match &line.explained {
        Some(explained) => format!(
            "{} ({}, {})",
            explained.why,
            words::name(web, Some(explained.by)).await?,
            words::day(explained.at, zone)
        ),
        None => "No".to_owned(),
    };
    let known_by = match &gap.device {
        GapDevice::Mac(mac) if mac.is_made_up() => format!("({mac}, made-up address) "),
        GapDevice::Mac(mac) => format!("({mac}) "),
        GapDevice::Address(_) => "at its fixed address ".to_owned(),
        GapDevice::Roaming(_) => "by its own path".to_owned(),
    };
    Ok(vec![
        Cell::text(format!("{} {known_by}{}", gap.label, addresses.join(", "))),
        Cell::text(odd),
        Cell::text(when(gap.passed)),
        Cell::text(when(gap.there)),
        Cell::text(explained),
    ])
}

fn who(sheet: Sheet, view: &NetworkView, zone: &TimeZone) -> Sheet {
    let sheet = sheet.heading("Who is where");
    if view.addresses.is_empty() {
        return sheet.text("Nobody is named anywhere now, beside the fixed map of devices.");
    }
    let rows = view
        .addresses
        .iter()
        .map(|line| {
            let evidence = &line.evidence;
            let who = match (&line.name, evidence.person) {
                (Some(name), _) => name.clone(),
                (None, Some(_)) => "somebody no longer stored".to_owned(),
                (None, None) => "the device alone".to_owned(),
            };
            let sure = match evidence.confidence {
                Confidence::Certain => "certain",
                Confidence::Likely => "likely, not certain",
                Confidence::None => "says nothing of a person",
            };
            let counts = if line.counts { "" } else { " – outweighed" };
            vec![
                Cell::text(line.address.to_string()),
                Cell::text(evidence.device.as_deref().unwrap_or("")),
                Cell::text(who),
                Cell::text(format!("{}: {sure}{counts}", evidence.source.says())),
                Cell::text(words::moment(evidence.since, zone)),
                Cell::text(words::moment(evidence.until, zone)),
            ]
        })
        .collect();
    sheet
        .add(Table::new(
            "Evidence in force, the one that counts first at each address",
            &[
                "Address",
                "Device",
                "Who",
                "How that is known",
                "Since",
                "Until",
            ],
            rows,
        ))
        .text(shown(view.addresses.len(), view.addresses_count))
}

fn sessions(sheet: Sheet, view: &NetworkView, zone: &TimeZone) -> Sheet {
    if view.sessions.is_empty() {
        return sheet;
    }
    let rows = view
        .sessions
        .iter()
        .map(|session| {
            let addresses: Vec<String> =
                session.addresses.iter().map(ToString::to_string).collect();
            vec![
                Cell::text(&session.access_point),
                Cell::text(session.user.as_deref().unwrap_or("no name")),
                Cell::text(session.mac.map_or_else(String::new, |mac| mac.to_string())),
                Cell::text(addresses.join(", ")),
                Cell::text(session.group.as_deref().unwrap_or("")),
                Cell::text(words::moment(session.since, zone)),
            ]
        })
        .collect();
    sheet
        .heading("Wi-Fi sessions")
        .add(Table::new(
            "Open sessions, by access point",
            &[
                "Access point",
                "Signed in as",
                "Device",
                "Addresses",
                "Group named",
                "Since",
            ],
            rows,
        ))
        .text(shown(view.sessions.len(), view.sessions_count))
}

fn shown(shown: usize, of: usize) -> String {
    if shown == of {
        format!("{of} in all.")
    } else {
        format!("The first {shown} of {of}.")
    }
}

fn sources(sheet: Sheet, view: &NetworkView, zone: &TimeZone) -> Sheet {
    let mut sheet = sheet.heading("Where this comes from");
    for source in &view.leases {
        if let Some(fault) = &source.fault {
            sheet = sheet.add(Warning {
                text: format!("{} cannot be read: {fault}", source.source),
            });
        }
    }
    if view.leases.is_empty() {
        sheet = sheet.text("No file of DHCP leases is read: name it in [network] dhcp_leases.");
    } else {
        let rows = view
            .leases
            .iter()
            .map(|source| {
                vec![
                    Cell::text(&source.source),
                    Cell::text(source.leases.to_string()),
                    Cell::text(words::moment(source.read_at, zone)),
                    Cell::text(source.problems_count.to_string()),
                ]
            })
            .collect();
        sheet = sheet.add(Table::new(
            "DHCP leases",
            &["File", "Leases", "Read", "Lines not read"],
            rows,
        ));
        for source in view
            .leases
            .iter()
            .filter(|source| !source.problems.is_empty())
        {
            let lines: Vec<String> = source.problems.iter().map(ToString::to_string).collect();
            sheet = sheet.add(Details {
                summary: format!(
                    "The first lines of {} that could not be read",
                    source.source
                ),
                text: lines.join("; "),
            });
        }
        if view.made_up > 0 {
            sheet = sheet.text(format!(
                "{} devices made their hardware address up; they cannot be known again once they change it.",
                view.made_up
            ));
        }
    }
    let radius = view.radius;
    if radius == RadiusCounts::default() {
        return sheet.text("No Wi-Fi sign-in (RADIUS) has come in: start Pharos with --radius, and name who sends them in [network] radius.");
    }
    sheet.add(
        Summary::default()
            .row("Wi-Fi (RADIUS) packets taken", radius.taken.to_string())
            .row("Sent again", radius.again.to_string())
            .row("Wrong secret", radius.wrong_secret.to_string())
            .row("From strangers", radius.strangers.to_string())
            .row("No accounting", radius.malformed.to_string()),
    )
}

/// `GET /network/firewall`
pub(crate) async fn firewall(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), firewall_page(&web, &me).await).await
}

async fn firewall_page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let view = web.app.firewall_events(&me.actor).await?;
    let zone = web.app.zone();
    let sheet = Sheet::new(web.frame(me, "/network").await, "What the firewall tells")
        .back("/network", "Network")
        .lede("Events of firewalls and outside filters, newest first. A search or site that they stopped, and a way round the filter, also goes to the lead as an alert. Opening this page is noted with your name.");
    if view.events.is_empty() {
        return Ok(sheet
            .text("No event has come in. Start Pharos with --syslog, name the firewall in [network] syslog_from, and let it send its events here.")
            .response());
    }
    let mut rows = Vec::with_capacity(view.events.len());
    for stored in &view.events {
        let event = &stored.event;
        let name = match event.who.person() {
            Some(person) => web.app.name_of(person).await?,
            None => None,
        };
        let what = match &event.sealed {
            Some(list) => Cell::text(format!(
                "On the sealed list {list}; the address is never kept"
            )),
            None => Cell::address(words::address(&event.host, event.path.as_deref())),
        };
        let shows = match &*event.rule {
            "firewall-attempt" => "An attempt: the lead is told",
            "firewall-way-round" => "A way round the filter: the lead is told",
            _ => "For this view alone",
        };
        rows.push(vec![
            Cell::text(words::moment(event.at, &zone)),
            Cell::text(words::who(&event.who, name.as_deref())),
            Cell::text(event.address.to_string()),
            what,
            Cell::text(words::action(event.action)),
            Cell::text(event.search.as_deref().unwrap_or("")),
            Cell::text(shows),
        ]);
    }
    let mut sheet = sheet.add(Table::new(
        "Events",
        &[
            "When",
            "Who",
            "From",
            "What",
            "Done",
            "Searched for",
            "What it shows",
        ],
        rows,
    ));
    if view.passed_over > 0 {
        sheet = sheet.add(Warning {
            text: format!(
                "{} events without an attempt in them were passed over, because too many came within one second. Let the firewall send less.",
                view.passed_over
            ),
        });
    }
    Ok(sheet.response())
}
