//! Deciding without records (FIL-17): what was last known is kept beside the records, so that a
//! start without them goes on by the last good policy, or, where even that is lost, blocks pupils
//! and follows `fil.fail_mode` for staff. Sealed lists are in force throughout.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pharos_catalogue::SealedKey;
use pharos_filter::{Filter, FixedEntry, Owner, Parts, Roster, Snapshot, Versions};
use pharos_lists::Lists;
use pharos_notify::{Kind, Notice, Place, Post, Severity};
use pharos_policy::spec::HelpSpec;
use pharos_policy::{
    FailMode, KNOWN_SAFE_CATEGORIES, Member, PolicySpec, fallback, known_safe_sites,
};
use pharos_scan::Dictionaries;
use pharos_school::{ClassId, IdentitySource, NoticeId, PersonId, Role, YearGroup};
use serde::{Deserialize, Serialize};

use crate::clock::new_uuid;
use crate::snapshot::Listed;
use crate::{App, Error, School};

/// The version of the kept form.
const FORM: u16 = 1;

/// Where what was last known is kept: beside the records, never in them, sealed.
pub trait Keep: Send + Sync {
    /// Keeps one of the two parts; whatever was kept before is replaced whole.
    ///
    /// # Errors
    /// What the disk or the seal said.
    fn keep(&self, part: Part, bytes: &[u8]) -> Result<(), String>;

    /// A kept part; `None` where there is none.
    ///
    /// # Errors
    /// What the disk or the seal said: it is then as if there were none.
    fn kept(&self, part: Part) -> Result<Option<Vec<u8>>, String>;
}

/// The two things kept apart, so that losing one does not lose the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// People, addresses, help, fail mode.
    People,
    /// The last good policy.
    Policy,
}

/// Everybody and everything that a start without records must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKnown {
    v: u16,
    /// The school's name.
    pub school: String,
    /// What happens without a policy (`fil.fail_mode`).
    pub fail_mode: FailMode,
    /// Sites that staff may reach without a policy.
    pub known_safe: Vec<String>,
    /// Help sites, always open (FIL-13).
    pub help: Vec<HelpSpec>,
    /// Help lines for the block page: name and how to reach it.
    pub help_lines: Vec<(String, String)>,
    /// Resolvers that names are forwarded to, as a pack writes them.
    pub upstreams: Vec<String>,
    /// The technical team's addresses, for the alarm.
    pub technical: Vec<String>,
    people: Vec<KnownPerson>,
    addresses: Vec<(IpNet, Option<PersonId>, Option<String>)>,
    sign_ins: Vec<(IpAddr, PersonId, Option<String>, Timestamp)>,
    /// The mail server, for the alarm.
    pub mail: Option<KnownMail>,
}

/// The mail server as the pack names it; its password never leaves the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownMail {
    /// Host and port.
    pub smtp: String,
    /// `none`, `starttls` or `tls`.
    pub tls: String,
    /// The sender.
    pub from: String,
    /// Name for signing in.
    pub user: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownPerson {
    id: PersonId,
    username: String,
    roles: BTreeSet<Role>,
    year: Option<YearGroup>,
    house: Option<String>,
    classes: BTreeSet<ClassId>,
    class_names: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastPolicy {
    v: u16,
    version: u64,
    spec: PolicySpec,
    declared: Vec<String>,
    /// The school's own dictionaries of page text.
    #[serde(default)]
    dictionaries: BTreeMap<String, String>,
    /// The last day on which each search tool of the policy is assessed (SRCH-03); `None` where an
    /// older version kept it.
    #[serde(default)]
    tools: Option<BTreeMap<String, Date>>,
}

impl LastPolicy {
    /// Closes the search tools whose risk assessment has run out since. Gives when the next one does.
    fn close_expired(&mut self, now: Timestamp) -> Option<Timestamp> {
        let tools = self.tools.as_ref()?;
        let zone = TimeZone::get(&self.spec.zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone.clone()).date();
        let holds = |tool: &str| tools.get(tool).is_some_and(|until| *until >= today);
        pharos_pack::close_tools(&mut self.spec, holds);
        let next = tools.values().filter(|until| **until >= today).min()?;
        let over = next.saturating_add(1.day()).to_zoned(zone).ok()?;
        Some(over.timestamp())
    }
}

/// What a start without records goes by.
#[derive(Debug)]
pub struct StoodBy {
    /// What was known; `None` where that was lost.
    pub known: Option<LastKnown>,
    /// On what footing decisions stand.
    pub footing: Footing,
    /// When something of it runs out, so that it must be put in force anew; `None`: nothing does.
    pub until: Option<Timestamp>,
}

/// By what the filter decides while the records are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// The last good policy, of this version.
    LastPolicy(u64),
    /// No policy: pupils blocked, staff by this mode; who is staff is known.
    FailMode(FailMode),
    /// Nothing at all was kept: everybody is blocked, help apart.
    Nothing,
}

