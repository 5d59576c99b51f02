//! Typed ids: one macro, so that a case id cannot stand where a person's is asked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id: expected a hyphenated UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct ParseIdError {
    kind: &'static str,
}

macro_rules! make_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID made at the edge (version 7 for new things, so that ids sort by time).
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| ParseIdError { kind: $kind })
            }
        }
    };
}

make_id!(
    /// A person the school knows: pupil, parent, member of staff, governor, visitor.
    PersonId, "person");
make_id!(
    /// A class or teaching group.
    ClassId, "class");
make_id!(
    /// A concern and the case that grows from it.
    CaseId, "case");
make_id!(
    /// One dated entry of a case.
    EntryId, "entry");
make_id!(
    /// An alert raised by a watch rule.
    AlertId, "alert");
make_id!(
    /// A request to open a blocked site.
    RequestId, "request");
make_id!(
    /// One run of the self-check.
    CheckId, "check");
make_id!(
    /// A notice waiting to be sent or already sent.
    NoticeId, "notice");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_and_parses_back() {
        let id = PersonId::from_uuid(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057));
        assert_eq!(id.to_string().parse::<PersonId>(), Ok(id));
        assert!("not-an-id".parse::<PersonId>().is_err());
    }
}
