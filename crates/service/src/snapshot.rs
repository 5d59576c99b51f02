//! Building what the filter decides by: pack, overrides, lists and roll, put in force whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pharos_catalogue::{Address, Catalogue, CategorySet};
use pharos_filter::{Categories, Hit, Parts, Roster, Snapshot, Versions};
use pharos_policy::PolicySpec;
use pharos_policy::spec::{
    EmergencySpec, ExceptionSpec, HelpSpec, LessonSpec, PersonalSpec, UninspectedSpec,
};
use pharos_records::{Override, OverrideKind};
use pharos_school::Role;

use crate::{App, Error};

impl App {
    /// Builds a snapshot from what is stored and puts it in force. The last good one stays when
    /// something is wrong (FIL-17).
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything wrong in the policy; or when records or lists cannot be read.
    pub async fn rebuild(&self) -> Result<(), Error> {
        let _turn = self.inner().building.lock().await;
        let school = self.school();
        let people = self.known_roll().await?;
        let classes = self.records().classes().await?;
        let mut spec = self.spec_without_floor(&school).await?;
        self.add_floor(&mut spec, None)?;
        let catalogue = self.inner().lists.catalogue();
        let sealed = self
            .inner()
            .lists
            .sealed_lists(&self.inner().sealed_key)
            .map_err(|error| Error::unavailable("the sealed lists", &error))?;
        let policy =
            pharos_filter::compile_policy(&spec, catalogue.names(), &school.declared_categories)
                .map_err(wrong_policy)?;
        let mut roster = Roster::new(&people, &classes);
        crate::checks::add_test_users(&policy, &mut roster, &spec, self.now());
        self.map_addresses(&roster);
        self.tell_network(&roster);
        let technical = people
            .iter()
            .filter(|person| person.is_active() && person.is(Role::Technical))
            .filter_map(|person| person.email.clone())
            .collect();
        self.keep_last_known(&school, &roster, &spec, technical);
        self.map_devices(&roster).await?;
        let lists = catalogue
            .lists()
            .iter()
            .map(|list| (Arc::clone(&list.name), list.version))
            .collect();
        let versions = Versions {
            policy: school.version,
            catalogue: catalogue.version(),
            lists,
        };
        let snapshot = Snapshot::new(Parts {
            policy: Arc::new(policy),
            categories: Arc::new(Listed(catalogue)),
            sealed: Arc::new(sealed),
            roster: Arc::new(roster),
            dictionaries: school.pack.dictionaries.compiled.clone(),
            versions,
        });
        let kept = crate::campus::Kept::of(&school.pack.campuses, &snapshot);
        self.inner().kept.store(Arc::new(kept));
        self.filter().install(snapshot);
        self.note_standing_on(spec.floor);
        Ok(())
    }

    /// What the school itself wants now: its pack with the overrides in force.
    pub(crate) async fn spec_without_floor(
        &self,
        school: &crate::School,
    ) -> Result<PolicySpec, Error> {
        let mut spec = school.pack.filter_on(self.today());
        self.add_overrides(&mut spec, self.now()).await?;
        crate::checks::add_devices(&mut spec);
        self.add_own_pages(&mut spec);
        Ok(spec)
    }

    /// Builds anew when a membership of an exception group is over, or the assessment of a search tool
    /// is: who is in a group and which tools are approved is worked out with the snapshot, everything
    /// else with an end is looked at in each decision (REQ-06, SRCH-03).
    ///
    /// # Errors
    /// As [`App::rebuild`].
    pub async fn rebuild_when_due(&self) -> Result<(), Error> {
        if self.inner().next_lapse.load(Ordering::Relaxed) <= self.now().as_second() {
            self.rebuild().await?;
        }
        Ok(())
    }

    /// Writes every override in force into the policy as its pack would.
    pub(crate) async fn add_overrides(
        &self,
        spec: &mut PolicySpec,
        now: jiff::Timestamp,
    ) -> Result<(), Error> {
        let tool_day = self.school().pack.next_tool_day(self.today());
        let tool_day = tool_day.and_then(|day| day.to_zoned(self.zone()).ok());
        let mut next_lapse = tool_day.map_or(i64::MAX, |day| day.timestamp().as_second());
        for stored in self.records().overrides_in_force(now).await? {
            if let (OverrideKind::Membership, Some(until)) = (stored.kind, stored.until) {
                next_lapse = next_lapse.min(until.as_second());
            }
            add_override(spec, &stored)?;
        }
        self.inner().next_lapse.store(next_lapse, Ordering::Relaxed);
        self.add_held(spec, now);
        Ok(())
    }

