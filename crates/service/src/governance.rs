//! The living policy: every clause with how it stands, the figures and the evidence (REV-09).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_governance::{
    AlertFact, Attestation, BreachFact, ClauseAssessment, Control, Facts, ParentsFact, ParentsNow,
    Probe, ProbeResult, SealedListFact, Subject, assess_clause,
};
use pharos_ledger::Detail;
use pharos_records::{AlertFilter, CaseFilter, SettingRow, StandingRow};
use pharos_school::Role;
use serde::{Deserialize, Serialize};

use crate::checks::{CheckResults, Kind, Outcome, Result_};
use crate::{App, Error, SignedIn};

/// How far back lapses count.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 28);

/// How far back single probes of the self-check are read.
const CHECKS_READ: SignedDuration = SignedDuration::from_hours(24 * 7);

#[derive(Debug, Serialize, Deserialize)]
struct StoredAttestation {
    v: u16,
    by: pharos_school::PersonId,
    role: Role,
    at: Timestamp,
}

impl App {
    /// Every clause of the policy with how it stands now (REV-09).
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn clauses(&self, actor: &Actor) -> Result<Vec<ClauseAssessment>, Error> {
        self.may::<act::ReadPolicy>(actor, Target::School).await?;
        self.assess().await
    }

    /// How one clause stood over time, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn clause_history(
        &self,
        actor: &Actor,
        clause: &str,
    ) -> Result<Vec<StandingRow>, Error> {
        let permit = self.may::<act::ReadPolicy>(actor, Target::School).await?;
        Ok(self
            .records()
            .standing_history(&permit, clause, 100)
            .await?)
    }

    /// A named person says, today, that a clause is kept.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when the clause asks for another role.
    pub async fn attest(&self, me: &SignedIn, clause: &str) -> Result<(), Error> {
        let permit = self
            .may::<act::RecordStanding>(&me.actor, Target::School)
            .await?;
        let bound = self
            .school()
            .pack
            .clause(clause)
            .cloned()
            .ok_or(Error::NotFound)?;
        let role = bound.controls.iter().find_map(|control| match control {
            Control::Attested { by, .. } if me.actor.holds(*by) => Some(*by),
            _ => None,
        });
        let role = role.ok_or_else(|| {
            Error::Refused(
                "This clause is not yours to attest. It names the role that says so.".to_owned(),
            )
        })?;
        self.records()
            .note(
                &permit,
                None,
                &Detail::new().text("attested", clause),
                self.now(),
            )
            .await?;
        let keep = self
            .may::<act::ChangeSettings>(&Actor::system("attestations"), Target::School)
            .await?;
        let stored = StoredAttestation {
            v: 1,
            by: me.person.id,
            role,
            at: self.now(),
        };
        let text = serde_json::to_string(&stored)
            .map_err(|error| Error::unavailable("writing an attestation", &error))?;
        self.records()
            .set_setting(
                &keep,
                &format!("attested.{clause}"),
                Some(&text),
                self.now(),
            )
            .await?;
        self.assess_and_keep().await
    }

    /// Assesses every clause and keeps what changed, for the history.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn assess_and_keep(&self) -> Result<(), Error> {
        let assessed = self.assess().await?;
        let pack = i64::try_from(self.school().version).unwrap_or_default();
        let now = self.now();
        let rows: Vec<_> = assessed
            .iter()
            .filter_map(|clause| {
                let deciding = clause.deciding()?;
                let figures: BTreeMap<_, _> = deciding.figures.iter().map(|figure| (figure.name, figure.value)).collect();
                let figures = serde_json::json!({ "v": 1, "sentence": deciding.sentence, "control": deciding.control, "figures": figures });
                Some(StandingRow { clause: clause.clause.clone(), standing: standing_name(clause.standing?).to_owned(), figures: figures.to_string(), pack, at: now })
            })
            .collect();
        let permit = self
            .may::<act::RecordStanding>(&Actor::system("self-check"), Target::School)
            .await?;
        self.records().record_standings(&permit, &rows, now).await?;
        Ok(())
    }

    pub(crate) async fn assess(&self) -> Result<Vec<ClauseAssessment>, Error> {
        let facts = self.facts().await?;
        let now = self.now();
        Ok(self
            .school()
            .pack
            .clauses
            .iter()
            .map(|clause| assess_clause(clause, &facts, now))
            .collect())
    }

    /// Every control of the policy.
    pub(crate) fn controls(&self) -> Vec<Control> {
        self.school()
            .pack
            .clauses
            .iter()
            .flat_map(|clause| clause.controls.clone())
            .collect()
    }

    /// The figures that clauses are held against.
    async fn facts(&self) -> Result<Facts, Error> {
        let system = Actor::system("self-check");
        let mut facts = Facts {
            groups: self.check_groups(),
            ..Facts::default()
        };
        self.check_facts(&system, &mut facts).await?;
        self.case_facts_for_clauses(&system, &mut facts).await?;
        self.alert_facts_for_clauses(&system, &mut facts).await?;
        facts.supervised = self.supervised_facts(self.now() - LOOK_BACK).await?;
        facts.audits = self.audit_facts(&system, self.now() - LOOK_BACK).await?;
        facts.scope = self.scope_facts().await?;
        facts.attestations = self
            .records()
            .settings()
            .await?
            .iter()
            .filter_map(attestation)
            .collect();
        Ok(facts)
    }

    async fn check_facts(&self, system: &Actor, facts: &mut Facts) -> Result<(), Error> {
        let mut newest: BTreeMap<(String, Kind), Found> = BTreeMap::new();
        let recent = self.now() - CHECKS_READ;
        for run in self.checks(system).await? {
            let id = run.run.id;
            let whole = run.run.passed > 0;
            if facts.check_last.is_none() && whole {
                facts.check_last = Some((id, run.run.to, run.run.failed == 0));
            }
            if facts.check_passed.is_none() && whole && run.run.failed == 0 {
                facts.check_passed = Some((id, run.run.to));
            }
            // What an old run found is out of date whatever it was; the last one counts in any case.
            if newest.is_empty() || run.run.to >= recent {
                for outcome in CheckResults::read(&run)?.outcomes() {
                    keep_newest(&mut newest, &outcome, (id, run.run.to));
                }
            }
        }
        self.add_hand_facts(system, facts, &mut newest).await?;
        self.sealed_facts(facts, &newest)?;
        facts.probes = newest
            .into_iter()
            .filter_map(|((group, kind), found)| {
                let subject = match kind {
                    Kind::Category(name) => Subject::Category(name),
                    Kind::SafeSearch(engine) => Subject::SafeSearch(engine),
                    Kind::Sealed(_)
                    | Kind::Help(_)
                    | Kind::WayRound(_)
                    | Kind::Curriculum(_)
                    | Kind::Other(_) => return None,
                };
                Some(Probe {
                    check: found.check,
                    at: found.at,
                    group,
                    subject,
                    result: found.result,
                })
            })
            .collect();
        Ok(())
    }

    /// What somebody found by hand not to hold counts until it was tried by hand again, whatever the test
    /// addresses say; what held proves nothing beyond the one address.
    async fn add_hand_facts(
        &self,
        system: &Actor,
        facts: &mut Facts,
        newest: &mut BTreeMap<(String, Kind), Found>,
    ) -> Result<(), Error> {
        for (fact, group, kind) in self.hand_facts(system).await? {
            if !fact.passed {
                let found = Found {
                    check: fact.check,
                    at: fact.at,
                    result: ProbeResult::Failed,
                };
                newest.insert((group, kind), found);
            }
            facts.hand.push(fact);
        }
        Ok(())
    }

    /// A list counts as live when the last run that tried its test entry found it blocked for
    /// everybody.
    fn sealed_facts(
        &self,
        facts: &mut Facts,
        newest: &BTreeMap<(String, Kind), Found>,
    ) -> Result<(), Error> {
        let held = |name: &str| {
            let tried = newest.iter().filter(|((_, kind), found)| {
                matches!(kind, Kind::Sealed(list) if list == name)
                    && found.result != ProbeResult::NotTried
            });
            let last = tried.clone().map(|(_, found)| found.at).max()?;
            let mut tried = tried.filter(|(_, found)| found.at == last);
            Some(tried.all(|(_, found)| found.result == ProbeResult::Passed))
        };
        facts.sealed = self
            .sealed_status()?
            .into_iter()
            .map(|list| SealedListFact {
                entries: list.entries,
                refreshed_at: Some(list.issued),
                test_entry_held: held(&list.name),
                name: list.name.to_string(),
            })
            .collect();
        Ok(())
    }

    async fn case_facts_for_clauses(&self, system: &Actor, facts: &mut Facts) -> Result<(), Error> {
        let permit = self.may::<act::ListCases>(system, Target::School).await?;
        let since = self.now() - LOOK_BACK;
        let mut cases = self
            .records()
            .cases(
                &permit,
                &CaseFilter {
                    open: Some(true),
                    ..CaseFilter::default()
                },
            )
            .await?;
        let closed = self
            .records()
            .cases(
                &permit,
                &CaseFilter {
                    open: Some(false),
                    ..CaseFilter::default()
                },
            )
            .await?;
        cases.extend(closed.into_iter().filter(|case| {
            case.opened_at >= since || case.closed_at.is_some_and(|at| at >= since)
        }));
        for case in cases {
            let open = self.case_for_figures(case.id).await?;
            if case.kind == "filter-breach" {
                facts.breaches.push(BreachFact {
                    case: case.id,
                    reported_at: open.state.reported.at,
                    closed_at: case.closed_at,
                });
            }
            for pupil in open.state.pupils() {
                let now = match open.state.parents_of(pupil) {
                    pharos_casework::ParentsStanding::Undecided => ParentsNow::Undecided,
                    pharos_casework::ParentsStanding::Told(at) => ParentsNow::Told(at),
                    pharos_casework::ParentsStanding::NotYet(date) => ParentsNow::NotYet(date),
                    pharos_casework::ParentsStanding::NotTold(at) => ParentsNow::NotTold(at),
                };
                facts.parents.push(ParentsFact {
                    case: case.id,
                    reported_at: open.state.reported.at,
                    now,
                });
            }
        }
        Ok(())
    }

    async fn alert_facts_for_clauses(
        &self,
        system: &Actor,
        facts: &mut Facts,
    ) -> Result<(), Error> {
        let permit = self.may::<act::ListAlerts>(system, Target::School).await?;
        let since = self.now() - LOOK_BACK;
        let alerts = self
            .records()
            .alerts(&permit, &AlertFilter::default())
            .await?;
        facts.alerts = alerts
            .into_iter()
            .filter(|alert| alert.acknowledged_at.is_none() || alert.at >= since)
            .map(|alert| AlertFact {
                alert: alert.id,
                raised_at: alert.at,
                acknowledged_at: alert.acknowledged_at,
            })
            .collect();
        Ok(())
    }
}

