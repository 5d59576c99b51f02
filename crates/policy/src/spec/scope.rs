//! Which classes of devices the filter is for (`fil.scope`, FIL-15), as written.

use serde::{Deserialize, Serialize};

/// A class of devices, by whose they are and where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceClass {
    /// The school's own, on its networks.
    SchoolDevices,
    /// Given by the school to one person.
    ProvidedDevices,
    /// Of the school, away from its networks.
    OffSite,
    /// People's own, on the school's networks.
    PersonalDevices,
    /// Own telephones of staff on which school mail is read.
    StaffMobilesWithMail,
    /// Visitors'.
    Visitors,
}

impl DeviceClass {
    /// Every class, in the order of the manual.
    pub const ALL: [DeviceClass; 6] = [
        DeviceClass::SchoolDevices,
        DeviceClass::ProvidedDevices,
        DeviceClass::OffSite,
        DeviceClass::PersonalDevices,
        DeviceClass::StaffMobilesWithMail,
        DeviceClass::Visitors,
    ];

    /// The word of the setting `fil.scope`.
    pub const fn name(self) -> &'static str {
        match self {
            DeviceClass::SchoolDevices => "school-devices",
            DeviceClass::ProvidedDevices => "provided-devices",
            DeviceClass::OffSite => "off-site",
            DeviceClass::PersonalDevices => "personal-devices",
            DeviceClass::StaffMobilesWithMail => "staff-mobiles-with-mail",
            DeviceClass::Visitors => "visitors",
        }
    }

    /// What it is called on pages.
    pub const fn title(self) -> &'static str {
        match self {
            DeviceClass::SchoolDevices => "School devices",
            DeviceClass::ProvidedDevices => "Devices that the school gives to one person",
            DeviceClass::OffSite => "School devices away from school",
            DeviceClass::PersonalDevices => "Own devices on the school's networks",
            DeviceClass::StaffMobilesWithMail => "Own phones of staff with school mail",
            DeviceClass::Visitors => "Visitors' devices",
        }
    }
}

/// What the filter is not for. A device that is left out is never let through unfiltered: it gets what
/// a device gets whose user is unknown, and keeps every restriction of whoever is at it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScopeSpec {
    /// The classes that are left out.
    pub left_out: Vec<DeviceClass>,
    /// Places that are networks for people's own devices, beside those for guests.
    pub own_places: Vec<String>,
}
