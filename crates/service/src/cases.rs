//! Concerns and cases: raised by anyone, worked by those who need to know, never edited (CON).

mod own_pupils;
pub(crate) mod pace;
mod readers;
mod stored;

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_casework::{
    CaseState, Clock, Command, Concern, Entry, EntryBody, Hand, Missing, Origin, Part, Procedure,
    Reporter, StepNow, Whom, broken_up, due, missing_to_close, prohibitions, steps, tells,
};
use pharos_records::{Case, CaseFile, CaseFilter, NewNotice, Receipt};
use pharos_school::{AlertId, CaseId, EntryId, Person, PersonId, Role};

use crate::clock::new_uuid;
use crate::{App, Error, Problem, SignedIn};

/// What somebody who raises a concern is told: that it arrived, and a number (CON-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    /// The case.
    pub case: CaseId,
    /// Its number for people.
    pub number: i64,
}

/// A case, open on somebody's desk.
pub struct OpenCase {
    /// The header.
    pub case: Case,
    /// What the entries say.
    pub state: CaseState,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The procedure it runs.
    pub procedure: Procedure,
}

impl OpenCase {
    /// Every step as it stands.
    pub fn steps(&self) -> Vec<StepNow<'_>> {
        steps(&self.state, &self.procedure)
    }

    /// What stands in the way of closing.
    pub fn missing(&self) -> Vec<Missing> {
        missing_to_close(&self.state, &self.procedure)
    }

    /// What is refused now, and why: `(what, why, instead)`.
    pub fn never(&self) -> Vec<(String, String)> {
        prohibitions(&self.state, &self.procedure)
            .into_iter()
            .map(|forbid| (forbid.why.clone(), forbid.instead.clone()))
            .collect()
    }
}

impl App {
    /// Raises a concern (CON-01). `by` is whoever is signed in, if anybody. Those in `con.notify`
    /// are told in the same transaction (CON-03).
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the form.
    pub async fn raise_concern(
        &self,
        by: Option<&SignedIn>,
        concern: Concern,
    ) -> Result<Raised, Error> {
        self.raise(by, concern, None, false).await
    }

    /// Raises a concern that somebody sent from this address. Of those who are not signed in, many at
    /// once are marked, and told of together.
    ///
    /// # Errors
    /// As [`App::raise_concern`].
    pub async fn raise_concern_from(
        &self,
        by: Option<&SignedIn>,
        concern: Concern,
        from: IpAddr,
    ) -> Result<Raised, Error> {
        let many = by.is_none() && self.inner().report_pace.is_one_of_many(from, self.now());
        self.raise(by, concern, None, many).await
    }

    /// Opens a concern from an alert: the second of the two clicks (CON-01, MON-04).
    ///
    /// # Errors
    /// [`Error::Denied`] when the alert is not theirs to see.
    pub async fn raise_from_alert(
        &self,
        by: &SignedIn,
        alert: AlertId,
        note: &str,
    ) -> Result<Raised, Error> {
        let file = self.alert(&by.actor, alert).await?;
        if let Some(case) = file.alert.case {
            return Err(Error::Refused(format!(
                "This alert was already opened as a concern. Go on there: /cases/{case}"
            )));
        }
        let concern = self.concern_of(alert, &file, note).await?;
        self.raise(Some(by), concern, Some(alert), false).await
    }

