//! Cases of the sample week: one worked to its end, one in hand, one fresh.

use jiff::{SignedDuration, Zoned};
use pharos_casework::{
    Agency, Command, Concern, Decision, DoneBy, Harm, Involved, LessonKind, Level, Method, Origin,
    Outcome, Part, ReasonAgainst, RecordKind, Reporter, Site, Standing, Whom,
};
use pharos_governance::Control;
use pharos_monitor::{AlertCommand, AlertOutcome};
use pharos_school::{CaseId, PersonId};
use pharos_service::{App, OpenCase, SignedIn};

use super::cast::Cast;
use super::{SampleClock, at_work};
use crate::wire::Opened;

/// More rounds than any procedure has steps: a bound, never reached.
const ROUNDS_MAX: usize = 80;

pub(super) async fn live(
    opened: &Opened,
    clock: &SampleClock,
    today: &Zoned,
    cast: &Cast,
) -> anyhow::Result<()> {
    let app = &opened.app;
    let lead = at_work(app, &cast.lead).await?;
    let now = today.timestamp();

    // The oldest alert grew into a case that was worked to its end and taught something.
    let mut alerts = app.alerts(&lead.actor, false).await?;
    alerts.sort_by_key(|alert| alert.at);
    let mut rest = alerts.into_iter();
    if let Some(alert) = rest.next() {
        clock.set_to(alert.at + SignedDuration::from_mins(9));
        app.act_on_alert(&lead, alert.id, AlertCommand::Acknowledge)
            .await?;
        let raised = app
            .raise_from_alert(
                &lead,
                alert.id,
                "Reached during a homework session in the library.",
            )
            .await?;
        clock.set_to(
            (alert.at + SignedDuration::from_hours(26)).min(now - SignedDuration::from_hours(2)),
        );
        to_the_end(app, &lead, raised.case).await?;
    }
    // The next one was talked through and closed as it was.
    if let Some(alert) = rest.next() {
        clock.set_to((alert.at + SignedDuration::from_mins(14)).min(now));
        app.act_on_alert(&lead, alert.id, AlertCommand::Acknowledge)
            .await?;
        let explanation =
            "Asked about it in form time: a link from a games forum. Knows whom to ask next time."
                .to_owned();
        app.act_on_alert(
            &lead,
            alert.id,
            AlertCommand::Close {
                explanation,
                outcome: AlertOutcome::TalkedThrough,
            },
        )
        .await?;
    }
    // Whatever else there was has somebody working on it.
    for alert in rest {
        clock.set_to((alert.at + SignedDuration::from_mins(11)).min(now));
        app.act_on_alert(&lead, alert.id, AlertCommand::Acknowledge)
            .await?;
    }
    reported(app, clock, today, cast).await?;
    attested(app, clock, today).await?;
    clock.set_to(now - SignedDuration::from_mins(40));
    app.assess_and_keep().await?;
    Ok(())
}

/// The clauses that a named person answers for, said this week by that person.
async fn attested(app: &App, clock: &SampleClock, today: &Zoned) -> anyhow::Result<()> {
    clock.set_to(today.timestamp() - SignedDuration::from_hours(50));
    for clause in &app.school().pack.clauses {
        for control in &clause.controls {
            let Control::Attested { by, .. } = control else {
                continue;
            };
            let holder = app
                .everybody(&crate::commands::operator())
                .await?
                .into_iter()
                .find(|person| person.is(*by));
            if let Some(holder) = holder {
                let me = at_work(app, &holder.username).await?;
                app.attest(&me, &clause.id).await?;
            }
        }
    }
    Ok(())
}

/// A teacher's report from this morning, acknowledged and waiting for the lead's next step.
async fn reported(
    app: &App,
    clock: &SampleClock,
    today: &Zoned,
    cast: &Cast,
) -> anyhow::Result<()> {
    let teacher = at_work(app, &cast.teacher).await?;
    let lead = at_work(app, &cast.lead).await?;
    let Some(pupil) = cast.pupil(2) else {
        return Ok(());
    };
    let Some(pupil) = app.person_named(pupil).await? else {
        return Ok(());
    };
    clock.set_to(today.timestamp() - SignedDuration::from_hours(3));
    let reporter = Reporter::Staff {
        person: teacher.person.id,
    };
    let mut concern = Concern::new(
        reporter,
        Origin::Form,
        format!(
            "{} was very quiet in French and showed me messages from a group chat full of name-calling. It has gone on since half term.",
            pupil.given_name
        ),
    );
    concern.words = Some("They said nobody would notice if I wasn't there.".to_owned());
    concern.involved = vec![
        Involved {
            whom: Whom::Pupil { person: pupil.id },
            part: Part::Harmed,
        },
        Involved {
            whom: Whom::ScreenName {
                name: "tidewrack".to_owned(),
                service: "a group chat".to_owned(),
            },
            part: Part::AllegedToHaveHarmed,
        },
    ];
    concern.site = Site::OffSite;
    concern.danger = Some(false);
    concern.harm = [Harm::Cyberbullying].into();
    let raised = app.raise_concern(Some(&teacher), concern).await?;
    clock.set_to(today.timestamp() - SignedDuration::from_mins(170));
    let open = app.case(&lead.actor, raised.case).await?;
    app.act_on_case(&lead, raised.case, open.case.entries, Command::Acknowledge)
        .await?;
    Ok(())
}

