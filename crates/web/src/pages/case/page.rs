//! The case as one page, and as a print of the whole story.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use pharos_casework::{
    ParentsStanding, Whom, broken_up, danger_instruction, flags, gaps, may_attach,
};
use pharos_school::PersonId;
use pharos_service::{Error, OpenCase, SignedIn};

use super::doing::Doing;
use super::forms::Around;
use super::options;
use super::steps::{Link, PhaseView, phases};
use super::story::{Teller, people};
use crate::components::{Errors, Summary, Timeline};
use crate::frame::{Done, Frame};
use crate::oops::{Oops, ok, render};
use crate::pages::kit::{ClockWords, Given, Names, date_words, due_words, lasted};
use crate::state::Web;
use crate::words;

#[derive(Template)]
#[template(path = "case/case.html")]
struct CasePage {
    frame: Frame,
    errors: Errors,
    id: String,
    number: i64,
    title: String,
    procedure: String,
    state: String,
    colour: &'static str,
    marks: Vec<&'static str>,
    known: i64,
    closed: bool,
    never: Vec<(String, String)>,
    danger: Danger,
    what: String,
    words: Option<String>,
    facts: Summary,
    people: Vec<PersonView>,
    unmatched: usize,
    phases: Vec<PhaseView>,
    missing: Vec<MissingView>,
    clocks: Vec<ClockView>,
    actions: Vec<OpenItem>,
    referrals: Vec<OpenItem>,
    linked: Vec<(Option<String>, String)>,
    gaps: Summary,
    readers: Vec<String>,
    others: Vec<Link>,
    letters: Vec<(String, String)>,
    files: &'static str,
    print: bool,
    story: Timeline,
}

/// The danger question as the page opens with it (PRO-12).
struct Danger {
    asked: bool,
    yes: bool,
    text: &'static str,
}

struct PersonView {
    name: String,
    part: &'static str,
    parents: Option<String>,
}

struct MissingView {
    what: String,
    todo: String,
    href: Option<String>,
}

struct ClockView {
    text: String,
    elapsed: String,
    due: ClockWords,
    href: Option<String>,
}

struct OpenItem {
    text: String,
    links: Vec<Link>,
}

/// Prints the page of a case.
pub(super) async fn show(
    web: &Web,
    me: &SignedIn,
    open: &OpenCase,
    done: Done,
    errors: Errors,
    status: StatusCode,
) -> Response {
    match build(web, me, open, done, errors).await {
        Ok(page) => render(status, &page),
        Err(error) => Oops::new(web, Some(me), error).await.into_response(),
    }
}

