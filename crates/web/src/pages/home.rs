//! `/`: what waits for somebody, and the quick ways.

use axum::extract::State;
use axum::response::Response;
use pharos_access::Act;
use pharos_school::Role;
use pharos_service::{Error, SignedIn};

use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet, Tile};
use crate::state::{Me, Web};
use crate::words::{Reader, reader};

/// `GET /`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(&web, Some(&me), page(&web, &me, done).await).await
}

async fn page(web: &Web, me: &SignedIn, done: Done) -> Result<Response, Error> {
    let frame = web.frame(me, "/").await.with(done);
    if reader(Some(&me.person)) != Reader::Adult {
        return Ok(for_a_pupil(Sheet::new(
            frame,
            format!("Hello, {}", me.person.given_name),
        ))
        .response());
    }
    let mut sheet = Sheet::new(frame, format!("Hello, {}", me.person.given_name));
    if !me.second_factor
        && me
            .person
            .roles
            .iter()
            .any(|role| role.needs_second_factor())
    {
        sheet = sheet.add(Piece::Inset("Your role opens more once you sign in with your second factor. Sign out, then sign in with the code.".to_owned()));
    }
    let tiles = tiles(web, me).await?;
    if !tiles.is_empty() {
        sheet = sheet.heading("What waits for you").add(Piece::Tiles(tiles));
    }
    let mut quick = vec![
        ButtonLink::main("/report", "Report a worry"),
        ButtonLink::secondary("/requests/new", "Ask for a site"),
    ];
    if web.app.could(&me.actor, Act::RecallActivity) {
        quick.push(ButtonLink::secondary("/breach", "Something got through"));
    }
    Ok(sheet
        .heading("Quick ways")
        .add(Piece::Buttons(quick))
        .add(Piece::Links(ways(web, me)))
        .response())
}

fn for_a_pupil(sheet: Sheet) -> Sheet {
    let quick = vec![
        ButtonLink::warning("/report", "Tell someone about a worry"),
        ButtonLink::main("/requests/new", "Ask for a site"),
    ];
    let links = [
        ("/requests/mine", "See what you asked for"),
        ("/help", "Find someone to talk to"),
        ("/monitoring", "What the school can see"),
    ];
    sheet
        .lede(
            "If something online upset you, tell someone. You will not be in trouble for telling.",
        )
        .add(Piece::Buttons(quick))
        .add(Piece::Links(
            links
                .map(|(href, text)| (href.to_owned(), text.to_owned()))
                .into(),
        ))
}

async fn tiles(web: &Web, me: &SignedIn) -> Result<Vec<Tile>, Error> {
    let waiting = web.app.waiting(&me.actor).await?;
    let all = [
        (
            Act::ListAlerts,
            waiting.alerts,
            "Alerts that nobody has looked at",
            "/inbox",
        ),
        (Act::ListCases, waiting.cases, "Open cases", "/cases"),
        (
            Act::ReadRequests,
            waiting.requests,
            "Site requests to answer",
            "/requests",
        ),
    ];
    Ok(all
        .into_iter()
        .filter(|(act, ..)| web.app.could(&me.actor, *act))
        .map(|(_, figure, label, href)| Tile {
            figure,
            label: label.to_owned(),
            href,
        })
        .collect())
}

fn ways(web: &Web, me: &SignedIn) -> Vec<(String, String)> {
    let may = |act| web.app.could(&me.actor, act);
    let governs = me.actor.holds(Role::Governor) || me.actor.holds(Role::Chair);
    let all = [
        ("/requests/mine", "See what you asked for", true),
        (
            "/lessons/new",
            "Open links for a class",
            may(Act::LessonList),
        ),
        (
            "/supervision",
            "Note supervision and what you saw",
            may(Act::NoteSupervision),
        ),
        (
            "/blocks/new",
            "Block an address now",
            may(Act::EmergencyBlock),
        ),
        (
            "/restrictions/new",
            "Restrict one person's access",
            may(Act::RestrictPerson),
        ),
        (
            "/overrides",
            "See changes made at short notice",
            me.person.is_staff() || governs,
        ),
        (
            "/changes",
            "See and assess changes to filtering",
            may(Act::AssessChange),
        ),
        (
            "/groups",
            "Look at exception groups",
            may(Act::ReviewChange),
        ),
        (
            "/reports",
            "Read the governors' report",
            may(Act::ReadReport),
        ),
        ("/policy", "Read the policy and how it is kept", true),
        ("/audit", "Read the audit log", may(Act::ReadLedger)),
        ("/lists", "See the filter's lists", me.person.is_staff()),
        ("/connect", "Connect a device", true),
        ("/account/password", "Change your password", true),
    ];
    all.into_iter()
        .filter(|(_, _, shown)| *shown)
        .map(|(href, text, _)| (href.to_owned(), text.to_owned()))
        .collect()
}