/// Works a breach to its end, step by step as its procedure lists them, and closes it.
async fn to_the_end(app: &App, lead: &SignedIn, case: CaseId) -> anyhow::Result<()> {
    for _ in 0..ROUNDS_MAX {
        let open = app.case(&lead.actor, case).await?;
        let Some(command) = next(app, &open, lead) else {
            break;
        };
        app.act_on_case(lead, case, open.case.entries, command)
            .await?;
    }
    let open = app.case(&lead.actor, case).await?;
    let close = Command::Close {
        outcome: Outcome::Education,
        reason: "Talked through, taught, the filter holds, parents told.".to_owned(),
    };
    Ok(app
        .act_on_case(lead, case, open.case.entries, close)
        .await?)
}

/// The next thing to do on a case, as a good lead would.
fn next(app: &App, open: &OpenCase, lead: &SignedIn) -> Option<Command> {
    let today = app.now().to_zoned(app.zone()).date();
    open.steps().into_iter().filter(|now| now.standing == Standing::Open).find_map(|now| {
        let step = now.step;
        let pupil = |done: &dyn Fn(PersonId) -> bool| open.state.pupils().into_iter().find(|pupil| !done(*pupil));
        Some(match &step.done_by {
            DoneBy::Danger => Command::AnswerDanger { yes: false },
            DoneBy::Acknowledge => Command::Acknowledge,
            DoneBy::Classify => Command::Classify {
                procedure: open.procedure.reference.clone(),
                record: RecordKind::Safeguarding,
                level: Level::Low,
                harm: vec![Harm::SexualOrViolentMaterial],
                reason: "Blocked each time; nothing was seen.".to_owned(),
            },
            DoneBy::Decision(decision) => decide(open, &step.id, decision)?,
            DoneBy::Parents => Command::TellParent {
                pupil: pupil(&|pupil| open.state.parents_of(pupil) != pharos_casework::ParentsStanding::Undecided)?,
                parent: "A parent".to_owned(),
                contacted_at: app.now() - SignedDuration::from_mins(20),
                method: Method::Telephone,
                said: "What was blocked, that nothing was seen, and what we will teach next.".to_owned(),
                letter: None,
                response: Some("Thankful to be told; will talk at home.".to_owned()),
            },
            DoneBy::Support => Command::GiveSupport {
                pupil: pupil(&|pupil| open.state.support.get(&pupil).is_some_and(|support| support.given_at.is_some()))?,
                what: "A talk with the form tutor about pop-ups and how to leave a page.".to_owned(),
                review: None,
            },
            DoneBy::Outcomes => Command::RecordOutcome {
                person: *open.state.subjects().iter().find(|person| !open.state.outcomes.contains_key(person))?,
                outcome: Outcome::Education,
                note: "Knows what to do next time.".to_owned(),
            },
            DoneBy::Contain => Command::Contain { address: open.state.concern.addresses.first()?.clone(), change: "already blocked by category".to_owned(), campuses: Vec::new() },
            DoneBy::Fix => Command::NoFixNeeded { reason: "The category was blocked already and held each time.".to_owned() },
            DoneBy::Retest => Command::RecordRetest { group: "pupils".to_owned(), held: true, evidence: "the daily self-check".to_owned() },
            DoneBy::Debrief => Command::HoldDebrief { held_on: Some(today), text: "Lead, form tutor and network manager: the block page was read and understood.".to_owned() },
            DoneBy::Lessons => Command::AddLesson {
                kind: LessonKind::Curriculum,
                text: "Show Year 8 how to leave a page and whom to tell.".to_owned(),
                owner: Some(lead.person.id),
                due: Some(today.saturating_add(jiff::Span::new().days(21))),
            },
            DoneBy::ChildView => Command::RecordChildView {
                pupil: pupil(&|pupil| open.state.views.contains_key(&pupil))?,
                text: "“I was scared I would be in trouble. I wasn't.”".to_owned(),
            },
            DoneBy::Referral(Agency::Other) => return None,
            DoneBy::Tick if now.may_decline => Command::DeclineStep { step: step.id.clone(), reason: "Not needed: nothing was shown.".to_owned() },
            DoneBy::Tick => Command::DoStep { step: step.id.clone(), note: "Done.".to_owned(), done_at: None },
            _ if now.may_decline => Command::DeclineStep { step: step.id.clone(), reason: "Not needed here.".to_owned() },
            _ => return None,
        })
    })
}

/// The mild road, with a reason for each road not taken.
fn decide(open: &OpenCase, id: &str, decision: &Decision) -> Option<Command> {
    let option = decision.options.first()?;
    let against = decision
        .options
        .iter()
        .filter(|other| decision.reasons_against && other.id != option.id)
        .map(|other| ReasonAgainst {
            option: other.id.clone(),
            reason: "Nothing points that way.".to_owned(),
        })
        .collect();
    let about = if decision.per_pupil {
        Some(open.state.pupils().into_iter().find(|pupil| {
            open.state
                .decisions
                .keys()
                .all(|(step, about)| step != id || *about != Some(*pupil))
        })?)
    } else {
        None
    };
    Some(Command::Decide {
        decision: id.to_owned(),
        about,
        options: vec![option.id.clone()],
        reason: "The log and the conversation agree.".to_owned(),
        against,
    })
}
