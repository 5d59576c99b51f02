//! The cap on mail that is not work (FIL-10): in how many minutes of the day a pupil asked a mail site for
//! anything, and who is held from mail until the next day.
//!
//! Counted in memory, from the events that the faces record; at a start counted anew from what is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use pharos_activity::{Event, Span, Visit, Visitor};
use pharos_catalogue::{Address, Host};
use pharos_filter::{Query, Snapshot};
use pharos_pack::Pack;
use pharos_policy::PolicySpec;
use pharos_policy::spec::HeldSpec;
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Role, Who};

use crate::{App, Error};

/// The category of outside mail.
const WEBMAIL: &str = "webmail";
/// The most events of the day that are counted anew at a start.
const RECOUNTED_MAX: u64 = 1_000_000;
/// The most people who are counted.
const PEOPLE_MAX: usize = 65_536;

/// What the school wants, ready to be asked on every event.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    minutes: u32,
    hosts: Vec<Host>,
    not_in: Option<String>,
}

impl Rule {
    /// `None`: no cap.
    pub(crate) fn of(pack: &Pack) -> Option<Self> {
        let minutes = u32::try_from(pack.number_of("fil.mail_cap_minutes", 0)).unwrap_or(0);
        let sites = pack.texts_of("fil.mail_cap_sites");
        let hosts = sites.iter().filter_map(|site| Address::parse(site).ok());
        (minutes > 0).then(|| Self {
            minutes,
            hosts: hosts.map(|site| site.host().clone()).collect(),
            not_in: Some(pack.text_of("fil.mail_cap_not_in", "")).filter(|hours| !hours.is_empty()),
        })
    }

