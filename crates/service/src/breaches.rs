//! A member of staff reports what got through the filter: the pupil and "about five minutes ago" are
//! enough, address, device and time come from the log (BRE-02).
//!
//! A teacher sees of it only what is needed to point at a site: hosts, of a pupil of their own
//! classes, close to a time not long past; each look is in the ledger like every look-up of a person.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Act, Target, Watched, act};
use pharos_activity::{Query, Stored};
use pharos_casework::{
    Concern, Equipment, Involved, Origin, Part, Reporter, Site, Whom, broken_up,
};
use pharos_ledger::Detail;
use pharos_school::{Person, PersonId};

use crate::help_visits::HelpVisits;
use crate::{App, Error, Raised, SignedIn};

/// How long past a moment may be that is looked up.
pub const RECALLED_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How far around a moment just past is looked; further the longer ago it is, as nobody remembers
/// three hours to the minute.
const AROUND: SignedDuration = SignedDuration::from_mins(10);
/// The most sites offered.
const SITES_MAX: usize = 20;
/// The most events looked through.
const EVENTS_MAX: usize = 2_000;
/// The most addresses of one site that go into the report.
const ADDRESSES_OF_ONE: usize = 3;

/// A site that a pupil had open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// The host, to be handed back in [`NewBreach::hosts`]; never to be shown as it is.
    pub host: String,
    /// The host broken up, so that nobody opens it by accident (BRE-10).
    pub shown: String,
    /// When it was asked for last.
    pub at: Timestamp,
    /// The device, where it is known.
    pub device: Option<String>,
}

/// What a member of staff reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBreach {
    /// The pupil, where one is known.
    pub pupil: Option<PersonId>,
    /// When, as nearly as anybody knows.
    pub about: Timestamp,
    /// Hosts chosen from the log.
    pub hosts: Vec<String>,
    /// An address as somebody wrote it down.
    pub address: Option<String>,
    /// What happened, in a sentence; empty is allowed.
    pub what: String,
    /// Whether anyone is in immediate danger.
    pub danger: Option<bool>,
}

impl App {
    /// The sites that a pupil had open around a moment, newest first. Help sites and sealed hits are
    /// left out (FIL-13, MON-14).
    ///
    /// # Errors
    /// [`Error::Denied`] for who may not report; [`Error::Invalid`] for a pupil of nobody's own, or a
    /// moment that is ahead or more than a day past.
    pub async fn recall(
        &self,
        me: &SignedIn,
        pupil: PersonId,
        about: Timestamp,
    ) -> Result<Vec<Recalled>, Error> {
        let mut sites: BTreeMap<String, Recalled> = BTreeMap::new();
        for stored in self.opened_around(me, pupil, about).await? {
            let event = stored.event;
            let device = event.who.device().map(|device| device.to_string());
            let host = String::from(event.host);
            sites.entry(host.clone()).or_insert_with(|| Recalled {
                shown: broken_up(&host),
                host,
                at: event.at,
                device,
            });
        }
        let mut sites: Vec<_> = sites.into_values().collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.at));
        sites.truncate(SITES_MAX);
        Ok(sites)
    }

    /// Files the report; it runs the filtering-breach procedure, and those in `bre.report_to` are told.
    ///
    /// # Errors
    /// As [`App::recall`] and [`App::raise_concern`].
    pub async fn report_breach(&self, me: &SignedIn, new: NewBreach) -> Result<Raised, Error> {
        let mut concern = Concern::new(
            Reporter::Staff {
                person: me.person.id,
            },
            Origin::GotThrough,
            if new.what.trim().is_empty() {
                "Something unsuitable got through the filter.".to_owned()
            } else {
                new.what
            },
        );
        concern.happened_at = Some(new.about);
        concern.site = Site::OnSite;
        concern.equipment = Equipment::NotKnown;
        concern.danger = new.danger;
        concern.addresses.extend(new.address);
        if let Some(pupil) = new.pupil {
            concern.involved = vec![Involved {
                whom: Whom::Pupil {
                    person: self.reportable(me, pupil).await?.id,
                },
                part: Part::ReachedMaterial,
            }];
            if !new.hosts.is_empty() {
                let opened = self.opened_around(me, pupil, new.about).await?;
                fill_in(&mut concern, &opened, &new.hosts);
            }
        }
        self.raise_concern(Some(me), concern).await
    }

    /// What the log has of a pupil around a moment; the look is noted first.
    async fn opened_around(
        &self,
        me: &SignedIn,
        pupil: PersonId,
        about: Timestamp,
    ) -> Result<Vec<Stored>, Error> {
        let now = self.now();
        if about > now + AROUND || now.duration_since(about) > RECALLED_MAX {
            return Err(Error::field(
                "when",
                "Choose a time within the last 24 hours. For longer ago, report it without; the lead can look it up.",
            ));
        }
        let permit = self
            .may::<act::RecallActivity>(&me.actor, Target::School)
            .await?;
        let pupil = self.reportable(me, pupil).await?;
        let looked = Detail::new().flag("searched", true);
        self.records()
            .note(&permit, Some(pupil.id), &looked, now)
            .await?;
        let around = AROUND + now.duration_since(about).max(SignedDuration::ZERO) / 4;
        let query = Query {
            person: Some(pupil.id),
            from: Some(about - around),
            to: Some(about + around),
            limit: EVENTS_MAX,
            ..Query::default()
        };
        let mut events = self.inner().activity.search(&query).await?.events;
        let help = HelpVisits::of(&self.school());
        events.retain(|stored| !help.holds(&stored.event) && stored.event.sealed.is_none());
        Ok(events)
    }

    /// A pupil of the reporter's own classes, or of those whose activity they may search anyway.
    async fn reportable(&self, me: &SignedIn, pupil: PersonId) -> Result<Person, Error> {
        if let Some(own) = self
            .own_pupils(me)
            .await?
            .into_iter()
            .find(|own| own.id == pupil)
        {
            return Ok(own);
        }
        let not_theirs = || {
            Error::field(
                "pupil",
                "Choose a pupil of your own classes. For another one, leave this empty and write the name below.",
            )
        };
        let person = self.known_person(pupil).await?.ok_or_else(not_theirs)?;
        let watched = Target::Person(Watched::of(&person));
        if self
            .rules()
            .decide(Act::SearchActivity, &me.actor, watched)
            .is_ok()
        {
            Ok(person)
        } else {
            Err(not_theirs())
        }
    }
}

/// Addresses, device and time of the chosen sites.
fn fill_in(concern: &mut Concern, opened: &[Stored], hosts: &[String]) {
    for host in hosts.iter().take(SITES_MAX) {
        let mut addresses: Vec<String> = Vec::new();
        for stored in opened.iter().filter(|stored| *stored.event.host == **host) {
            let event = &stored.event;
            concern.happened_at = Some(event.at);
            if concern.device.is_none() {
                concern.device = event.who.device().map(|device| device.to_string());
            }
            let address = format!("{host}{}", event.path.as_deref().unwrap_or_default());
            if addresses.len() < ADDRESSES_OF_ONE && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        concern.addresses.extend(addresses);
    }
}
