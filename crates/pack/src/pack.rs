//! The pack as a whole: one value that the rest of Pharos asks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use pharos_access::Act;
use pharos_casework::Procedure;
use pharos_governance::Clause;
use pharos_policy::PolicySpec;
use pharos_scan::tools::Tool;
use pharos_school::Role;

use crate::agreement::Agreement;
use crate::assessments::Assessment;
use crate::campus::Campus;
use crate::dictionaries::OwnDictionaries;
use crate::filter::{CurriculumSubject, HelpService};
use crate::floor::Floor;
use crate::lists::{ListSubscription, SealedSource};
use crate::network::{AddressEntry, Mail, Network, RegisteredDevice};
use crate::people::NamedRole;
use crate::policy_text::WrittenClause;
use crate::school::{FrontPage, School, Words};
use crate::settings::{Setting, SettingValue, Settings, settings as all_settings};
use crate::trust::TrustSource;

/// A setting with its value at one school.
#[derive(Debug, Clone)]
pub struct SettingLine {
    /// Its row of the table: name, meaning, allowed values, who may change it, behaviour.
    pub setting: &'static Setting,
    /// The value in words; empty where there is none.
    pub value: String,
    /// Whether this is Pharos's default.
    pub is_default: bool,
    /// Leadership's confirmation, where the value is weak.
    pub confirmed: Option<Confirmation>,
}

/// Leadership's confirmation of a value weaker than law, guidance or policy (CFG-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Who confirmed, by username.
    pub by: String,
    /// When.
    pub on: Date,
    /// Why.
    pub reason: String,
}

/// A policy pack in force or proposed.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The school.
    pub school: School,
    /// Its words (CFG-03).
    pub words: Words,
    /// The policy's front page (REV-01).
    pub front_page: FrontPage,
    /// Every setting (CFG-01).
    pub settings: Settings,
    /// The filter policy, settings worked in.
    pub filter: PolicySpec,
    /// Categories by name with their meaning: built in, and the school's own.
    pub categories: BTreeMap<String, String>,
    /// The clauses with their controls, ready to be assessed.
    pub clauses: Vec<Clause>,
    /// The clauses as written: depth, line and text of controls, in the same order.
    pub written: Vec<WrittenClause>,
    /// Text of `policy.md` as it stands.
    pub policy_markdown: String,
    /// Agreements.
    pub aups: Vec<Agreement>,
    /// Risk assessments of search tools (SRCH-03).
    pub assessments: Vec<Assessment>,
    /// The school's own dictionaries of page text.
    pub dictionaries: OwnDictionaries,
    /// Procedures, the school's tightening worked in.
    pub procedures: Vec<Procedure>,
    /// Posts with holders and duties (ROLE-01).
    pub named_roles: Vec<NamedRole>,
    /// Tightening of the rights table: act to the roles that keep it (ROLE-02).
    pub rights: BTreeMap<Act, BTreeSet<Role>>,
    /// Fixed address map.
    pub addresses: Vec<AddressEntry>,
    /// Devices known by their hardware address.
    pub devices: Vec<RegisteredDevice>,
    /// Help and reporting services, shown to pupils and never blocked.
    pub help: Vec<HelpService>,
    /// Curriculum addresses that must stay open, probed every day (FIL-12).
    pub curriculum: Vec<CurriculumSubject>,
    /// Addresses outside.
    pub network: Network,
    /// Mail, where notices are sent.
    pub mail: Option<Mail>,
    /// Subscribed category lists.
    pub lists: Vec<ListSubscription>,
    /// Where bundles of sealed lists come from.
    pub sealed: Vec<SealedSource>,
    /// The school's own adapters of AI tools, asked before the shipped ones.
    pub ai_tools: Vec<Tool>,
    /// Parts of the school, or schools of a trust, that share this server.
    pub campuses: Vec<Campus>,
    /// The trust that the school belongs to, and where its floor comes from.
    pub trust: Option<TrustSource>,
    /// The floor that stands in the pack itself, unsigned. What is asked of the filter stands in
    /// `filter.floor`.
    pub floor: Option<Floor>,
    /// Confirmed weak settings.
    pub confirmed: BTreeMap<String, Confirmation>,
}

impl Pack {
    /// Roles that a username holds by post on a day, beyond those of the roll.
    pub fn posts_of(&self, username: &str, today: Date) -> Vec<Role> {
        let mut roles: Vec<Role> = self
            .holders(today)
            .filter(|named| named.post.user == username)
            .flat_map(|named| named.roles.iter().copied())
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Who holds which post on a day.
    pub fn holders(&self, today: Date) -> impl Iterator<Item = &NamedRole> {
        self.named_roles.iter().filter(move |named| {
            named.post.since.is_none_or(|day| day <= today)
                && named.post.until.is_none_or(|day| today <= day)
        })
    }

    /// The school's full name.
    pub fn school_name(&self) -> &str {
        &self.school.name
    }

    /// The roles that a setting names, or these where it names none.
    pub fn roles_of(&self, setting: &str, default: &[Role]) -> BTreeSet<Role> {
        let roles: BTreeSet<Role> = self.settings.roles(setting).into_iter().collect();
        if roles.is_empty() {
            default.iter().copied().collect()
        } else {
            roles
        }
    }

    /// A whole number: of a setting, such as `con.ack_minutes`, or of one key of a table setting,
    /// such as `priv.retention.activity_days`.
    pub fn number_of(&self, setting: &str, default: i64) -> i64 {
        let of_table = || {
            let (table, key) = setting.rsplit_once('.')?;
            self.settings.numbers(table).get(key).copied()
        };
        self.settings
            .number(setting)
            .or_else(of_table)
            .unwrap_or(default)
    }

    /// A word or text: of a setting, or of one key of a table setting.
    pub fn text_of(&self, setting: &str, default: &str) -> String {
        let of_table = || {
            let (table, key) = setting.rsplit_once('.')?;
            self.settings.word_of(table, key)
        };
        self.settings
            .text(setting)
            .or_else(of_table)
            .unwrap_or_else(|| default.to_owned())
    }

    /// A list of texts.
    pub fn texts_of(&self, setting: &str) -> Vec<String> {
        match self.settings.value(setting) {
            Some(SettingValue::List(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// A switch.
    pub fn flag_of(&self, setting: &str, default: bool) -> bool {
        match self.settings.value(setting) {
            Some(SettingValue::Switch(on)) => on,
            _ => default,
        }
    }

    /// Every setting for the settings page, in the order of the manual.
    pub fn settings(&self) -> impl Iterator<Item = SettingLine> + '_ {
        all_settings().map(|setting| SettingLine {
            setting,
            value: self
                .settings
                .value(setting.name)
                .map_or_else(String::new, |value| value.to_string()),
            is_default: !self.settings.is_set(setting.name),
            confirmed: self.confirmed.get(setting.name).cloned(),
        })
    }

    /// Resolvers that names are forwarded to; empty: none but those told at the start.
    pub fn upstreams(&self) -> &[pharos_catalogue::Upstream] {
        &self.network.dns_upstreams
    }

    /// The procedure with this id.
    pub fn procedure(&self, id: &str) -> Option<&Procedure> {
        self.procedures
            .iter()
            .find(|procedure| procedure.reference.id == id)
    }

    /// The clause with this id.
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id == id)
    }
}
