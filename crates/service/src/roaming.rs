//! Devices that take the filter along: each has an encrypted name look-up path of its own, by which
//! it is known at home as at school (FIL-15).
//!
//! Only a digest of the path's secret part is stored, sealed, one setting for each device.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_filter::{OwnedDevice, Owner, Roster, TokenDigest};
use pharos_policy::spec::DeviceClass;
use pharos_records::SettingRow;
use pharos_school::PersonId;
use serde::{Deserialize, Serialize};

use crate::clock::{new_uuid, random_bytes};
use crate::{App, Error};

/// What the settings of devices begin with.
const PREFIX: &str = "roaming.";
/// Devices at most: several for everybody in a large school.
const DEVICES_MAX: usize = 20_000;
/// Longest label, in characters.
const LABEL_MAX: usize = 60;
/// How long a path holds where nothing else is said, in days: a school year.
pub const ROAMING_DAYS: u32 = 365;
/// The longest that a path may hold before somebody looks at it again, in days.
const DAYS_MAX: u32 = 800;
/// How long a path that was made before paths had an end holds, from its last change.
const OLD_HOLDS: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A device with its own path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoamingDevice {
    /// Its id, for taking the path back.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// Whose it is; `None`: shared.
    pub person: Option<PersonId>,
    /// When its path was made or last prolonged.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When the device last asked under it; `None` for not yet, as far as is remembered.
    pub seen: Option<Timestamp>,
}

/// A path as it is told once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRoamingDevice {
    /// The device's id.
    pub id: String,
    /// The secret last part of `/dns-query/…`.
    pub token: String,
}

impl std::fmt::Debug for NewRoamingDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewRoamingDevice")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Body {
    v: u8,
    label: String,
    person: Option<PersonId>,
    digest: String,
    /// When the path ends.
    #[serde(default)]
    until: Option<Timestamp>,
}

