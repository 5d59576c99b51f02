//! The pages: accessible, without script, styled inline under a strict policy, in words for the
//! reader (FIL-14, FIL-20).

use std::fmt;
use std::sync::OnceLock;

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use pharos_activity::Reference;

use crate::body::Answer;
use crate::devices::{DeviceSteps, trust_steps};
use crate::failure::Explained;
use crate::go_on;
use crate::prepared::{Filling, Prepared};
use crate::words::{AgeBand, BlockWords, HelpLine, Words};

const STYLE: &str = include_str!("../templates/style.css");
/// Most help lines on one page.
const HELP_MOST: usize = 6;

/// Renders pages with the school's words.
pub(crate) struct Pages {
    words: Words,
    web: String,
    policy: HeaderValue,
    /// The block pages, each made when it is first shown.
    blocks: [OnceLock<Option<Prepared>>; BLOCK_KINDS],
}

/// Block pages that differ in more than what they are filled with: for each band, for whom help comes first or not, known or
/// not.
const BLOCK_KINDS: usize = 4 * 2 * 2;

/// Which block page.
struct BlockKind<'a> {
    band: AgeBand,
    care: bool,
    unknown: bool,
    instead: Option<&'a (&'static str, String)>,
}

#[derive(Template)]
#[template(path = "block.html")]
struct BlockPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    words: BlockWords,
    link: String,
    host: &'a str,
    why: &'a str,
    reference: &'a str,
    sign_in: Option<String>,
    help: &'a [HelpLine],
    /// The search tool that is approved.
    instead: Option<&'a (&'static str, String)>,
    /// Whether help comes first.
    care: bool,
}

#[derive(Template)]
#[template(path = "warn.html")]
struct WarnPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    words: BlockWords,
    link: String,
    host: &'a str,
    why: &'a str,
    reference: String,
    sign_in: Option<String>,
    token: Option<String>,
    to: &'a str,
    go_on_path: &'a str,
}

#[derive(Template)]
#[template(path = "sealed.html")]
struct SealedPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    words: BlockWords,
    link: String,
    reference: String,
    lead: &'a str,
    adult: &'a str,
    young: bool,
    help: &'a [HelpLine],
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    title: &'a str,
    what: &'a str,
    next: &'a str,
    code: &'a str,
    host: Option<&'a str>,
    sign_in: Option<String>,
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    web: &'a str,
    fingerprint: Option<String>,
    devices: &'a [DeviceSteps],
}

#[derive(Template)]
#[template(path = "open.html")]
struct OpenPage<'a> {
    school: &'a str,
    style: &'a str,
    tone: &'a str,
    title: &'a str,
    lead: String,
    next: &'a str,
    young: bool,
    web: &'a str,
    report: &'a str,
    host: &'a str,
}

/// What a block or warning page shows.
pub(crate) struct Stop<'a> {
    pub(crate) band: AgeBand,
    pub(crate) host: &'a str,
    pub(crate) why: &'a str,
    pub(crate) reference: Reference,
    /// Whether the reader is unknown and may sign in.
    pub(crate) unknown: bool,
    /// The search tool that is approved: its name, and where to search there.
    pub(crate) instead: Option<(&'static str, String)>,
}

