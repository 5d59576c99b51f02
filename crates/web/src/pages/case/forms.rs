//! The fields of each form of a case. Steps are data, so the forms follow from how a step is done.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pharos_casework::{Decision, DoneBy, Flag, Procedure, Step, broken_up, danger_instruction};
use pharos_school::PersonId;
use pharos_service::OpenCase;

use super::commands::AGAINST;
use super::doing::Doing;
use super::options;
use crate::components::{Choice, Choices, Errors, Input, Select, TextArea};
use crate::pages::field::Field;
use crate::pages::kit::{self, Given, Names};
use crate::words;

/// What the fields are made from.
pub(super) struct Around<'a> {
    pub(super) open: &'a OpenCase,
    pub(super) names: &'a Names,
    pub(super) procedures: &'a [Procedure],
    pub(super) zone: &'a TimeZone,
    pub(super) now: Timestamp,
    /// Whether this reader needs addresses (BRE-10).
    pub(super) needs: bool,
    /// The campuses that the reader's blocks hold at; empty: for everyone.
    pub(super) campuses: &'a [String],
    /// People to choose from, once a name fitted several.
    pub(super) people: Vec<Choice>,
    pub(super) given: &'a Given,
    pub(super) errors: &'a Errors,
}

impl Around<'_> {
    /// The fields of a form, in order.
    pub(super) fn fields(&self, doing: Doing) -> Vec<Field> {
        match doing {
            Doing::Acknowledge => vec![],
            Doing::Danger => vec![
                Field::warning(danger_instruction(None)),
                self.yes_no("danger", "Is anyone in immediate danger?"),
            ],
            Doing::Call => vec![
                Field::warning(danger_instruction(Some(true))),
                self.line("number", "Number called").into(),
                self.moment("called_at", "When was the call made?"),
                self.line("reference", "Log or incident number, if there is one")
                    .into(),
            ],
            Doing::Step => self.step(),
            Doing::Decline => vec![
                self.hidden("step"),
                self.area("reason", "Why is this step not taken?").into(),
            ],
            Doing::Decide => self.decide(),
            Doing::Classify => self.classify(),
            Doing::Illegal => vec![
                Field::warning(
                    "Do not look at it again. Nobody opens, copies, prints or sends it. From now on no file is taken in here, for good.",
                ),
                self.area("reason", "Why may it be illegal?")
                    .hint("A few words. Do not describe what is seen beyond what is needed.")
                    .into(),
            ],
            Doing::AddPerson
            | Doing::Identify
            | Doing::TellParent
            | Doing::NotTold
            | Doing::ParentReply => self.people_fields(doing),
            Doing::Action
            | Doing::FinishAction
            | Doing::CancelAction
            | Doing::Debrief
            | Doing::Lesson => self.follow_up(doing),
            Doing::Refer | Doing::Answer | Doing::Supplier | Doing::SupplierAnswer => {
                self.outside(doing)
            }
            Doing::Contain | Doing::Fix | Doing::NoFix | Doing::Retest => self.filter(doing),
            Doing::Note => vec![
                self.area("text", "Note")
                    .hint("Facts, not opinion; the child's own words where you can.")
                    .into(),
            ],
            Doing::Correct => vec![
                self.hidden("of"),
                self.area("text", "What is right?")
                    .hint("The entry stays as it is; this stands beside it.")
                    .into(),
            ],
            Doing::Support | Doing::Sanction | Doing::Outcome | Doing::ChildView => {
                self.child(doing)
            }
            Doing::Link => vec![
                self.area("what", "What is the worry?")
                    .hint("It becomes a concern of its own for the lead, linked with this case.")
                    .into(),
            ],
            Doing::SecondRead => vec![self.area("note", "What did you find?").into()],
            Doing::Close => vec![
                self.pick(
                    "outcome",
                    "How did it end?",
                    options::outcomes(self.given.one("outcome")),
                ),
                self.area("reason", "Why may the case close?").into(),
            ],
            Doing::Reopen => vec![self.area("reason", "Why is the case opened again?").into()],
        }
    }

    fn step(&self) -> Vec<Field> {
        let records = self
            .named_step()
            .map(|step| step.records.join(", "))
            .unwrap_or_default();
        let note = self.area("note", "What was done, and by whom?");
        let note: Field = if records.is_empty() {
            note.into()
        } else {
            note.hint(format!("Write down: {records}.")).into()
        };
        vec![
            self.hidden("step"),
            note,
            self.moment("done_at", "When was it done? Leave as it is for now."),
        ]
    }

    fn decide(&self) -> Vec<Field> {
        let mut fields = vec![self.hidden("step")];
        let Some((step, decision)) = self.decision() else {
            return fields;
        };
        let reached = self.open.state.reached();
        if decision.per_pupil && !reached.is_empty() {
            let undecided = reached
                .iter()
                .copied()
                .find(|pupil| self.open.state.decision(&step.id, Some(*pupil)).is_none());
            fields.push(self.about(reached, undecided, "Whom is this decision about?"));
        }
        let chosen: Vec<Choice> = decision
            .options
            .iter()
            .map(|choice| {
                Choice::new(&choice.id, &choice.text).chosen(self.given.has("option", &choice.id))
            })
            .collect();
        let question = if decision.many {
            "What do you decide? Choose all that fit."
        } else {
            "What do you decide?"
        };
        let choices = if decision.many {
            Choices::several("option", question, chosen)
        } else {
            Choices::one("option", question, chosen)
        };
        fields.push(choices.error(self.errors.of("option")).into());
        fields.push(self.area("reason", "Why?").rows(3).into());
        if decision.reasons_against {
            fields.push(Field::Says("Why not the others? One sentence for each road not taken. Leave the one you chose empty.".to_owned()));
            for (field, choice) in AGAINST.iter().copied().zip(&decision.options) {
                fields.push(
                    self.area(
                        field,
                        &format!("Not “{}” because", choice.text.trim_end_matches('.')),
                    )
                    .rows(2)
                    .into(),
                );
            }
        }
        fields
    }

    fn classify(&self) -> Vec<Field> {
        let running = &self.open.state.procedure.id;
        let given = self.given.one("procedure");
        let kinds = self
            .procedures
            .iter()
            .map(|procedure| {
                let id = &procedure.reference.id;
                let chosen = if given.is_empty() {
                    id == running
                } else {
                    id == given
                };
                Choice::new(id, &procedure.title)
                    .hint(&procedure.when_to_use)
                    .chosen(chosen)
            })
            .collect();
        let harm = &self.open.state.concern.harm;
        let chosen = |name: &str| {
            self.given.has("harm", name)
                || (given.is_empty() && harm.iter().any(|harm| harm.name() == name))
        };
        vec![
            self.pick("procedure", "What kind of incident is it?", kinds),
            self.pick(
                "record",
                "Which kind of record?",
                options::records(self.given.one("record")),
            ),
            self.pick(
                "level",
                "How serious is it?",
                options::levels(self.given.one("level")),
            ),
            Choices::several("harm", "Harm, as far as known", options::harms(chosen))
                .small()
                .into(),
            self.area("reason", "Why?").rows(3).into(),
        ]
    }

    fn people_fields(&self, doing: Doing) -> Vec<Field> {
        let pupils = || self.about(self.open.state.pupils(), None, "Which pupil's parents?");
        match doing {
            Doing::AddPerson => {
                let mut fields = vec![self.pick("kind", "Who are they?", options::kinds(self.given.one("kind")))];
                fields.extend(self.picker("Name, or a screen name"));
                fields.push(self.line("more", "Their school, or the service of the screen name").into());
                fields.push(self.pick("part", "What part did they have?", options::parts(self.given.one("part"))));
                fields
            }
            Doing::Identify => {
                let given = self.given.one("was");
                let names = self.open.state.unmatched();
                let only = names.len() == 1;
                let names = names.iter().enumerate().map(|(at, name)| Choice::new(at.to_string(), *name).chosen(only || at.to_string() == given)).collect();
                let kind = if self.given.one("kind").is_empty() { "pupil" } else { self.given.one("kind") };
                let mut fields = vec![self.pick("was", "Which name?", names), self.pick("kind", "Who are they?", options::kinds(kind))];
                fields.extend(self.picker("Name on the roll, or sign-in name"));
                fields.push(self.line("more", "Their school, where they are from another").into());
                fields
            }
            Doing::TellParent => {
                let letters = self.open.procedure.letters.iter().filter(|letter| letter.to == "parent");
                let mut letters: Vec<Choice> =
                    letters.map(|letter| Choice::new(&letter.id, &letter.title).chosen(self.given.one("letter") == letter.id)).collect();
                letters.insert(0, Choice::new("", "None"));
                vec![
                    pupils(),
                    self.line("parent", "Which parent or carer?").into(),
                    self.moment("contacted_at", "When?"),
                    self.pick("method", "How?", options::methods(self.given.one("method"))),
                    self.area("said", "What was said?").into(),
                    Select::new("letter", "Letter used", letters).into(),
                    self.area("response", "What did they answer?").rows(3).into(),
                ]
            }
            Doing::NotTold => vec![
                Field::Says("Only the lead decides this, in writing. With a date it is “not yet”: you are reminded then, and the case stays open until it is settled.".to_owned()),
                pupils(),
                self.pick("why", "Ground", options::grounds(self.given.one("why"), self.open.procedure.parent_duty)),
                self.area("reason", "The safety reason").into(),
                self.day("review", "Not yet: look at it again on").into(),
            ],
            _ => vec![pupils(), self.area("text", "What did the parent say?").into()],
        }
    }

    fn child(&self, doing: Doing) -> Vec<Field> {
        let state = &self.open.state;
        let pupils = |without: &dyn Fn(PersonId) -> bool| {
            let next = state.pupils().into_iter().find(|pupil| without(*pupil));
            self.about(state.pupils(), next, "Which child?")
        };
        match doing {
            Doing::Support => vec![
                pupils(&|pupil| {
                    state
                        .support
                        .get(&pupil)
                        .is_none_or(|support| support.given_at.is_none())
                }),
                self.area(
                    "what",
                    "What support was given or offered? Was it taken up?",
                )
                .into(),
                self.day("review", "Look at it again on").into(),
            ],
            Doing::Sanction => vec![
                self.about(
                    state.behaviour.keys().copied().collect(),
                    None,
                    "Which pupil?",
                ),
                self.area("what", "The sanction under the behaviour policy")
                    .rows(3)
                    .into(),
                self.area("care", "How is harm to anybody who was hurt avoided?")
                    .rows(3)
                    .into(),
            ],
            Doing::Outcome => {
                let owed = state.subjects();
                let next = owed
                    .iter()
                    .copied()
                    .find(|person| !state.outcomes.contains_key(person));
                vec![
                    self.about(owed, next, "For whom?"),
                    self.pick(
                        "outcome",
                        "How did it end for them?",
                        options::outcomes(self.given.one("outcome")),
                    ),
                    self.area("note", "In words, with the support").into(),
                ]
            }
            _ => vec![
                pupils(&|pupil| !state.views.contains_key(&pupil)),
                self.area("text", "In the child's words").into(),
            ],
        }
    }

    fn follow_up(&self, doing: Doing) -> Vec<Field> {
        match doing {
            Doing::Action => {
                let mut fields = vec![self.area("what", "What is to be done?").rows(3).into()];
                fields.extend(self.picker("Who does it? A name or sign-in name"));
                fields.push(self.day("due", "By when?").into());
                fields
            }
            Doing::FinishAction => vec![self.hidden("of"), self.area("note", "What came of it?").into()],
            Doing::CancelAction => vec![self.hidden("of"), self.area("reason", "Why is it no longer wanted?").into()],
            Doing::Debrief => vec![
                self.day("held_on", "Held on").hint("Leave empty where none was needed; then say why below. Only the lead decides that.").into(),
                self.area("text", "Who took part, what was said").into(),
            ],
            _ => {
                let mut fields = vec![
                    self.pick("kind", "What does it change?", options::lessons(self.given.one("kind"))),
                    self.area("text", "What was learnt, and what is to be done?").into(),
                ];
                fields.extend(self.picker("Who does it? Not needed where nothing changes"));
                fields.push(self.day("due", "By when?").into());
                fields
            }
        }
    }

    fn outside(&self, doing: Doing) -> Vec<Field> {
        match doing {
            Doing::Refer => {
                let step = self.named_step().and_then(|step| match &step.done_by {
                    DoneBy::Referral(agency) => Some(agency.name()),
                    _ => None,
                });
                let given = self
                    .given
                    .maybe("agency")
                    .unwrap_or_else(|| step.unwrap_or_default().to_owned());
                let mut fields = vec![
                    self.hidden("step"),
                    self.pick("agency", "To whom?", options::agencies(&given)),
                ];
                if self.open.state.has(Flag::MayBeIllegal) {
                    fields.push(Field::warning(
                        "Give addresses and facts only. Nothing is opened, copied or sent.",
                    ));
                }
                fields.extend([
                    self.line("contact", "Who was spoken to, and how?").into(),
                    self.moment("referred_at", "When?"),
                    self.area("shared", "What was shared?").rows(3).into(),
                    self.line("reference", "Their reference or log number")
                        .into(),
                    self.day("follow_up", "Chase an answer on").into(),
                ]);
                fields
            }
            Doing::Answer => vec![
                self.hidden("of"),
                self.area("answer", "What did they answer or decide?")
                    .into(),
            ],
            Doing::Supplier => {
                let letter = self
                    .open
                    .procedure
                    .letters
                    .iter()
                    .find(|letter| letter.to == "supplier");
                let text = self
                    .given
                    .maybe("text")
                    .or_else(|| letter.map(|letter| letter.text.trim().to_owned()))
                    .unwrap_or_default();
                let area = TextArea::new("text", "What was sent?", text)
                    .rows(10)
                    .error(self.errors.of("text"));
                vec![
                    self.line("supplier", "Which supplier?").into(),
                    area.into(),
                    self.line("reference", "Their reference").into(),
                ]
            }
            _ => vec![self.area("answer", "What did the supplier answer?").into()],
        }
    }

    fn filter(&self, doing: Doing) -> Vec<Field> {
        match doing {
            Doing::Contain => {
                let whom = words::blocked_for(self.campuses);
                let mut fields = vec![Field::Says(format!(
                    "It is blocked {whom} within a second, and reviewed afterwards."
                ))];
                if !self.campuses.is_empty() {
                    fields.push(Field::Says("You act for one campus: those who act for the whole school are asked to block it for everyone, and the step stays open until they do.".to_owned()));
                }
                let known = &self.open.state.concern.addresses;
                if self.needs && !known.is_empty() {
                    let place = |(at, address): (usize, &String)| {
                        Choice::new(at.to_string(), broken_up(address)).chosen(known.len() == 1)
                    };
                    let mut known: Vec<Choice> = known.iter().enumerate().map(place).collect();
                    known.push(Choice::new("", "Another address, written below"));
                    fields.push(self.pick("which", "Which address?", known));
                }
                let hint = "The host name is enough, such as bad-site.example.";
                fields.push(self.line("address", "Address").hint(hint).into());
                fields
            }
            Doing::Fix => vec![
                self.area("what", "What was changed?").rows(3).into(),
                self.line("change", "The filter change, with its risk assessment")
                    .hint("Its number or name in the log of changes.")
                    .into(),
            ],
            Doing::NoFix => vec![
                self.area("reason", "Why does nothing need to change?")
                    .into(),
            ],
            _ => vec![
                self.line("group", "From which group was it tried?").into(),
                self.yes_no("held", "Did the block hold?"),
                self.area(
                    "evidence",
                    "How was it tried? By the check or the category. Nobody opens the page.",
                )
                .rows(3)
                .into(),
            ],
        }
    }

    /// A name to find, and once several fitted, whom to choose.
    fn picker(&self, label: &str) -> Vec<Field> {
        let mut fields: Vec<Field> = vec![self.line("name", label).into()];
        if !self.people.is_empty() {
            fields.push(
                Choices::one("person", "Which of these?", self.people.clone())
                    .error(self.errors.of("person"))
                    .into(),
            );
        }
        fields
    }

    fn named_step(&self) -> Option<&Step> {
        self.open.procedure.step(self.given.one("step"))
    }

    fn decision(&self) -> Option<(&Step, &Decision)> {
        let step = self.named_step()?;
        match &step.done_by {
            DoneBy::Decision(decision) => Some((step, decision)),
            _ => None,
        }
    }

    /// Radios over people the case knows; the one given, the only one or the next is chosen.
    fn about(
        &self,
        people: std::collections::BTreeSet<PersonId>,
        next: Option<PersonId>,
        label: &str,
    ) -> Field {
        let given = self.given.one("about").parse().ok().or(next).or_else(|| {
            if people.len() == 1 {
                people.first().copied()
            } else {
                None
            }
        });
        let people = people
            .into_iter()
            .map(|person| {
                Choice::new(person.to_string(), self.names.get(person))
                    .chosen(given == Some(person))
            })
            .collect();
        self.pick("about", label, people)
    }

    fn pick(&self, name: &'static str, label: &str, list: Vec<Choice>) -> Field {
        Choices::one(name, label, list)
            .error(self.errors.of(name))
            .into()
    }

    fn yes_no(&self, name: &'static str, label: &str) -> Field {
        let given = self.given.one(name);
        let list = vec![
            Choice::new("yes", "Yes").chosen(given == "yes"),
            Choice::new("no", "No").chosen(given == "no"),
        ];
        Choices::one(name, label, list)
            .inline()
            .error(self.errors.of(name))
            .into()
    }

    fn hidden(&self, name: &'static str) -> Field {
        Field::Hidden(name, self.given.text(name))
    }

    fn line(&self, name: &'static str, label: &str) -> Input {
        Input::text(name, label, self.given.one(name)).error(self.errors.of(name))
    }

    fn area(&self, name: &'static str, label: &str) -> TextArea {
        TextArea::new(name, label, self.given.one(name)).error(self.errors.of(name))
    }

    fn day(&self, name: &'static str, label: &str) -> Input {
        self.line(name, label).kind("date").width(10)
    }

    fn moment(&self, name: &'static str, label: &str) -> Field {
        let given = self
            .given
            .maybe(name)
            .unwrap_or_else(|| kit::local(self.now, self.zone));
        Input::text(name, label, given)
            .kind("datetime-local")
            .width(20)
            .error(self.errors.of(name))
            .into()
    }
}
