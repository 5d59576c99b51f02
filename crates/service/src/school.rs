//! The school as its policy pack describes it, made ready for use: one immutable value, swapped
//! whole when a new version of the pack comes in force.

use std::sync::Arc;

use jiff::tz::TimeZone;
use pharos_access::{Routes, Rules};
use pharos_casework::{ChaseSettings, WeekCalendar};
use pharos_pack::{HelpService, Pack};
use pharos_school::Role;

use crate::{Error, Problem};

/// Days that activity is kept where the pack says nothing.
const ACTIVITY_DAYS: i64 = 365;

/// The pack in force with what is derived from it.
#[derive(Debug)]
pub struct School {
    /// The pack's number in the records: the policy's version.
    pub version: u64,
    /// The pack.
    pub pack: Pack,
    /// The school's name.
    pub name: String,
    /// The school's time zone.
    pub zone: TimeZone,
    /// The acts table with the school's tightening, and its routes.
    pub rules: Arc<Rules>,
    /// Minutes without use after which a session ends (`acc.idle_minutes`).
    pub idle_minutes: i64,
    /// Minutes within which an alert or concern is acknowledged (`con.ack_minutes`).
    pub ack_minutes: u32,
    /// Days that activity is kept (`priv.retention`).
    pub activity_days: u32,
    /// Who is told of a concern, and who next (`con.notify`, `con.ack_minutes`).
    pub chase: ChaseSettings,
    /// School days, for clocks.
    pub calendar: WeekCalendar,
    /// The cap on mail that is not work (FIL-10); `None`: no cap.
    pub(crate) mail_cap: Option<crate::mail_cap::Rule>,
    /// Category names that are right although no list in force carries them.
    pub declared_categories: Vec<Arc<str>>,
}

impl School {
    /// The outside listeners shown to pupils, in the school's order (`con.pupil_listeners`, CON-04),
    /// each with its number and sites where `[[help]]` has it.
    pub fn listeners(&self) -> Vec<HelpService> {
        let by_name = |name: String| {
            let known = self
                .pack
                .help
                .iter()
                .find(|help| help.name.eq_ignore_ascii_case(&name))
                .cloned();
            known.unwrap_or(HelpService {
                name,
                about: None,
                call: None,
                sites: Vec::new(),
            })
        };
        self.pack
            .settings
            .list("con.pupil_listeners")
            .into_iter()
            .map(by_name)
            .collect()
    }

    /// Days that entries of the journal are kept (`priv.retention`); the last year of it is read by audits
    /// and clauses in any case.
    pub(crate) fn journal_days(&self) -> i64 {
        let days = self.pack.number_of("priv.retention.journal_days", 2_190);
        days.max(400)
    }

    /// Whom a pupil tells after seeing something, to stand after "tell" (`bre.pupil_tells`, BRE-01):
    /// "a member of staff", or "your form tutor or your headmistress".
    pub fn adult_to_tell(&self) -> String {
        let called = |role: &Role| match role {
            Role::Staff => "a member of staff".to_owned(),
            role => format!("your {}", self.pack.words.role(*role)),
        };
        let roles = self.pack.roles_of("bre.pupil_tells", &[Role::Staff]);
        roles.iter().map(called).collect::<Vec<_>>().join(" or ")
    }

    /// Makes a pack ready for use.
    ///
    /// # Errors
    /// [`Error::Invalid`] when its rights loosen the built-in table or its zone is not known.
    pub fn new(pack: Pack, version: u64) -> Result<Self, Error> {
        let zone = TimeZone::get(&pack.filter.zone).map_err(|_| {
            Error::invalid(format!(
                "The time zone {:?} is not known. Use a name such as Europe/London.",
                pack.filter.zone
            ))
        })?;
        let staff_alerts = pack.roles_of("mon.staff_recipient", &[Role::Head]);
        let rules = Rules::standard(Routes {
            staff_alerts,
            ..Routes::default()
        })
        .tighten(&pack.rights)
        .map_err(|wrong| {
            Error::Invalid(
                wrong
                    .iter()
                    .map(|loosened| Problem::whole(loosened.to_string()))
                    .collect(),
            )
        })?;
        let notify: Vec<Role> = pack
            .roles_of("con.notify", &[Role::Lead])
            .into_iter()
            .collect();
        let ack_minutes = u32::try_from(pack.number_of("con.ack_minutes", 30)).unwrap_or(30);
        Ok(Self {
            mail_cap: crate::mail_cap::Rule::of(&pack),
            version,
            ack_minutes,
            rules: Arc::new(rules),
            idle_minutes: pack.number_of("acc.idle_minutes", 10),
            activity_days: u32::try_from(
                pack.number_of("priv.retention.activity_days", ACTIVITY_DAYS),
            )
            .unwrap_or(365),
            chase: ChaseSettings::usual(&notify, ack_minutes),
            calendar: WeekCalendar::new(zone.clone()),
            declared_categories: pack
                .categories
                .keys()
                .map(|name| Arc::from(name.as_str()))
                .collect(),
            name: pack.school.name.clone(),
            pack,
            zone,
        })
    }
}