    async fn raise(
        &self,
        by: Option<&SignedIn>,
        concern: Concern,
        alert: Option<AlertId>,
        one_of_many: bool,
    ) -> Result<Raised, Error> {
        let now = self.now();
        let problems = concern.problems(now);
        if !problems.is_empty() {
            return Err(Error::Invalid(
                problems
                    .into_iter()
                    .map(|problem| Problem::field(problem.field, problem.message))
                    .collect(),
            ));
        }
        let (actor, hand) = match by {
            Some(me) => (me.actor.clone(), hand_of(me)),
            None => (Actor::system("report-form"), Hand::outside()),
        };
        let permit = self
            .may::<act::RaiseConcern>(&actor, Target::School)
            .await?;
        let procedure = self.procedure_for(&concern.origin)?;
        let case = CaseId::from_uuid(new_uuid());
        let mut entries =
            pharos_casework::open(case, &procedure, concern, &hand, now, &mut new_entry)
                .map_err(refusal)?;
        let mut state = replay(&entries)?;
        if let Some(yes) = state.concern.danger {
            let more = pharos_casework::act(
                &state,
                &procedure,
                Command::AnswerDanger { yes },
                &hand,
                now,
                &mut new_entry,
            );
            if let Ok(more) = more {
                entries.extend(more);
                state = replay(&entries)?;
            }
        }
        let mut header = self
            .header(
                case,
                &state,
                &procedure,
                by.map(|me| me.person.id),
                alert,
                now,
            )
            .await?;
        if one_of_many {
            header.title.insert_str(0, pace::ONE_OF_MANY);
        }
        let notices = self
            .first_notices(case, &state, &procedure, one_of_many, now)
            .await?;
        let rows = entries
            .iter()
            .map(stored::new_entry)
            .collect::<Result<Vec<_>, _>>()?;
        let number = self
            .records()
            .open_case(&permit, &header, &rows, &notices, now)
            .await?;
        Ok(Raised { case, number })
    }

