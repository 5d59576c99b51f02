//! Which of a message's `key=value` pairs means what: one table of the names that makers use.

/// What a field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The user inside.
    User,
    /// The device's address inside.
    Source,
    /// The address outside.
    Target,
    /// The port outside.
    Port,
    /// The protocol.
    Protocol,
    /// The site's name.
    Host,
    /// The whole address.
    Url,
    /// Words searched for.
    Search,
    /// The category.
    Category,
    /// What was done.
    Action,
}

/// The names of each field, lower case: those of FortiGate, SonicWall, Palo Alto, Sophos, Meraki,
/// Smoothwall, pfSense, netfilter, and of ArcSight's common format, which many can write.
pub const FIELDS: &[(Field, &[&str])] = &[
    (
        Field::User,
        &[
            "user",
            "usr",
            "suser",
            "srcuser",
            "username",
            "user_name",
            "usrname",
            "unauthuser",
            "loginuser",
            "sourceusername",
        ],
    ),
    (
        Field::Source,
        &[
            "src",
            "srcip",
            "src_ip",
            "source",
            "sourceip",
            "source_ip",
            "sip",
            "client_ip",
            "clientip",
            "c-ip",
            "client",
        ],
    ),
    (
        Field::Target,
        &[
            "dst",
            "dstip",
            "dst_ip",
            "dest",
            "destination",
            "destip",
            "destination_ip",
            "dip",
            "server_ip",
        ],
    ),
    (
        Field::Port,
        &[
            "dpt",
            "dstport",
            "dst_port",
            "dport",
            "destport",
            "destination_port",
        ],
    ),
    (Field::Protocol, &["proto", "protocol"]),
    (
        Field::Host,
        &[
            "hostname",
            "dhost",
            "dsthost",
            "domain",
            "dstname",
            "sni",
            "server_name",
            "site",
            "dest_domain",
            "qname",
        ],
    ),
    (
        Field::Url,
        &["url", "request", "uri", "requesturl", "arg", "op_url"],
    ),
    (
        Field::Search,
        &[
            "keyword",
            "search",
            "search_query",
            "searchquery",
            "searchterm",
            "search_term",
            "searchphrase",
        ],
    ),
    (
        Field::Category,
        &[
            "catdesc",
            "category",
            "category_name",
            "urlcategory",
            "url_category",
            "cat",
        ],
    ),
    (
        Field::Action,
        &[
            "action",
            "act",
            "utmaction",
            "fw_action",
            "log_subtype",
            "verdict",
            "result",
            "disposition",
            "decision",
        ],
    ),
];

/// Words for "it was stopped".
const STOPS: &[&str] = &[
    "block",
    "blocked",
    "deny",
    "denied",
    "drop",
    "dropped",
    "reject",
    "rejected",
    "refuse",
    "refused",
    "reset",
    "prevented",
    "blocklist",
    "block-url",
];

/// Whether an action's word means that it was stopped.
pub(super) fn is_stop(action: &str) -> bool {
    let first = action.split([' ', '_', ',']).next().unwrap_or(action);
    STOPS
        .iter()
        .any(|stop| action.eq_ignore_ascii_case(stop) || first.eq_ignore_ascii_case(stop))
}

/// The most pairs looked at in one message.
const PAIRS_MAX: usize = 200;

/// Finds every `key=value`, `key="value"` and hands those on whose key is in [`FIELDS`], in the order
/// of the message. In ArcSight's form a value may hold spaces and ends before the next key.
pub(super) fn find(text: &str, found: &mut dyn FnMut(Field, &str)) {
    let spaced = text.contains("CEF:");
    let bytes = text.as_bytes();
    let mut at = 0;
    for _ in 0..PAIRS_MAX {
        let Some(equals) = bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|b| *b == b'='))
        else {
            return;
        };
        let equals = at + equals;
        let key_at = bytes[at..equals]
            .iter()
            .rposition(|byte| !is_key(*byte))
            .map_or(at, |before| at + before + 1);
        let key = &text[key_at..equals];
        let (value, next) = value(text, equals + 1, spaced);
        if let Some(field) = field(key) {
            found(field, &value);
        }
        at = next;
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn field(key: &str) -> Option<Field> {
    FIELDS
        .iter()
        .find(|(_, names)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
        .map(|(field, _)| *field)
}

/// The value that begins here, and where to go on.
fn value(text: &str, at: usize, spaced: bool) -> (String, usize) {
    let bytes = text.as_bytes();
    if bytes.get(at) == Some(&b'"') {
        let mut value = Vec::new();
        let mut here = at + 1;
        while let Some(byte) = bytes.get(here) {
            match byte {
                b'"' => return (String::from_utf8_lossy(&value).into_owned(), here + 1),
                b'\\' if matches!(bytes.get(here + 1), Some(b'"' | b'\\' | b']')) => {
                    value.push(bytes[here + 1]);
                    here += 2;
                }
                _ => {
                    value.push(*byte);
                    here += 1;
                }
            }
        }
        return (String::from_utf8_lossy(&value).into_owned(), here);
    }
    let rest = &text[at..];
    let end = if spaced {
        next_key(rest)
    } else {
        rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ']' | '|'))
    };
    let end = at + end.unwrap_or(rest.len());
    (text[at..end].trim().to_owned(), end)
}

/// Where the space before the next ` key=` stands.
fn next_key(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut space = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b' ' | b'\t' => space = Some(at),
            b'=' if space.is_some_and(|space| space + 1 < at)
                && (at == 0 || bytes[at - 1] != b'\\') =>
            {
                return space;
            }
            byte if is_key(*byte) => {}
            _ => space = None,
        }
    }
    None
}