async fn build(
    web: &Web,
    me: &SignedIn,
    open: &OpenCase,
    done: Done,
    errors: Errors,
) -> Result<CasePage, Error> {
    let app = &web.app;
    let names = Names::of(app, people(open)).await?;
    let (zone, now, needs) = (app.zone(), app.now(), app.needs_addresses(&me.actor));
    let (procedures, given, none) = (app.procedures(), Given::default(), Errors::default());
    let campuses = app.campus_titles(&me.actor);
    let around = Around {
        open,
        names: &names,
        procedures: &procedures,
        zone: &zone,
        now,
        needs,
        campuses: &campuses,
        people: Vec::new(),
        given: &given,
        errors: &none,
    };
    let clocks = app.clocks(open);
    let teller = Teller {
        open,
        names: &names,
        zone: &zone,
        needs,
    };
    let state = &open.state;
    let closed = state.closed.is_some();
    let mut story = teller.items();
    story.reverse();
    let waits = match state.closed {
        Some(_) => ("Closed", "green"),
        None if state.acknowledged.is_none() => ("Not acknowledged", "red"),
        None if state.classified.is_none() => ("Not classified", "orange"),
        None => ("In hand", "blue"),
    };
    Ok(CasePage {
        frame: web.frame(me, "/cases").await.with(done),
        errors,
        id: open.case.id.to_string(),
        number: open.case.number,
        title: open.case.title.clone(),
        procedure: open.procedure.title.clone(),
        state: waits.0.to_owned(),
        colour: waits.1,
        marks: flags(state).into_iter().map(mark).collect(),
        known: open.case.entries,
        closed,
        never: open.never(),
        danger: danger(open),
        what: state.concern.what.clone(),
        words: state.concern.words.clone(),
        facts: facts(open, &teller, &zone),
        people: involved(open, &teller),
        unmatched: state.unmatched().len(),
        phases: phases(&around, &clocks, &me.actor),
        missing: if closed { Vec::new() } else { missing(open) },
        clocks: clocks.iter().map(|clock| clock_view(clock, now)).collect(),
        actions: actions(open, &names),
        referrals: referrals(open, &zone),
        linked: linked(web, me, open).await?,
        gaps: gap_rows(open),
        readers: app
            .readers_of(open)
            .await?
            .into_iter()
            .map(|person| person.full_name())
            .collect(),
        others: others(open),
        letters: open
            .procedure
            .letters
            .iter()
            .map(|letter| (letter.title.clone(), letter.text.clone()))
            .collect(),
        files: if may_attach(state, &open.procedure) {
            "Pharos takes no files in here. Write down what was said and done; keep originals where they are."
        } else {
            "No file of any kind is taken into this case. Write down the address and what was said; leave the device as it is."
        },
        print: app.could_export(&me.actor, open),
        story: Timeline { items: story },
    })
}

fn danger(open: &OpenCase) -> Danger {
    let answer = open.state.danger.map(|(yes, _)| yes);
    let called = open.state.called.is_some();
    Danger {
        asked: answer.is_some() && (answer != Some(true) || called),
        yes: answer == Some(true),
        text: danger_instruction(answer),
    }
}

fn facts(open: &OpenCase, teller: &Teller<'_>, zone: &TimeZone) -> Summary {
    let concern = &open.state.concern;
    let mut facts = Summary::default().row("Who is worried", teller.reporter(&concern.reporter));
    let when = match (concern.happened_at, &concern.happened_about) {
        (Some(at), _) => words::moment(at, zone),
        (None, Some(about)) => about.clone(),
        (None, None) => "Not known".to_owned(),
    };
    facts = facts.row("When", when).row("Where", teller.place(concern));
    facts = facts.row(
        "First known at school",
        words::moment(open.state.first_known_at(), zone),
    );
    if let Some(told) = &concern.told_lead {
        facts = facts.row(
            "Told in person",
            format!("{}, {}", told.whom, words::moment(told.at, zone)),
        );
    }
    let addresses = match (concern.addresses.is_empty(), teller.needs) {
        (true, _) => "Address unknown".to_owned(),
        (false, true) => concern
            .addresses
            .iter()
            .map(|address| broken_up(address))
            .collect::<Vec<_>>()
            .join("; "),
        (false, false) => pharos_casework::WITHHELD.to_owned(),
    };
    facts = facts.row("Address", addresses);
    let harm: Vec<&str> = concern
        .risk
        .iter()
        .map(|risk| risk.title())
        .chain(concern.harm.iter().map(|harm| harm.title()))
        .collect();
    if !harm.is_empty() {
        facts = facts.row("Named by the reporter", harm.join(", "));
    }
    match &open.state.classified {
        Some(classified) => {
            let harm: Vec<&str> = classified.harm.iter().map(|harm| harm.title()).collect();
            let harm = if harm.is_empty() {
                String::new()
            } else {
                format!(". {}", harm.join(", "))
            };
            let level = options::level(classified.level);
            facts.row(
                "Classified",
                format!(
                    "{}; level {}{harm}. {}",
                    options::record(classified.record),
                    level.to_lowercase(),
                    classified.reason
                ),
            )
        }
        None => facts.row("Classified", "Not yet"),
    }
}

