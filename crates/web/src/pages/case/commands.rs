//! From what a form posted to what is asked of the case. Rules live in `casework`; here values are
//! only read, and what cannot be read is said in words beside its field.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pharos_casework::{
    Agency, Command, Harm, Involved, LessonKind, Level, Method, Outcome, Part, Procedure,
    ReasonAgainst, RecordKind, Whom, WhyNotTold,
};
use pharos_school::{EntryId, Person, PersonId};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NotOne, StrDeserializer};

use super::doing::Doing;
use crate::pages::kit::{self, Given};

/// What is wrong, each beside its field.
pub(super) type Wrong = Vec<(&'static str, String)>;

/// What reading a form needs besides the form.
pub(super) struct Desk<'a> {
    /// The procedure the case runs.
    pub(super) procedure: &'a Procedure,
    /// Every procedure of the school, for classifying.
    pub(super) procedures: &'a [Procedure],
    /// The school's time zone.
    pub(super) zone: &'a TimeZone,
    /// The time.
    pub(super) now: Timestamp,
    /// Names in words that are not matched yet, in the order of the case.
    pub(super) unmatched: &'a [String],
    /// The addresses of the concern, for readers who need them: forms carry their place in this list,
    /// never the address itself (BRE-10).
    pub(super) addresses: &'a [String],
    /// Whom the form's picker found, where it has one.
    pub(super) picked: Option<&'a Person>,
}

/// The names of the fields that hold the reason against each option of a decision, by the option's
/// place. More options than names are refused when the pack is read long before.
pub(super) const AGAINST: [&str; 12] = [
    "against-1",
    "against-2",
    "against-3",
    "against-4",
    "against-5",
    "against-6",
    "against-7",
    "against-8",
    "against-9",
    "against-10",
    "against-11",
    "against-12",
];

/// What a form asks of the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// An entry.
    Do(Command),
    /// Block this address for everyone, and note it.
    Contain(String),
    /// Pass this worry on as a concern of its own.
    Link(String),
}

/// Reads a form.
///
/// # Errors
/// Everything that cannot be read, each with its field.
pub(super) fn read(doing: Doing, given: &Given, desk: &Desk<'_>) -> Result<Ask, Wrong> {
    let mut form = Reader {
        given,
        desk,
        wrong: Vec::new(),
    };
    let ask = form.ask(doing);
    match ask {
        Some(ask) if form.wrong.is_empty() => Ok(ask),
        _ => Err(form.wrong),
    }
}

struct Reader<'a> {
    given: &'a Given,
    desk: &'a Desk<'a>,
    wrong: Wrong,
}

