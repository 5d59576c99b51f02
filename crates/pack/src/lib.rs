//! Reads a policy pack: a folder of text that says how a school keeps its children safe online.
//!
//! ```text
//! school.toml        facts, words, people, filter rules and settings
//! policy.md          the written policy: clauses with ids and the controls that keep them
//! aup/*.md           acceptable use agreements by audience and age
//! procedures/*.toml  changes to the shipped procedures: stricter only
//! ai-tools/*.txt     the school's own adapters of AI tools
//! floor.toml         the floor of the trust that the school belongs to
//! ```
//!
//! Pure: [`load`] takes the files as bytes and gives a [`Pack`] and every problem in one go, each
//! with file, line and column ([`Problem`]). Unknown keys, groups, hours, places, categories and
//! roles are refused with the nearest known one. No setting, role or rule can switch off the sealed
//! lists of illegal material: there is no word for it.

mod agreement;
mod ai_tools;
mod archive;
mod assessments;
mod campus;
mod compile;
mod dictionaries;
mod diff;
mod downloads;
mod edit;
mod filter;
mod floor;
mod lists;
mod load;
mod names;
mod network;
mod pack;
mod people;
mod policy_text;
mod problem;
mod procedures;
mod read;
mod school;
mod settings;
mod tighten;
mod tree;
mod trust;

pub use agreement::{Agreement, Signer};
pub use archive::{ARCHIVE_BYTES_MAX, UnpackError, to_archive, unpack};
pub use assessments::{Assessment, close_tools};
pub use campus::{Campus, freed_delegates};
pub use dictionaries::OwnDictionaries;
pub use diff::{DiffLine, LINES_MAX, diff};
pub use edit::{EditError, SCHOOL_FILE, set_categories};
pub use filter::{CurriculumSubject, HelpService, is_everybodys};
pub use floor::{FLOOR_BYTES_MAX, FLOOR_FILE, Floor, LoadedFloor, load_floor, load_held_floor};
pub use lists::{ListSubscription, SealedSource};
pub use load::{FILE_BYTES_MAX, FILES_MAX, Loaded, Options, load, load_held, load_with};
pub use names::BUILT_IN_GROUPS;
pub use network::{
    AddressEntry, LeaseFile, Mail, MailTls, Network, RadiusClient, RegisteredDevice,
};
pub use pack::{Confirmation, Pack, SettingLine};
pub use people::{NamedRole, Post};
pub use policy_text::{CLAUSES_MAX, ControlText, WrittenClause, markdown_html};
pub use problem::{PROBLEMS_MAX, Place, Problem, Severity};
pub use school::{FrontPage, Phase, School, WORDS, Words};
pub use settings::{
    Behaviour, Kind, SetValue, Setting, SettingValue, Settings, reference_json, reference_markdown,
    setting, settings,
};
pub use tighten::{Side, beyond_tightening};
pub use trust::TrustSource;