fn involved(open: &OpenCase, teller: &Teller<'_>) -> Vec<PersonView> {
    open.state
        .involved
        .iter()
        .map(|involved| PersonView {
            name: teller.whom(&involved.whom),
            part: involved.part.title(),
            parents: match &involved.whom {
                Whom::Pupil { person } => Some(parents(open, *person, teller.zone)),
                _ => None,
            },
        })
        .collect()
}

fn parents(open: &OpenCase, pupil: PersonId, zone: &TimeZone) -> String {
    match open.state.parents_of(pupil) {
        ParentsStanding::Undecided => "Parents: nothing recorded yet".to_owned(),
        ParentsStanding::Told(at) => format!("Parents told {}", words::moment(at, zone)),
        ParentsStanding::NotYet(day) => format!(
            "Parents not told yet; looked at again on {}",
            date_words(day)
        ),
        ParentsStanding::NotTold(at) => format!(
            "Parents not told, with the lead's reason of {}",
            words::moment(at, zone)
        ),
    }
}

fn missing(open: &OpenCase) -> Vec<MissingView> {
    let view = |missing: pharos_casework::Missing| MissingView {
        href: missing.step.map(|step| format!("#step-{step}")),
        what: missing.what,
        todo: missing.todo,
    };
    open.missing().into_iter().map(view).collect()
}

fn clock_view(clock: &pharos_casework::Clock, now: jiff::Timestamp) -> ClockView {
    let href = match &clock.what {
        pharos_casework::Due::Step(step) => Some(format!("#step-{step}")),
        pharos_casework::Due::Action(_) => Some("#actions".to_owned()),
        _ => None,
    };
    ClockView {
        text: in_short(&clock.text),
        elapsed: lasted(clock.elapsed),
        due: due_words(clock.due_at, now),
        href,
    }
}

/// The first clause of a step's text, for narrow places.
fn in_short(text: &str) -> String {
    let end = text.find(['.', ':', ';', '?']).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_owned()
}

fn actions(open: &OpenCase, names: &Names) -> Vec<OpenItem> {
    let link = |doing: Doing, of: pharos_school::EntryId, text: &str| Link {
        href: format!("/cases/{}/do/{}?of={of}", open.case.id, doing.slug()),
        text: text.to_owned(),
    };
    open.state
        .open_actions()
        .map(|action| OpenItem {
            text: format!(
                "{} – {}, by {}",
                action.what,
                names.get(action.owner),
                date_words(action.due)
            ),
            links: vec![
                link(Doing::FinishAction, action.id, "Record as done"),
                link(Doing::CancelAction, action.id, "Cancel"),
            ],
        })
        .collect()
}

