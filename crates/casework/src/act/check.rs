//! May this happen now? Closed cases, the people a case is about, roles, gates, prohibitions.

use pharos_school::Role;

use super::Refusal;
use crate::command::{Command, Hand};
use crate::entry::{Agency, Author};
use crate::forbid::{self, Ban};
use crate::procedure::{Act, DoneBy, Party, Procedure, Step};
use crate::state::CaseState;
use crate::steps::{Standing, steps};

/// Why it stops: plainly, or because it is forbidden and the attempt is kept.
pub(super) enum Stop {
    Plain(Refusal),
    Forbidden(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Plain(refusal)
    }
}

const LEADS: &[Role] = &[Role::Lead, Role::Deputy];
const SENIOR: &[Role] = &[Role::Lead, Role::Deputy, Role::Head];
const RECEIVERS: &[Role] = &[Role::Lead, Role::Deputy, Role::Head, Role::OnlineLead];
const FIXERS: &[Role] = &[Role::Lead, Role::Deputy, Role::OnlineLead, Role::Technical];
const PASTORAL: &[Role] = &[
    Role::Lead,
    Role::Deputy,
    Role::Head,
    Role::OnlineLead,
    Role::Tutor,
    Role::HouseStaff,
    Role::Teacher,
];
const STAFF: &[Role] = &[
    Role::Staff,
    Role::Teacher,
    Role::Tutor,
    Role::HouseStaff,
    Role::Office,
    Role::Lead,
    Role::Deputy,
    Role::OnlineLead,
    Role::Head,
    Role::Leadership,
    Role::Technical,
];

pub(super) fn allowed(
    state: &CaseState,
    procedure: &Procedure,
    command: &Command,
    hand: &Hand,
) -> Result<(), Stop> {
    let what = name(command);
    // Prohibitions come first: they are refused, and kept, whoever tries and whatever the state.
    if let Some(ban) = banned(state, procedure, command) {
        return Err(Stop::Forbidden(Refusal::new(what, ban.why, ban.instead)));
    }
    own_case(state, command, hand, what)?;
    closed(state, command, what)?;
    role(state, procedure, command, hand, what)?;
    locked(state, procedure, command, what)?;
    Ok(())
}

fn banned(state: &CaseState, procedure: &Procedure, command: &Command) -> Option<Ban> {
    match command {
        Command::Try { act } => forbid::banned(state, procedure, *act),
        Command::Attach {
            media, shows_child, ..
        } => forbid::attach(state, procedure, *media, *shows_child),
        Command::Refer { agency, .. } if !first_call(*agency) => held(state, procedure),
        Command::TellParent { .. } | Command::ReportToSupplier { .. } => held(state, procedure),
        _ => None,
    }
}

/// The first-call rule: others outside wait until the police or the adviser were spoken to.
fn held(state: &CaseState, procedure: &Procedure) -> Option<Ban> {
    let spoken = state.called.is_some()
        || state.referrals.iter().any(|r| {
            matches!(
                r.agency,
                Agency::Police | Agency::Adviser | Agency::SocialCare
            )
        });
    if spoken {
        None
    } else {
        forbid::listed(state, procedure, Act::ContactOutsideFirst)
    }
}

fn first_call(agency: Agency) -> bool {
    matches!(
        agency,
        Agency::Police
            | Agency::Adviser
            | Agency::SocialCare
            | Agency::Iwf
            | Agency::Ceop
            | Agency::Lado
    )
}

fn own_case(state: &CaseState, command: &Command, hand: &Hand, what: &str) -> Result<(), Refusal> {
    let Some(person) = hand.author.person() else {
        return Ok(());
    };
    let harmless = matches!(command, Command::ParentReplies { .. });
    if !harmless && state.subjects().contains(&person) {
        return Err(Refusal::new(
            what,
            "You are named in this case, so you take no part in it.",
            "Speak to the head, or to the chair of governors where the head is concerned.",
        ));
    }
    Ok(())
}

fn closed(state: &CaseState, command: &Command, what: &str) -> Result<(), Refusal> {
    let still = matches!(
        command,
        Command::Reopen { .. }
            | Command::Correct { .. }
            | Command::ParentReplies { .. }
            | Command::LinkConcern { .. }
            | Command::Try { .. }
    );
    match (&state.closed, still, command) {
        (Some(_), false, _) => Err(Refusal::new(
            what,
            "The case is closed.",
            "Open it again with a reason; or write a correction.",
        )),
        (None, _, Command::Reopen { .. }) => Err(Refusal::new(
            what,
            "The case is open.",
            "Work on it as it is.",
        )),
        _ => Ok(()),
    }
}