impl Pages {
    /// `web` is the base of links into Pharos's own pages.
    pub(crate) fn new(words: Words, web: &str) -> Self {
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self {
            words,
            web: web.trim_end_matches('/').to_owned(),
            policy,
            blocks: [const { OnceLock::new() }; BLOCK_KINDS],
        }
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// The block page.
    pub(crate) fn block(&self, stop: &Stop<'_>) -> Response<Answer> {
        self.block_or_care(stop, false)
    }

    /// The block page for a reader who may be in distress: help comes first (FIL-13).
    pub(crate) fn care(&self, stop: &Stop<'_>) -> Response<Answer> {
        self.block_or_care(stop, true)
    }

    fn block_or_care(&self, stop: &Stop<'_>, care: bool) -> Response<Answer> {
        let filling = Filling {
            host: stop.host,
            why: stop.why,
            reference: &stop.reference.to_string(),
        };
        let kind = BlockKind {
            band: stop.band,
            care,
            unknown: stop.unknown,
            instead: stop.instead.as_ref(),
        };
        let page = match self.prepared(&kind) {
            Some(prepared) => prepared.fill(&filling).map_err(askama::Error::from),
            None => self.render_block(&kind, &filling),
        };
        self.html(StatusCode::FORBIDDEN, page)
    }

    /// The block page with all that is the same for every such reader; none where it leads elsewhere.
    fn prepared(&self, kind: &BlockKind<'_>) -> Option<&Prepared> {
        if kind.instead.is_some() {
            return None;
        }
        let place =
            4 * (kind.band as usize) + 2 * usize::from(kind.care) + usize::from(kind.unknown);
        let prepare = || Prepared::of(|filling| self.render_block(kind, filling));
        self.blocks.get(place)?.get_or_init(prepare).as_ref()
    }

    fn render_block(&self, kind: &BlockKind<'_>, filling: &Filling<'_>) -> askama::Result<String> {
        let page = BlockPage {
            school: &self.words.school,
            style: STYLE,
            tone: tone(kind.band),
            words: match kind.care {
                true => self.words.care(kind.band),
                false => self.words.block(kind.band),
            },
            link: self.link(filling.reference),
            host: filling.host,
            why: filling.why,
            reference: filling.reference,
            sign_in: kind.unknown.then(|| self.sign_in()),
            help: self.help(),
            instead: kind.instead,
            care: kind.care,
        };
        page.render()
    }

    /// Leads to the page with the notice of monitoring (MON-09).
    pub(crate) fn to_notice(&self) -> Response<Answer> {
        let mut response = plain(
            StatusCode::FOUND,
            "text/plain; charset=utf-8",
            "Read and accept the notice of monitoring first.\n",
        );
        if let Ok(to) = http::HeaderValue::from_str(&format!("{}/notice", self.web)) {
            response.headers_mut().insert(http::header::LOCATION, to);
        }
        response
    }

    /// The warning page; with a token its reader may go on to `to`.
    pub(crate) fn warn(
        &self,
        stop: &Stop<'_>,
        token: Option<String>,
        to: &str,
    ) -> Response<Answer> {
        let page = WarnPage {
            school: &self.words.school,
            style: STYLE,
            tone: tone(stop.band),
            words: self.words.block(stop.band),
            link: self.link(stop.reference),
            host: stop.host,
            why: stop.why,
            reference: stop.reference.to_string(),
            sign_in: stop.unknown.then(|| self.sign_in()),
            token,
            to,
            go_on_path: go_on::PATH,
        };
        self.html(StatusCode::FORBIDDEN, page.render())
    }

    /// Where a device was led although the site is not blocked for its reader (any more).
    pub(crate) fn open_now(&self, band: AgeBand, host: &str) -> Response<Answer> {
        let young = band == AgeBand::Youngest;
        let lead = match band {
            AgeBand::Youngest => "This page was closed. It may be open now.".to_owned(),
            _ => format!(
                "{host} was blocked when this device last looked for it. By the rules in force now it is not blocked for you."
            ),
        };
        let page = OpenPage {
            school: &self.words.school,
            style: STYLE,
            tone: tone(band),
            title: "Try this page again",
            lead,
            next: if young {
                "Wait a little. Then ask your teacher to open the page again."
            } else {
                "Wait a minute, then load the page again. A device remembers for a short time what it was told."
            },
            young,
            web: &self.web,
            report: self.words.block(band).report,
            host,
        };
        self.html(StatusCode::SERVICE_UNAVAILABLE, page.render())
    }

    /// The page for a sealed hit: names neither list nor address.
    pub(crate) fn sealed(&self, band: AgeBand, reference: Reference) -> Response<Answer> {
        let page = SealedPage {
            school: &self.words.school,
            style: STYLE,
            tone: "sealed",
            words: self.words.block(band),
            link: self.link(reference),
            reference: reference.to_string(),
            lead: &self.words.lead,
            adult: &self.words.adult,
            young: band <= AgeBand::Middle,
            help: self.help(),
        };
        self.html(StatusCode::FORBIDDEN, page.render())
    }

    /// A page about something that went wrong.
    pub(crate) fn problem(&self, explained: &Explained, host: Option<&str>) -> Response<Answer> {
        self.problem_with(explained, host, false)
    }

    /// The same in a reader's tone.
    pub(crate) fn problem_for(
        &self,
        explained: &Explained,
        host: &str,
        band: AgeBand,
    ) -> Response<Answer> {
        self.render_problem(explained, Some(host), false, tone(band))
    }

    /// The same, with a link to the sign-in page.
    pub(crate) fn problem_with(
        &self,
        explained: &Explained,
        host: Option<&str>,
        sign_in: bool,
    ) -> Response<Answer> {
        self.render_problem(explained, host, sign_in, "")
    }

    fn render_problem(
        &self,
        explained: &Explained,
        host: Option<&str>,
        sign_in: bool,
        tone: &str,
    ) -> Response<Answer> {
        let page = ProblemPage {
            school: &self.words.school,
            style: STYLE,
            tone,
            title: explained.title,
            what: explained.what,
            next: explained.next,
            code: explained.code,
            host,
            sign_in: sign_in.then(|| self.sign_in()),
        };
        let status = StatusCode::from_u16(explained.status).unwrap_or(StatusCode::BAD_GATEWAY);
        self.html(status, page.render())
    }

    /// What the proxy says when its own address is opened.
    pub(crate) fn about(&self, fingerprint: Option<String>) -> Response<Answer> {
        let page = AboutPage {
            school: &self.words.school,
            style: STYLE,
            tone: "",
            web: &self.web,
            fingerprint,
            devices: trust_steps(),
        };
        self.html(StatusCode::OK, page.render())
    }

    fn html(
        &self,
        status: StatusCode,
        rendered: Result<String, askama::Error>,
    ) -> Response<Answer> {
        let text = rendered.unwrap_or_else(|error| {
            tracing::error!(%error, "a page could not be rendered");
            "The filter could not show its page; the request was not let through.".to_owned()
        });
        let mut response = plain(status, "text/html; charset=utf-8", text);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        response
    }

    fn help(&self) -> &[HelpLine] {
        &self.words.help_lines[..self.words.help_lines.len().min(HELP_MOST)]
    }

    fn link(&self, reference: impl fmt::Display) -> String {
        format!("{}/blocked/{reference}", self.web)
    }

    fn sign_in(&self) -> String {
        format!("{}/device/sign-in", self.web)
    }
}

/// A small answer that no cache keeps.
pub(crate) fn plain(
    status: StatusCode,
    kind: &'static str,
    text: impl Into<bytes::Bytes>,
) -> Response<Answer> {
    let mut response = Response::new(Answer::page(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn tone(band: AgeBand) -> &'static str {
    match band {
        AgeBand::Youngest => "youngest",
        AgeBand::Middle => "middle",
        AgeBand::Older => "older",
        AgeBand::Staff => "staff",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-14: every reader's block page is prepared, and is to the letter the one that would be written anew.
    #[test]
    fn fil_14_every_block_page_is_the_one_that_would_be_written_anew() {
        let pages = Pages::new(Words::default(), "http://pharos.test/");
        let filling = Filling {
            host: "games.test",
            why: "It falls under \u{201c}games & play\u{201d}.",
            reference: "ABCD-EFGH",
        };
        let bands = [
            AgeBand::Youngest,
            AgeBand::Middle,
            AgeBand::Older,
            AgeBand::Staff,
        ];
        for band in bands {
            for (care, unknown) in [(false, false), (false, true), (true, false), (true, true)] {
                let kind = BlockKind {
                    band,
                    care,
                    unknown,
                    instead: None,
                };
                let page = pages.render_block(&kind, &filling).unwrap();
                let prepared = pages.prepared(&kind).unwrap();
                assert_eq!(prepared.fill(&filling).unwrap(), page);
                assert_eq!(page.matches(filling.host).count(), 1);
            }
        }
        let elsewhere = BlockKind {
            band: AgeBand::Older,
            care: false,
            unknown: false,
            instead: Some(&("tide", "https://tide.test/".to_owned())),
        };
        assert!(pages.prepared(&elsewhere).is_none());
    }
}
