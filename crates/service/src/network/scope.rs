//! What the school says the filter is for (`fil.scope`, FIL-15), class by class: whether Pharos covers
//! it here, by which face, and what is missing, in plain words.

use std::collections::BTreeSet;

use pharos_directory::presence::{GapDevice, GapKind};
use pharos_governance::ScopeFact;
use pharos_policy::spec::DeviceClass;
use pharos_school::{PersonId, Role};

use super::limits::{Faces, Limit, here};
use super::{GapLine, QuietPlace, fixed_devices, one_address};
use crate::{App, Error};

/// One class of devices: whether it is in scope, and how it is covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeLine {
    /// The class.
    pub class: DeviceClass,
    /// Whether `fil.scope` names it.
    pub in_scope: bool,
    /// By which faces it is met here, in words; empty: by none.
    pub by: Vec<&'static str>,
    /// What is missing, and what helps; empty: it is covered.
    pub missing: Vec<Missing>,
}

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is not covered, and why.
    pub why: String,
    /// What helps.
    pub helps: &'static str,
}

impl ScopeLine {
    /// How it stands, in a word.
    pub fn stands(&self) -> &'static str {
        match (self.in_scope, self.missing.is_empty(), self.by.is_empty()) {
            (false, ..) => "left out",
            (true, true, _) => "covered",
            (true, false, false) => "in part",
            (true, false, true) => "not covered",
        }
    }
}

/// What is known of the school's network and devices.
#[derive(Debug, Default)]
struct Known {
    faces: Option<Faces>,
    /// Devices in the register, by hardware or fixed address.
    registered: usize,
    /// People who have a device in the register.
    owners: BTreeSet<PersonId>,
    /// People whose device has a path of its own, and shared devices with one.
    roaming_owners: BTreeSet<PersonId>,
    roaming: usize,
    /// Of those people, who is staff.
    roaming_staff: usize,
    /// Unexplained gaps: devices that go round the filter now, registered ones that were not seen, and
    /// devices with a path that stopped asking.
    go_round: usize,
    not_seen: usize,
    roaming_silent: usize,
    /// Places of the pack, and which of them are quiet.
    own_places: Vec<String>,
    guest_places: Vec<String>,
    quiet: BTreeSet<String>,
}

impl App {
    /// Every class of devices with how it stands here.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn scope_lines(&self) -> Result<Vec<ScopeLine>, Error> {
        let (gaps, quiet) = (self.gap_lines().await?, self.quiet_places());
        self.scope_with(&gaps, &quiet).await
    }

    /// The same, where gaps and quiet places are known already.
    pub(super) async fn scope_with(
        &self,
        gaps: &[GapLine],
        quiet: &[QuietPlace],
    ) -> Result<Vec<ScopeLine>, Error> {
        let known = self.known_of_devices(gaps, quiet).await?;
        let left_out = self.school().pack.filter.scope.left_out.clone();
        Ok(DeviceClass::ALL
            .into_iter()
            .map(|class| line(class, !left_out.contains(&class), &known))
            .collect())
    }

    /// The classes in scope, for the clauses that promise them.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn scope_facts(&self) -> Result<Vec<ScopeFact>, Error> {
        let lines = self.scope_lines().await?;
        let in_scope = lines.into_iter().filter(|line| line.in_scope);
        Ok(in_scope
            .map(|line| ScopeFact {
                class: line.class.name().to_owned(),
                title: line.class.title().to_owned(),
                missing: line.missing.into_iter().next().map(|missing| missing.why),
            })
            .collect())
    }

    /// What is in scope and not covered, and what is left out (FIL-20).
    pub(super) async fn scope_limits(&self, limits: &mut Vec<Limit>) -> Result<(), Error> {
        for line in self.scope_lines().await? {
            let title = line.class.title();
            if !line.in_scope {
                limits.push(here(
                    title,
                    "The school leaves them out (fil.scope). What of them reaches Pharos all the same gets what an unknown device gets; nothing is promised beyond that.",
                    "Name them in fil.scope, and cover them.",
                ));
                continue;
            }
            let mended = line.missing.into_iter();
            limits.extend(mended.map(|missing| here(title, missing.why, missing.helps)));
        }
        Ok(())
    }

    async fn known_of_devices(
        &self,
        gaps: &[GapLine],
        quiet: &[QuietPlace],
    ) -> Result<Known, Error> {
        let school = self.school();
        let pack = &school.pack;
        let snapshot = self.filter().snapshot().ok();
        let member = |user: &str| {
            let roster = snapshot.as_ref()?.roster();
            roster.by_username(user).map(|member| member.person)
        };
        let is_staff = |person: PersonId| {
            let roster = snapshot.as_ref().map(|snapshot| snapshot.roster());
            roster.is_some_and(|all| all.get(person).is_some_and(|one| one.is(Role::Staff)))
        };
        let fixed = pack.addresses.iter();
        let fixed = fixed.filter(|entry| one_address(entry).is_some());
        let users = pack.devices.iter().map(|device| &device.user);
        let users = users.chain(fixed.map(|entry| &entry.user));
        let mut known = Known {
            faces: self
                .inner()
                .network
                .faces
                .load_full()
                .map(|faces| (*faces).clone()),
            registered: pack.devices.len() + fixed_devices(pack).count(),
            owners: users.flatten().filter_map(|user| member(user)).collect(),
            ..Known::default()
        };
        let now = self.now();
        for (device, _) in self.stored_devices().await? {
            if device.until > now {
                known.roaming += 1;
                known.roaming_owners.extend(device.person);
            }
        }
        let staff = known.roaming_owners.iter().filter(|one| is_staff(**one));
        known.roaming_staff = staff.count();
        for line in gaps {
            if line.explained.is_some() {
                continue;
            }
            match (line.gap.kind, &line.gap.device) {
                (_, GapDevice::Roaming(_)) => known.roaming_silent += 1,
                (GapKind::GoesRound, _) => known.go_round += 1,
                (GapKind::NotSeen, _) => known.not_seen += 1,
            }
        }
        known.quiet = quiet.iter().map(|quiet| quiet.place.clone()).collect();
        if pack.flag_of("mon.personal_devices", true) {
            known.own_places.clone_from(&pack.filter.scope.own_places);
        }
        for guests in &pack.filter.unknown.guests {
            let visitors = guests.groups.iter().any(|group| group == "visitors");
            let places = if visitors {
                &mut known.guest_places
            } else {
                &mut known.own_places
            };
            places.extend(guests.places.iter().cloned());
        }
        Ok(known)
    }
}

