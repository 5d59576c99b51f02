//! Who reached what: searched only by those who may, and every look-up of a person logged (AUD-05).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, Watched, act};
use pharos_activity::{Deleted, Found, Query, Retention};
use pharos_ledger::Detail;
use pharos_records::{Case, JournalHold};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::help_visits::HelpVisits;
use crate::supervision::note_of;
use crate::{App, Error, Trouble};

/// Where the time is kept up to which activity was deleted.
const RETAINED_TO: &str = "activity.retained-to";
/// How much further one turn of deleting may go than the last.
const RETAIN_STEP: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far apart two turns are at least.
const RETAIN_EVERY: SignedDuration = SignedDuration::from_hours(20);

impl App {
    /// One person's activity. The look-up is in the ledger before anything is shown. Visits to help
    /// sites are left out (FIL-13).
    ///
    /// # Errors
    /// [`Error::Denied`]: by role, because it is about the asker, or because it takes another route.
    pub async fn activity_of(
        &self,
        actor: &Actor,
        person: PersonId,
        mut query: Query,
        reason: &str,
    ) -> Result<Found, Error> {
        let subject = self.known_person(person).await?.ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::SearchActivity>(actor, Target::Person(Watched::of(&subject)))
            .await?
            .because(reason);
        self.records()
            .note(
                &permit,
                Some(person),
                &Detail::new().flag("searched", true),
                self.now(),
            )
            .await?;
        query.person = Some(person);
        let mut found = self.inner().activity.search(&query).await?;
        let help = HelpVisits::of(&self.school());
        found.events.retain(|event| !help.holds(&event.event));
        Ok(found)
    }

    /// Activity of a device that nobody is signed in on, or of several people at one device. Rows of
    /// people whom the asker may not watch are left out.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] without a device or an address.
    pub async fn activity_at(
        &self,
        actor: &Actor,
        query: &Query,
        reason: &str,
    ) -> Result<Found, Error> {
        if query.device.is_none() && query.address.is_none() {
            return Err(Error::field(
                "device",
                "Name a device or a network address.",
            ));
        }
        let permit = self
            .may::<act::Explain>(actor, Target::School)
            .await?
            .because(reason);
        let mut found = self.inner().activity.search(query).await?;
        let help = HelpVisits::of(&self.school());
        let mut shown = Vec::with_capacity(found.events.len());
        let mut allowed = std::collections::BTreeMap::new();
        for event in found.events {
            let open = match event.event.who.person() {
                None => actor.within().is_none(),
                Some(person) => match allowed.get(&person) {
                    Some(open) => *open,
                    None => {
                        let open = self.may_watch(actor, person).await?;
                        if open {
                            self.records()
                                .note(
                                    &permit,
                                    Some(person),
                                    &Detail::new().flag("by-device", true),
                                    self.now(),
                                )
                                .await?;
                        }
                        allowed.insert(person, open);
                        open
                    }
                },
            };
            if open && !help.holds(&event.event) {
                shown.push(event);
            }
        }
        found.events = shown;
        Ok(found)
    }

    pub(crate) async fn may_watch(&self, actor: &Actor, person: PersonId) -> Result<bool, Error> {
        let Some(subject) = self.known_person(person).await? else {
            return Ok(false);
        };
        Ok(self
            .rules()
            .decide(
                pharos_access::Act::SearchActivity,
                actor,
                Target::Person(Watched::of(&subject)),
            )
            .is_ok())
    }

    /// Deletes activity, and entries of the journal, older than the school keeps them, and notes the proof
    /// (PRIV-03).
    ///
    /// A machine whose clock has leapt must not wipe what it should keep: a turn goes at most
    /// [`RETAIN_STEP`] beyond the last one, turns are most of a day apart, and the technical team
    /// hears when there is more to catch up with.
    ///
    /// # Errors
    /// When the store or the ledger cannot be written.
    pub async fn retain_activity(&self) -> Result<Deleted, Error> {
        let (days, now) = (i64::from(self.school().activity_days), self.now());
        let wanted: Timestamp = now - SignedDuration::from_hours(24 * days);
        let last = self.records().setting(RETAINED_TO).await?;
        let recent = |at: Timestamp| at <= now && now.duration_since(at) < RETAIN_EVERY;
        if last.as_ref().is_some_and(|row| recent(row.at)) {
            return Ok(Deleted::default());
        }
        let reached = last.and_then(|row| row.value.parse::<Timestamp>().ok());
        let before = reached.map_or(wanted, |reached| wanted.min(reached + RETAIN_STEP));
        if before < wanted {
            self.tell_of_trouble(Trouble::Clock).await?;
        }
        let actor = Actor::system("retention");
        let permit = self.may::<act::Housekeep>(&actor, Target::School).await?;
        let cases = self.open_cases().await?;
        let hold = people_in(&cases);
        let retention = Retention { before, hold };
        let deleted = self.inner().activity.retain(&retention).await?;
        if deleted.events > 0 {
            let detail = Detail::new()
                .number("events", i64::try_from(deleted.events).unwrap_or(i64::MAX))
                .text("before", &before.to_string());
            self.records()
                .note(&permit, None, &detail, self.now())
                .await?;
        }
        let settings = self
            .may::<act::ChangeSettings>(&actor, Target::School)
            .await?;
        self.records()
            .set_setting(&settings, RETAINED_TO, Some(&before.to_string()), now)
            .await?;
        // Last, so that a journal that cannot be read holds nothing else up; not while the clock may have
        // leapt.
        if before == wanted {
            let hold = JournalHold {
                entries: self.journal_on_hold(&cases, &retention.hold).await?,
                people: retention.hold,
            };
            let kept = SignedDuration::from_hours(24 * self.school().journal_days());
            self.records()
                .forget_journal(&permit, now - kept, &hold, now)
                .await?;
        }
        Ok(deleted)
    }

    /// Entries of the journal that are about several people or about none, and stay: notes of supervision of
    /// which an open case was made, audits in which somebody stands who has a part in one.
    async fn journal_on_hold(
        &self,
        cases: &[Case],
        people: &[PersonId],
    ) -> Result<Vec<Uuid>, Error> {
        let mut entries = self.audits_with(people).await?;
        entries.extend(cases.iter().map(|case| note_of(case.id)));
        Ok(entries)
    }

    async fn open_cases(&self) -> Result<Vec<Case>, Error> {
        let permit = self
            .may::<act::ListCases>(&Actor::system("retention"), Target::School)
            .await?;
        let filter = pharos_records::CaseFilter {
            open: Some(true),
            ..Default::default()
        };
        Ok(self.records().cases(&permit, &filter).await?)
    }
}

/// Everybody with a part in these cases: what was seen of them stays while they are open.
fn people_in(cases: &[Case]) -> Vec<PersonId> {
    let people: BTreeSet<PersonId> = cases
        .iter()
        .flat_map(|case| &case.involved)
        .map(|involved| involved.id)
        .collect();
    people.into_iter().collect()
}