    /// The pages' own name is never blocked: whoever must first accept the notice or sign in has to
    /// reach them (MON-09).
    fn add_own_pages(&self, spec: &mut PolicySpec) {
        if let Some(host) = self.own_page_host() {
            spec.help.push(HelpSpec {
                name: "Pharos's own pages".to_owned(),
                sites: vec![host],
            });
        }
    }

    /// The name under which the pages are reached; `None` where it is a number.
    pub(crate) fn own_page_host(&self) -> Option<String> {
        own_host(self.web_url()).or_else(|| {
            let school = self.school();
            own_host(school.pack.network.web.as_deref()?)
        })
    }

    /// The pack's address map, with sign-in names turned into people. A device whose user is not
    /// on the roll counts as shared: nobody until someone signs in on it.
    fn map_addresses(&self, roster: &Roster) {
        let school = self.school();
        let entries = school.pack.addresses.iter().map(|entry| {
            entry.resolve(|name| roster.by_username(name).map(|member| member.person))
        });
        self.filter()
            .addresses()
            .set_fixed(entries.collect::<Vec<_>>());
    }
}

/// The name in a web address; `None` where it is reached by number.
fn own_host(url: &str) -> Option<String> {
    let address = Address::parse(url).ok()?;
    let host = address.host();
    host.ip().is_none().then(|| host.as_str().to_owned())
}

/// What is wrong in a policy, one problem each.
pub(crate) fn wrong_policy(problems: Vec<pharos_policy::SpecProblem>) -> Error {
    let problems = problems.iter();
    Error::Invalid(
        problems
            .map(|problem| crate::Problem::whole(problem.to_string()))
            .collect(),
    )
}

/// Writes one override into the policy as its pack would.
pub(crate) fn add_override(spec: &mut PolicySpec, stored: &Override) -> Result<(), Error> {
    let unreadable = |error: serde_json::Error| Error::unavailable("a stored override", &error);
    match stored.kind {
        OverrideKind::EmergencyBlock => {
            let block: EmergencySpec = serde_json::from_slice(&stored.body).map_err(unreadable)?;
            spec.overrides.emergency.push(block);
        }
        OverrideKind::Restriction => {
            let restriction: PersonalSpec =
                serde_json::from_slice(&stored.body).map_err(unreadable)?;
            spec.overrides.personal.push(restriction);
        }
        OverrideKind::Exception if is_uninspected(&stored.body) => {
            let hosts: UninspectedSpec =
                serde_json::from_slice(&stored.body).map_err(unreadable)?;
            spec.overrides.uninspected.push(hosts);
        }
        OverrideKind::Exception => {
            let exception: ExceptionSpec =
                serde_json::from_slice(&stored.body).map_err(unreadable)?;
            spec.overrides.exceptions.push(exception);
        }
        OverrideKind::Membership => {
            let member: crate::groups::MemberSpec =
                serde_json::from_slice(&stored.body).map_err(unreadable)?;
            // A group that the pack no longer has opens nothing.
            if let Some(group) = spec.groups.get_mut(&member.group) {
                group.usernames.push(member.username);
            }
        }
        OverrideKind::LessonList => {
            let lesson: LessonSpec = serde_json::from_slice(&stored.body).map_err(unreadable)?;
            spec.overrides.lessons.push(lesson);
        }
    }
    Ok(())
}

/// An exception from being looked into is told from one that opens by its shape.
pub(crate) fn is_uninspected(body: &[u8]) -> bool {
    serde_json::from_slice::<UninspectedSpec>(body).is_ok()
}

/// The category lists, as the filter asks them.
#[derive(Debug)]
pub(crate) struct Listed(pub(crate) Arc<Catalogue>);

impl Categories for Listed {
    fn categories(&self, address: &Address) -> CategorySet {
        self.0.lookup(address).categories
    }

    fn hits(&self, address: &Address) -> Vec<Hit> {
        let found = self.0.lookup(address);
        self.0
            .matched(address, &found)
            .map(|matched| Hit {
                category: matched.category,
                list: Arc::clone(&matched.list.name),
                entry: Arc::from(format!("{}{}", matched.host, matched.path.unwrap_or(""))),
            })
            .collect()
    }

    fn names(&self) -> &[Arc<str>] {
        self.0.names()
    }
}