impl Footing {
    /// One sentence for the operator.
    pub fn says(self) -> String {
        match self {
            Self::LastPolicy(version) => {
                format!("the filter decides by policy version {version}, the last good one")
            }
            Self::FailMode(FailMode::BlockPupils) => {
                "there is no policy to go by: pupils are blocked, staff reach known-safe sites"
                    .to_owned()
            }
            Self::FailMode(FailMode::BlockAll) => {
                "there is no policy to go by: everybody is blocked, help stays open".to_owned()
            }
            Self::Nothing => "nothing was ever kept to go by: everybody is blocked".to_owned(),
        }
    }
}

/// Reads what was kept and puts in force the best that can be made of it on this day. To be called again
/// when [`StoodBy::until`] has come.
///
/// # Errors
/// When the sealed lists cannot be read: then nothing is in force and the faces refuse everything.
pub fn stand_by(
    keep: &dyn Keep,
    lists: &Lists,
    key: &SealedKey,
    filter: &Filter,
    now: Timestamp,
) -> Result<StoodBy, Error> {
    let known = read::<LastKnown>(keep, Part::People).filter(|known| known.v == FORM);
    let mut last = read::<LastPolicy>(keep, Part::Policy).filter(|last| last.v == FORM);
    let until = last.as_mut().and_then(|last| last.close_expired(now));
    let catalogue = lists.catalogue();
    let sealed = lists
        .sealed_lists(key)
        .map_err(|error| Error::unavailable("the sealed lists", &error))?;
    let roster = Roster::known(known.as_ref());
    let own = last.as_ref().map(|last| &last.dictionaries);
    let own = own.filter(|own| !own.is_empty());
    let dictionaries = own.and_then(|own| {
        Dictionaries::with_own(own)
            .inspect_err(|_| {
                tracing::warn!(
                    "the school's own dictionaries do not read; the shipped ones are used"
                )
            })
            .ok()
            .map(Arc::new)
    });
    let by_last = known.as_ref().and(last).and_then(|last| {
        let declared: Vec<Arc<str>> = last
            .declared
            .iter()
            .map(|name| Arc::from(&**name))
            .collect();
        pharos_filter::compile_policy(&last.spec, catalogue.names(), &declared)
            .ok()
            .map(|policy| (policy, last.version))
    });
    let (policy, version, footing) = match (by_last, &known) {
        (Some((policy, version)), _) => (policy, version, Footing::LastPolicy(version)),
        (None, known) => {
            let (mode, help, safe) = match known {
                Some(known) => (known.fail_mode, &known.help[..], &known.known_safe[..]),
                None => (FailMode::BlockAll, &[][..], &[][..]),
            };
            let footing = match known {
                Some(_) => Footing::FailMode(mode),
                None => Footing::Nothing,
            };
            let policy = fallback_policy(mode, help, safe, catalogue.names())?;
            (policy, 0, footing)
        }
    };
    if let Some(known) = &known {
        known.map_addresses(filter, now);
    }
    let lists = catalogue
        .lists()
        .iter()
        .map(|list| (Arc::clone(&list.name), list.version));
    let versions = Versions {
        policy: version,
        catalogue: catalogue.version(),
        lists: lists.collect(),
    };
    filter.install(Snapshot::new(Parts {
        policy: Arc::new(policy),
        categories: Arc::new(Listed(catalogue)),
        sealed: Arc::new(sealed),
        roster: Arc::new(roster),
        dictionaries,
        versions,
    }));
    Ok(StoodBy {
        known,
        footing,
        until,
    })
}

