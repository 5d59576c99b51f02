//! A case's entries as people read them: what happened, when, by whom, in words.

use jiff::tz::TimeZone;
use pharos_casework::{
    Author, Concern, Entry, EntryBody, Equipment, Involved, Procedure, Reporter, Site, Whom,
};
use pharos_school::{EntryId, PersonId};
use pharos_service::{OpenCase, shown_addresses};

use super::options;
use crate::components::TimelineItem;
use crate::pages::kit::{Names, date_words};
use crate::words;

/// Everybody whom the entries name, so that names are fetched once.
pub(super) fn people(open: &OpenCase) -> Vec<PersonId> {
    let mut people: Vec<PersonId> = open
        .entries
        .iter()
        .filter_map(|entry| entry.by.person())
        .collect();
    people.extend(
        open.state
            .involved
            .iter()
            .filter_map(|involved| involved.whom.person()),
    );
    people.extend(open.state.concern.reporter.person());
    people.extend(open.state.actions.iter().map(|action| action.owner));
    people.extend(open.state.lessons.iter().filter_map(|lesson| lesson.owner));
    people.extend(open.state.parents.keys().copied());
    for entry in &open.entries {
        if let EntryBody::PersonIdentified { is, .. } = &entry.body {
            people.extend(is.person());
        }
    }
    people
}

/// How entries are told to one reader.
pub(super) struct Teller<'a> {
    pub(super) open: &'a OpenCase,
    pub(super) names: &'a Names,
    pub(super) zone: &'a TimeZone,
    /// Whether this reader needs addresses to report or block them (BRE-10).
    pub(super) needs: bool,
}

