//! A browser without a screen: real router, real use cases, SQLite in a temporary folder.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use pharos_access::Actor;
use pharos_testkit::school::SampleSchool;
use pharos_web::{Config, NetworkFacts, PacFile, ProxyName, TrustSteps};
use tower::ServiceExt;

/// What everybody at the sample school signs in with.
pub(crate) const PASSWORD: &str = "lamp-over-harbour";

/// What came back.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden or shown field.
    pub(crate) fn value_of(&self, field: &str) -> &str {
        let at = self
            .text
            .find(&format!("name=\"{field}\" value=\""))
            .unwrap_or_else(|| panic!("no field {field} in {}", self.text));
        self.text[at..]
            .split("value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    }
}

/// Somebody at a device.
pub(crate) struct Browser {
    router: Router,
    cookie: Option<String>,
    from: SocketAddr,
    forwarded_for: Option<String>,
}

/// Where the pages would listen.
const LISTEN: SocketAddr = SocketAddr::new(OWN, 8080);
/// The filter's own address.
pub(crate) const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
/// A web server in front of the pages.
pub(crate) const FRONT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

/// What devices need to know.
pub(crate) fn network() -> NetworkFacts {
    let trust = vec![TrustSteps {
        platform: "Windows".to_owned(),
        steps: vec!["Open the file.".to_owned()],
    }];
    NetworkFacts {
        proxy: ProxyName::Told("10.0.0.2:3128".to_owned()),
        pac: PacFile(Some(Arc::new(|proxy| format!("PROXY {proxy}")))),
        certificate_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
        certificate_der: vec![48, 130],
        fingerprint: "AB:CD".to_owned(),
        trust,
    }
}

impl Browser {
    /// A browser at this school, signed in as nobody.
    pub(crate) fn at(school: &SampleSchool) -> Self {
        Self::from(school, [10, 0, 3, 4].into())
    }

    /// The same from this address.
    pub(crate) fn from(school: &SampleSchool, from: IpAddr) -> Self {
        let network = network();
        Self {
            router: pharos_web::router(school.app.clone(), Config::new(LISTEN, network)),
            cookie: None,
            from: SocketAddr::new(from, 50_000),
            forwarded_for: None,
        }
    }

    /// The same behind a web server of the school's at [`FRONT`], for a client that this server
    /// names so.
    pub(crate) fn behind(school: &SampleSchool, forwarded_for: &str) -> Self {
        let mut browser = Self::from(school, FRONT);
        let config = Config {
            behind: vec![FRONT],
            own: vec![OWN],
            ..Config::new(LISTEN, network())
        };
        browser.router = pharos_web::router(school.app.clone(), config);
        browser.forwarded_for = Some(forwarded_for.to_owned());
        browser
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Page {
        request.extensions_mut().insert(ConnectInfo(self.from));
        if let Some(said) = &self.forwarded_for {
            let name = header::HeaderName::from_static("x-forwarded-for");
            request.headers_mut().insert(name, said.parse().unwrap());
        }
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        if let Some(set) = response.headers().get(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 32 << 20).await.unwrap();
        Page {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Posts a form. Whatever was typed must not come back in the address of the next page.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = serde_html_form::to_string(fields).unwrap();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let page = self.send(request).await;
        for (name, value) in fields
            .iter()
            .filter(|(name, value)| !["to", "from"].contains(name) && value.len() > 3)
        {
            assert!(
                !page.location().contains(value),
                "{path}: what was typed as {name} is in {}",
                page.location()
            );
        }
        assert!(
            !page.location().contains('@') && !page.location().contains("%40"),
            "{}",
            page.location()
        );
        page
    }

    /// Uploads one file.
    pub(crate) async fn upload(
        &mut self,
        path: &str,
        file: &str,
        bytes: &[u8],
        texts: &[(&str, &str)],
    ) -> Page {
        let mut body = Vec::new();
        for (name, value) in texts {
            body.extend_from_slice(
                format!(
                    "--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                )
                .as_bytes(),
            );
        }
        body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        self.send(
            Request::post(path)
                .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
                .body(Body::from(body))
                .unwrap(),
        )
        .await
    }

    /// Signs in, setting up the second factor where the role needs one.
    pub(crate) async fn sign_in(&mut self, school: &SampleSchool, username: &str) {
        let person = school.person(username).await;
        school
            .app
            .set_sample_passwords(&Actor::system("operator"), &[person.id], PASSWORD)
            .await
            .unwrap();
        let page = self
            .post("/sign-in", &[("name", username), ("password", PASSWORD)])
            .await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        if self.get("/").await.location() == "/account/second-factor" {
            let page = self.get("/account/second-factor").await;
            let secret = page.value_of("secret").to_owned();
            let page = self
                .post(
                    "/account/second-factor",
                    &[
                        ("secret", &secret),
                        ("password", PASSWORD),
                        ("code", &code(&secret, school.app.now())),
                    ],
                )
                .await;
            assert_eq!(page.location(), "/?done=second-factor", "{}", page.text);
        }
        assert_eq!(self.get("/").await.status, StatusCode::OK);
    }
}

/// What an authenticator with this secret shows.
pub(crate) fn code(secret: &str, now: Timestamp) -> String {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in secret.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        bits = (bits << 5 | u32::from(value)) & 0xFFFF;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).unwrap());
        }
    }
    pharos_service::current_code(&bytes, now).unwrap()
}
