//! The inbox: alerts worst first, open concerns by their next clock (MON-04, CLK-02).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use pharos_access::Act;
use pharos_monitor::Severity;
use pharos_records::{Alert, AlertState, Case};
use pharos_school::{Confidence, IdentitySource, Unknown, Who};
use pharos_service::{AlertBody, Error, SignedIn};

use crate::frame::{Done, Frame};
use crate::oops::{Oops, ok};
use crate::pages::kit::{ClockWords, Names, due_words, lasted};
use crate::pages::{attempts, weeks};
use crate::state::{Me, Web};
use crate::words;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    alerts: Vec<AlertCard>,
    cases: Vec<CaseCard>,
    lists_cases: bool,
    /// Weeks that wait for a review: address and words.
    weeks: Vec<(String, String)>,
    /// Audits of attempts that wait for a signature: address, words, whether overdue.
    audits: Vec<(String, String, bool)>,
}

/// An alert in the inbox.
pub(crate) struct AlertCard {
    pub(crate) id: String,
    pub(crate) who: String,
    pub(crate) theme: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) card: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) why: Vec<String>,
    pub(crate) raised: String,
    pub(crate) raised_machine: String,
    pub(crate) waiting: String,
    pub(crate) clock: Option<ClockWords>,
    pub(crate) count: i64,
    pub(crate) open: bool,
    pub(crate) by: Option<String>,
    pub(crate) case: Option<String>,
}

/// A case in a list.
pub(crate) struct CaseCard {
    pub(crate) id: String,
    pub(crate) number: i64,
    pub(crate) title: String,
    pub(crate) state: String,
    pub(crate) kind: String,
    pub(crate) card: &'static str,
    pub(crate) due: Option<ClockWords>,
    pub(crate) opened: String,
    pub(crate) owner: Option<String>,
    pub(crate) outcome: Option<String>,
}

/// `GET /inbox`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    match build(&web, &me, done).await {
        Ok(page) => ok(&page),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn build(web: &Web, me: &SignedIn, done: Done) -> Result<InboxPage, Error> {
    let alerts = web.app.alerts(&me.actor, false).await?;
    let lists_cases = web.app.could(&me.actor, Act::ListCases);
    let cases = if lists_cases {
        web.app.cases(&me.actor, true).await?
    } else {
        Vec::new()
    };
    Ok(InboxPage {
        alerts: alert_cards(web, &alerts).await?,
        cases: case_cards(web, cases).await?,
        lists_cases,
        weeks: web
            .app
            .weeks_to_review(&me.actor)
            .await?
            .into_iter()
            .map(|week| (format!("/weeks/{week}"), weeks::title(week)))
            .collect(),
        audits: web
            .app
            .audits_to_sign(&me.actor)
            .await?
            .into_iter()
            .map(|line| {
                let href = format!("/attempts/{}", line.period);
                (href, attempts::title(line.period), line.overdue)
            })
            .collect(),
        frame: web.frame(me, "/inbox").await.with(done),
    })
}

async fn alert_cards(web: &Web, alerts: &[Alert]) -> Result<Vec<AlertCard>, Error> {
    let people = alerts
        .iter()
        .flat_map(|alert| [alert.about.map(|about| about.id), alert.acknowledged_by])
        .flatten();
    let names = Names::of(&web.app, people.collect()).await?;
    let (now, zone) = (web.app.now(), web.app.zone());
    alerts
        .iter()
        .map(|alert| {
            let body = AlertBody::read(&alert.body)?;
            let open = alert.state == AlertState::Open;
            Ok(AlertCard {
                id: alert.id.to_string(),
                who: who_words(&body.noticed.who, &names),
                theme: body.noticed.theme.title(),
                severity: severity(body.noticed.severity),
                card: card(body.noticed.severity),
                colour: colour(body.noticed.severity),
                why: body.why().to_vec(),
                raised: words::moment(alert.at, &zone),
                raised_machine: alert.at.to_string(),
                waiting: lasted(now.duration_since(alert.at)),
                clock: open
                    .then(|| alert.chase_at.map(|at| due_words(at, now)))
                    .flatten(),
                count: alert.count,
                open,
                by: alert.acknowledged_by.map(|by| names.get(by)),
                case: alert.case.map(|case| case.to_string()),
            })
        })
        .collect()
}

