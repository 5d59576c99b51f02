//! Rules, blocks, help, search and defaults, as written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SpanSpec;
use crate::{Action, YouTube};

/// Categories and sites by group, hours and place. Within this layer the strictest wins.
///
/// `warn` and `narrow` temper what is allowed; they never open what the group's default blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleSpec {
    /// The rule's name: shown in decisions and logs.
    pub name: String,
    /// What it asks for.
    pub action: Action,
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
    /// Categories, by name.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Sites: `example.org` with all below it, or `example.org/path` and all below that.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Everything, such as at night.
    #[serde(default)]
    pub everything: bool,
    /// Only during any of these hours. Empty: always.
    #[serde(default)]
    pub hours: Vec<String>,
    /// Not during any of these hours.
    #[serde(default)]
    pub except_hours: Vec<String>,
    /// Only in any of these places. Empty: anywhere.
    #[serde(default)]
    pub places: Vec<String>,
}

/// A block of the school's own, for everyone at all times; only help sites stand above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlockSpec {
    /// The block's name.
    pub name: String,
    /// Sites.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Categories.
    #[serde(default)]
    pub categories: Vec<String>,
}

/// Sites of one help or reporting service: reachable in every mode (FIL-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HelpSpec {
    /// The service's name.
    pub name: String,
    /// Its sites.
    pub sites: Vec<String>,
}

/// Safe search, YouTube and search tools for some groups. Where several match somebody, the
/// strictest of each holds. Whoever matches none searches safely, and pupils get YouTube strict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SearchSpec {
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
    /// Hold search engines to their strict filter, and block those that cannot be held.
    pub safe_search: bool,
    /// YouTube's level.
    pub youtube: YouTube,
    /// The search tools these groups may use (`srch.tools`); all others are blocked. `None`: any.
    #[serde(default)]
    pub tools: Option<Vec<String>>,
}

/// What becomes of a search with a tool that is not approved (`srch.other_tools`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherTools {
    /// The reader is sent to the approved tool, with the words.
    #[default]
    Redirect,
    /// The block page offers the approved tool.
    Block,
}

/// For whom the text of pages and of what they send is read (`fil.page_text`). Devices whose user
/// is unknown count as pupils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PageTextSpec {
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
    /// What becomes of a page that is over: blocked, or warned about.
    #[serde(default = "block")]
    pub action: Action,
}

const fn block() -> Action {
    Action::Block
}

/// How tools of generative AI may be used (`fil.ai_signed_out`, `fil.ai_prompts`). Devices whose
/// user is unknown count as pupils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AiSpec {
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
    /// Use without signing in to the tool is blocked.
    #[serde(default)]
    pub block_signed_out: bool,
    /// The beginning of each prompt is kept with the visit, and shown to the watch rules.
    #[serde(default)]
    pub keep_prompts: bool,
}

/// What the proxy never looks into.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct InspectionSpec {
    /// Categories such as banking, health, counselling.
    pub never_categories: Vec<String>,
    /// Sites, whole hosts only: inside a tunnel no path is seen.
    pub never_sites: Vec<String>,
    /// Sites, whole hosts only, that are passed on untouched where the proxy's own TLS cannot
    /// reach them: old servers, and servers that ask for the client's certificate.
    pub tunnel_unreachable: Vec<String>,
    /// What becomes of a connection whose real server name is hidden (RFC 9849).
    pub encrypted_hello: EncryptedHello,
}

/// What becomes of a TLS connection whose real server name is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptedHello {
    /// Where the proxy looks inside, it answers under the public name, and browsers come again
    /// with the real one; elsewhere refused.
    #[default]
    FallBack,
    /// Refused.
    Refuse,
}

/// A header by which a service keeps people to the school's own accounts there (tenant
/// restriction). Any copy that a client sends is taken away, whatever the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantSpec {
    /// Hosts, each with all hosts below it.
    pub hosts: Vec<String>,
    /// The header's name.
    pub header: String,
    /// Its value.
    pub value: String,
}

/// What happens where nothing spoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DefaultSpec {
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
    /// `allow`, `warn`, or `block` (an allow-list only).
    pub action: Action,
}

/// Known ways round the filter: private relay, outside encrypted resolvers, browser canaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AvoidanceSpec {
    /// Block them.
    pub block: bool,
    /// Groups to whom they are granted (FIL-16).
    pub granted: Vec<String>,
}

impl Default for AvoidanceSpec {
    fn default() -> Self {
        Self {
            block: true,
            granted: Vec::new(),
        }
    }
}

/// What staff get while the timetable has them in front of a class (`fil.staff_in_lesson`, FIL-10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InLessonSpec {
    /// `warn` or `block`.
    pub action: Action,
    /// Categories that are not for school work.
    pub categories: Vec<String>,
    /// When each teaches, by sign-in name. Whoever is not in it is never in a lesson.
    pub timetable: BTreeMap<String, Vec<SpanSpec>>,
}
