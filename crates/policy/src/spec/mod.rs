//! The policy as plain values, the way a pack writes it. Nothing is checked here beyond the
//! shape: [`crate::Policy::compile`] reports everything that is wrong at once, with paths.
//!
//! A field path reads like the pack: `rules[2].categories[0]`, `groups.sixth-form.except[0]`.

mod browsers;
mod downloads;
mod floor;
mod hours;
mod overrides;
mod people;
mod rules;
mod scope;

pub use browsers::{BrowsersSpec, ClosedSpec};
pub use downloads::{AntivirusSpec, DownloadsSpec, FileBlockSpec, Undecided};
pub use floor::{FloorBlockSpec, FloorSearchSpec, FloorSpec, WhomSpec};
pub use hours::{Boarding, CalendarSpec, DatesSpec, Day, HoursSpec, SchoolDays, SpanSpec};
pub use overrides::{
    EmergencySpec, ExceptionSpec, HeldSpec, LessonKind, LessonSpec, Overrides, PersonalSpec,
    UninspectedSpec,
};
pub use people::{GroupSpec, GuestSpec, ModeSpec, PhaseMode, PlaceSpec, UnknownSpec};
pub use rules::{
    AiSpec, AvoidanceSpec, BlockSpec, DefaultSpec, EncryptedHello, HelpSpec, InLessonSpec,
    InspectionSpec, OtherTools, PageTextSpec, RuleSpec, SearchSpec, TenantSpec,
};
pub use scope::{DeviceClass, ScopeSpec};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A whole filter policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicySpec {
    /// The school's time zone by its IANA name, such as `Europe/London`.
    pub zone: String,
    /// Terms and holidays.
    pub calendar: CalendarSpec,
    /// Named hours: lesson, break, prep, evening, night …
    pub hours: BTreeMap<String, HoursSpec>,
    /// Named places on the network.
    pub places: BTreeMap<String, PlaceSpec>,
    /// Named groups. `everyone`, `pupils`, `staff`, `boarders`, `day-pupils`, `visitors`,
    /// `governors` and `parents` are there without being written.
    pub groups: BTreeMap<String, GroupSpec>,
    /// `fil.phase_mode` by year band or group. Whoever matches none is in [`PhaseMode::General`].
    pub modes: Vec<ModeSpec>,
    /// Categories and sites by group, hours and place.
    pub rules: Vec<RuleSpec>,
    /// The school's own blocks.
    pub blocks: Vec<BlockSpec>,
    /// Help and reporting sites (REF-01).
    pub help: Vec<HelpSpec>,
    /// Safe search, YouTube and search tools by group.
    pub search: Vec<SearchSpec>,
    /// What becomes of a search with a tool that is not approved.
    pub other_tools: OtherTools,
    /// For whom page text is read; where it is over a threshold, the page is blocked.
    pub page_text: Vec<PageTextSpec>,
    /// How tools of generative AI may be used, by group. For whoever matches none nothing is said.
    pub ai: Vec<AiSpec>,
    /// What may be downloaded, and what is scanned first (FIL-19).
    pub downloads: DownloadsSpec,
    /// Which browsers may be used, and who may add to them (FIL-16, FIL-19).
    pub browsers: BrowsersSpec,
    /// What is never looked into.
    pub inspection: InspectionSpec,
    /// Headers that keep people to the school's own accounts at a service.
    pub tenants: Vec<TenantSpec>,
    /// What happens where nothing spoke, by group. Whoever matches none is allowed, except where
    /// the mode says otherwise.
    pub defaults: Vec<DefaultSpec>,
    /// Known ways round the filter (FIL-16).
    pub avoidance: AvoidanceSpec,
    /// Staff in front of a class (FIL-10).
    pub in_lesson: Option<InLessonSpec>,
    /// Devices whose user is unknown (FIL-17).
    pub unknown: UnknownSpec,
    /// Which classes of devices the filter is for (`fil.scope`, FIL-15).
    pub scope: ScopeSpec,
    /// What the school's trust holds it to, whatever the rest says. Not part of the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<FloorSpec>,
    /// What changes from hour to hour and is kept by the server, not in the pack.
    pub overrides: Overrides,
}

impl Default for PolicySpec {
    fn default() -> Self {
        Self {
            zone: "Europe/London".to_owned(),
            calendar: CalendarSpec::default(),
            hours: BTreeMap::new(),
            places: BTreeMap::new(),
            groups: BTreeMap::new(),
            modes: Vec::new(),
            rules: Vec::new(),
            blocks: Vec::new(),
            help: Vec::new(),
            search: Vec::new(),
            other_tools: OtherTools::default(),
            page_text: Vec::new(),
            ai: Vec::new(),
            downloads: DownloadsSpec::default(),
            browsers: BrowsersSpec::default(),
            inspection: InspectionSpec::default(),
            tenants: Vec::new(),
            defaults: Vec::new(),
            avoidance: AvoidanceSpec::default(),
            in_lesson: None,
            unknown: UnknownSpec::default(),
            scope: ScopeSpec::default(),
            floor: None,
            overrides: Overrides::default(),
        }
    }
}