impl Reader<'_> {
    fn ask(&mut self, doing: Doing) -> Option<Ask> {
        Some(match doing {
            Doing::Contain => Ask::Contain(self.address()?),
            Doing::Link => Ask::Link(self.needed("what", "Write what the worry is.")?),
            _ => Ask::Do(self.command(doing)?),
        })
    }

    fn command(&mut self, doing: Doing) -> Option<Command> {
        let text = |name: &str| self.given.text(name);
        Some(match doing {
            Doing::Acknowledge => Command::Acknowledge,
            Doing::Danger => Command::AnswerDanger {
                yes: self.yes_or_no("danger", "Say yes or no.")?,
            },
            Doing::Call => {
                let number = self.needed("number", "Say which number was called: 999 or 101.");
                let called_at = self.moment("called_at");
                Command::RecordCall {
                    number: number?,
                    called_at: called_at?,
                    reference: self.given.maybe("reference"),
                }
            }
            Doing::Step => Command::DoStep {
                step: text("step"),
                note: text("note"),
                done_at: self.maybe_moment("done_at")?,
            },
            Doing::Decline => Command::DeclineStep {
                step: text("step"),
                reason: self.needed("reason", "Write why this step is not taken.")?,
            },
            Doing::Decide => self.decision()?,
            Doing::Classify => self.classification()?,
            Doing::Illegal => Command::MarkMayBeIllegal {
                reason: self.needed("reason", "Say in a few words why it may be illegal.")?,
            },
            Doing::AddPerson
            | Doing::Identify
            | Doing::TellParent
            | Doing::NotTold
            | Doing::ParentReply => return self.people(doing),
            Doing::Support | Doing::Sanction | Doing::Outcome | Doing::ChildView => {
                return self.child(doing);
            }
            Doing::Action
            | Doing::FinishAction
            | Doing::CancelAction
            | Doing::Debrief
            | Doing::Lesson => return self.follow_up(doing),
            Doing::Refer | Doing::Answer | Doing::Supplier | Doing::SupplierAnswer => {
                return self.outside(doing);
            }
            Doing::Fix => {
                let what = self.needed("what", "Write what was changed.");
                Command::RecordFix {
                    what: what?,
                    change: self
                        .needed("change", "Give the number or name of the filter change.")?,
                }
            }
            Doing::NoFix => Command::NoFixNeeded {
                reason: self.needed("reason", "Write why nothing needs to change.")?,
            },
            Doing::Retest => {
                let group = self.needed("group", "Say for which group it was tried.");
                let held = self.yes_or_no("held", "Say whether the block held.");
                let evidence = self.needed(
                    "evidence",
                    "Say how it was tried: which check, at what time.",
                );
                Command::RecordRetest {
                    group: group?,
                    held: held?,
                    evidence: evidence?,
                }
            }
            Doing::Note => Command::AddNote {
                text: self.needed("text", "Write the note.")?,
            },
            Doing::Correct => Command::Correct {
                of: self.entry("of")?,
                text: self.needed("text", "Write what is right.")?,
            },
            Doing::SecondRead => Command::SecondRead {
                note: self.needed("note", "Write what you found.")?,
            },
            Doing::Close => {
                let outcome = self.choice("outcome", "Choose how it ended.");
                let reason = self.needed("reason", "Write why the case may close.");
                Command::Close {
                    outcome: outcome?,
                    reason: reason?,
                }
            }
            Doing::Reopen => Command::Reopen {
                reason: self.needed("reason", "Write why the case is opened again.")?,
            },
            Doing::Contain | Doing::Link => return None,
        })
    }

    fn people(&mut self, doing: Doing) -> Option<Command> {
        Some(match doing {
            Doing::AddPerson => {
                let whom = self.whom();
                let part: Option<Part> = self.choice("part", "Say what part they had.");
                Command::AddPerson {
                    involved: Involved {
                        whom: whom?,
                        part: part?,
                    },
                }
            }
            Doing::Identify => {
                let was: usize = self.given.one("was").parse().unwrap_or(usize::MAX);
                let Some(name) = self.desk.unmatched.get(was) else {
                    self.say("was", "Choose which name this is about.");
                    return None;
                };
                Command::IdentifyPerson {
                    was: Whom::PupilByName { name: name.clone() },
                    is: self.whom()?,
                }
            }
            Doing::TellParent => {
                let pupil = self.person("about", "Choose the pupil.");
                let parent = self.needed("parent", "Say which parent or carer was told.");
                let contacted_at = self.moment("contacted_at");
                let method: Option<Method> = self.choice("method", "Say how they were told.");
                let said = self.needed("said", "Write what was said.");
                Command::TellParent {
                    pupil: pupil?,
                    parent: parent?,
                    contacted_at: contacted_at?,
                    method: method?,
                    said: said?,
                    letter: self.given.maybe("letter"),
                    response: self.given.maybe("response"),
                }
            }
            Doing::NotTold => {
                let pupil = self.person("about", "Choose the pupil.");
                let why: Option<WhyNotTold> = self.choice("why", "Choose the ground.");
                let reason = self.needed("reason", "Write the safety reason.");
                let review = self.maybe_day("review");
                Command::DoNotTellParents {
                    pupil: pupil?,
                    why: why?,
                    reason: reason?,
                    review: review?,
                }
            }
            _ => Command::ParentReplies {
                pupil: self.person("about", "Choose the pupil.")?,
                text: self.needed("text", "Write what the parent said.")?,
            },
        })
    }

    fn child(&mut self, doing: Doing) -> Option<Command> {
        let person = self.person("about", "Choose whom this is about.");
        Some(match doing {
            Doing::Support => {
                let what = self.needed(
                    "what",
                    "Write what support was given or offered, and whether it was taken up.",
                );
                let review = self.maybe_day("review");
                Command::GiveSupport {
                    pupil: person?,
                    what: what?,
                    review: review?,
                }
            }
            Doing::Sanction => {
                let what = self.needed("what", "Write the sanction.");
                let care =
                    self.needed("care", "Write how harm to anybody who was hurt is avoided.");
                Command::GiveSanction {
                    pupil: person?,
                    what: what?,
                    care: care?,
                }
            }
            Doing::Outcome => {
                let outcome: Option<Outcome> = self.choice("outcome", "Choose the outcome.");
                let note = self.needed("note", "Write the outcome in words, with the support.");
                Command::RecordOutcome {
                    person: person?,
                    outcome: outcome?,
                    note: note?,
                }
            }
            _ => Command::RecordChildView {
                pupil: person?,
                text: self.needed("text", "Write the child's view, in their words.")?,
            },
        })
    }

    fn follow_up(&mut self, doing: Doing) -> Option<Command> {
        Some(match doing {
            Doing::Action => {
                let what = self.needed("what", "Write what is to be done.");
                let owner = self.picked("Find who does it: a name or sign-in name.");
                let due = self.day("due", "Give the day by which it is done.");
                Command::SetAction {
                    what: what?,
                    owner: owner?,
                    due: due?,
                }
            }
            Doing::FinishAction => Command::FinishAction {
                action: self.entry("of")?,
                note: self.needed("note", "Write what came of it.")?,
            },
            Doing::CancelAction => Command::CancelAction {
                action: self.entry("of")?,
                reason: self.needed("reason", "Write why it is no longer wanted.")?,
            },
            Doing::Debrief => {
                let held_on = self.maybe_day("held_on");
                let text = self.needed(
                    "text",
                    "Write who took part and what was said; or why no debrief was needed.",
                );
                Command::HoldDebrief {
                    held_on: held_on?,
                    text: text?,
                }
            }
            _ => {
                let kind: Option<LessonKind> = self.choice("kind", "Say what the lesson changes.");
                let text = self.needed("text", "Write what was learnt, or why nothing changes.");
                let due = self.maybe_day("due");
                Command::AddLesson {
                    kind: kind?,
                    text: text?,
                    owner: self.desk.picked.map(|person| person.id),
                    due: due?,
                }
            }
        })
    }

    fn outside(&mut self, doing: Doing) -> Option<Command> {
        Some(match doing {
            Doing::Refer => {
                let agency: Option<Agency> = self.choice("agency", "Choose to whom.");
                let contact = self.needed("contact", "Write who was spoken to, and how.");
                let referred_at = self.moment("referred_at");
                let shared = self.needed(
                    "shared",
                    "Write what was shared. To the Internet Watch Foundation: the address alone.",
                );
                let follow_up = self.maybe_day("follow_up");
                Command::Refer {
                    agency: agency?,
                    contact: contact?,
                    referred_at: referred_at?,
                    shared: shared?,
                    reference: self.given.maybe("reference"),
                    follow_up: follow_up?,
                }
            }
            Doing::Answer => Command::RecordAnswer {
                referral: self.entry("of")?,
                answer: self.needed("answer", "Write what they answered.")?,
            },
            Doing::Supplier => {
                let supplier = self.needed("supplier", "Name the supplier.");
                let text = self.needed("text", "Write what was sent.");
                Command::ReportToSupplier {
                    supplier: supplier?,
                    text: text?,
                    reference: self.given.maybe("reference"),
                }
            }
            _ => Command::RecordSupplierAnswer {
                answer: self.needed("answer", "Write what the supplier answered.")?,
            },
        })
    }

    fn decision(&mut self) -> Option<Command> {
        let id = self.given.text("step");
        let options: Vec<String> = self.given.all("option").map(str::to_owned).collect();
        if options.is_empty() {
            self.say("option", "Choose what you decide.");
        }
        let reason = self.needed("reason", "Write why: one sentence is enough.");
        let about = match self.given.one("about") {
            "" => None,
            _ => Some(self.person("about", "Choose whom this decision is about.")?),
        };
        let all = self
            .desk
            .procedure
            .step(&id)
            .map(|step| match &step.done_by {
                pharos_casework::DoneBy::Decision(decision) => decision
                    .options
                    .iter()
                    .map(|choice| choice.id.clone())
                    .collect(),
                _ => Vec::new(),
            });
        let against = AGAINST
            .iter()
            .zip(all.unwrap_or_default())
            .filter(|(_, option)| !options.contains(option))
            .filter_map(|(field, option)| {
                self.given
                    .maybe(field)
                    .map(|reason| ReasonAgainst { option, reason })
            })
            .collect();
        Some(Command::Decide {
            decision: id,
            about,
            options,
            reason: reason?,
            against,
        })
    }

    fn classification(&mut self) -> Option<Command> {
        let id = self.given.text("procedure");
        let procedure = self
            .desk
            .procedures
            .iter()
            .find(|procedure| procedure.reference.id == id)
            .map(|procedure| procedure.reference.clone());
        if procedure.is_none() {
            self.say("procedure", "Choose what kind of incident it is.");
        }
        let record: Option<RecordKind> = self.choice("record", "Choose the kind of record.");
        let level: Option<Level> = self.choice("level", "Choose how serious it is.");
        let harm: Vec<Harm> = self
            .given
            .all("harm")
            .filter_map(|name| name.parse().ok())
            .collect();
        let reason = self.needed("reason", "Write why.");
        Some(Command::Classify {
            procedure: procedure?,
            record: record?,
            level: level?,
            harm,
            reason: reason?,
        })
    }

    /// The address chosen from the concern, or the one written.
    fn address(&mut self) -> Option<String> {
        let chosen = self
            .given
            .one("which")
            .parse::<usize>()
            .ok()
            .and_then(|at| self.desk.addresses.get(at))
            .cloned();
        chosen.or_else(|| self.needed("address", "Choose or write the address to block."))
    }

    /// Who is meant by kind, name and place.
    fn whom(&mut self) -> Option<Whom> {
        let name = self.needed("name", "Write the name, or as much as is known.")?;
        let more = self.given.text("more");
        let picked = self.desk.picked.map(|person| person.id);
        Some(match (self.given.one("kind"), picked) {
            ("pupil", Some(person)) => Whom::Pupil { person },
            ("pupil", None) => Whom::PupilByName { name },
            ("staff", Some(person)) => Whom::Staff { person },
            ("parent", Some(person)) => Whom::Parent { person },
            ("staff" | "parent", None) => {
                self.say(
                    "name",
                    "Nobody on the roll has that name. Check it, or choose “somebody else”.",
                );
                return None;
            }
            ("former-pupil", _) => Whom::FormerPupil { name },
            ("pupil-elsewhere", _) => Whom::PupilElsewhere { name, school: more },
            ("outsider", _) => Whom::Outsider { description: name },
            ("screen-name", _) => Whom::ScreenName {
                name,
                service: more,
            },
            _ => {
                self.say("kind", "Say who they are to the school.");
                return None;
            }
        })
    }

    fn say(&mut self, field: &'static str, text: &str) {
        self.wrong.push((field, text.to_owned()));
    }

    fn needed(&mut self, field: &'static str, otherwise: &str) -> Option<String> {
        let text = self.given.maybe(field);
        if text.is_none() {
            self.say(field, otherwise);
        }
        text
    }

    fn yes_or_no(&mut self, field: &'static str, otherwise: &str) -> Option<bool> {
        match self.given.one(field) {
            "yes" => Some(true),
            "no" => Some(false),
            _ => {
                self.say(field, otherwise);
                None
            }
        }
    }

    fn person(&mut self, field: &'static str, otherwise: &str) -> Option<PersonId> {
        let person = self.given.one(field).parse().ok();
        if person.is_none() {
            self.say(field, otherwise);
        }
        person
    }

    fn picked(&mut self, otherwise: &str) -> Option<PersonId> {
        let person = self.desk.picked.map(|person| person.id);
        if person.is_none() {
            self.say("name", otherwise);
        }
        person
    }

    fn entry(&mut self, field: &'static str) -> Option<EntryId> {
        let entry = self.given.one(field).parse().ok();
        if entry.is_none() {
            self.say(field, "Go back to the case and choose the entry there.");
        }
        entry
    }

    /// A variant by its stored name.
    fn choice<T: DeserializeOwned>(&mut self, field: &'static str, otherwise: &str) -> Option<T> {
        let found = stored(self.given.one(field));
        if found.is_none() {
            self.say(field, otherwise);
        }
        found
    }

    /// When; now, where nothing was written.
    fn moment(&mut self, field: &'static str) -> Option<Timestamp> {
        Some(self.maybe_moment(field)?.unwrap_or(self.desk.now))
    }

    fn maybe_moment(&mut self, field: &'static str) -> Option<Option<Timestamp>> {
        let text = self.given.one(field);
        if text.is_empty() {
            return Some(None);
        }
        let at = kit::moment(text, self.desk.zone);
        if at.is_none() {
            self.say(field, "Write day and time, such as 2026-11-23T10:05.");
        }
        at.map(Some)
    }

    fn day(&mut self, field: &'static str, otherwise: &str) -> Option<Date> {
        let day = self.maybe_day(field)?;
        if day.is_none() {
            self.say(field, otherwise);
        }
        day
    }

    fn maybe_day(&mut self, field: &'static str) -> Option<Option<Date>> {
        let text = self.given.one(field);
        if text.is_empty() {
            return Some(None);
        }
        let day = kit::day(text);
        if day.is_none() {
            self.say(field, "Write the day, such as 2026-11-23.");
        }
        day.map(Some)
    }
}

/// A unit variant by its stored name, such as `in-person`.
pub(super) fn stored<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<NotOne>::new(name)).ok()
}

#[cfg(test)]
mod tests;