/// The last day of each search tool that is assessed today; of several assessments the longest counts.
fn last_days(school: &School, today: Date) -> BTreeMap<String, Date> {
    let mut days: BTreeMap<String, Date> = BTreeMap::new();
    let assessed = school.pack.assessments.iter();
    for one in assessed.filter(|one| one.approved_on <= today && !one.has_expired(today)) {
        let day = days.entry(one.tool.clone()).or_insert(one.expires);
        *day = one.expires.max(*day);
    }
    days
}

/// The policy without policy. Sites that no longer read are left out rather than lose the rest.
fn fallback_policy(
    mode: FailMode,
    help: &[HelpSpec],
    safe: &[String],
    categories: &[Arc<str>],
) -> Result<pharos_policy::Policy, Error> {
    let reads = |site: &String| pharos_catalogue::Address::parse(site).is_ok();
    let help: Vec<HelpSpec> = help
        .iter()
        .map(|help| HelpSpec {
            name: help.name.clone(),
            sites: help
                .sites
                .iter()
                .filter(|site| reads(site))
                .cloned()
                .collect(),
        })
        .filter(|help| !help.sites.is_empty())
        .collect();
    let safe: Vec<String> = safe.iter().filter(|site| reads(site)).cloned().collect();
    let declared = KNOWN_SAFE_CATEGORIES.map(Arc::from);
    pharos_filter::compile_policy(&fallback(mode, &help, &safe), categories, &declared).map_err(
        |problems| {
            let first = problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            Error::invalid(format!("The policy for a time without policy: {first}"))
        },
    )
}

fn read<T: serde::de::DeserializeOwned>(keep: &dyn Keep, part: Part) -> Option<T> {
    let bytes = keep
        .kept(part)
        .inspect_err(
            |problem| tracing::warn!(?part, %problem, "what was last known cannot be read"),
        )
        .ok()??;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::warn!(?part, %error, "what was last known does not read"))
        .ok()
}

trait KnownRoster {
    fn known(known: Option<&LastKnown>) -> Self;
}

impl KnownRoster for Roster {
    fn known(known: Option<&LastKnown>) -> Self {
        let mut roster = Roster::default();
        for person in known.into_iter().flat_map(|known| &known.people) {
            roster.add(Member {
                person: person.id,
                username: person.username.as_str().into(),
                roles: person.roles.clone(),
                year: person.year,
                house: person.house.as_deref().map(Arc::from),
                classes: person.classes.clone(),
                class_names: person
                    .class_names
                    .iter()
                    .map(|name| Arc::from(&**name))
                    .collect(),
            });
        }
        roster
    }
}

impl LastKnown {
    fn map_addresses(&self, filter: &Filter, now: Timestamp) {
        let addresses = filter.addresses();
        addresses.set_fixed(
            self.addresses
                .iter()
                .map(|(range, person, device)| FixedEntry {
                    range: *range,
                    owner: person.map_or(Owner::Shared, Owner::Person),
                    device: device.as_deref().map(Arc::from),
                }),
        );
        for (from, person, device, until) in &self.sign_ins {
            if now < *until {
                addresses.sign_in(*from, *person, device.as_deref().map(Arc::from), *until);
            }
        }
    }
}

impl App {
    /// Tells where to keep what was last known; the first telling counts. Kept from the next
    /// [`App::rebuild`] on.
    pub fn keep_standby(&self, keep: Arc<dyn Keep>) {
        // A second start in one process keeps the first place, which is the same folder.
        drop(self.inner().standby.set(keep));
    }

