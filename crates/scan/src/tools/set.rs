//! The tools that are known, and which of them a request is for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use pharos_catalogue::Host;

use super::adapter::{Exchange, Sign, Tool, Way};
use super::parse::ToolProblem;

include!(concat!(env!("OUT_DIR"), "/tools.rs"));

/// The most tools of one set.
pub const TOOLS_MAX: usize = 256;

/// Every tool that is known: immutable, shared.
#[derive(Debug, Default)]
pub struct Tools {
    by_host: HashMap<Box<str>, Vec<Arc<Tool>>>,
    /// Shapes that any host may speak.
    anywhere: Vec<Arc<Tool>>,
    count: usize,
}

/// The tools that are known now, for those who ask on every request: a new version of the school's
/// pack puts others in their place.
#[derive(Debug, Default)]
pub struct LiveTools(RwLock<Arc<Tools>>);

impl LiveTools {
    /// The tools that are known now.
    pub fn now(&self) -> Arc<Tools> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these are known.
    pub fn replace(&self, tools: Tools) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tools);
    }
}

impl From<Tools> for LiveTools {
    fn from(tools: Tools) -> Self {
        Self(RwLock::new(Arc::new(tools)))
    }
}

/// Why adapters cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// A text is wrong.
    #[error("adapter {name}: {} problems, the first on {first}", problems.len(), first = problems.first().map_or_else(String::new, ToString::to_string))]
    Wrong {
        /// The name of the file.
        name: String,
        /// Everything that is wrong.
        problems: Vec<ToolProblem>,
    },
    /// There are too many.
    #[error("more than {TOOLS_MAX} adapters")]
    TooMany,
}

/// What a request is to a tool.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tool.
    pub tool: Arc<Tool>,
    exchange: Option<usize>,
    /// On a path that only people who have not signed in use.
    anonymous: bool,
    /// The workspace that the path names.
    workspace: Option<Box<str>>,
}

impl Tools {
    /// The tools that Pharos ships adapters for.
    ///
    /// # Errors
    /// None in a released build: a test reads them.
    pub fn built_in() -> Result<Self, ToolsError> {
        Self::parse(BUILT_IN.iter().copied())
    }

    /// Name and text of every adapter that Pharos ships, to begin own ones from.
    pub fn built_in_texts() -> &'static [(&'static str, &'static str)] {
        BUILT_IN
    }

    /// Reads adapters: the name of each file and its text.
    ///
    /// # Errors
    /// A text that is wrong, or too many.
    pub fn parse<'t>(
        texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, ToolsError> {
        let mut tools = Self::default();
        for (name, text) in texts {
            let tool = Tool::parse(text).map_err(|problems| ToolsError::Wrong {
                name: name.to_owned(),
                problems,
            })?;
            tools.add(tool)?;
        }
        Ok(tools)
    }

    /// Adds a tool. Of two at the same host the one added first is asked first.
    ///
    /// # Errors
    /// There are too many.
    pub fn add(&mut self, tool: Tool) -> Result<(), ToolsError> {
        if self.count >= TOOLS_MAX {
            return Err(ToolsError::TooMany);
        }
        self.count += 1;
        let tool = Arc::new(tool);
        if tool.hosts.is_empty() {
            self.anywhere.push(Arc::clone(&tool));
        }
        for host in &tool.hosts {
            let here = self.by_host.entry(host.as_str().into()).or_default();
            here.push(Arc::clone(&tool));
        }
        Ok(())
    }

    /// Every tool, by name.
    pub fn all(&self) -> Vec<Arc<Tool>> {
        let mut all: Vec<Arc<Tool>> = self
            .by_host
            .values()
            .flatten()
            .chain(&self.anywhere)
            .cloned()
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The tool that a request is for; its path without the query. A tool at home at the host comes
    /// before a shape that any host may speak.
    pub fn find(&self, host: &Host, path: &str, way: Way) -> Option<Found> {
        let mut name = host.as_str();
        let mut at_home: Option<&Arc<Tool>> = None;
        loop {
            for tool in self.by_host.get(name).into_iter().flatten() {
                if let Some(exchange) = tool.exchange(path, way) {
                    return Some(Found::new(tool, Some(exchange), path));
                }
                at_home = at_home.or(Some(tool));
            }
            match name.split_once('.') {
                Some((_, parent)) if !parent.is_empty() => name = parent,
                _ => break,
            }
        }
        if way != Way::Other {
            for tool in &self.anywhere {
                if let Some(exchange) = tool.exchange(path, way) {
                    return Some(Found::new(tool, Some(exchange), path));
                }
            }
        }
        at_home.map(|tool| Found::new(tool, None, path))
    }

    /// The title of the tool whose prompts come to this host and path in any way, for whoever reads
    /// of one; the path may carry its query.
    pub fn title_of(&self, host: &str, path: Option<&str>) -> Option<Arc<str>> {
        let host = Host::parse(host).ok()?;
        let path = path?.split('?').next()?;
        let found = [Way::Post, Way::Socket]
            .into_iter()
            .filter_map(|way| self.find(&host, path, way))
            .find(|found| found.exchange.is_some())?;
        Some(Arc::clone(&found.tool.title))
    }
}

impl Found {
    fn new(tool: &Arc<Tool>, exchange: Option<usize>, path: &str) -> Self {
        let workspace = tool.workspace_paths.iter().find_map(|p| p.meets(path)?);
        Self {
            exchange,
            anonymous: tool.anonymous.iter().any(|p| p.meets(path).is_some()),
            workspace: workspace.map(Into::into),
            tool: Arc::clone(tool),
        }
    }

