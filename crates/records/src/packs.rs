//! Versions of the policy pack: the filter's change log (REQ-04).

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::PersonId;

use crate::Result;

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackState {
    /// Proposed, waits for approval.
    Proposed,
    /// In force now.
    InForce,
    /// Was in force.
    Past,
    /// Refused.
    Refused,
}

impl PackState {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::InForce => "in-force",
            Self::Past => "past",
            Self::Refused => "refused",
        }
    }

    /// The reverse of [`PackState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Proposed, Self::InForce, Self::Past, Self::Refused]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// A version to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPack {
    /// Why.
    pub why: String,
    /// The risk assessment, in words (REQ-03). Sealed at rest.
    pub assessment: Option<String>,
    /// The replay of the change, as JSON.
    pub replay: Option<String>,
    /// SHA-256 of `files`, in hexadecimal.
    pub digest: String,
    /// The pack, in the pack crate's archive form; at most 32 MiB.
    pub files: Vec<u8>,
}

/// A version without its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackHead {
    /// 1 for the first.
    pub number: i64,
    /// When it was added.
    pub at: Timestamp,
    /// By whom; `None` for the system.
    pub by: Option<PersonId>,
    /// Why.
    pub why: String,
    /// The risk assessment.
    pub assessment: Option<String>,
    /// The replay, as JSON.
    pub replay: Option<String>,
    /// SHA-256 of the files.
    pub digest: String,
    /// Where it stands.
    pub state: PackState,
    /// Who put it in force or refused it.
    pub decided_by: Option<PersonId>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// A version with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackVersion {
    /// All but the files.
    pub head: PackHead,
    /// The files.
    pub files: Vec<u8>,
}

/// Versions of the policy pack.
#[async_trait]
pub trait Packs: Send + Sync {
    /// Adds a version as proposed; gives its number.
    async fn propose_pack(
        &self,
        permit: &Permit<act::ProposePolicy>,
        pack: &NewPack,
        at: Timestamp,
    ) -> Result<i64>;

    /// Puts a proposed or past version in force; the one before becomes past.
    async fn install_pack(
        &self,
        permit: &Permit<act::InstallPolicy>,
        number: i64,
        at: Timestamp,
    ) -> Result<()>;

    /// Refuses a proposed version.
    async fn refuse_pack(
        &self,
        permit: &Permit<act::InstallPolicy>,
        number: i64,
        at: Timestamp,
    ) -> Result<()>;

    /// The version in force.
    async fn pack_in_force(&self) -> Result<Option<PackVersion>>;

    /// One version.
    async fn pack(&self, number: i64) -> Result<Option<PackVersion>>;

    /// All versions without files, newest first.
    async fn packs(&self, permit: &Permit<act::ReadPolicy>) -> Result<Vec<PackHead>>;
}
