//! The living policy: the front page, every clause with how it stands and what shows it
//! (REV-01, REV-09).

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use pharos_access::{Act, Actor};
use pharos_governance::{Assessment, ClauseAssessment, Control, Evidence, Standing};
use pharos_pack::markdown_html;
use pharos_school::{CaseId, Role};
use pharos_service::{Error, SignedIn};

use crate::components::Summary;
use crate::frame::{Done, Frame};
use crate::oops::{Oops, ok};
use crate::pages::kit::{Names, date_words};
use crate::state::{Me, Web};
use crate::words;

#[derive(Template)]
#[template(path = "policy.html")]
struct PolicyPage {
    frame: Frame,
    title: String,
    facts: Summary,
    tiles: Vec<Tile>,
    clauses: Vec<ClauseCard>,
}

struct Tile {
    figure: usize,
    label: &'static str,
    class: &'static str,
}

struct ClauseCard {
    id: String,
    title: String,
    level: u8,
    word: &'static str,
    class: &'static str,
    card: &'static str,
    sentence: String,
}

/// `GET /policy`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    let clauses = match web.app.clauses(&me.actor).await {
        Ok(clauses) => clauses,
        Err(error) => return Oops::new(&web, Some(&me), error).await.into_response(),
    };
    let school = web.app.school();
    let figures = sees_figures(&me.actor);
    let cards = clauses
        .iter()
        .zip(&school.pack.written)
        .map(|(clause, written)| ClauseCard {
            id: clause.clause.clone(),
            title: clause.title.clone(),
            level: written.depth,
            word: word(clause.standing),
            class: class(clause.standing),
            card: card(clause.standing),
            sentence: clause
                .deciding()
                .map_or_else(String::new, |deciding| sentence(deciding, figures)),
        })
        .collect();
    let count = |standing: Standing| {
        clauses
            .iter()
            .filter(|clause| clause.standing == Some(standing))
            .count()
    };
    let tiles = vec![
        Tile {
            figure: count(Standing::NotMet),
            label: "not met",
            class: "ph-tile--bad",
        },
        Tile {
            figure: count(Standing::AtRisk),
            label: "at risk",
            class: "ph-tile--warn",
        },
        Tile {
            figure: count(Standing::Attested),
            label: "attested",
            class: "",
        },
        Tile {
            figure: count(Standing::Met),
            label: "met",
            class: "ph-tile--good",
        },
    ];
    let title = school.pack.front_page.title.clone();
    ok(&PolicyPage {
        frame: web.frame(&me, "/policy").await,
        title,
        facts: front(&school),
        tiles,
        clauses: cards,
    })
}

fn front(school: &pharos_service::School) -> Summary {
    let page = &school.pack.front_page;
    let day = |day: Option<jiff::civil::Date>, otherwise: &str| {
        day.map_or_else(|| otherwise.to_owned(), date_words)
    };
    let mut facts = Summary::default()
        .row(
            "Version",
            format!("{} (version {} here)", page.version, school.version),
        )
        .row("Owner", &page.owner)
        .row("Author", &page.author)
        .row(
            "Approved by",
            format!(
                "{}, {}",
                page.approved_by,
                day(page.approved_on, "not yet: a draft")
            ),
        )
        .row("Review by", day(page.review_on, "no day set"))
        .row("Scope", &page.scope)
        .row("For", page.audience.join(", "));
    if let Some(template) = &page.template {
        facts = facts.row("Template", template);
    }
    facts
}

#[derive(Template)]
#[template(path = "clause.html")]
struct ClausePage {
    frame: Frame,
    id: String,
    title: String,
    word: &'static str,
    class: &'static str,
    text: String,
    controls: Vec<ControlView>,
    history: Vec<(String, &'static str, &'static str)>,
    attest: bool,
}

