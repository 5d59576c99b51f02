//! What comes by itself: reviews that are chased, changes that run out, memberships that lapse.

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_records::{ChangeKind, ChangeStep, Origin, OverrideKind};
use pharos_school::{Person, Role};

use crate::{App, Error};

impl App {
    /// Chases every review whose time has come, of changes and of what was changed at short notice:
    /// those who review and whoever made it hear of it once a day until it is done. Gives how many
    /// reviews wait.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_reviews(&self) -> Result<usize, Error> {
        let permit = self
            .may::<act::Housekeep>(&Actor::system("jobs"), Target::School)
            .await?;
        let (now, mut waiting, mut notices) = (self.now(), 0, Vec::new());
        let today = now.to_zoned(self.zone()).date();
        let leads = self.holders(&[Role::Lead, Role::Deputy]).await?;
        for change in self.records().changes_due(&permit, now).await? {
            if change.review_at.is_none_or(|review| review > now) {
                continue;
            }
            waiting += 1;
            let to = self.with_maker(&leads, change.by).await?;
            let path = format!("/changes/{}/{today}", change.number);
            notices.extend(self.notices_to(&to, "change-review", &path, now)?);
        }
        for stored in self.records().overrides_in_force(now).await? {
            if stored.review_at.is_none_or(|review| review > now) {
                continue;
            }
            waiting += 1;
            let to = self.with_maker(&leads, stored.by).await?;
            let path = format!("/changes/{}/{today}", stored.id);
            notices.extend(self.notices_to(&to, "change-review", &path, now)?);
        }
        if !notices.is_empty() {
            self.records().enqueue(&permit, &notices, now).await?;
        }
        Ok(waiting)
    }

    async fn with_maker(
        &self,
        leads: &[Person],
        by: Option<pharos_school::PersonId>,
    ) -> Result<Vec<Person>, Error> {
        let mut to = leads.to_vec();
        if let Some(by) = by
            && !to.iter().any(|person| person.id == by)
            && let Some(maker) = self.known_person(by).await?
            && maker.is_active()
        {
            to.push(maker);
        }
        Ok(to)
    }

    /// Ends changes that were made for a time: a pack that has run out gives way to the version
    /// before it, as a new change in the log. Gives how many ended.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn end_due_changes(&self) -> Result<usize, Error> {
        let system = Actor::system("jobs");
        let permit = self.may::<act::Housekeep>(&system, Target::School).await?;
        let (now, mut ended) = (self.now(), 0);
        for change in self.records().changes_due(&permit, now).await? {
            let over = change.until.is_some_and(|until| until <= now);
            if !over || change.kind != ChangeKind::Pack {
                continue;
            }
            let open = self.opened(change).await?;
            if open.has(ChangeStep::Undone) {
                continue;
            }
            let in_force = i64::try_from(self.school().version).unwrap_or_default();
            let words = if open.change.pack == Some(in_force) {
                let base = i64::try_from(open.body.base).unwrap_or_default();
                let why = format!("change {} ran out", open.change.number);
                let back = self.go_back(&system, base, &why, Origin::System).await?;
                ended += 1;
                format!("Ran out; change {back} went back to version {base}.")
            } else {
                "Ran out; a later version is in force.".to_owned()
            };
            let install = self
                .may::<act::InstallPolicy>(&system, Target::School)
                .await?;
            self.records()
                .add_change_step(
                    &install,
                    open.change.id,
                    ChangeStep::Undone,
                    words.as_bytes(),
                    now,
                )
                .await?;
        }
        Ok(ended)
    }

    /// Takes members out of exception groups whose time is over, and tells them and those who
    /// vouched (REQ-06). Gives how many lapsed within the last two days.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn lapse_memberships(&self) -> Result<usize, Error> {
        let system = Actor::system("jobs");
        let read = self.may::<act::ReadPolicy>(&system, Target::School).await?;
        let house = self.may::<act::Housekeep>(&system, Target::School).await?;
        let now = self.now();
        let since = now - SignedDuration::from_hours(24 * 400);
        let (mut lapsed, mut notices) = (0, Vec::new());
        for stored in self.records().overrides(&read, since, 2_000).await? {
            let over = stored.until.is_some_and(|until| {
                until <= now && now.duration_since(until) < SignedDuration::from_hours(48)
            });
            if stored.kind != OverrideKind::Membership || stored.ended_at.is_some() || !over {
                continue;
            }
            lapsed += 1;
            let leads = self.holders(&[Role::Lead]).await?;
            let mut to = self.with_maker(&leads, stored.by).await?;
            if let Some(member) = crate::groups::member_of(&stored)
                && let Some(person) = self.known_person(member).await?
                && !to.iter().any(|one| one.id == person.id)
            {
                to.push(person);
            }
            let path = format!("/groups/{}", stored.id);
            notices.extend(self.notices_to(&to, "membership-over", &path, now)?);
        }
        if !notices.is_empty() {
            self.records().enqueue(&house, &notices, now).await?;
        }
        Ok(lapsed)
    }
}