fn role(
    state: &CaseState,
    procedure: &Procedure,
    command: &Command,
    hand: &Hand,
    what: &str,
) -> Result<(), Refusal> {
    if hand.author == Author::Pharos {
        return pharos_may(command, what);
    }
    let who: &[Role] = match command {
        Command::Acknowledge => RECEIVERS,
        Command::AnswerDanger { .. } | Command::RecordCall { .. } => {
            if is_reporter(state, hand) {
                return Ok(());
            }
            STAFF
        }
        Command::DoStep { step, .. } | Command::Decide { decision: step, .. } => {
            return step_role(state, procedure.step(step), hand, what);
        }
        Command::DeclineStep { .. }
        | Command::Refer { .. }
        | Command::RecordAnswer { .. }
        | Command::Close { .. }
        | Command::Reopen { .. }
        | Command::SecondRead { .. }
        | Command::TellParent { .. }
        | Command::RecordOutcome { .. } => SENIOR,
        Command::DoNotTellParents { .. } => &[Role::Lead],
        Command::HoldDebrief { held_on: None, .. } => &[Role::Lead],
        Command::Classify { .. }
        | Command::IdentifyPerson { .. }
        | Command::HoldDebrief { .. }
        | Command::AddLesson { .. }
        | Command::CancelAction { .. } => LEADS,
        Command::SetAction { .. } => SENIOR,
        Command::Contain { .. }
        | Command::RecordFix { .. }
        | Command::NoFixNeeded { .. }
        | Command::RecordRetest { .. }
        | Command::ReportToSupplier { .. }
        | Command::RecordSupplierAnswer { .. } => FIXERS,
        Command::GiveSupport { .. }
        | Command::GiveSanction { .. }
        | Command::RecordChildView { .. } => PASTORAL,
        Command::ParentReplies { .. } => &[
            Role::Parent,
            Role::Lead,
            Role::Deputy,
            Role::Head,
            Role::Office,
        ],
        Command::Correct { of, .. } => {
            if state.authors.get(of) == Some(&hand.author) {
                return Ok(());
            }
            LEADS
        }
        Command::FinishAction { action, .. } => {
            let owner = state
                .actions
                .iter()
                .find(|a| a.id == *action)
                .map(|a| a.owner);
            if owner.is_some() && owner == hand.author.person() {
                return Ok(());
            }
            SENIOR
        }
        // Anyone who is let near the case may add what they know, and raise the alarm.
        Command::MarkMayBeIllegal { .. }
        | Command::AddPerson { .. }
        | Command::AddNote { .. }
        | Command::LinkConcern { .. }
        | Command::Attach { .. }
        | Command::Try { .. } => {
            if is_reporter(state, hand) {
                return Ok(());
            }
            STAFF
        }
    };
    if hand.has(who) {
        return Ok(());
    }
    Err(Refusal::new(
        what,
        "This is not yours to do here.",
        format!("Ask: {}.", list(who)),
    ))
}

/// What Pharos may write by itself: what follows from a rule, never a judgement.
fn pharos_may(command: &Command, what: &str) -> Result<(), Refusal> {
    match command {
        Command::RecordRetest { .. }
        | Command::ParentReplies { .. }
        | Command::LinkConcern { .. } => Ok(()),
        _ => Err(Refusal::new(
            what,
            "A person decides this, not Pharos.",
            "Leave it to the lead.",
        )),
    }
}

fn step_role(
    state: &CaseState,
    step: Option<&Step>,
    hand: &Hand,
    what: &str,
) -> Result<(), Refusal> {
    let Some(step) = step else { return Ok(()) };
    let named = step.who.iter().any(|party| {
        hand.has(party.roles()) || (*party == Party::Reporter && is_reporter(state, hand))
    });
    // The lead or deputy may record what others did, except where the step is somebody else's
    // judgement: a decision stays with the parties named.
    let recorded = step.done_by == DoneBy::Tick && hand.has(LEADS);
    if named || recorded {
        return Ok(());
    }
    let parties: Vec<_> = step.who.iter().map(|party| party.title()).collect();
    Err(Refusal::new(
        what,
        "This step is not yours.",
        format!("Ask: {}.", parties.join(", ")),
    ))
}

fn is_reporter(state: &CaseState, hand: &Hand) -> bool {
    hand.author.person().is_some() && hand.author.person() == state.concern.reporter.person()
}

fn list(roles: &[Role]) -> String {
    let mut names: Vec<&str> = roles.iter().take(4).map(|role| role.name()).collect();
    if roles.len() > names.len() {
        names.push("other staff");
    }
    names.join(", ")
}

