//! The lists that a school takes from outside: category lists, and where bundles of sealed lists come
//! from.

use crate::names::Names;
use crate::read::{Cx, Fields};

/// A category list the school subscribes to (`fil.lists`, FIL-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSubscription {
    /// Name, as in `pharos lists import --list NAME`.
    pub name: String,
    /// Who publishes it.
    pub publisher: String,
    /// File, folder or address it is fetched from; `None`: imported by hand.
    pub source: Option<String>,
    /// Hours between fetches.
    pub refresh_hours: u32,
    /// Days after which it counts as stale.
    pub alert_days: u32,
    /// The list's own category names with ours, in file order.
    pub categories: Vec<(String, String)>,
    /// The category of all its entries, where the list itself has none.
    pub category: Option<String>,
    /// Its format, where it cannot be told from its lines.
    pub format: Option<String>,
    /// Where the SHA-256 of the fetched file is.
    pub checksum_url: Option<String>,
    /// Where the Ed25519 signature of the fetched file is; `None` with a key: beside it, with `.sig`.
    pub signature_url: Option<String>,
    /// The publisher's public key, with which every fetched version must be signed.
    pub signature_key: Option<[u8; 32]>,
    /// Whether it may be fetched over plain `http` from another machine.
    pub allow_http: bool,
    /// The largest file that is fetched, in MiB.
    pub size_max_mb: u32,
    /// Addresses that every good version blocks.
    pub must_hold: Vec<String>,
    /// Addresses that no version may block.
    pub must_not_hold: Vec<String>,
}

/// Where the bundles of a sealed list come from (`fil.bundles`, FIL-03, FIL-04). Taking it out of the
/// pack ends the fetching; the list itself stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSource {
    /// Its name, as its publisher calls it.
    pub name: String,
    /// Who publishes it, where the pack pins the key.
    pub owner: Option<String>,
    /// The publisher's public key, pinned at the first fetch; `None`: pinned by hand.
    pub publisher_key: Option<[u8; 32]>,
    /// Address, or whole path on this machine, of the newest bundle.
    pub source: String,
    /// Hours between fetches.
    pub refresh_hours: u32,
    /// Days after its issue by which it counts as stale.
    pub alert_days: u32,
    /// Whether it may be fetched over plain `http` from another machine.
    pub allow_http: bool,
    /// The largest bundle that is fetched, in MiB.
    pub size_max_mb: u32,
}

/// `[[fil.lists]]`.
pub(crate) fn read_lists(
    fil: Option<&mut Fields<'_>>,
    names: &Names,
    cx: &mut Cx<'_>,
) -> Vec<ListSubscription> {
    let Some(fil) = fil else { return Vec::new() };
    let mut lists = Vec::new();
    for mut fields in fil.tables("lists", cx) {
        let name = fields.needed_text("name", cx);
        let mut categories = Vec::new();
        if let Some((node, path)) = fields.node("categories")
            && let Some(table) = cx.table(&path, node)
        {
            for entry in &table.entries {
                if let Some(ours) = cx.text(&path, &entry.node) {
                    names.category(entry.node.at, &path, &ours, cx);
                    categories.push((entry.key.clone(), ours));
                }
            }
        }
        let list = ListSubscription {
            name: name.clone().unwrap_or_default(),
            publisher: fields.text("publisher", cx).unwrap_or_default(),
            source: fields.text("source", cx),
            refresh_hours: fields
                .number("refresh_hours", 1, 24 * 31, cx)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(24),
            alert_days: fields
                .number("alert_days", 1, 90, cx)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(3),
            categories,
            category: category_of(&mut fields, names, cx),
            format: format_of(&mut fields, cx),
            checksum_url: fields.text("checksum_url", cx),
            signature_url: fields.text("signature_url", cx),
            signature_key: key_of(&mut fields, "signature_key", cx),
            allow_http: fields.switch("allow_http", cx).unwrap_or(false),
            size_max_mb: fields
                .number("size_max_mb", 1, 2048, cx)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(256),
            must_hold: addresses_of(&mut fields, "must_hold", cx),
            must_not_hold: addresses_of(&mut fields, "must_not_hold", cx),
        };
        fields.finish(cx);
        lists.extend(name.map(|_| list));
    }
    lists
}

/// The most sealed lists that are fetched.
const SEALED_MAX: usize = 32;