fn missing(why: impl Into<String>, helps: &'static str) -> Missing {
    Missing {
        why: why.into(),
        helps,
    }
}

fn line(class: DeviceClass, in_scope: bool, known: &Known) -> ScopeLine {
    let mut line = ScopeLine {
        class,
        in_scope,
        by: Vec::new(),
        missing: Vec::new(),
    };
    let Some(faces) = &known.faces else {
        line.missing = vec![missing(
            "No server is running on this data folder, so nothing is filtered.",
            "Start it: pharos serve.",
        )];
        return line;
    };
    match class {
        DeviceClass::SchoolDevices => school_devices(&mut line, faces, known),
        DeviceClass::ProvidedDevices => provided(&mut line, faces, known),
        DeviceClass::OffSite => off_site(&mut line, faces, known),
        DeviceClass::PersonalDevices => personal(&mut line, faces, known),
        DeviceClass::StaffMobilesWithMail => mobiles(&mut line, faces, known),
        DeviceClass::Visitors => visitors(&mut line, faces, known),
    }
    line
}

/// The faces that a device of the school's own meets on its networks.
fn managed(line: &mut ScopeLine, faces: &Faces) {
    if faces.dns {
        line.by.push("the resolver, by name");
    }
    match (faces.proxy, faces.inspects) {
        (true, true) => line.by.push("the proxy, page by page"),
        (true, false) => line.by.push("the proxy, by the server's name"),
        (false, _) => {}
    }
    if faces.transparent {
        line.by.push("traffic caught in passing");
    }
    if line.by.is_empty() {
        line.missing.push(missing(
            "Neither the resolver nor the proxy is on.",
            "Start without --off dns and --off proxy.",
        ));
    }
}

/// The faces that a device meets which nobody set up for the school.
fn unmanaged(line: &mut ScopeLine, faces: &Faces) {
    if faces.dns {
        line.by
            .push("the resolver, by name, where the network hands it out");
    }
    if faces.transparent {
        line.by
            .push("traffic caught in passing, by the server's name");
    }
    if line.by.is_empty() {
        line.missing.push(missing(
            "Nobody sets such devices up for the proxy, the resolver is off, and nothing is caught in passing.",
            "Leave out --off dns, and let the network hand out this resolver; or catch traffic in passing (pharos network rules).",
        ));
    }
}

