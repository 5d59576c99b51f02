//! A week of requests: what pupils and staff of the sample school reach, by the school's own hours.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, Zoned};
use pharos_activity::Event;
use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_policy::Member;
use pharos_scan::search_terms;
use pharos_school::{Confidence, Face, IdentitySource, Role, Who};

use super::SampleClock;
use super::cast::Cast;
use crate::wire::Opened;

/// How many days of life lie behind the sample school.
const DAYS: i64 = 7;
/// Requests of one person on a school day.
const PER_DAY: u64 = 24;

/// One in so many visits to what worries is made.
const SELDOM: u64 = 30;

/// Where people of a school go, with the face that sees it.
const PLACES: &[(&str, Face)] = &[
    ("lighthouse.harbourmouth.sch.example/planner", Face::Https),
    ("encyclopaedia.example/wiki/Tides", Face::Https),
    ("encyclopaedia.example/wiki/Roman_harbours", Face::Https),
    ("maths-practice.example/year8/fractions", Face::Https),
    ("news.example/science", Face::Https),
    ("weather.example/coast", Face::Dns),
    ("museum.example/ships", Face::Https),
    ("languages.example/french/verbs", Face::Https),
    (
        "www.google.com/search?q=how+do+lighthouses+work",
        Face::Https,
    ),
    ("www.google.com/search?q=volcano+diagram", Face::Https),
    ("video.example/watch", Face::Dns),
    ("gaming.pharos.test/", Face::Https),
    ("social-media.pharos.test/", Face::Dns),
    ("gambling.pharos.test/", Face::Https),
    ("downloads.pharos.test/tool", Face::Https),
];

/// What stands out in the week: which pupil of the cast, where, how many minutes after nine on the last school days.
const MOMENTS: &[(usize, &str, i64, i64)] = &[
    (0, "avoidance.pharos.test/", 5, 62),
    (1, "pornography.pharos.test/", 3, 95),
    (1, "pornography.pharos.test/", 3, 97),
    (1, "pornography.pharos.test/", 3, 98),
    (0, "extremism.pharos.test/", 1, 200),
    (0, "extremism.pharos.test/", 1, 204),
    (0, "extremism.pharos.test/", 1, 230),
];

/// What happened a few minutes ago and nobody has looked at yet: who, where, how many minutes ago.
const JUST_NOW: &[(usize, &str, i64)] = &[(2, "www.google.com/search?q=how+to+kill+myself", 7)];

/// Lives the week before now, then the cases that grew from it.
pub(super) async fn live(opened: &Opened, clock: &SampleClock) -> anyhow::Result<()> {
    let zone = opened.app.zone();
    let today = Timestamp::now().to_zoned(zone);
    requests(opened, &today)?;
    let cast = Cast::of(&opened.app).await?;
    for (pupil, address, days_ago, minutes) in MOMENTS {
        let Some(name) = cast.pupil(*pupil) else {
            continue;
        };
        let at = moment(&today, *days_ago, *minutes)?;
        clock.set_to(at);
        if let Some(event) = decided(opened, name, address, at)? {
            opened.sink.record(event.clone());
            opened.app.notice(&event).await?;
        }
    }
    super::cases::live(opened, clock, &today, &cast).await?;
    for (pupil, address, minutes) in JUST_NOW {
        let Some(name) = cast.pupil(*pupil) else {
            continue;
        };
        let at = today.timestamp() - SignedDuration::from_mins(*minutes);
        clock.set_to(at);
        if let Some(event) = decided(opened, name, address, at)? {
            opened.sink.record(event.clone());
            opened.app.notice(&event).await?;
        }
    }
    clock.set_to_now();
    Ok(())
}

/// The same without a clock that can be set: only requests, no cases.
pub(super) async fn live_now(opened: &Opened) -> anyhow::Result<()> {
    let today = Timestamp::now().to_zoned(opened.app.zone());
    requests(opened, &today)
}