impl App {
    /// Gives a device its own path for so many days. The secret is told here and never again. In force
    /// at once.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for a label that is none, a person not on the roll, too
    /// long a time, or more devices than there may be.
    pub async fn add_roaming_device(
        &self,
        actor: &Actor,
        label: &str,
        person: Option<PersonId>,
        days: u32,
    ) -> Result<NewRoamingDevice, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let label = label.trim();
        if label.is_empty() || label.chars().count() > LABEL_MAX {
            let text = "Give the device a name of at most 60 characters.";
            return Err(Error::field("label", text));
        }
        let until = self.ends_after(days)?;
        let left_out = &self.school().pack.filter.scope.left_out;
        let away = [DeviceClass::OffSite, DeviceClass::StaffMobilesWithMail];
        if away.iter().all(|class| left_out.contains(class)) {
            return Err(Error::invalid(
                "The school leaves devices away from school out (fil.scope), so that they would get what an unknown device gets. Name off-site in fil.scope first.",
            ));
        }
        if let Some(person) = person
            && self.known_person(person).await?.is_none()
        {
            return Err(Error::field("person", "Choose somebody on the roll."));
        }
        if self.stored_devices().await?.len() >= DEVICES_MAX {
            return Err(Error::invalid(
                "There are as many devices with their own path as there may be. Take back those no longer used.",
            ));
        }
        let id = new_uuid().to_string();
        let token = URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
        let body = Body {
            v: 1,
            label: label.to_owned(),
            person,
            digest: hex::encode(digest(&SHA256, token.as_bytes())),
            until: Some(until),
        };
        let text = serde_json::to_string(&body)
            .map_err(|error| Error::unavailable("the device's entry", &error))?;
        let name = format!("{PREFIX}{id}");
        self.records()
            .set_setting(&permit, &name, Some(&text), self.now())
            .await?;
        self.rebuild().await?;
        Ok(NewRoamingDevice { id, token })
    }

    /// The same for whoever has this sign-in name; nobody's device without one.
    ///
    /// # Errors
    /// As [`App::add_roaming_device`]; [`Error::Invalid`] where nobody on the roll has the name.
    pub async fn add_roaming_device_of(
        &self,
        actor: &Actor,
        label: &str,
        user: &str,
        days: u32,
    ) -> Result<NewRoamingDevice, Error> {
        self.may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let user = user.trim();
        let person = match user {
            "" => None,
            _ => match self.person_named(user).await? {
                Some(person) => Some(person.id),
                None => {
                    let text = "Nobody on the roll has this sign-in name.";
                    return Err(Error::field("user", text));
                }
            },
        };
        self.add_roaming_device(actor, label, person, days).await
    }

    /// Lets a device's path hold for so many days from now on.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`]; [`Error::Invalid`] for too long a time.
    pub async fn prolong_roaming_device(
        &self,
        actor: &Actor,
        id: &str,
        days: u32,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let until = self.ends_after(days)?;
        let name = format!("{PREFIX}{id}");
        let row = self.records().setting(&name).await?;
        let row = row.ok_or(Error::NotFound)?;
        let mut body: Body = serde_json::from_str(&row.value)
            .map_err(|error| Error::unavailable("the device's entry", &error))?;
        body.until = Some(until);
        let text = serde_json::to_string(&body)
            .map_err(|error| Error::unavailable("the device's entry", &error))?;
        self.records()
            .set_setting(&permit, &name, Some(&text), self.now())
            .await?;
        self.rebuild().await
    }

    fn ends_after(&self, days: u32) -> Result<Timestamp, Error> {
        if !(1..=DAYS_MAX).contains(&days) {
            let text = format!("Say for how many days: at least 1, at most {DAYS_MAX}.");
            return Err(Error::field("days", text));
        }
        let held = SignedDuration::from_hours(24 * i64::from(days));
        Ok(self.now().checked_add(held).unwrap_or(Timestamp::MAX))
    }

    /// Takes a device's path back: it opens nothing from now on.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`].
    pub async fn revoke_roaming_device(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let name = format!("{PREFIX}{id}");
        if self.records().setting(&name).await?.is_none() {
            return Err(Error::NotFound);
        }
        self.records()
            .set_setting(&permit, &name, None, self.now())
            .await?;
        self.rebuild().await
    }

    /// Every device with its own path, oldest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn roaming_devices(&self, actor: &Actor) -> Result<Vec<RoamingDevice>, Error> {
        self.may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let devices = self.stored_devices().await?;
        Ok(devices.into_iter().map(|(device, _)| device).collect())
    }

    /// Tells the filter of every device. Those of people who have left are nobody's.
    pub(crate) async fn map_devices(&self, roster: &Roster) -> Result<(), Error> {
        let devices = self.stored_devices().await?.into_iter();
        let owned = devices.map(|(device, digest)| {
            let person = device.person.filter(|person| roster.get(*person).is_some());
            let device = OwnedDevice {
                owner: person.map_or(Owner::Shared, Owner::Person),
                label: device.label.into(),
                until: device.until,
            };
            (digest, device)
        });
        let own = self.inner().check_devices.owned();
        self.filter().devices().set(owned.chain(own));
        Ok(())
    }

    /// Devices with their own path, with when each was last seen.
    pub(crate) async fn stored_devices(&self) -> Result<Vec<(RoamingDevice, TokenDigest)>, Error> {
        let rows = self.records().settings().await?;
        let live = self.filter().devices();
        let read = rows.iter().filter_map(read).map(|(mut device, digest)| {
            device.seen = live.last(&digest);
            (device, digest)
        });
        Ok(read.collect())
    }
}

fn read(row: &SettingRow) -> Option<(RoamingDevice, TokenDigest)> {
    let id = row.name.strip_prefix(PREFIX)?.to_owned();
    let body: Body = serde_json::from_str(&row.value).ok()?;
    let digest = hex::decode(&body.digest).ok()?.try_into().ok()?;
    let device = RoamingDevice {
        id,
        label: body.label,
        person: body.person,
        at: row.at,
        until: body
            .until
            .unwrap_or_else(|| row.at.checked_add(OLD_HOLDS).unwrap_or(Timestamp::MAX)),
        seen: None,
    };
    Some((device, digest))
}