fn school_devices(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    managed(line, faces);
    if known.go_round > 0 {
        line.missing.push(missing(
            format!(
                "{} devices are on the network and go round the filter.",
                known.go_round
            ),
            "Look at the gap list on the page Network.",
        ));
    }
    if known.not_seen > 0 {
        line.missing.push(missing(
            format!(
                "{} registered devices were not seen since the last school day began.",
                known.not_seen
            ),
            "Look at the gap list on the page Network, and explain each or bring it back.",
        ));
    }
    let apart =
        |place: &&String| !known.own_places.contains(place) && !known.guest_places.contains(place);
    quiet(line, known.quiet.iter().filter(apart));
    if known.registered == 0 && faces.lease_files == 0 && !faces.radius {
        line.missing.push(missing(
            "No device is registered, and neither leases nor Wi-Fi sign-ins are read: one that goes round the filter would not be noticed.",
            "Register the school's devices in [[devices]], or name the lease files in [network] dhcp_leases.",
        ));
    }
}

fn provided(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    managed(line, faces);
    if known.owners.is_empty() && known.roaming_owners.is_empty() {
        line.missing.push(missing(
            "No device is registered to a person, so none can be told from the others or be missed.",
            "Give such devices a user in [[devices]], or a path of their own on the page Devices away from school; where the school gives none out, take provided-devices out of fil.scope.",
        ));
    }
}

fn off_site(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    if !faces.doh {
        line.missing.push(missing(
            "The resolver does not answer over HTTPS, which is how a device asks from home.",
            "Start with --doh ADDRESS:PORT, and let it be reached from outside.",
        ));
        return;
    }
    if known.roaming == 0 {
        line.missing.push(missing(
            "No device has a path of its own for look-ups from home.",
            "Give each device one on the page Devices away from school; where none leaves the site, take off-site out of fil.scope.",
        ));
        return;
    }
    line.by
        .push("the resolver over HTTPS, by name, by the device's own path");
    let without = known.owners.difference(&known.roaming_owners).count();
    if without > 0 {
        line.missing.push(missing(
            format!(
                "{without} of {} people with a device in the register have none with a path of its own.",
                known.owners.len()
            ),
            "Give each device that leaves the site a path on the page Devices away from school.",
        ));
    }
    if known.roaming_silent > 0 {
        line.missing.push(missing(
            format!(
                "{} devices with a path did not ask since the last school day began.",
                known.roaming_silent
            ),
            "Look at the gap list on the page Network.",
        ));
    }
}

fn personal(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    unmanaged(line, faces);
    let all = known.own_places.iter().chain(&known.guest_places);
    if all.clone().next().is_none() {
        line.by.clear();
        line.missing.push(missing(
            "No network is named for own devices, so they cannot be told from the school's.",
            "Name it in [places] and in mon.notice_places, or among the guests of [unknown].",
        ));
    }
    quiet(
        line,
        known
            .quiet
            .iter()
            .filter(|place| known.own_places.contains(place)),
    );
}

fn visitors(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    unmanaged(line, faces);
    if known.own_places.is_empty() && known.guest_places.is_empty() {
        line.by.clear();
        line.missing.push(missing(
            "No network is named for visitors.",
            "Name it in [places], and give it to visitors in [unknown] guests or in mon.notice_places.",
        ));
    }
    quiet(
        line,
        known
            .quiet
            .iter()
            .filter(|place| known.guest_places.contains(place)),
    );
}

fn mobiles(line: &mut ScopeLine, faces: &Faces, known: &Known) {
    if !known.own_places.is_empty() || !known.guest_places.is_empty() {
        unmanaged(line, faces);
    }
    if faces.doh && known.roaming_staff > 0 {
        line.by
            .push("the resolver over HTTPS, by name, by the device's own path");
    } else {
        line.missing.push(missing(
            "Away from school no phone of staff asks Pharos: none has a path of its own. What is in the mail itself is never seen here.",
            "Give phones a path on the page Devices away from school and push it by device management; the mail system's own rules hold the mail.",
        ));
    }
}

fn quiet<'a>(line: &mut ScopeLine, places: impl Iterator<Item = &'a String>) {
    let places: Vec<&str> = places.map(String::as_str).collect();
    if !places.is_empty() {
        line.missing.push(missing(
            format!(
                "Nothing of these networks has passed the filter since the last school day began: {}.",
                places.join(", ")
            ),
            "See whether another line, a changed route or a holiday is behind it.",
        ));
    }
}