    /// The cases that somebody may know of, most pressing first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn cases(&self, actor: &Actor, open: bool) -> Result<Vec<Case>, Error> {
        let permit = self.may::<act::ListCases>(actor, Target::School).await?;
        Ok(self
            .records()
            .cases(
                &permit,
                &CaseFilter {
                    open: Some(open),
                    limit: 500,
                    ..CaseFilter::default()
                },
            )
            .await?)
    }

    /// Opens a case. The reading is in the ledger before anything is shown (CON-14).
    ///
    /// # Errors
    /// [`Error::NotFound`] both when it is not there and when they may not know of it.
    pub async fn case(&self, actor: &Actor, id: CaseId) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::ReadCase>(actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let file = self
            .records()
            .case(&permit, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// The whole case for printing; noted as an export.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn export_case(&self, actor: &Actor, id: CaseId) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::ExportCase>(actor, Target::Case(&facts))
            .await?;
        let file = self
            .records()
            .export_case(&permit, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// Opens a case in an emergency, with a reason; the lead is told (CON-14).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Invalid`] without a reason.
    pub async fn emergency_case(
        &self,
        actor: &Actor,
        id: CaseId,
        why: &str,
    ) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let why = crate::overrides::reason(why)?;
        let permit = self
            .may::<act::EmergencyCase>(actor, Target::Case(&facts))
            .await?
            .because(&why);
        let leads = self.holders(&[Role::Lead]).await?;
        let notices = self.notices_to(
            &leads,
            "emergency-access",
            &format!("/cases/{id}"),
            self.now(),
        )?;
        let file = self
            .records()
            .emergency_case(&permit, &notices, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// Does something to a case. `known` is the number of entries that the person saw; when somebody
    /// wrote meanwhile, nothing happens ([`Error::Changed`]).
    ///
    /// # Errors
    /// [`Error::Refused`] with the procedure's reason and what to do instead; the attempt itself is
    /// kept where the procedure forbids it.
    pub async fn act_on_case(
        &self,
        me: &SignedIn,
        id: CaseId,
        known: i64,
        command: Command,
    ) -> Result<(), Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::WriteCase>(&me.actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let file = self
            .records()
            .case_to_write(&permit)
            .await?
            .ok_or(Error::NotFound)?;
        if file.case.entries != known {
            return Err(Error::Changed);
        }
        let raised_by = file.case.raised_by;
        let open = self.open_file(file)?;
        let now = self.now();
        let (entries, refused) = match pharos_casework::act(
            &open.state,
            &open.procedure,
            command,
            &hand_of(me),
            now,
            &mut new_entry,
        ) {
            Ok(entries) => (entries, None),
            Err(mut no) => match no.entry.take() {
                Some(entry) => (vec![*entry], Some(no)),
                None => return Err(refusal(no)),
            },
        };
        let mut all = open.entries;
        all.extend(entries.iter().cloned());
        let state = replay(&all)?;
        let procedure = self
            .procedure(&state.procedure.id)
            .unwrap_or(open.procedure);
        let change = stored::change(
            &self
                .header(id, &state, &procedure, raised_by, None, now)
                .await?,
            &state,
        );
        let notices = self.notices_of(id, &entries, now).await?;
        let rows = entries
            .iter()
            .map(stored::new_entry)
            .collect::<Result<Vec<_>, _>>()?;
        self.records()
            .append_entries(&permit, known, &rows, &change, &notices, now)
            .await?;
        match refused {
            Some(no) => Err(refusal(no)),
            None => Ok(()),
        }
    }

    /// Blocks the case's address for everyone with one press, and notes it in the case (BRE-04).
    ///
    /// # Errors
    /// As [`App::block_now`] and [`App::act_on_case`].
    pub async fn contain(
        &self,
        me: &SignedIn,
        id: CaseId,
        known: i64,
        address: &str,
    ) -> Result<(), Error> {
        // The case must be theirs before the filter changes.
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        self.may::<act::WriteCase>(&me.actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let change = self
            .block_now(&me.actor, address, "Blocked from a case before review")
            .await?;
        self.act_on_case(
            me,
            id,
            known,
            Command::Contain {
                address: address.to_owned(),
                change,
            },
        )
        .await
    }

    /// Passes a safeguarding worry found in a breach to the lead as a concern of its own (BRE-09).
    ///
    /// # Errors
    /// As [`App::raise_concern`].
    pub async fn link_concern(
        &self,
        me: &SignedIn,
        id: CaseId,
        known: i64,
        what: &str,
    ) -> Result<Raised, Error> {
        let open = self.case(&me.actor, id).await?;
        let reporter = Reporter::Staff {
            person: me.person.id,
        };
        let mut concern = Concern::new(reporter, Origin::Case { case: id }, what);
        concern.involved = open.state.involved.clone();
        let raised = self.raise(Some(me), concern, None, false).await?;
        self.act_on_case(me, id, known, Command::LinkConcern { case: raised.case })
            .await?;
        Ok(raised)
    }

    /// Tells the next people while nobody has acknowledged a concern (CON-03, CLK-02). Each rung is
    /// queued once. Gives how many open cases were looked at.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_cases(&self) -> Result<usize, Error> {
        let system = Actor::system("jobs");
        let now = self.now();
        let permit = self.may::<act::Housekeep>(&system, Target::School).await?;
        let list = self.may::<act::ListCases>(&system, Target::School).await?;
        let open = self
            .records()
            .cases(
                &list,
                &CaseFilter {
                    open: Some(true),
                    ..CaseFilter::default()
                },
            )
            .await?;
        let waiting: Vec<_> = open
            .into_iter()
            .filter(|case| case.acknowledged_at.is_none())
            .collect();
        for case in &waiting {
            let facts = case.facts();
            let settings = match facts.route() {
                pharos_access::About::Pupil => self.school().chase.clone(),
                // Matters about staff go to those of their own route and to nobody else.
                pharos_access::About::Staff | pharos_access::About::Head => continue,
            };
            let mut notices = Vec::new();
            for due in pharos_casework::chase(case.opened_at, None, &settings, now)
                .into_iter()
                .filter(|due| due.rung > 0)
            {
                let to: Vec<Person> = self
                    .holders(&[due.to])
                    .await?
                    .into_iter()
                    .filter(|person| !facts.is_about(person.id))
                    .collect();
                let (kind, path) = if case.title.starts_with(pace::ONE_OF_MANY) {
                    let at = pace::told_together_at(false, case.opened_at).as_second();
                    let kind = format!("concern-many-chase-{}-{at}", due.rung);
                    (kind, "/cases".to_owned())
                } else {
                    let kind = format!("concern-chase-{}", due.rung);
                    (kind, format!("/cases/{}", case.id))
                };
                notices.extend(self.notices_to(&to, &kind, &path, now)?);
            }
            if !notices.is_empty() {
                self.records().enqueue(&permit, &notices, now).await?;
            }
        }
        Ok(waiting.len())
    }

    /// What somebody raised themselves: that it was received, and taken up.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn receipts(&self, actor: &Actor, person: PersonId) -> Result<Vec<Receipt>, Error> {
        let permit = self
            .may::<act::ReadReceipt>(actor, Target::Own(person))
            .await?;
        Ok(self.records().receipts(&permit).await?)
    }

    /// Every clock that runs on a case, most pressing first (CLK-02).
    pub fn clocks(&self, open: &OpenCase) -> Vec<Clock> {
        due(
            &open.state,
            &open.procedure,
            &self.school().calendar,
            self.now(),
        )
    }

    /// Whether this person needs to see addresses in full to report or block them (BRE-10).
    pub fn needs_addresses(&self, actor: &Actor) -> bool {
        [
            Role::Lead,
            Role::Deputy,
            Role::Head,
            Role::OnlineLead,
            Role::Technical,
        ]
        .iter()
        .any(|role| actor.holds(*role))
    }

    /// The procedures of the school, for the "what to do if" charts (PRO-02).
    pub fn procedures(&self) -> Vec<Procedure> {
        self.school().pack.procedures.clone()
    }

    /// One procedure by its id, as the school has it.
    pub fn procedure(&self, id: &str) -> Option<Procedure> {
        self.school()
            .pack
            .procedures
            .iter()
            .find(|procedure| procedure.reference.id == id)
            .cloned()
    }

    fn procedure_for(&self, origin: &Origin) -> Result<Procedure, Error> {
        let id = match origin {
            Origin::BlockPage { .. } | Origin::Alert { .. } => "filter-breach",
            Origin::Form | Origin::Case { .. } => "concern",
        };
        self.procedure(id).ok_or_else(|| {
            Error::invalid(format!(
                "The policy pack has no procedure {id:?}. Check it with `pharos pack check`."
            ))
        })
    }

    pub(crate) fn open_file(&self, file: CaseFile) -> Result<OpenCase, Error> {
        let entries = file
            .entries
            .iter()
            .map(stored::entry)
            .collect::<Result<Vec<_>, _>>()?;
        let state = replay(&entries)?;
        let procedure = self
            .procedure(&state.procedure.id)
            .ok_or_else(|| Error::invalid(format!("This case runs the procedure {:?}, which the policy pack no longer has. Put it back.", state.procedure.id)))?;
        Ok(OpenCase {
            case: file.case,
            state,
            entries,
            procedure,
        })
    }

    /// What lists and need-to-know need of a case, derived from its entries.
    async fn header(
        &self,
        id: CaseId,
        state: &CaseState,
        procedure: &Procedure,
        raised_by: Option<PersonId>,
        from_alert: Option<AlertId>,
        now: Timestamp,
    ) -> Result<pharos_records::NewCase, Error> {
        let mut involved = Vec::new();
        for person in state.involved.iter() {
            if let Some(known) = person.whom.person()
                && let Some(known) = self.known_person(known).await?
            {
                involved.push(pharos_access::Involved {
                    id: known.id,
                    about: pharos_access::About::of(&known),
                    part: stored::part(person.part),
                });
            }
        }
        let clocks = due(state, procedure, &self.school().calendar, now);
        let overdue = clocks.iter().filter(|clock| clock.overdue).count();
        Ok(pharos_records::NewCase {
            id,
            kind: state.procedure.id.clone(),
            partition: stored::partition(state),
            state: stored::state_word(state).to_owned(),
            title: self.title(state).await?,
            involved,
            conflicts: BTreeSet::new(),
            readers: BTreeSet::new(),
            raised_by,
            owner: state.acknowledged.and_then(|mark| mark.by.person()),
            due_at: clocks.first().map(|clock| clock.due_at),
            rank: stored::rank(state, overdue),
            from_alert,
        })
    }

    /// One line for the list: who, and what kind of thing. Sealed like the rest.
    async fn title(&self, state: &CaseState) -> Result<String, Error> {
        let mut names = Vec::new();
        for involved in state.involved.iter().take(3) {
            names.push(self.who(&involved.whom).await?);
        }
        if names.is_empty() {
            names.push("Nobody named yet".to_owned());
        }
        Ok(format!(
            "{}: {}",
            names.join(", "),
            in_short(&state.concern.what)
        ))
    }

    /// How somebody named in a concern is called on pages.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn who(&self, whom: &Whom) -> Result<String, Error> {
        Ok(match whom {
            Whom::Pupil { person } | Whom::Staff { person } | Whom::Parent { person } => self
                .name_of(*person)
                .await?
                .unwrap_or_else(|| "Somebody no longer on the roll".to_owned()),
            Whom::PupilByName { name } => format!("{name} (not matched yet)"),
            Whom::FormerPupil { name } => format!("{name} (former pupil)"),
            Whom::PupilElsewhere { name, school } => format!("{name} ({school})"),
            Whom::Outsider { description } => description.clone(),
            Whom::ScreenName { name, service } => format!("“{name}” on {service}"),
            Whom::Device { label } => format!("Unknown person at {label}"),
        })
    }

    /// Notices that a fresh concern sends at once: those in `con.notify`, except whoever it is about.
    /// A filtering breach goes to those in `bre.report_to` as well (BRE-01, BRE-02).
    async fn first_notices(
        &self,
        id: CaseId,
        state: &CaseState,
        procedure: &Procedure,
        one_of_many: bool,
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        let mut roles: BTreeSet<Role> = self
            .school()
            .chase
            .rungs
            .first()
            .map(|rung| rung.to.iter().copied().collect())
            .unwrap_or_default();
        let breach = procedure.reference.id == "filter-breach";
        let reported_to = if breach {
            self.school().pack.roles_of(
                "bre.report_to",
                &[Role::Lead, Role::Deputy, Role::Technical],
            )
        } else {
            BTreeSet::new()
        };
        roles.extend(reported_to.iter().filter(|role| **role != Role::Technical));
        let roles: Vec<Role> = roles.into_iter().collect();
        let to = self.tell(id, state, &roles).await?;
        if one_of_many {
            let at = pace::told_together_at(state.concern.danger == Some(true), now);
            let kind = format!("concern-many-{}", at.as_second());
            return self.notices_to(&to, &kind, "/cases", at);
        }
        let mut notices = self.notices_to(&to, "concern", &format!("/cases/{id}"), now)?;
        if reported_to.contains(&Role::Technical) {
            notices.extend(self.filter_needs_attention(id, state, now).await?);
        }
        Ok(notices)
    }

    /// The technical team hears that the filter needs attention, never whose case it is (CON-14);
    /// of a matter about a member of staff it hears nothing.
    async fn filter_needs_attention(
        &self,
        id: CaseId,
        state: &CaseState,
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        for person in state.subjects() {
            if self.known_person(person).await?.is_some_and(|person| {
                pharos_access::About::of(&person) != pharos_access::About::Pupil
            }) {
                return Ok(Vec::new());
            }
        }
        let team = self.holders(&[Role::Technical]).await?;
        self.notices_to(&team, "breach-filter", &format!("/lists/breach/{id}"), now)
    }

    /// Notices that follow from new entries, such as leadership when a supplier is at fault (BRE-05).
    async fn notices_of(
        &self,
        id: CaseId,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        let mut roles: Vec<Role> = entries
            .iter()
            .flat_map(|entry| tells(&entry.body))
            .flat_map(|party| party.roles())
            .copied()
            .collect();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Ok(Vec::new());
        }
        let last = entries.last().map_or(0, |entry| entry.seq);
        let facts = self.records().case_facts(id).await?;
        let to: Vec<Person> = self
            .holders(&roles)
            .await?
            .into_iter()
            .filter(|person| {
                facts
                    .as_ref()
                    .is_none_or(|facts| !facts.is_about(person.id))
            })
            .collect();
        self.notices_to(&to, &format!("case-{last}"), &format!("/cases/{id}"), now)
    }

    /// The holders of these roles whom the case is not about; matters about staff go their own way.
    async fn tell(
        &self,
        _id: CaseId,
        state: &CaseState,
        roles: &[Role],
    ) -> Result<Vec<Person>, Error> {
        let about = state.subjects();
        let mut route: BTreeSet<Role> = roles.iter().copied().collect();
        for person in &about {
            if let Some(person) = self.known_person(*person).await? {
                match pharos_access::About::of(&person) {
                    pharos_access::About::Pupil => {}
                    pharos_access::About::Staff => {
                        route = self.rules().routes().staff_cases.clone()
                    }
                    pharos_access::About::Head => route = self.rules().routes().head.clone(),
                }
            }
        }
        let roles: Vec<Role> = route.into_iter().collect();
        Ok(self
            .holders(&roles)
            .await?
            .into_iter()
            .filter(|person| !about.contains(&person.id))
            .collect())
    }

    /// A concern prefilled from an alert: who, when, where, how often (P8: "the system pre-fills").
    async fn concern_of(
        &self,
        id: AlertId,
        file: &pharos_records::AlertFile,
        note: &str,
    ) -> Result<Concern, Error> {
        let shown = crate::alerts::AlertBody::read(&file.alert.body)?;
        let mut what = shown.why().join(" ");
        if !note.trim().is_empty() {
            what = format!("{}\n\n{what}", note.trim());
        }
        let mut concern = Concern::new(Reporter::Pharos, Origin::Alert { alert: id }, what);
        concern.happened_at = Some(file.alert.last_at);
        concern.first_known_at = Some(file.alert.at);
        concern.site = pharos_casework::Site::OnSite;
        concern.equipment = pharos_casework::Equipment::NotKnown;
        concern.device = shown.device();
        concern.addresses = shown.hosts();
        concern.involved = match file.alert.about {
            Some(watched) => {
                let whom = match self.known_person(watched.id).await? {
                    Some(person) if person.is(Role::Pupil) => Whom::Pupil { person: person.id },
                    Some(person) if person.is_staff() => Whom::Staff { person: person.id },
                    Some(person) => Whom::Parent { person: person.id },
                    None => Whom::Outsider {
                        description: "Somebody no longer on the roll".to_owned(),
                    },
                };
                vec![pharos_casework::Involved {
                    whom,
                    part: Part::ReachedMaterial,
                }]
            }
            None => shown
                .device()
                .map(|label| pharos_casework::Involved {
                    whom: Whom::Device { label },
                    part: Part::ReachedMaterial,
                })
                .into_iter()
                .collect(),
        };
        Ok(concern)
    }
}