/// `[[fil.bundles]]`.
pub(crate) fn read_sealed(fil: Option<&mut Fields<'_>>, cx: &mut Cx<'_>) -> Vec<SealedSource> {
    let Some(fil) = fil else { return Vec::new() };
    let mut all: Vec<SealedSource> = Vec::new();
    for mut fields in fil.tables("bundles", cx) {
        let at = fields.at();
        let (name, source) = (
            fields.needed_text("name", cx),
            fields.needed_text("source", cx),
        );
        let number = |number: Option<i64>| number.and_then(|n| u32::try_from(n).ok());
        let one = SealedSource {
            name: name.unwrap_or_default(),
            owner: fields.text("owner", cx),
            publisher_key: key_of(&mut fields, "publisher_key", cx),
            source: source.unwrap_or_default(),
            refresh_hours: number(fields.number("refresh_hours", 1, 24 * 31, cx)).unwrap_or(24),
            alert_days: number(fields.number("alert_days", 1, 90, cx)).unwrap_or(3),
            allow_http: fields.switch("allow_http", cx).unwrap_or(false),
            size_max_mb: number(fields.number("size_max_mb", 1, 256, cx)).unwrap_or(64),
        };
        fields.finish(cx);
        let known = one.source.starts_with("https://")
            || one.source.starts_with("http://")
            || one.source.starts_with('/');
        let (message, help) = if !one.name.is_empty() && !pharos_catalogue::is_plain_name(&one.name)
        {
            (
                format!("fil.bundles: {:?} is no name for a list", one.name),
                "write the name that stands in the publisher's bundle: small letters, digits, - and _",
            )
        } else if all.iter().any(|other| other.name == one.name) {
            (
                format!("fil.bundles: {:?} is there twice", one.name),
                "keep one",
            )
        } else if !one.source.is_empty() && !known {
            (
                format!("fil.bundles: {:?} is nowhere to fetch from", one.source),
                "write https://HOST/PATH, or a whole path on this machine",
            )
        } else if one.owner.is_some() != one.publisher_key.is_some() {
            (
                "fil.bundles: owner and publisher_key belong together".to_owned(),
                "write both, or neither and pin the key with `pharos lists sealed import --publisher`",
            )
        } else if all.len() == SEALED_MAX {
            (
                format!("fil.bundles: more than {SEALED_MAX} sealed lists"),
                "",
            )
        } else {
            all.push(one);
            continue;
        };
        cx.error(at, message, help);
    }
    all
}

fn category_of(fields: &mut Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> Option<String> {
    let (node, path) = fields.node("category")?;
    let category = cx.text(&path, node)?;
    names.category(node.at, &path, &category, cx);
    Some(category)
}

fn format_of(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<String> {
    let (node, path) = fields.node("format")?;
    let format = cx.text(&path, node)?;
    if pharos_catalogue::Format::from_name(&format).is_none() {
        cx.error(
            node.at,
            format!("{path}: {format:?} is no list format"),
            "write domains, urls, hosts, rpz or sections, or leave it out",
        );
    }
    Some(format)
}

/// A public key: 64 hexadecimal digits.
pub(crate) fn key_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    cx: &mut Cx<'_>,
) -> Option<[u8; 32]> {
    let (node, path) = fields.node(key)?;
    let text = cx.text(&path, node)?;
    let digits = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok()?;
        text.bytes()
            .all(|digit| digit.is_ascii_hexdigit())
            .then_some(())?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.0.iter().map(byte).collect();
    let key = bytes
        .filter(|_| digits.1.is_empty())
        .and_then(|bytes| bytes.try_into().ok());
    if key.is_none() {
        cx.error(
            node.at,
            format!("{path}: this is no public key"),
            "write the publisher's Ed25519 public key as 64 hexadecimal digits",
        );
    }
    key
}

/// Addresses that can be looked up.
fn addresses_of(fields: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<String> {
    let mut good = Vec::new();
    for (at, text) in fields.texts(key, cx) {
        if pharos_catalogue::Address::parse(&text).is_ok() {
            good.push(text);
        } else {
            cx.error(
                at,
                format!("{key}: {text:?} is no address"),
                "write a name such as \"example.org\" or a page such as \"example.org/page\"",
            );
        }
    }
    good
}