impl Teller<'_> {
    /// All entries, oldest first.
    pub(super) fn items(&self) -> Vec<TimelineItem> {
        self.open
            .entries
            .iter()
            .map(|entry| self.item(entry))
            .collect()
    }

    fn item(&self, entry: &Entry) -> TimelineItem {
        let (title, body) = self.tell(&entry.body);
        let mut body = body;
        let addresses = shown_addresses(&entry.body, self.needs);
        if !addresses.is_empty() {
            body = join([body, format!("Address: {}", addresses.join("; "))]);
        }
        TimelineItem {
            id: Some(format!("entry-{}", entry.seq)),
            title,
            at: words::moment(entry.at, self.zone),
            at_machine: entry.at.to_string(),
            by: Some(self.author(entry.by)),
            body,
        }
    }

    /// Whose hand wrote it.
    pub(super) fn author(&self, by: Author) -> String {
        match by {
            Author::Person { person } => self.names.get(person),
            Author::Outside => "somebody without an account".to_owned(),
            Author::Pharos => "Pharos".to_owned(),
        }
    }

    /// Somebody named in the case.
    pub(super) fn whom(&self, whom: &Whom) -> String {
        match whom {
            Whom::Pupil { person } | Whom::Staff { person } | Whom::Parent { person } => {
                self.names.get(*person)
            }
            Whom::PupilByName { name } => format!("{name} (not matched with the roll yet)"),
            Whom::FormerPupil { name } => format!("{name} (former pupil)"),
            Whom::PupilElsewhere { name, school } if school.is_empty() => {
                format!("{name} (pupil of another school)")
            }
            Whom::PupilElsewhere { name, school } => format!("{name} (pupil of {school})"),
            Whom::Outsider { description } => description.clone(),
            Whom::ScreenName { name, service } if service.is_empty() => {
                format!("“{name}” (screen name)")
            }
            Whom::ScreenName { name, service } => format!("“{name}” on {service}"),
            Whom::Device { label } => format!("Unknown person at {label}"),
        }
    }

    /// Who is worried.
    pub(super) fn reporter(&self, reporter: &Reporter) -> String {
        match reporter {
            Reporter::Pupil { person } => format!("{} (pupil)", self.names.get(*person)),
            Reporter::Staff { person } => format!("{} (staff)", self.names.get(*person)),
            Reporter::Parent { person } => format!("{} (parent or carer)", self.names.get(*person)),
            Reporter::Outside { name, contact } => {
                let name = name.as_deref().unwrap_or("Somebody who gave no name");
                contact
                    .as_ref()
                    .map_or_else(|| name.to_owned(), |contact| format!("{name}, {contact}"))
            }
            Reporter::NotKnown => "Somebody whom Pharos cannot name".to_owned(),
            Reporter::Pharos => "Pharos, from an alert".to_owned(),
        }
    }

    /// Where it happened and on what.
    pub(super) fn place(&self, concern: &Concern) -> String {
        let site = match concern.site {
            Site::OnSite => "At school",
            Site::OffSite => "Outside school",
            Site::NotKnown => "Not known whether at school",
        };
        let equipment = match concern.equipment {
            Equipment::School => "the school's equipment",
            Equipment::Own => "the pupil's own equipment",
            Equipment::Family => "the family's equipment",
            Equipment::Another => "somebody else's equipment",
            Equipment::NotKnown => "not known whose equipment",
        };
        let mut text = format!("{site}; {equipment}");
        for more in [&concern.place, &concern.device].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(more);
        }
        text
    }

    fn tell(&self, body: &EntryBody) -> (String, String) {
        let (title, text) = match body {
            EntryBody::Report { concern, .. } => {
                let words = concern
                    .words
                    .as_ref()
                    .map(|words| format!("In the child's words: “{words}”"))
                    .unwrap_or_default();
                (
                    format!("Concern reported by {}", self.reporter(&concern.reporter)),
                    join([concern.what.clone(), words]),
                )
            }
            EntryBody::Acknowledged => ("Acknowledged".to_owned(), String::new()),
            EntryBody::ImmediateDanger { yes: true } => {
                ("Somebody is in immediate danger".to_owned(), String::new())
            }
            EntryBody::ImmediateDanger { yes: false } => {
                ("Nobody is in immediate danger".to_owned(), String::new())
            }
            EntryBody::EmergencyCall {
                number,
                called_at,
                reference,
            } => (
                format!("Called {number}"),
                join([
                    self.at("Call made", *called_at),
                    maybe("Reference", reference),
                ]),
            ),
            EntryBody::StepDone {
                step,
                note,
                done_at,
            } => {
                let when = done_at.map(|at| self.at("Done", at)).unwrap_or_default();
                (
                    format!("Done: {}", self.step(step)),
                    join([note.clone(), when]),
                )
            }
            EntryBody::StepDeclined { step, reason } => {
                (format!("Not taken: {}", self.step(step)), reason.clone())
            }
            EntryBody::DecisionMade { .. } => self.decision(body),
            EntryBody::Classified {
                procedure,
                record,
                level,
                harm,
                reason,
            } => {
                let harm: Vec<&str> = harm.iter().map(|harm| harm.title()).collect();
                let text = format!(
                    "Procedure {procedure}. {}; level: {}. {}",
                    options::record(*record),
                    options::level(*level),
                    harm.join(", ")
                );
                ("Classified".to_owned(), join([text, reason.clone()]))
            }
            EntryBody::MarkedMayBeIllegal { reason } => {
                ("Marked as possibly illegal".to_owned(), reason.clone())
            }
            EntryBody::PersonAdded { involved } => (
                "Somebody more is involved".to_owned(),
                self.involved(involved),
            ),
            EntryBody::PersonIdentified { was, is } => (
                "A name was matched".to_owned(),
                format!("{} is {}", self.whom(was), self.whom(is)),
            ),
            EntryBody::ParentContact { .. }
            | EntryBody::ParentReply { .. }
            | EntryBody::ParentsNotTold { .. } => self.parents(body),
            EntryBody::Note { text } => ("Note".to_owned(), text.clone()),
            EntryBody::Correction { of, text } => (
                format!("Correction of entry {}", self.number(*of)),
                text.clone(),
            ),
            EntryBody::Refused { attempt, why } => (format!("Refused: {attempt}"), why.clone()),
            EntryBody::Closed { outcome, reason } => {
                (format!("Closed: {}", outcome.title()), reason.clone())
            }
            EntryBody::Reopened { reason } => ("Opened again".to_owned(), reason.clone()),
            other => self.work(other),
        };
        (title, text)
    }

    fn work(&self, body: &EntryBody) -> (String, String) {
        match body {
            EntryBody::Action { what, owner, due } => (
                format!("To do by {}: {}", date_words(*due), self.names.get(*owner)),
                what.clone(),
            ),
            EntryBody::ActionDone { action, note } => (
                format!("Done: the action of entry {}", self.number(*action)),
                note.clone(),
            ),
            EntryBody::ActionCancelled { action, reason } => (
                format!("Cancelled: the action of entry {}", self.number(*action)),
                reason.clone(),
            ),
            EntryBody::Referral {
                agency,
                contact,
                referred_at,
                shared,
                reference,
                follow_up,
            } => (
                format!("Reported to: {}", agency.title()),
                join([
                    format!("Spoken to: {contact}"),
                    self.at("Made", *referred_at),
                    format!("Shared: {shared}"),
                    maybe("Reference", reference),
                    follow_up
                        .map(|day| format!("Answer chased on {}", date_words(day)))
                        .unwrap_or_default(),
                ]),
            ),
            EntryBody::ReferralAnswered { referral, answer } => (
                format!("Answer to the referral of entry {}", self.number(*referral)),
                answer.clone(),
            ),
            EntryBody::SupplierReport {
                supplier,
                text,
                reference,
            } => (
                format!("Supplier told: {supplier}"),
                join([text.clone(), maybe("Reference", reference)]),
            ),
            EntryBody::SupplierAnswer { answer } => {
                ("The supplier answered".to_owned(), answer.clone())
            }
            EntryBody::Contained {
                change, campuses, ..
            } => (
                format!("Blocked {}", words::blocked_for(campuses)),
                format!("Filter change {change}"),
            ),
            EntryBody::FixMade { what, change } => (
                "The filter was mended".to_owned(),
                join([what.clone(), format!("Filter change {change}")]),
            ),
            EntryBody::FixNotNeeded { reason } => ("No fix needed".to_owned(), reason.clone()),
            EntryBody::Retested {
                group,
                held,
                evidence,
            } => {
                let held = if *held {
                    "The block held"
                } else {
                    "The block did not hold"
                };
                (format!("{held} for {group}"), evidence.clone())
            }
            EntryBody::LinkedConcern { .. } => (
                "Passed on as a concern of its own".to_owned(),
                String::new(),
            ),
            EntryBody::Debrief {
                held_on: Some(day),
                text,
            } => (
                format!("Debrief held on {}", date_words(*day)),
                text.clone(),
            ),
            EntryBody::Debrief {
                held_on: None,
                text,
            } => ("No debrief was needed".to_owned(), text.clone()),
            EntryBody::Lesson {
                kind,
                text,
                owner,
                due,
            } => {
                let owner = owner
                    .map(|owner| format!("For: {}", self.names.get(owner)))
                    .unwrap_or_default();
                let due = due
                    .map(|day| format!("By {}", date_words(day)))
                    .unwrap_or_default();
                (
                    format!("Learnt: {}", options::lesson(*kind).to_lowercase()),
                    join([text.clone(), owner, due]),
                )
            }
            EntryBody::SecondReading { note } => (
                "A second reader agrees that it may close".to_owned(),
                note.clone(),
            ),
            EntryBody::Attached {
                name,
                fingerprint,
                source,
                ..
            } => (
                format!("Attached: {name}"),
                format!("From {source}. Fingerprint {fingerprint}"),
            ),
            other => self.child(other),
        }
    }

    fn child(&self, body: &EntryBody) -> (String, String) {
        let name = |person: &PersonId| self.names.get(*person);
        match body {
            EntryBody::BehaviourEntry {
                pupil,
                reason,
                on_file,
            } => (
                match on_file {
                    true => format!(
                        "On the file of {} and under the behaviour policy: deliberate access",
                        name(pupil)
                    ),
                    false => format!(
                        "Under the behaviour policy for {}: deliberate access",
                        name(pupil)
                    ),
                },
                reason.clone(),
            ),
            EntryBody::BehaviourWithdrawn { pupil, reason } => (
                format!("Deliberate access no longer stands for {}", name(pupil)),
                reason.clone(),
            ),
            EntryBody::SupportOpened { pupil, reason } => (
                format!("Support opened for {}", name(pupil)),
                reason.clone(),
            ),
            EntryBody::SupportGiven {
                pupil,
                what,
                review,
            } => {
                let review = review
                    .map(|day| format!("Looked at again on {}", date_words(day)))
                    .unwrap_or_default();
                (
                    format!("Support for {}", name(pupil)),
                    join([what.clone(), review]),
                )
            }
            EntryBody::Sanction { pupil, what, care } => (
                format!("Sanction for {}", name(pupil)),
                join([what.clone(), format!("Care taken: {care}")]),
            ),
            EntryBody::OutcomeFor {
                person,
                outcome,
                note,
            } => (
                format!("Outcome for {}: {}", name(person), outcome.title()),
                note.clone(),
            ),
            EntryBody::ChildView { pupil, text } => {
                (format!("The view of {}", name(pupil)), format!("“{text}”"))
            }
            _ => ("Entry".to_owned(), String::new()),
        }
    }

    fn parents(&self, body: &EntryBody) -> (String, String) {
        match body {
            EntryBody::ParentContact {
                pupil,
                parent,
                contacted_at,
                method,
                said,
                letter,
                response,
            } => (
                format!("Parents of {} told", self.names.get(*pupil)),
                join([
                    format!("{parent}. {}.", options::method(*method)),
                    self.at("Told", *contacted_at),
                    format!("Said: {said}"),
                    maybe("Letter", letter),
                    maybe("Their answer", response),
                ]),
            ),
            EntryBody::ParentReply { pupil, text } => (
                format!("A parent of {} answered", self.names.get(*pupil)),
                text.clone(),
            ),
            EntryBody::ParentsNotTold {
                pupil,
                why,
                reason,
                review,
            } => {
                let not = if review.is_some() {
                    "not told yet"
                } else {
                    "not told"
                };
                let review = review
                    .map(|day| format!("Looked at again on {}", date_words(day)))
                    .unwrap_or_default();
                (
                    format!("Parents of {} {not}", self.names.get(*pupil)),
                    join([options::ground(*why).to_owned(), reason.clone(), review]),
                )
            }
            _ => (String::new(), String::new()),
        }
    }

    fn decision(&self, body: &EntryBody) -> (String, String) {
        let EntryBody::DecisionMade {
            decision,
            about,
            options,
            reason,
            against,
            ..
        } = body
        else {
            return (String::new(), String::new());
        };
        let option = |id: &str| option_words(&self.open.procedure, decision, id);
        let taken: Vec<String> = options.iter().map(|id| option(id)).collect();
        let about = about
            .map(|person| format!(" for {}", self.names.get(person)))
            .unwrap_or_default();
        let mut lines = vec![format!("Why: {reason}")];
        lines.extend(against.iter().map(|against| {
            format!(
                "Not “{}” because: {}",
                option(&against.option),
                against.reason
            )
        }));
        (format!("Decided{about}: {}", taken.join("; ")), join(lines))
    }

    fn involved(&self, involved: &Involved) -> String {
        format!("{}: {}", self.whom(&involved.whom), involved.part.title())
    }

    fn step(&self, id: &str) -> String {
        self.open
            .procedure
            .step(id)
            .map_or_else(|| id.to_owned(), |step| step.text.clone())
    }

    fn number(&self, id: EntryId) -> u32 {
        self.open
            .entries
            .iter()
            .find(|entry| entry.id == id)
            .map_or(0, |entry| entry.seq)
    }

    fn at(&self, what: &str, at: jiff::Timestamp) -> String {
        format!("{what}: {}", words::moment(at, self.zone))
    }
}

/// An option of a decision in words; its id where the procedure no longer has it.
fn option_words(procedure: &Procedure, decision: &str, id: &str) -> String {
    let words = procedure
        .step(decision)
        .and_then(|step| match &step.done_by {
            pharos_casework::DoneBy::Decision(decision) => decision
                .options
                .iter()
                .find(|choice| choice.id == id)
                .map(|choice| choice.text.clone()),
            _ => None,
        });
    words.unwrap_or_else(|| id.to_owned())
}

fn maybe(what: &str, text: &Option<String>) -> String {
    text.as_ref()
        .map(|text| format!("{what}: {text}"))
        .unwrap_or_default()
}

fn join(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}
