//! What a body is, from what its header says and how it begins.

/// A kind of body that has text in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// HTML.
    Html,
    /// XML: feeds, XHTML.
    Xml,
    /// JSON.
    Json,
    /// Plain text.
    Text,
    /// A stream of server-sent events.
    Events,
    /// A form, `name=value`.
    Form,
    /// A form in parts, with the boundary between them.
    Multipart(String),
    /// Not said: told from how it begins.
    Unknown,
}

/// A kind and the charset that the header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: Kind,
    /// The charset's label as written.
    pub charset: Option<String>,
}

impl Media {
    /// Reads a `Content-Type`; `None` for what has no text that is looked at: pictures, scripts,
    /// style sheets, programs.
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        let header = content_type.unwrap_or("").trim();
        let (essence, parameters) = header.split_once(';').unwrap_or((header, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let kind = match essence.as_str() {
            "" | "unknown/unknown" | "application/unknown" | "*/*" => Kind::Unknown,
            "text/html" => Kind::Html,
            "application/xhtml+xml" | "text/xml" | "application/xml" => Kind::Xml,
            "text/event-stream" => Kind::Events,
            "application/json"
            | "text/json"
            | "application/x-ndjson"
            | "application/jsonl"
            | "application/json-seq" => Kind::Json,
            "application/x-www-form-urlencoded" => Kind::Form,
            "multipart/form-data" => Kind::Multipart(parameter(parameters, "boundary")?),
            "text/css" | "text/javascript" | "text/ecmascript" => return None,
            "image/svg+xml" => Kind::Xml,
            text if text.starts_with("text/") => Kind::Text,
            json if json.ends_with("+json") => Kind::Json,
            xml if xml.ends_with("+xml") => Kind::Xml,
            _ => return None,
        };
        Some(Self {
            kind,
            charset: parameter(parameters, "charset"),
        })
    }

    /// A kind without a charset.
    pub fn plain(kind: Kind) -> Self {
        Self {
            kind,
            charset: None,
        }
    }
}

fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    parameters.split(';').find_map(|one| {
        let (name, value) = one.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case(wanted) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// How much of a body is looked at to tell what it is, in bytes.
pub(super) const SNIFF_BYTES: usize = 1024;

/// Tells a body that no header names: `None` where it is no text.
pub(super) fn sniff(start: &[u8]) -> Option<Kind> {
    let begin = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let wide = begin.starts_with(b"\xff\xfe") || begin.starts_with(b"\xfe\xff");
    if !wide
        && begin
            .iter()
            .any(|b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f))
    {
        return None;
    }
    Some(match begin.trim_ascii_start().first() {
        Some(b'<') => Kind::Html,
        Some(b'{' | b'[') => Kind::Json,
        _ => Kind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_text_is_told_from_what_has_none() {
        let kind = |header| Media::of(Some(header)).map(|media| media.kind);
        for (header, wanted) in [
            ("text/html; charset=utf-8", Some(Kind::Html)),
            ("Application/Vnd.Api+JSON", Some(Kind::Json)),
            ("application/rss+xml", Some(Kind::Xml)),
            ("text/plain", Some(Kind::Text)),
            (
                "multipart/form-data; boundary=\"x y\"",
                Some(Kind::Multipart("x y".into())),
            ),
            ("multipart/form-data", None),
            ("image/png", None),
            ("application/octet-stream", None),
            ("text/javascript", None),
        ] {
            assert_eq!(kind(header), wanted, "{header}");
        }
        assert_eq!(Media::of(None).map(|media| media.kind), Some(Kind::Unknown));
        let charset = Media::of(Some("text/html; x=1; Charset=\"UTF-16\"")).and_then(|m| m.charset);
        assert_eq!(charset.as_deref(), Some("UTF-16"));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0"), None);
        assert_eq!(sniff(b"  <!doctype html>"), Some(Kind::Html));
        assert_eq!(sniff(b"hello"), Some(Kind::Text));
    }
}
