//! What the resolver says beside an answer: Extended DNS Errors (RFC 8914), in words for whoever
//! runs `dig`. No text tells which list or rule decided.

use crate::wire::Ede;

/// For want of anything more exact: turned away at a concurrency bound.
pub(crate) const OVERLOADED: Ede = Ede(0, "Too many questions under way; ask again shortly");
/// An old answer (RFC 8767).
pub(crate) const STALE: Ede = Ede(3, "No upstream answers; this is the last known answer");
/// An answer of our own in place of the site's.
pub(crate) const NARROWED: Ede = Ede(
    4,
    "Held to safe search by the school's online safety policy",
);
/// Before lists are in force (FIL-17).
pub(crate) const NOT_READY: Ede = Ede(14, "The filter has no policy and lists in force yet");
/// Every block, sealed or not (FIL-03).
pub(crate) const BLOCKED: Ede = Ede(15, "Blocked by the school's online safety policy");
/// No host can be read from the name.
pub(crate) const UNDECIDABLE: Ede = Ede(15, "This name cannot be decided and is not looked up");
/// The asker is not in the school's networks.
pub(crate) const OUTSIDE: Ede = Ede(18, "This resolver serves the school's own networks only");
/// An old answer that the name does not exist.
pub(crate) const STALE_NXDOMAIN: Ede = Ede(19, STALE.1);
/// None is configured.
pub(crate) const NO_UPSTREAM: Ede = Ede(22, "No upstream resolver is configured");
/// Remembered for a moment (RFC 9520).
pub(crate) const JUST_FAILED: Ede = Ede(22, "No upstream answered this question a moment ago");
/// They answered, but nothing of use.
pub(crate) const NO_ANSWER: Ede = Ede(22, "No upstream resolver gave a usable answer");
/// They did not answer.
pub(crate) const NOT_REACHED: Ede = Ede(23, "No upstream resolver could be reached");
