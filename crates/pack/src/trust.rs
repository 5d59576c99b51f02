//! `[trust]`: the trust that a school belongs to, and where the issues of its floor come from.

use crate::lists::key_of;
use crate::read::{Cx, Fields};

/// Where the signed issues of a trust's floor come from. Taking it out of the pack ends the fetching;
/// the floor itself stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSource {
    /// The trust's name, as it stands in its floor.
    pub name: String,
    /// The trust's public key, pinned when the floor is first taken in; `None`: pinned by hand.
    pub publisher_key: Option<[u8; 32]>,
    /// Address, or whole path on this machine, of the newest issue; `None`: brought in by hand.
    pub source: Option<String>,
    /// Hours between fetches.
    pub refresh_hours: u32,
    /// Days without a look at the source after which that shows red.
    pub alert_days: u32,
    /// Whether it may be fetched over plain `http` from another machine.
    pub allow_http: bool,
}

/// `[trust]`.
pub(crate) fn read_trust(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<TrustSource> {
    let mut fields = root.table("trust", cx)?;
    let at = fields.at();
    let number = |number: Option<i64>| number.and_then(|n| u32::try_from(n).ok());
    let name = fields.needed_text("name", cx);
    let trust = TrustSource {
        name: name.clone().unwrap_or_default(),
        publisher_key: key_of(&mut fields, "publisher_key", cx),
        source: fields.text("source", cx),
        refresh_hours: number(fields.number("refresh_hours", 1, 24 * 31, cx)).unwrap_or(24),
        alert_days: number(fields.number("alert_days", 1, 90, cx)).unwrap_or(7),
        allow_http: fields.switch("allow_http", cx).unwrap_or(false),
    };
    fields.finish(cx);
    if let Some(source) = &trust.source
        && !["https://", "http://", "/"]
            .iter()
            .any(|start| source.starts_with(start))
    {
        cx.error(
            at,
            format!("trust.source: {source:?} is nowhere to fetch from"),
            "write https://HOST/PATH, or a whole path on this machine",
        );
    }
    name.map(|_| trust)
}