    fn is_own_mail(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| {
            host.strip_suffix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// The minutes of one day in which somebody was at mail.
#[derive(Debug, Clone, Default)]
struct Minutes([u64; 23]);

impl Minutes {
    fn add(&mut self, minute: usize) {
        if let Some(word) = self.0.get_mut(minute / 64) {
            *word |= 1 << (minute % 64);
        }
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// Who was at mail today, and in how many minutes.
#[derive(Debug, Default)]
pub(crate) struct MailCap(Mutex<Today>);

#[derive(Debug, Default)]
struct Today {
    day: Option<Date>,
    used: HashMap<PersonId, Minutes>,
}

impl MailCap {
    fn today(&self) -> MutexGuard<'_, Today> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a minute; whether it is the first one over the cap.
    fn count(&self, day: Date, minute: usize, person: PersonId, cap: u32) -> bool {
        let mut today = self.today();
        if today.day.is_none_or(|known| known < day) {
            today.day = Some(day);
            today.used.clear();
        }
        let full = today.used.len() >= PEOPLE_MAX && !today.used.contains_key(&person);
        if today.day != Some(day) || full {
            return false;
        }
        let used = today.used.entry(person).or_default();
        let before = used.count();
        used.add(minute);
        before <= cap && used.count() > cap
    }

    /// Everybody who is over the cap on a day.
    fn held(&self, day: Date, cap: u32) -> Vec<PersonId> {
        let today = self.today();
        let over = |used: &Minutes| used.count() > cap;
        let mut held: Vec<PersonId> = today
            .used
            .iter()
            .filter(|(_, used)| today.day == Some(day) && over(used))
            .map(|(person, _)| *person)
            .collect();
        held.sort_unstable();
        held
    }
}

impl App {
    /// Whether the cap counts an event: mail that was let through, by somebody who is known.
    pub(crate) fn counts_as_mail(&self, event: &Event) -> bool {
        // On every event: most schools have no cap, and then this is all.
        let school = self.inner().school.load();
        let Some(rule) = &school.mail_cap else {
            return false;
        };
        matches!(event.action, "allow" | "narrow" | "tunnel")
            && event.who.person().is_some()
            && (rule.is_own_mail(&event.host)
                || event.categories.iter().any(|name| &**name == WEBMAIL))
    }

    /// Counts an event of mail. Whoever it takes over the cap is held from now on.
    pub(crate) async fn count_mail(&self, event: &Event) -> Result<(), Error> {
        let snapshot = self.filter().snapshot().ok();
        let counted = snapshot.and_then(|snapshot| self.counted(&snapshot, &event.who, event.at));
        let (Some((day, minute, person)), Some(rule)) = (counted, self.school().mail_cap.clone())
        else {
            return Ok(());
        };
        if self
            .inner()
            .mail_cap
            .count(day, minute, person, rule.minutes)
        {
            self.rebuild().await?;
        }
        Ok(())
    }

    /// Day, minute and person, where mail at this time is not work.
    fn counted(
        &self,
        snapshot: &Snapshot,
        who: &Who,
        at: Timestamp,
    ) -> Option<(Date, usize, PersonId)> {
        let member = snapshot.member(who)?;
        if !member.is(Role::Pupil) {
            return None;
        }
        if let Some(hours) = self.school().mail_cap.as_ref()?.not_in.as_deref() {
            let on = snapshot.policy().hours_on(snapshot.subject(who, None), at);
            if on.iter().any(|name| &**name == hours) {
                return None;
            }
        }
        let wall = at.to_zoned(self.zone());
        let minute = usize::from(wall.hour().unsigned_abs()) * 60
            + usize::from(wall.minute().unsigned_abs());
        Some((wall.date(), minute, member.person))
    }

    /// Writes who is over the cap into the policy.
    pub(crate) fn add_held(&self, spec: &mut PolicySpec, now: Timestamp) {
        let school = self.school();
        let Some(rule) = &school.mail_cap else { return };
        let today = now.to_zoned(self.zone()).date();
        let people = self.inner().mail_cap.held(today, rule.minutes);
        let next_day = today
            .checked_add(1.day())
            .ok()
            .and_then(|day| day.to_zoned(self.zone()).ok());
        let (false, Some(next_day)) = (people.is_empty(), next_day) else {
            return;
        };
        let hours = rule.not_in.iter();
        spec.overrides.held.push(HeldSpec {
            people,
            sites: rule
                .hosts
                .iter()
                .map(|host| host.as_str().to_owned())
                .collect(),
            categories: vec![WEBMAIL.to_owned()],
            except_hours: hours
                .filter(|name| spec.hours.contains_key(*name))
                .cloned()
                .collect(),
            until: next_day.timestamp(),
        });
    }

    /// Counts today's mail anew from the activity that is kept: at a start.
    ///
    /// # Errors
    /// When the activity cannot be read, or what is counted not be put in force.
    pub async fn recount_mail(&self) -> Result<(), Error> {
        let (Some(rule), Ok(snapshot)) = (self.school().mail_cap.clone(), self.filter().snapshot())
        else {
            return Ok(());
        };
        let start = self
            .now()
            .to_zoned(self.zone())
            .start_of_day()
            .map_err(|error| Error::unavailable("the calendar", &error))?;
        let span = Span {
            from: start.timestamp(),
            to: self.now() + jiff::SignedDuration::from_secs(1),
            most: RECOUNTED_MAX,
        };
        let recount = Arc::new(Recount {
            app: self.clone(),
            rule,
            snapshot,
        });
        self.inner().activity.flush().await?;
        self.inner()
            .activity
            .visit(&span, Arc::clone(&recount) as Arc<dyn Visitor>)
            .await?;
        self.rebuild().await
    }
}

struct Recount {
    app: App,
    rule: Rule,
    snapshot: Arc<Snapshot>,
}

impl Visitor for Recount {
    fn see(&self, _worker: usize, visits: &mut dyn Iterator<Item = Visit<'_>>) {
        for visit in visits {
            let Some(person) = visit.person else { continue };
            // What was open then is judged by what is open now: a visit keeps no verdict here.
            let Ok(address) = Address::parse(visit.host) else {
                continue;
            };
            let webmail = || {
                let found = self.snapshot.facts(&address).categories();
                let names = self.snapshot.category_names(found);
                names.iter().any(|name| &**name == WEBMAIL)
            };
            if !self.rule.is_own_mail(visit.host) && !webmail() {
                continue;
            }
            let who = Who::Known {
                person,
                source: IdentitySource::ProxySignIn,
                confidence: Confidence::Certain,
                device: None,
            };
            let action = self.snapshot.action(&Query {
                address: &address,
                who: &who,
                from: Some(visit.address),
                face: Face::Https,
                now: visit.at,
            });
            if !action.passes() {
                continue;
            }
            if let Some((day, minute, person)) = self.app.counted(&self.snapshot, &who, visit.at) {
                self.app
                    .inner()
                    .mail_cap
                    .count(day, minute, person, self.rule.minutes);
            }
        }
    }
}
