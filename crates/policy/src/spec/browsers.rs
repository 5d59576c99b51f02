//! Browsers and what is added to them, as written (FIL-16, FIL-19).

use serde::{Deserialize, Serialize};

use crate::Browser;

/// Which browsers may be used, and who may add to them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BrowsersSpec {
    /// The browsers that may be used; others are noticed. Empty: any.
    pub permitted: Vec<Browser>,
    /// For whom requests of others are blocked.
    pub block_others: Vec<ClosedSpec>,
    /// For whom the stores of extensions and user scripts are blocked.
    pub close_stores: Vec<ClosedSpec>,
    /// Extensions of Firefox, by id or short name in its store, that the school installs: their own
    /// addresses there are open all the same.
    pub extensions: Vec<String>,
}

/// For whom something is closed. Devices whose user is unknown count as pupils.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClosedSpec {
    /// For whom. Empty: for everyone.
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups.
    pub except: Vec<String>,
}