fn locked(
    state: &CaseState,
    procedure: &Procedure,
    command: &Command,
    what: &str,
) -> Result<(), Refusal> {
    let steps = steps(state, procedure);
    let touched = |step: &Step| match command {
        Command::DoStep { step: id, .. }
        | Command::DeclineStep { step: id, .. }
        | Command::Decide { decision: id, .. } => step.id == *id,
        Command::Refer { agency, .. } => step.done_by == DoneBy::Referral(*agency),
        _ => kind(command).is_some_and(|kind| kind == step.done_by),
    };
    let locks = steps
        .iter()
        .filter(|now| touched(now.step))
        .map(|now| now.standing);
    let mut gate = None;
    for standing in locks {
        match standing {
            Standing::Locked { gate: at } => gate = Some(at),
            // Where several steps are done by the same act, one open step is enough.
            _ => return Ok(()),
        }
    }
    match gate.and_then(|at| procedure.steps.get(at)) {
        None => Ok(()),
        Some(first) => Err(Refusal::new(
            what,
            format!("An earlier step comes first: {}", first.text),
            "Do that step, then come back to this one.",
        )),
    }
}

/// The kind of step that a command does.
fn kind(command: &Command) -> Option<DoneBy> {
    Some(match command {
        Command::Acknowledge => DoneBy::Acknowledge,
        Command::Classify { .. } => DoneBy::Classify,
        Command::TellParent { .. } | Command::DoNotTellParents { .. } => DoneBy::Parents,
        Command::RecordFix { .. } | Command::NoFixNeeded { .. } => DoneBy::Fix,
        Command::RecordRetest { .. } => DoneBy::Retest,
        Command::ReportToSupplier { .. } => DoneBy::SupplierReport,
        Command::RecordSupplierAnswer { .. } => DoneBy::SupplierAnswer,
        Command::GiveSupport { .. } => DoneBy::Support,
        Command::GiveSanction { .. } => DoneBy::Sanction,
        Command::RecordOutcome { .. } => DoneBy::Outcomes,
        Command::HoldDebrief { .. } => DoneBy::Debrief,
        Command::AddLesson { .. } => DoneBy::Lessons,
        Command::RecordChildView { .. } => DoneBy::ChildView,
        Command::SecondRead { .. } => DoneBy::SecondReading,
        _ => return None,
    })
}

/// What was asked, for the refusal; never what a text says.
pub(super) fn name(command: &Command) -> &'static str {
    match command {
        Command::Acknowledge => "Acknowledge",
        Command::AnswerDanger { .. } => "Answer the danger question",
        Command::RecordCall { .. } => "Record a call",
        Command::DoStep { .. } => "Do a step",
        Command::DeclineStep { .. } => "Decline a step",
        Command::Decide { .. } => "Decide",
        Command::Classify { .. } => "Classify",
        Command::MarkMayBeIllegal { .. } => "Mark as possibly illegal",
        Command::AddPerson { .. } => "Add a person",
        Command::IdentifyPerson { .. } => "Match a name",
        Command::TellParent { .. } => "Record a parent contact",
        Command::ParentReplies { .. } => "Record a parent's answer",
        Command::DoNotTellParents { .. } => "Decide not to tell parents",
        Command::SetAction { .. } => "Set an action",
        Command::FinishAction { .. } => "Finish an action",
        Command::CancelAction { .. } => "Cancel an action",
        Command::Refer { .. } => "Refer",
        Command::RecordAnswer { .. } => "Record an agency's answer",
        Command::ReportToSupplier { .. } => "Report to the supplier",
        Command::RecordSupplierAnswer { .. } => "Record the supplier's answer",
        Command::Contain { .. } => "Block at once",
        Command::RecordFix { .. } => "Record the fix",
        Command::NoFixNeeded { .. } => "Decide that no fix is needed",
        Command::RecordRetest { .. } => "Record the retest",
        Command::AddNote { .. } => "Add a note",
        Command::Correct { .. } => "Correct an entry",
        Command::GiveSupport { .. } => "Record support",
        Command::GiveSanction { .. } => "Record a sanction",
        Command::RecordOutcome { .. } => "Record an outcome",
        Command::LinkConcern { .. } => "Pass on a worry",
        Command::HoldDebrief { .. } => "Record the debrief",
        Command::AddLesson { .. } => "Record a lesson",
        Command::RecordChildView { .. } => "Record the child's view",
        Command::SecondRead { .. } => "Second reading",
        Command::Attach { .. } => "Attach a file",
        Command::Try { act } => act.name(),
        Command::Close { .. } => "Close",
        Command::Reopen { .. } => "Open again",
    }
}
