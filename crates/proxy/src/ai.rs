//! Tools of generative AI: which one a request is for, and whether it may be used so. Where the
//! prompt stands and what tells that somebody has not signed in comes from `pharos_scan`; what is
//! forbidden comes from the policy.

use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::uri::PathAndQuery;
use http::{Method, Request};
use hyper::body::Incoming;
use pharos_policy::AiUse;
use pharos_scan::tools::{Exchange, Found, Sign, Tool, Way, has_cookie, has_query};

use crate::connection::Client;
use crate::headers;
use crate::judge::Verdict;

/// A request to a tool.
pub(crate) struct Use {
    found: Found,
    /// Whether the beginning of the prompt is kept.
    keeps: bool,
}

impl Use {
    /// The tool that a request is for, where it may be looked at.
    pub(crate) fn of(
        client: &Client,
        verdict: &Verdict,
        request: &Request<Incoming>,
    ) -> Option<Self> {
        let tools = client.shared().config.tools.as_ref()?.now();
        if !verdict.may_be_read() {
            return None;
        }
        let way = if headers::wants_websocket(request.headers()) {
            Way::Socket
        } else if [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            Way::Post
        } else {
            Way::Other
        };
        let path = verdict.address().path().unwrap_or("/");
        let path = path.split('?').next().unwrap_or(path);
        let found = tools.find(verdict.address().host(), path, way)?;
        let keeps = found.exchange().is_some() && verdict.keeps_prompts();
        Some(Self { found, keeps })
    }

    /// Where prompt and answer stand, where the request carries a prompt.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        self.found.exchange()
    }

    /// The tool, where the request carries a prompt.
    pub(crate) fn of_prompt(&self) -> Option<&Arc<Tool>> {
        self.exchange().map(|_| &self.found.tool)
    }

    /// Whether the beginning of the prompt is kept.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// The verdict on a use that is forbidden: without signing in to the tool, or in a workspace
    /// that is not the school's.
    pub(crate) fn forbidden(
        &self,
        verdict: &Verdict,
        request: &Request<Incoming>,
    ) -> Option<Verdict> {
        let (headers, tool) = (request.headers(), &self.found.tool);
        if let Some(header) = &tool.tenant {
            let host = verdict.address().host();
            let mut named = self.found.workspaces(|name| value(headers, name));
            let policy = verdict.policy();
            if named.any(|named| policy.is_other_workspace(host, header, named)) {
                return verdict.with_ai(AiUse::OtherWorkspace);
            }
        }
        let carries = |sign: &Sign| match sign {
            Sign::Header(name) => value(headers, name).is_some_and(|value| !value.is_empty()),
            Sign::Cookie(like) => headers
                .get_all(header::COOKIE)
                .iter()
                .filter_map(|line| line.to_str().ok())
                .any(|line| has_cookie(line, like)),
            Sign::Query(name) => {
                let target = request.uri().path_and_query().map(PathAndQuery::as_str);
                target.is_some_and(|target| has_query(target, name))
            }
        };
        if self.found.is_signed_out(carries) {
            return verdict.with_ai(AiUse::SignedOut);
        }
        None
    }
}

fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