/// What the newest run that tried something found.
#[derive(Debug, Clone, Copy)]
struct Found {
    check: pharos_school::CheckId,
    at: Timestamp,
    result: ProbeResult,
}

/// A failed probe of a run outweighs a passed one of the same run, in whatever place and through
/// whatever face; a newer run outweighs all.
fn keep_newest(
    newest: &mut BTreeMap<(String, Kind), Found>,
    outcome: &Outcome<'_>,
    (check, at): (pharos_school::CheckId, Timestamp),
) {
    let result = match outcome.result {
        Result_::Passed => ProbeResult::Passed,
        Result_::Failed => ProbeResult::Failed,
        Result_::NotTried => ProbeResult::NotTried,
    };
    let key = (outcome.group.to_owned(), outcome.kind.clone());
    let found = Found { check, at, result };
    let kept = newest.entry(key).or_insert(found);
    if kept.check == check && weight(result) > weight(kept.result) {
        *kept = found;
    }
}

fn weight(result: ProbeResult) -> u8 {
    match result {
        ProbeResult::NotTried => 0,
        ProbeResult::Passed => 1,
        ProbeResult::Failed => 2,
    }
}

fn attestation(row: &SettingRow) -> Option<Attestation> {
    let clause = row.name.strip_prefix("attested.")?;
    let stored: StoredAttestation = serde_json::from_str(&row.value).ok()?;
    Some(Attestation {
        clause: clause.to_owned(),
        by: stored.by,
        role: stored.role,
        at: stored.at,
    })
}

/// The name in the database.
fn standing_name(standing: pharos_governance::Standing) -> &'static str {
    match standing {
        pharos_governance::Standing::Met => "met",
        pharos_governance::Standing::AtRisk => "at-risk",
        pharos_governance::Standing::NotMet => "not-met",
        pharos_governance::Standing::Attested => "attested",
    }
}
