//! What every handler is given: the use cases, and who is asking.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use pharos_access::Act;
use pharos_service::{App, SessionToken, SignedIn};

use crate::frame::{Frame, NavItem};
use crate::oops::Oops;

/// The cookie that holds the session's token.
pub(crate) const COOKIE: &str = "pharos-session";

/// Shared by all handlers.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) app: App,
    pub(crate) secure_cookies: bool,
    /// The web servers in front of the pages.
    pub(crate) behind: Arc<crate::behind::Behind>,
    /// Addresses of the filter itself.
    pub(crate) own: Arc<[IpAddr]>,
    /// Tries the faces for the self-check.
    pub(crate) prober: Option<std::sync::Arc<dyn pharos_service::Prober>>,
    /// What the proxy gives out: its address for people, certificate and PAC file.
    pub(crate) network: Arc<crate::NetworkFacts>,
    /// Files that wait for a yes.
    pub(crate) uploads: Arc<crate::uploads::Uploads>,
}

impl Web {
    /// The frame of a page for somebody signed in, with the badges of what waits for them.
    pub(crate) async fn frame(&self, me: &SignedIn, current: &'static str) -> Frame {
        let waiting = self.app.waiting(&me.actor).await.unwrap_or_default();
        let may = |act| self.app.could(&me.actor, act);
        let all = [
            ("/inbox", "Inbox", may(Act::ListAlerts), waiting.alerts),
            ("/cases", "Cases", may(Act::ListCases), waiting.cases),
            (
                "/requests",
                "Site requests",
                may(Act::ReadRequests),
                waiting.requests,
            ),
            ("/report", "Report a worry", true, 0),
            ("/activity", "Activity", may(Act::SearchActivity), 0),
            ("/explain", "Why blocked?", may(Act::Explain), 0),
            ("/people", "People", may(Act::ListPeople), 0),
            ("/policy", "Policy", true, 0),
            ("/checks", "Checks", may(Act::ReadChecks), 0),
            ("/network", "Network", may(Act::ReadNetwork), 0),
            ("/reports", "Governors' report", may(Act::ReadReport), 0),
            (
                "/settings",
                "Settings",
                may(Act::ProposePolicy) || may(Act::ChangeSettings),
                0,
            ),
        ];
        let nav = all
            .into_iter()
            .filter(|(_, _, shown, _)| *shown)
            .map(|(href, text, _, count)| NavItem {
                href,
                text,
                count,
                current: href == current,
            })
            .collect();
        Frame {
            person: Some(me.person.full_name()),
            nav,
            ..Frame::public(&self.app.school().name)
        }
    }

    /// The frame of a page that anybody may see.
    pub(crate) async fn public_frame(&self, me: Option<&SignedIn>) -> Frame {
        match me {
            Some(me) => self.frame(me, "").await,
            None => Frame::public(&self.app.school().name),
        }
    }
}

/// The network address that a request came from, behind the web servers in front of the pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub(crate) IpAddr);

/// Our own side of the connection that a request came over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnSide(pub(crate) IpAddr);

/// The device that a request came from: its address, or nothing when the request came from the
/// filter itself, that is through its proxy, so that the device is not known. On loopback, where
/// everything is one machine, that machine is the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Device(pub(crate) Option<IpAddr>);

impl FromRequestParts<Web> for Device {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let From(from) = From::from_request_parts(parts, web).await?;
        let own_side = parts.extensions.get::<OwnSide>();
        let is_own = own_side.is_some_and(|own| own.0.to_canonical() == from)
            || web.own.iter().any(|own| own.to_canonical() == from);
        Ok(Self((from.is_loopback() || !is_own).then_some(from)))
    }
}

impl FromRequestParts<Web> for From {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| Self(web.behind.client(info.0.ip(), &parts.headers)))
            .ok_or_else(|| axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

/// Somebody signed in; everybody else is shown the sign-in page and brought back afterwards.
/// People who must first change their password or set up a second factor are sent there.
pub(crate) struct Me(pub(crate) SignedIn);

impl FromRequestParts<Web> for Me {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let path = parts.uri.path();
        match find(&parts.headers, web).await? {
            None if parts.method == axum::http::Method::GET => {
                Err(Redirect::to(&format!("/sign-in?to={}", to_query(path))).into_response())
            }
            None => Err(Redirect::to("/sign-in").into_response()),
            Some(me)
                if me.must_change_password
                    && path != "/account/password"
                    && path != "/sign-out" =>
            {
                Err(Redirect::to("/account/password").into_response())
            }
            Some(me)
                if me.must_enrol
                    && !me.must_change_password
                    && path != "/account/second-factor"
                    && path != "/sign-out" =>
            {
                Err(Redirect::to("/account/second-factor").into_response())
            }
            Some(me) => Ok(Self(me)),
        }
    }
}

/// Somebody signed in, or nobody: for pages that anybody may see.
pub(crate) struct Anyone(pub(crate) Option<SignedIn>);

impl FromRequestParts<Web> for Anyone {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        find(&parts.headers, web).await.map(Self)
    }
}

async fn find(headers: &HeaderMap, web: &Web) -> Result<Option<SignedIn>, Response> {
    let Some(token) = cookie(headers) else {
        return Ok(None);
    };
    match web.app.signed_in(&token).await {
        Ok(found) => Ok(found),
        Err(error) => Err(Oops::new(web, None, error).await.into_response()),
    }
}

/// The session cookie of a request.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<SessionToken> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| SessionToken::from_cookie(value))
}

/// A path as the value of a query parameter.
fn to_query(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_./".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