    /// Keeps what is in force now. A disk that takes nothing is logged, never a reason to stop.
    pub(crate) fn keep_last_known(
        &self,
        school: &School,
        roster: &Roster,
        spec: &PolicySpec,
        technical: Vec<String>,
    ) {
        let known = self.last_known(school, roster, technical);
        let Some(keep) = self.inner().standby.get() else {
            return;
        };
        let policy = LastPolicy {
            v: FORM,
            version: school.version,
            spec: spec.clone(),
            declared: school
                .declared_categories
                .iter()
                .map(ToString::to_string)
                .collect(),
            dictionaries: school.pack.dictionaries.texts.clone(),
            tools: Some(last_days(school, self.today())),
        };
        let parts = [
            (Part::People, serde_json::to_vec(&known)),
            (Part::Policy, serde_json::to_vec(&policy)),
        ];
        for (place, (part, bytes)) in parts.into_iter().enumerate() {
            let kept = bytes
                .map_err(|error| error.to_string())
                .and_then(|bytes| self.keep_if_new(keep.as_ref(), place, part, &bytes));
            if let Err(problem) = kept {
                tracing::warn!(?part, %problem, "what the filter would need without records was not kept");
            }
        }
    }

    fn keep_if_new(
        &self,
        keep: &dyn Keep,
        place: usize,
        part: Part,
        bytes: &[u8],
    ) -> Result<(), String> {
        let mark = digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
        let mut kept = self
            .inner()
            .kept_marks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept[place] != mark {
            keep.keep(part, bytes)?;
            kept[place] = mark;
        }
        Ok(())
    }

    fn last_known(&self, school: &School, roster: &Roster, technical: Vec<String>) -> LastKnown {
        let pack = &school.pack;
        let mut known_safe = known_safe_sites(&pack.filter);
        known_safe.extend(pack.school.domains.iter().cloned());
        let mut people: Vec<KnownPerson> = roster
            .iter()
            .map(|member| KnownPerson {
                id: member.person,
                username: member.username.to_string(),
                roles: member.roles.clone(),
                year: member.year,
                house: member.house.as_deref().map(str::to_owned),
                classes: member.classes.clone(),
                class_names: member.class_names.iter().map(ToString::to_string).collect(),
            })
            .collect();
        people.sort_by(|a, b| a.username.cmp(&b.username));
        let addresses = pack.addresses.iter().map(|entry| {
            let person = entry
                .user
                .as_deref()
                .and_then(|name| roster.by_username(name));
            (
                entry.range,
                person.map(|member| member.person),
                Some(entry.label.clone()),
            )
        });
        let sign_ins = self.filter().addresses().evidence(self.now());
        LastKnown {
            v: FORM,
            school: school.name.clone(),
            fail_mode: FailMode::named(
                &pack.text_of("fil.fail_mode", FailMode::BlockPupils.name()),
            ),
            known_safe,
            help: pack.filter.help.clone(),
            help_lines: pack
                .help
                .iter()
                .filter_map(|help| Some((help.name.clone(), help.call.clone()?)))
                .collect(),
            upstreams: pack.upstreams().iter().map(ToString::to_string).collect(),
            technical,
            people,
            addresses: addresses.collect(),
            sign_ins: sign_ins
                .into_iter()
                .filter(|(_, said)| said.source == IdentitySource::SignInPage)
                .filter_map(|(from, said)| {
                    let device = said.device.as_deref().map(str::to_owned);
                    Some((from, said.person?, device, said.until))
                })
                .collect(),
            mail: pack.mail.as_ref().map(|mail| KnownMail {
                smtp: mail.smtp.clone(),
                tls: match mail.tls {
                    pharos_pack::MailTls::None => "none",
                    pharos_pack::MailTls::StartTls => "starttls",
                    pharos_pack::MailTls::Tls => "tls",
                }
                .to_owned(),
                from: mail.from.clone(),
                user: mail.user.clone(),
            }),
        }
    }
}

/// Tells the technical team by mail, past the queue, which lies in the very records that are away.
/// Gives how many were reached.
pub async fn tell_technical(
    post: &dyn Post,
    technical: &[String],
    kind: Kind,
    now: Timestamp,
) -> usize {
    let mut reached = 0;
    for to in technical {
        let notice = Notice {
            id: NoticeId::from_uuid(new_uuid()),
            at: now,
            to: to.clone(),
            kind,
            severity: if kind == Kind::FilterBack {
                Severity::Information
            } else {
                Severity::Urgent
            },
            place: Place::Settings,
        };
        match post.send(&notice).await {
            Ok(_) => reached += 1,
            Err(error) => {
                tracing::error!(what = %error.what, "the technical team could not be told of the filter's standby")
            }
        }
    }
    reached
}