fn referrals(open: &OpenCase, zone: &TimeZone) -> Vec<OpenItem> {
    open.state
        .referrals
        .iter()
        .map(|referral| {
            let answer = Link {
                href: format!("/cases/{}/do/answer?of={}", open.case.id, referral.id),
                text: "Record the answer".to_owned(),
            };
            let stands = match referral.answered_at {
                Some(at) => format!("answered {}", words::moment(at, zone)),
                None => "no answer yet".to_owned(),
            };
            OpenItem {
                text: format!(
                    "{}, {}: {stands}",
                    referral.agency.title(),
                    words::moment(referral.referred_at, zone)
                ),
                links: if referral.answered_at.is_none() {
                    vec![answer]
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}

/// Linked concerns: a link only for those who may see the other case.
async fn linked(
    web: &Web,
    me: &SignedIn,
    open: &OpenCase,
) -> Result<Vec<(Option<String>, String)>, Error> {
    if open.state.linked.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = web.app.cases(&me.actor, true).await?;
    seen.extend(web.app.cases(&me.actor, false).await?);
    let find = |id| {
        seen.iter().find(|case| case.id == id).map(|case| {
            (
                Some(format!("/cases/{id}")),
                format!("Concern {}", case.number),
            )
        })
    };
    Ok(open
        .state
        .linked
        .iter()
        .map(|id| find(*id).unwrap_or_else(|| (None, "A concern that is with the lead".to_owned())))
        .collect())
}

fn gap_rows(open: &OpenCase) -> Summary {
    let gaps = gaps(&open.state);
    let words =
        |gap: Option<jiff::SignedDuration>| gap.map_or_else(|| "not yet".to_owned(), lasted);
    Summary::default()
        .row("To the lead", words(gaps.to_lead))
        .row("To the block", words(gaps.to_contained))
        .row("To police, IWF or CEOP", words(gaps.to_police_or_iwf))
        .row("To parents", words(gaps.to_parents))
}

fn others(open: &OpenCase) -> Vec<Link> {
    let mut doings = vec![Doing::Note, Doing::AddPerson];
    let state = &open.state;
    if state.closed.is_some() {
        doings = vec![Doing::Reopen];
    } else {
        if !state.unmatched().is_empty() {
            doings.push(Doing::Identify);
        }
        doings.extend([Doing::Action, Doing::Refer, Doing::Link, Doing::Contain]);
        if !state.pupils().is_empty() {
            doings.extend([
                Doing::TellParent,
                Doing::NotTold,
                Doing::ParentReply,
                Doing::Support,
                Doing::ChildView,
            ]);
        }
        if !state.has(pharos_casework::Flag::MayBeIllegal) {
            doings.push(Doing::Illegal);
        }
        doings.extend([
            Doing::Classify,
            Doing::Debrief,
            Doing::Lesson,
            Doing::SecondRead,
            Doing::Outcome,
            Doing::Close,
        ]);
    }
    doings
        .into_iter()
        .map(|doing| Link {
            href: format!("/cases/{}/do/{}", open.case.id, doing.slug()),
            text: doing.title().to_owned(),
        })
        .collect()
}

fn mark(flag: pharos_casework::Flag) -> &'static str {
    use pharos_casework::Flag;
    match flag {
        Flag::Deliberate => "Deliberate",
        Flag::Accidental => "Accidental",
        Flag::MayBeIllegal => "May be illegal",
        Flag::SupplierAtFault => "Supplier's list at fault",
        Flag::Bypass => "Filter got round",
        Flag::SeveralGroups => "Several groups",
        Flag::Recurrence => "Has happened before",
        Flag::BeyondSchool => "Others outside school",
        Flag::Worry => "Worry about a child",
        Flag::LevelHigh => "Level high",
        Flag::CrimeSuspected => "Crime suspected",
        Flag::FoundOnDevices => "Found on our devices",
        Flag::StaffInvolved => "Staff involved",
        Flag::AdviceNeeded => "Advice needed",
    }
}

#[derive(Template)]
#[template(path = "case/print.html")]
struct PrintPage {
    frame: Frame,
    number: i64,
    title: String,
    made: String,
    by: String,
    what: String,
    facts: Summary,
    people: Vec<PersonView>,
    gaps: Summary,
    story: Timeline,
}

/// The whole story in order.
pub(super) async fn print(web: &Web, me: &SignedIn, open: &OpenCase) -> Response {
    let names = match Names::of(&web.app, people(open)).await {
        Ok(names) => names,
        Err(error) => return Oops::new(web, Some(me), error).await.into_response(),
    };
    let zone = web.app.zone();
    let teller = Teller {
        open,
        names: &names,
        zone: &zone,
        needs: web.app.needs_addresses(&me.actor),
    };
    ok(&PrintPage {
        frame: web.frame(me, "/cases").await,
        number: open.case.number,
        title: open.case.title.clone(),
        made: words::moment(web.app.now(), &zone),
        by: me.person.full_name(),
        what: open.state.concern.what.clone(),
        facts: facts(open, &teller, &zone),
        people: involved(open, &teller),
        gaps: gap_rows(open),
        story: Timeline {
            items: teller.items(),
        },
    })
}