    /// Where prompt and answer stand, where the request carries a prompt.
    pub fn exchange(&self) -> Option<&Exchange> {
        self.tool.exchanges.get(self.exchange?)
    }

    /// Whether somebody uses the tool without having signed in; `has` says what the request
    /// carries.
    pub fn is_signed_out(&self, has: impl Fn(&Sign) -> bool) -> bool {
        let signs = &self.tool.signed_in;
        self.anonymous || (self.exchange.is_some() && !signs.is_empty() && !signs.iter().any(has))
    }

    /// The workspaces that the request names; `header` gives the value of a header.
    pub fn workspaces<'a>(
        &'a self,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        let by_header = self.tool.workspace_headers.iter();
        let by_header = by_header.filter_map(move |name| header(name));
        by_header
            .chain(self.workspace.as_deref())
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALK: &str = "tool talk\nversion 1\ntitle Talk\nhosts talk.test\nworkspace header x-space\nworkspace path /o/{workspace}/**\n\
        signed-out path /anon/**\nsigned-out without header authorization\nsigned-out without cookie sid\n\
        [POST /chat, /anon/chat]\nprompt p\n[SOCKET /live]\nprompt p\n";
    const SHAPE: &str = "tool shape\nversion 1\nhosts *\n[POST /v1/chat]\nprompt p\n";

    fn host(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    /// FIL-02: every adapter that is shipped reads, and is found at its hosts.
    #[test]
    fn fil_02_the_shipped_adapters_read() {
        let tools = Tools::built_in().unwrap_or_else(|error| panic!("{error}"));
        assert!(tools.len() >= 10);
        for (host_name, path, way, name) in [
            (
                "chatgpt.com",
                "/backend-api/f/conversation",
                Way::Post,
                "chatgpt",
            ),
            (
                "api.openai.com",
                "/v1/chat/completions",
                Way::Post,
                "openai-api",
            ),
            (
                "gpt.harbour.test",
                "/v1/chat/completions",
                Way::Post,
                "chat-completions",
            ),
            (
                "claude.ai",
                "/api/organizations/o-1/chat_conversations/c-1/completion",
                Way::Post,
                "claude",
            ),
            (
                "gemini.google.com",
                "/_/BardChatUi/data/assistant.lamda.BardFrontendService/StreamGenerate",
                Way::Post,
                "gemini",
            ),
            (
                "copilot.microsoft.com",
                "/c/api/chat",
                Way::Socket,
                "copilot",
            ),
        ] {
            let found = tools.find(&host(host_name), path, way);
            let found = found.unwrap_or_else(|| panic!("{host_name}{path}"));
            assert_eq!(&*found.tool.name, name);
            assert!(found.exchange().is_some(), "{host_name}{path}");
        }
        assert!(tools.find(&host("harbour.test"), "/", Way::Other).is_none());
        for (name, text) in Tools::built_in_texts() {
            assert_eq!(&*Tool::parse(text).unwrap().name, *name);
            assert!(
                text.contains("\nsource "),
                "{name} says where it is known from"
            );
        }
    }

    /// FIL-05: who uses a tool without signing in is told by the path, or by what a prompt lacks.
    #[test]
    fn fil_05_use_without_signing_in_is_told() {
        let tools = Tools::parse([("talk", TALK)]).unwrap();
        let signed_out = |path: &str, way: Way, carries: &[&str]| {
            let found = tools.find(&host("www.talk.test"), path, way).unwrap();
            found.is_signed_out(|sign| match sign {
                Sign::Header(name) | Sign::Cookie(name) | Sign::Query(name) => {
                    carries.contains(&&**name)
                }
            })
        };
        assert!(signed_out("/anon/me", Way::Other, &["sid"]));
        assert!(signed_out("/chat", Way::Post, &[]));
        assert!(signed_out("/live", Way::Socket, &["x"]));
        assert!(!signed_out("/chat", Way::Post, &["sid"]));
        assert!(!signed_out("/live", Way::Socket, &["authorization"]));
        assert!(
            !signed_out("/", Way::Other, &[]),
            "looking at its pages is no use"
        );
    }

    #[test]
    fn workspaces_are_named_by_header_and_path() {
        let tools = Tools::parse([("talk", TALK), ("shape", SHAPE)]).unwrap();
        let found = tools
            .find(&host("talk.test"), "/o/sea/x", Way::Other)
            .unwrap();
        let named: Vec<&str> = found
            .workspaces(|name| (name == "x-space").then_some(" rock "))
            .collect();
        assert_eq!(named, ["rock", "sea"]);
    }

    #[test]
    fn a_tool_at_home_comes_before_a_shape() {
        let tools = Tools::parse([("shape", SHAPE), ("talk", TALK)]).unwrap();
        let name = |host_name: &str, path: &str| {
            let found = tools.find(&host(host_name), path, Way::Post);
            found.map(|found| found.tool.name.to_string())
        };
        assert_eq!(name("talk.test", "/chat").as_deref(), Some("talk"));
        assert_eq!(name("talk.test", "/v1/chat").as_deref(), Some("shape"));
        assert_eq!(name("sea.test", "/v1/chat").as_deref(), Some("shape"));
        assert_eq!(name("sea.test", "/chat"), None);
        assert_eq!(
            tools.title_of("talk.test", Some("/live?x=1")).as_deref(),
            Some("Talk")
        );
        assert_eq!(tools.title_of("talk.test", Some("/")), None);
        assert_eq!(tools.title_of("talk.test", None), None);
    }
}