struct ControlView {
    control: String,
    word: &'static str,
    class: &'static str,
    sentence: String,
    figures: Vec<(&'static str, u64)>,
    evidence: Vec<(Option<String>, String)>,
}

/// `GET /policy/{clause}`
pub(crate) async fn clause(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    done: Done,
) -> Response {
    match build(&web, &me, &id, done).await {
        Ok(page) => ok(&page),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn build(web: &Web, me: &SignedIn, id: &str, done: Done) -> Result<ClausePage, Error> {
    let clause = web
        .app
        .clauses(&me.actor)
        .await?
        .into_iter()
        .find(|clause| clause.clause == id)
        .ok_or(Error::NotFound)?;
    let school = web.app.school();
    let text = school
        .pack
        .written
        .iter()
        .find(|written| written.id == id)
        .map(|written| markdown_html(&written.markdown))
        .unwrap_or_default();
    let zone = web.app.zone();
    let history = web.app.clause_history(&me.actor, id).await?;
    let history = history.iter().map(|row| {
        let standing = named(&row.standing);
        (
            words::moment(row.at, &zone),
            word(standing),
            class(standing),
        )
    });
    let attest = school.pack.clause(id).is_some_and(|clause| {
        clause
            .controls
            .iter()
            .any(|control| matches!(control, Control::Attested { by, .. } if me.actor.holds(*by)))
    });
    Ok(ClausePage {
        frame: web.frame(me, "/policy").await.with(done),
        id: id.to_owned(),
        title: clause.title.clone(),
        word: word(clause.standing),
        class: class(clause.standing),
        text,
        controls: controls(web, me, &clause).await?,
        history: history.collect(),
        attest: attest
            && web.app.could(&me.actor, Act::RecordStanding)
            && web.app.could(&me.actor, Act::ChangeSettings),
    })
}

async fn controls(
    web: &Web,
    me: &SignedIn,
    clause: &ClauseAssessment,
) -> Result<Vec<ControlView>, Error> {
    let figures = sees_figures(&me.actor);
    let cases = if figures {
        visible_cases(web, me, clause).await?
    } else {
        BTreeSet::new()
    };
    let attested = clause
        .controls
        .iter()
        .flat_map(|control| &control.evidence)
        .filter_map(|evidence| match evidence {
            Evidence::Attestation { by, .. } => Some(*by),
            _ => None,
        });
    let names = Names::of(&web.app, attested.collect()).await?;
    let view = |control: &Assessment| ControlView {
        control: control.control.clone(),
        word: word(Some(control.standing)),
        class: class(Some(control.standing)),
        sentence: sentence(control, figures),
        figures: if figures {
            control
                .figures
                .iter()
                .map(|figure| (figure.name, figure.value))
                .collect()
        } else {
            Vec::new()
        },
        evidence: control
            .evidence
            .iter()
            .filter_map(|evidence| link(web, me, evidence, &cases, &names))
            .collect(),
    };
    Ok(clause.controls.iter().map(view).collect())
}

/// The cases among the evidence that this reader may know of.
async fn visible_cases(
    web: &Web,
    me: &SignedIn,
    clause: &ClauseAssessment,
) -> Result<BTreeSet<CaseId>, Error> {
    let named = clause
        .controls
        .iter()
        .flat_map(|control| &control.evidence)
        .any(|evidence| matches!(evidence, Evidence::Case { .. }));
    if !named || !web.app.could(&me.actor, Act::ListCases) {
        return Ok(BTreeSet::new());
    }
    let mut cases = web.app.cases(&me.actor, true).await?;
    cases.extend(web.app.cases(&me.actor, false).await?);
    Ok(cases.into_iter().map(|case| case.id).collect())
}

/// Evidence as a link, where the reader may follow it; nothing at all for a case or an alert that
/// they may not know of.
fn link(
    web: &Web,
    me: &SignedIn,
    evidence: &Evidence,
    cases: &BTreeSet<CaseId>,
    names: &Names,
) -> Option<(Option<String>, String)> {
    let may = |act| web.app.could(&me.actor, act);
    Some(match evidence {
        Evidence::Check { check } => (
            may(Act::ReadChecks).then(|| format!("/checks/{check}")),
            "A run of the self-check".to_owned(),
        ),
        Evidence::Case { case } if cases.contains(case) => {
            (Some(format!("/cases/{case}")), "A case".to_owned())
        }
        Evidence::Alert { alert } if sees_figures(&me.actor) && may(Act::ListAlerts) => {
            (Some(format!("/alerts/{alert}")), "An alert".to_owned())
        }
        Evidence::Case { .. } | Evidence::Alert { .. } => return None,
        Evidence::Audit { from } => (
            may(Act::ReadAttempts).then(|| format!("/attempts/{from}")),
            format!("The audit of attempts from {}", date_words(*from)),
        ),
        Evidence::Supervision => (
            may(Act::ReadSupervision).then(|| "/supervision".to_owned()),
            "Notes of supervision".to_owned(),
        ),
        Evidence::Limits => (
            may(Act::ReadChecks).then(|| "/limits".to_owned()),
            "What Pharos cannot see here".to_owned(),
        ),
        Evidence::SealedList { name } => (
            may(Act::ChangeSettings).then(|| "/lists".to_owned()),
            format!("The sealed list {name}"),
        ),
        Evidence::Policy { version } => {
            (None, format!("Version {version} of the settings in force"))
        }
        Evidence::Attestation { by, role, at } => (
            None,
            format!(
                "{}, {role}, on {}",
                names.get(*by),
                words::day(*at, &web.app.zone())
            ),
        ),
    })
}

/// `POST /policy/{clause}/attest`
pub(crate) async fn attest(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    match web.app.attest(&me, &id).await {
        Ok(()) => Redirect::to(&format!("/policy/{id}?done=attested")).into_response(),
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// Who works with the records sees figures; governors, pupils and parents the plain sentence, which
/// holds nothing that could point at a child (ROLE-07).
fn sees_figures(actor: &Actor) -> bool {
    [Role::Lead, Role::Deputy, Role::OnlineLead, Role::Head]
        .iter()
        .any(|role| actor.holds(*role))
}

fn sentence(control: &Assessment, figures: bool) -> String {
    if figures {
        control.sentence.clone()
    } else {
        control.plain.to_owned()
    }
}

/// A standing as a word; the colour only repeats it.
pub(crate) fn word(standing: Option<Standing>) -> &'static str {
    standing.map_or("Bound to no control", Standing::title)
}

/// The class of a standing's colour.
pub(crate) fn class(standing: Option<Standing>) -> &'static str {
    match standing {
        Some(Standing::Met) => "ph-standing--met",
        Some(Standing::AtRisk) => "ph-standing--risk",
        Some(Standing::NotMet) => "ph-standing--notmet",
        Some(Standing::Attested) => "ph-standing--attested",
        None => "",
    }
}

fn card(standing: Option<Standing>) -> &'static str {
    match standing {
        Some(Standing::Met) => "ph-card--met",
        Some(Standing::AtRisk) => "ph-card--risk",
        Some(Standing::NotMet) => "ph-card--notmet",
        Some(Standing::Attested) => "ph-card--attested",
        None => "",
    }
}

fn named(name: &str) -> Option<Standing> {
    [
        Standing::Met,
        Standing::AtRisk,
        Standing::NotMet,
        Standing::Attested,
    ]
    .into_iter()
    .find(|standing| {
        standing
            .title()
            .eq_ignore_ascii_case(&name.replace('-', " "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_standings_read_back() {
        for (name, standing) in [
            ("met", Standing::Met),
            ("at-risk", Standing::AtRisk),
            ("not-met", Standing::NotMet),
            ("attested", Standing::Attested),
        ] {
            assert_eq!(named(name), Some(standing));
        }
        assert_eq!(named("fine"), None);
    }
}