/// An entry's addresses as this reader may see them: broken up, or withheld (BRE-10).
pub fn shown_addresses(body: &EntryBody, needs: bool) -> Vec<String> {
    let addresses: Vec<&String> = match body {
        EntryBody::Report { concern, .. } => concern.addresses.iter().collect(),
        EntryBody::Contained { address, .. } => vec![address],
        _ => Vec::new(),
    };
    addresses
        .into_iter()
        .map(|address| {
            if needs {
                broken_up(address)
            } else {
                pharos_casework::WITHHELD.to_owned()
            }
        })
        .collect()
}

pub(crate) fn new_entry() -> EntryId {
    EntryId::from_uuid(new_uuid())
}

/// The hand of somebody signed in, with the roles that their session carries.
pub(crate) fn hand_of(me: &SignedIn) -> Hand {
    let roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| me.actor.holds(*role))
        .collect();
    Hand::person(me.person.id, &roles)
}

/// A refusal by the procedure, as the person reads it.
pub(crate) fn refusal(no: pharos_casework::Refusal) -> Error {
    Error::Refused(format!("{} {}", no.why, no.instead))
}

/// The first words of an account, about 80 characters, never cut inside a word.
fn in_short(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() && short.chars().count() + word.chars().count() >= 80 {
            short.push('…');
            return short;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    short.chars().take(120).collect()
}

/// A case that somebody may not see looks like one that is not there.
fn hide(error: Error) -> Error {
    match error {
        Error::Denied(_) => Error::NotFound,
        other => other,
    }
}

fn replay(entries: &[Entry]) -> Result<CaseState, Error> {
    CaseState::replay(entries).map_err(|broken| Error::unavailable("reading a case", &broken))
}
