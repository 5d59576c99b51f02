//! How a concern comes in: from a form, an alert, a block page or another case (CON-01, BRE-09).

use std::net::IpAddr;

use pharos_access::{Actor, Target, act};
use pharos_casework::{CaseState, Command, Concern, Hand, Origin, Part, Procedure, Reporter, Whom};
use pharos_school::{AlertId, CaseId, Role};

use super::{Raised, hand_of, new_entry, pace, refusal, replay, stored};
use crate::clock::new_uuid;
use crate::{App, Error, Problem, SignedIn};

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

    pub(super) async fn raise(
        &self,
        by: Option<&SignedIn>,
        concern: Concern,
        alert: Option<AlertId>,
        one_of_many: bool,
    ) -> Result<Raised, Error> {
        let case = CaseId::from_uuid(new_uuid());
        self.raise_as(case, by, concern, alert, one_of_many).await
    }

    /// Raises a concern as this case: once, because an id is given once.
    ///
    /// # Errors
    /// As [`App::raise_concern`]; when there is a case with this id.
    pub(crate) async fn raise_once(
        &self,
        by: &SignedIn,
        case: CaseId,
        concern: Concern,
    ) -> Result<Raised, Error> {
        self.raise_as(case, Some(by), concern, None, false).await
    }

    async fn raise_as(
        &self,
        case: CaseId,
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

    /// Goes on under the procedure for indecent images, with the same people and addresses, as soon
    /// as a case is marked possibly illegal (BRE-07, PRO-22).
    pub(super) async fn raise_as_illegal(
        &self,
        me: &SignedIn,
        case: CaseId,
        state: &CaseState,
    ) -> Result<Raised, Error> {
        let mut concern = Concern::new(
            Reporter::Staff {
                person: me.person.id,
            },
            Origin::MayBeIllegal { case },
            "Something in another case may be illegal. What is known stands there; nothing is opened or copied to check it.",
        );
        concern.involved = state.involved.clone();
        concern.addresses = state.concern.addresses.clone();
        concern.device = state.concern.device.clone();
        concern.happened_at = state.concern.happened_at;
        concern.first_known_at = Some(self.now());
        self.raise(Some(me), concern, None, false).await
    }

    fn procedure_for(&self, origin: &Origin) -> Result<Procedure, Error> {
        let id = match origin {
            Origin::GotThrough | Origin::BlockPage { .. } | Origin::Alert { .. } => "filter-breach",
            Origin::MayBeIllegal { .. } => "indecent-images",
            Origin::Form | Origin::Case { .. } => "concern",
        };
        self.procedure(id).ok_or_else(|| {
            Error::invalid(format!(
                "The policy pack has no procedure {id:?}. Check it with `pharos pack check`."
            ))
        })
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
