//! The audit of what pupils tried to reach (MON-11): period by period, each pupil whose attempts stand
//! out with what they tried for and with what followed; signed when something followed for everybody.
//!
//! Attempts are counted from the activity until the audit is signed; what stood there then is kept
//! with the signature, so that it outlives the activity.

mod audit;
mod entries;
mod period;

pub use audit::{AttemptAudit, AuditLine, AuditedPupil, ThemeTried};
pub(crate) use entries::said;
pub use entries::{AttemptResponse, AuditSigned, ResponseKind};
pub use period::{AuditInterval, AuditPeriod};
