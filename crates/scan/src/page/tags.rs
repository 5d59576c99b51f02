//! What is done with the tags and attributes of HTML.

/// How the text of an element is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raw {
    /// Never shown: scripts, style sheets.
    Skip,
    /// Shown as it stands, tags and all.
    Show,
    /// Data in JSON.
    Json,
}

/// What a tag does to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Nothing: `k<b>i</b>ll` is one word.
    Joins,
    /// It ends a word.
    Word,
    /// It ends a word and a phrase.
    Phrase,
}

/// What a tag does; names that are not known show their text in the line, as browsers do.
pub(super) fn edge(name: &[u8]) -> Edge {
    match name {
        b"br" | b"img" | b"input" | b"picture" | b"object" | b"embed" | b"video" | b"audio"
        | b"iframe" | b"canvas" | b"svg" | b"math" | b"hr" => Edge::Word,
        b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"button" | b"caption"
        | b"center" | b"dd" | b"details" | b"dialog" | b"dir" | b"div" | b"dl" | b"dt"
        | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"frame"
        | b"frameset" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"head" | b"header"
        | b"hgroup" | b"html" | b"legend" | b"li" | b"main" | b"menu" | b"nav" | b"noscript"
        | b"ol" | b"optgroup" | b"option" | b"p" | b"pre" | b"search" | b"section" | b"select"
        | b"summary" | b"table" | b"tbody" | b"td" | b"template" | b"textarea" | b"tfoot"
        | b"th" | b"thead" | b"title" | b"tr" | b"ul" | b"xmp" | b"plaintext" | b"item"
        | b"entry" | b"description" | b"content" | b"channel" => Edge::Phrase,
        _ => Edge::Joins,
    }
}

/// How the text of an element is read where no tags are looked for in it.
pub(super) fn raw(name: &[u8]) -> Option<Raw> {
    Some(match name {
        b"script" | b"style" | b"iframe" | b"noembed" | b"noframes" => Raw::Skip,
        b"title" | b"textarea" | b"xmp" | b"noscript" | b"plaintext" => Raw::Show,
        _ => return None,
    })
}

/// What an attribute is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Not read.
    Skip,
    /// Shown or spoken to people.
    Show,
    /// The name of a `meta` line.
    Name,
    /// The content of a `meta` line.
    Content,
    /// The type of a script.
    Type,
    /// The text on a button or in a field.
    Value,
}

pub(super) fn attribute(tag: &[u8], name: &[u8]) -> Use {
    match (tag, name) {
        (
            _,
            b"alt" | b"title" | b"placeholder" | b"aria-label" | b"aria-description" | b"summary"
            | b"label",
        ) => Use::Show,
        (b"meta", b"name" | b"property" | b"itemprop") => Use::Name,
        (b"meta", b"content") => Use::Content,
        (b"script", b"type") => Use::Type,
        (b"input", b"value") => Use::Value,
        _ => Use::Skip,
    }
}

/// Whether a `meta` line says what the page is about.
pub(super) fn tells(name: &[u8]) -> bool {
    let mut small = name.to_ascii_lowercase();
    small.retain(|byte| !byte.is_ascii_whitespace());
    matches!(
        &*small,
        b"description"
            | b"keywords"
            | b"news_keywords"
            | b"title"
            | b"subject"
            | b"abstract"
            | b"og:title"
            | b"og:description"
            | b"og:image:alt"
            | b"twitter:title"
            | b"twitter:description"
            | b"twitter:image:alt"
            | b"dc.title"
            | b"dc.description"
            | b"dc.subject"
    )
}

/// Whether a script of this type is data in JSON.
pub(super) fn is_json(kind: &[u8]) -> bool {
    let kind = kind.to_ascii_lowercase();
    let kind = kind
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    matches!(kind, b"application/json" | b"text/json") || kind.ends_with(b"+json")
}