/// So many minutes after nine o'clock, so many school days ago, and never later than a little ago.
fn moment(today: &Zoned, days_ago: i64, minutes: i64) -> anyhow::Result<Timestamp> {
    let date = today.date().checked_sub(jiff::Span::new().days(days_ago))?;
    let nine = date.at(9, 0, 0, 0).to_zoned(today.time_zone().clone())?;
    Ok((nine.timestamp() + SignedDuration::from_mins(minutes))
        .min(today.timestamp() - SignedDuration::from_mins(5)))
}

fn requests(opened: &Opened, today: &Zoned) -> anyhow::Result<()> {
    let snapshot = opened.app.filter().snapshot()?;
    let mut members: Vec<Arc<Member>> = snapshot
        .roster()
        .iter()
        .filter(|member| {
            (member.is(Role::Pupil) || member.is(Role::Staff))
                && !member.username.starts_with("check:")
        })
        .cloned()
        .collect();
    members.sort_by(|a, b| a.username.cmp(&b.username));
    let mut dice = Dice(0x5eed_0f5a_4b2c_91d3);
    for day in (1..=DAYS).rev() {
        for (number, member) in members.iter().enumerate() {
            for _ in 0..PER_DAY {
                let at = moment(
                    today,
                    day,
                    i64::try_from(dice.roll(420)).unwrap_or_default(),
                )?;
                let (mut address, mut face) =
                    PLACES[usize::try_from(dice.roll(PLACES.len() as u64)).unwrap_or_default()];
                // What worries is rare: most who come near it turn to something else.
                if address.starts_with("gambling") && dice.roll(SELDOM) != 0 {
                    (address, face) = PLACES[0];
                }
                let from =
                    IpAddr::from([127, 0, 3, u8::try_from(number % 250).unwrap_or_default()]);
                if let Some(event) = event(opened, member, address, face, from, at) {
                    opened.sink.record(event);
                }
            }
        }
    }
    Ok(())
}

fn decided(
    opened: &Opened,
    name: &str,
    address: &str,
    at: Timestamp,
) -> anyhow::Result<Option<Event>> {
    let snapshot = opened.app.filter().snapshot()?;
    let Some(member) = snapshot.roster().by_username(name).cloned() else {
        return Ok(None);
    };
    Ok(event(
        opened,
        &member,
        address,
        Face::Https,
        IpAddr::from([127, 0, 1, 8]),
        at,
    ))
}

/// What the filter decides for this member there and then, as an event.
fn event(
    opened: &Opened,
    member: &Member,
    address: &str,
    face: Face,
    from: IpAddr,
    at: Timestamp,
) -> Option<Event> {
    let snapshot = opened.app.filter().snapshot().ok()?;
    let whole = Address::parse(address).ok()?;
    let seen = if face == Face::Dns {
        Address::of_host(whole.host().clone())
    } else {
        whole
    };
    let who = Who::Known {
        person: member.person,
        source: IdentitySource::SignInPage,
        confidence: Confidence::Certain,
        device: Some(Arc::from(format!("desk-{}", from))),
    };
    let decision = snapshot.decide(&Query {
        address: &seen,
        who: &who,
        from: Some(from),
        face,
        now: at,
    });
    let versions = snapshot.versions();
    let search = if decision.sealed.is_none() {
        search_terms(&seen).map(|terms| Box::from(terms.terms.as_str()))
    } else {
        None
    };
    Some(Event {
        at,
        group: snapshot.group_name(&who, Some(from)),
        who,
        address: from,
        face,
        host: Box::from(seen.host().as_str()),
        path: seen.path().map(Box::from),
        action: decision.action.name(),
        rule: decision.rule,
        categories: snapshot.category_names(decision.categories),
        policy_version: versions.policy,
        catalogue_version: versions.catalogue,
        search,
        sealed: decision.sealed,
        bytes_up: 700,
        bytes_down: 24_000,
    })
}

/// The same rolls every time: a small generator (xorshift), not for secrets.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }
}
