//! One tool, as its adapter describes it.

use std::sync::Arc;

use pharos_catalogue::Host;

use super::glob::is_like;
use super::place::Places;

/// The longest refusal, in bytes.
pub const REFUSAL_MAX: usize = 1024;

/// Where a refusal holds what is said to the reader.
pub(super) const TEXT_HERE: &str = "{text}";
/// A part of a path that names the workspace.
pub(super) const WORKSPACE_HERE: &str = "{workspace}";

/// A tool of generative AI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name in files: small letters, digits and hyphens.
    pub name: Arc<str>,
    /// What people call it.
    pub title: Arc<str>,
    /// The version of its adapter.
    pub version: u32,
    /// Its hosts, each with all below it; empty for any host.
    pub(super) hosts: Vec<Host>,
    /// The header by which the school's workspaces are told to the service (`[[tenants]]`).
    pub tenant: Option<Box<str>>,
    /// Headers that name the workspace of a request.
    pub(super) workspace_headers: Vec<Box<str>>,
    /// Paths that name it.
    pub(super) workspace_paths: Vec<Path>,
    /// Paths that only people who have not signed in use.
    pub(super) anonymous: Vec<Path>,
    /// What a prompt of somebody who has signed in carries, one of them at least.
    pub(super) signed_in: Vec<Sign>,
    /// The answer to a request that is refused, as the tool's own programs understand it.
    pub(super) refusal: Option<Box<str>>,
    /// The data of the events that end an answer that is stopped on its way.
    pub(super) ending: Vec<Box<str>>,
    /// The requests that carry prompts.
    pub(super) exchanges: Vec<Exchange>,
}

/// How a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a method with a body.
    Post,
    /// Over a WebSocket.
    Socket,
    /// In another way: it carries no prompt.
    Other,
}

/// Something that a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A header of this name.
    Header(Box<str>),
    /// A cookie whose name is like this.
    Cookie(Box<str>),
    /// A parameter of the query of this name.
    Query(Box<str>),
}

/// Requests that carry prompts, and their answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub(super) way: Way,
    pub(super) paths: Vec<Path>,
    pub(super) prompt: Arc<Places>,
    pub(super) answer: Arc<Places>,
}

/// A pattern of paths: `*` stands for any part or any letters of one, `**` at the end for
/// whatever follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    parts: Box<[Box<str>]>,
    open: bool,
}

impl Path {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("{text:?} is no path: begin it with /"));
        };
        let mut parts: Vec<Box<str>> = rest.split('/').map(Box::from).collect();
        let open = parts.last().is_some_and(|last| &**last == "**");
        if open {
            parts.pop();
        }
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#');
        if text.len() > 256 || text.contains(odd) || parts.iter().any(|part| &**part == "**") {
            return Err(format!(
                "{text:?} is no path: at most 256 bytes, no blank, ? or #, and ** only at its end"
            ));
        }
        Ok(Self {
            parts: parts.into(),
            open,
        })
    }

    pub(super) fn names_workspace(&self) -> bool {
        self.parts.iter().any(|part| &**part == WORKSPACE_HERE)
    }

    /// Whether a path, without its query, is like that, and the workspace in it.
    pub(super) fn meets<'p>(&self, path: &'p str) -> Option<Option<&'p str>> {
        let mut given = path.strip_prefix('/')?.split('/');
        let mut workspace = None;
        for part in &self.parts {
            let given = given.next()?;
            if &**part == WORKSPACE_HERE {
                workspace = Some(given).filter(|given| !given.is_empty());
            } else if !is_like(part.as_bytes(), given.as_bytes()) {
                return None;
            }
        }
        (self.open || given.next().is_none()).then_some(workspace)
    }
}

impl Tool {
    /// Whether the tool is at home at a host of its own.
    pub fn is_at(&self, host: &Host) -> bool {
        self.hosts.iter().any(|own| host.is_within(own))
    }

    /// Its hosts, each with all below it; empty for a shape that any host may speak.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The requests that carry prompts.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// What programs of this tool are answered where a request is refused: JSON with this text in
    /// it. `None` where nothing of the kind is known.
    pub fn refusal(&self, text: &str) -> Option<String> {
        let refusal = self.refusal.as_ref()?;
        Some(refusal.replace(TEXT_HERE, &quoted(text)))
    }

    /// The server-sent events that end an answer which is stopped on its way, with this text in them
    /// for its reader. `None` where nothing of the kind is known.
    pub fn ending(&self, text: &str) -> Option<String> {
        let quoted = quoted(text);
        let events = self.ending.iter().map(|data| {
            let data = data.replace(TEXT_HERE, &quoted);
            format!("data: {data}\n\n")
        });
        (!self.ending.is_empty()).then(|| events.collect())
    }

    pub(super) fn exchange(&self, path: &str, way: Way) -> Option<usize> {
        self.exchanges.iter().position(|exchange| {
            exchange.way == way && exchange.paths.iter().any(|p| p.meets(path).is_some())
        })
    }
}

/// As it stands in a string of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted
}

/// Whether a `Cookie` header has a cookie whose name is like this, and that is not empty.
pub fn has_cookie(header: &str, like: &str) -> bool {
    header.split(';').any(|pair| {
        pair.trim().split_once('=').is_some_and(|(name, value)| {
            !value.is_empty() && is_like(like.as_bytes(), name.as_bytes())
        })
    })
}

/// Whether a path with its query has a parameter of this name that is not empty.
pub fn has_query(path_and_query: &str, name: &str) -> bool {
    let query = path_and_query
        .split_once('?')
        .map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).any(|(key, value)| key == name && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_meet_their_patterns() {
        for (pattern, path, wanted) in [
            ("/a/b", "/a/b", Some(None)),
            ("/a/b", "/a/b/", None),
            ("/a/*/c", "/a/x/c", Some(None)),
            ("/a/*/c", "/a/x/y/c", None),
            ("/anon/**", "/anon/x/y", Some(None)),
            ("/anon/**", "/anon", Some(None)),
            ("/anon/**", "/anonymous", None),
            ("/o/{workspace}/**", "/o/abc/chat", Some(Some("abc"))),
            ("/m/*:generate", "/m/x-1:generate", Some(None)),
        ] {
            let found = Path::parse(pattern).unwrap();
            assert_eq!(found.meets(path), wanted, "{pattern} {path}");
        }
        for wrong in ["a", "/a b", "/**/a", "/a?b"] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cookies_and_parameters_are_found_by_name() {
        assert!(has_cookie("a=1; session.0=x", "session*"));
        assert!(!has_cookie("a=session; session=", "session*"));
        assert!(has_query("/c?a=1&accessToken=x", "accessToken"));
        assert!(!has_query("/c?accessToken=", "accessToken"));
        assert!(!has_query("/accessToken=x", "accessToken"));
    }
}
