//! Who is told of an alert, and when (MON-03, MON-13, CLK-02).

use std::collections::BTreeSet;

use jiff::Timestamp;
use pharos_access::{About, AlertFacts, Watched};
use pharos_monitor::{Recipients, Severity};
use pharos_school::{AlertId, Person, Role};

use crate::campus::Matter;
use crate::cases::answering;
use crate::quiet::QuietHours;
use crate::{App, Error};

impl App {
    pub(crate) fn recipients(&self) -> Recipients {
        let school = self.school();
        Recipients {
            first: school
                .pack
                .roles_of("mon.first_recipient", &[Role::Lead])
                .into_iter()
                .collect(),
            staff: school
                .pack
                .roles_of("mon.staff_recipient", &[Role::Head])
                .into_iter()
                .collect(),
            ack_minutes: school.ack_minutes,
        }
    }

    /// When somebody is told of an alert of this seriousness: at once, or in the morning.
    pub(super) fn tell_at(&self, severity: Severity, at: Timestamp) -> Timestamp {
        let school = self.school();
        QuietHours::tell_at(QuietHours::of(&school.pack), severity, at, &school.zone)
    }

    /// Who beside the usual people is told at once of a critical alert in the quiet hours
    /// (`mon.on_call`): of those, whoever may open it (MON-13).
    pub(super) async fn on_call(
        &self,
        id: AlertId,
        about: Option<Watched>,
        severity: Severity,
        at: Timestamp,
    ) -> Result<Vec<Person>, Error> {
        let school = self.school();
        let night = QuietHours::of(&school.pack).and_then(|quiet| quiet.end(at, &school.zone));
        if night.is_none() || severity != Severity::Critical {
            return Ok(Vec::new());
        }
        let facts = AlertFacts {
            id,
            about,
            assigned: BTreeSet::new(),
        };
        let mut people = self
            .holders(&school.pack.settings.roles("mon.on_call"))
            .await?;
        people.retain(|person| self.rules().sees_alert(&self.actor_of(person), &facts));
        Ok(people)
    }

    /// The holders of these roles, without whoever it is about (MON-13); whoever answers for the whole
    /// school where all of them are kept to other campuses.
    pub(super) async fn told(
        &self,
        roles: &[Role],
        about: Option<Watched>,
    ) -> Result<Vec<Person>, Error> {
        let holders = self.holders(roles).await?;
        let matter = Matter {
            kept_out: about.iter().map(|about| about.id).collect(),
            parts: about.iter().map(|about| about.id).collect(),
            instead: answering(about.map_or(About::Pupil, |about| about.about)),
        };
        self.hearers(holders, &matter).await
    }
}
