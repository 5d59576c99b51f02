//! Small named values that are not part of the pack.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::PersonId;

use crate::Result;

/// A stored setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name.
    pub name: String,
    /// Its value, as JSON or plain text. Sealed.
    pub value: String,
    /// When it was set.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
}

/// Settings.
#[async_trait]
pub trait Settings: Send + Sync {
    /// One setting.
    async fn setting(&self, name: &str) -> Result<Option<SettingRow>>;

    /// All, by name.
    async fn settings(&self) -> Result<Vec<SettingRow>>;

    /// Sets or, with `None`, removes. The ledger gets the name, not the value.
    async fn set_setting(
        &self,
        permit: &Permit<act::ChangeSettings>,
        name: &str,
        value: Option<&str>,
        at: Timestamp,
    ) -> Result<()>;
}