/// Cases by their next clock; those without one last.
pub(crate) async fn case_cards(web: &Web, mut cases: Vec<Case>) -> Result<Vec<CaseCard>, Error> {
    cases.sort_by_key(|case| (case.due_at.unwrap_or(Timestamp::MAX), -case.rank));
    let names = Names::of(
        &web.app,
        cases.iter().filter_map(|case| case.owner).collect(),
    )
    .await?;
    let (now, zone) = (web.app.now(), web.app.zone());
    let kind = |id: &str| {
        web.app
            .procedure(id)
            .map_or_else(|| id.to_owned(), |procedure| procedure.title)
    };
    Ok(cases
        .into_iter()
        .map(|case| {
            let late = case.due_at.is_some_and(|due| due <= now) && case.closed_at.is_none();
            CaseCard {
                id: case.id.to_string(),
                number: case.number,
                state: state_words(&case.state).to_owned(),
                kind: kind(&case.kind),
                card: if late || case.rank >= 80 {
                    "ph-card--critical"
                } else if case.rank >= 50 {
                    "ph-card--high"
                } else {
                    "ph-card--medium"
                },
                due: case
                    .due_at
                    .filter(|_| case.closed_at.is_none())
                    .map(|due| due_words(due, now)),
                opened: words::moment(case.opened_at, &zone),
                owner: case.owner.map(|owner| names.get(owner)),
                outcome: case.outcome,
                title: case.title,
            }
        })
        .collect())
}

fn state_words(state: &str) -> &str {
    match state {
        "new" => "Not acknowledged",
        "acknowledged" => "Not classified",
        "in hand" => "In hand",
        "closed" => "Closed",
        other => other,
    }
}

/// Severity as a word for people.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Now",
        Severity::High => "Today",
        Severity::Medium => "Talk",
        Severity::Low => "Worth knowing",
    }
}

/// The class of a card of this severity.
pub(crate) const fn card(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "ph-card--critical",
        Severity::High => "ph-card--high",
        Severity::Medium => "ph-card--medium",
        Severity::Low => "",
    }
}

/// The colour of the severity's tag; its word says the same.
pub(crate) const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "red",
        Severity::High => "orange",
        Severity::Medium => "blue",
        Severity::Low => "grey",
    }
}

/// Who, how that is known and how sure; or why nobody can be named (MON-02).
pub(crate) fn who_words(who: &Who, names: &Names) -> String {
    match who {
        Who::Known {
            person,
            source,
            confidence,
            device,
        } => {
            let how = match source {
                IdentitySource::ProxySignIn => "signed in at the proxy",
                IdentitySource::SignInPage => "signed in on this device",
                IdentitySource::AddressMap => "the device is in the school's map",
                other => other.says(),
            };
            let name = names.get(*person);
            let on = device
                .as_ref()
                .map(|device| format!(", on {device}"))
                .unwrap_or_default();
            match confidence {
                Confidence::Certain => format!("{name} (certain: {how}{on})"),
                Confidence::Likely => format!("Probably {name} (not certain: {how}{on})"),
                Confidence::None => format!("Perhaps {name} (a guess: {how}{on})"),
            }
        }
        Who::Unknown { why, device } => {
            let why = match why {
                Unknown::NoSignIn => "nobody had signed in there",
                Unknown::Expired => "the sign-in there had run out",
                Unknown::NotOnRoll => "whoever signed in is no longer on the roll",
                Unknown::SharedDevice => "the device is shared and nobody had signed in",
                Unknown::NoticeNotAccepted => "the notice of monitoring was not accepted there yet",
            };
            match device {
                Some(device) => format!("Unknown person at {device}: {why}"),
                None => format!("Unknown person: {why}"),
            }
        }
    }
}
