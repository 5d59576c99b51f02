//! Who reached what: searched only by those who may, and every look-up of a person logged (AUD-05).

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, Watched, act};
use pharos_activity::{Deleted, Found, Query, Retention};
use pharos_ledger::Detail;
use pharos_school::PersonId;

use crate::{App, Error};

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
        found.events.retain(|event| &*event.event.rule != "help");
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
        let mut shown = Vec::with_capacity(found.events.len());
        let mut allowed = std::collections::BTreeMap::new();
        for event in found.events {
            let open = match event.event.who.person() {
                None => true,
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
            if open && &*event.event.rule != "help" {
                shown.push(event);
            }
        }
        found.events = shown;
        Ok(found)
    }

    async fn may_watch(&self, actor: &Actor, person: PersonId) -> Result<bool, Error> {
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

    /// Deletes activity older than the school keeps it, and notes the proof (PRIV-03).
    ///
    /// # Errors
    /// When the store or the ledger cannot be written.
    pub async fn retain_activity(&self) -> Result<Deleted, Error> {
        let days = i64::from(self.school().activity_days);
        let before: Timestamp = self.now() - SignedDuration::from_hours(24 * days);
        let actor = Actor::system("retention");
        let permit = self.may::<act::Housekeep>(&actor, Target::School).await?;
        let deleted = self
            .inner()
            .activity
            .retain(&Retention {
                before,
                hold: self.people_on_hold().await?,
            })
            .await?;
        if deleted.events > 0 {
            let detail = Detail::new()
                .number("events", i64::try_from(deleted.events).unwrap_or(i64::MAX))
                .text("before", &before.to_string());
            self.records()
                .note(&permit, None, &detail, self.now())
                .await?;
        }
        Ok(deleted)
    }

    /// Everybody with a part in an open case: what was seen of them stays while it is open.
    async fn people_on_hold(&self) -> Result<Vec<PersonId>, Error> {
        let permit = self
            .may::<act::ListCases>(&Actor::system("retention"), Target::School)
            .await?;
        let filter = pharos_records::CaseFilter {
            open: Some(true),
            ..Default::default()
        };
        let mut people: Vec<_> = self
            .records()
            .cases(&permit, &filter)
            .await?
            .into_iter()
            .flat_map(|case| case.involved)
            .map(|involved| involved.id)
            .collect();
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}
