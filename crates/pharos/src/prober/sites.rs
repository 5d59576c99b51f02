//! Sites: what the proxy's answers say. Only what our own block desk knows counts as our block: any
//! site may answer 403.

use std::io;
use std::net::IpAddr;

use jiff::Timestamp;
use pharos_activity::Reference;
use pharos_policy::Action;
use pharos_service::{Ask, Asking, Desk, Proof, Seen, Way};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::carry::{self, Http, Trust};
use super::door::Door;
use super::not_tried;

/// Letters of a reference as it is printed.
const REFERENCE: usize = 11;

/// One visit of one of the check's own devices.
pub(super) struct Visit<'a> {
    pub(super) from: IpAddr,
    pub(super) door: Door,
    pub(super) trust: &'a Trust,
    pub(super) desk: &'a Desk,
    pub(super) web: &'a str,
}

impl Visit<'_> {
    pub(super) async fn go(&self, asking: &Asking) -> io::Result<Seen> {
        let host = bracketed(&asking.host);
        match (asking.way, &asking.ask) {
            (Way::Proxy, _) => {
                let mut stream = carry::stream(self.from, self.door).await?;
                let answer = get(&mut stream, &format!("http://{host}/"), &host).await?;
                Ok(self.told(&answer))
            }
            (Way::Transparent, _) => {
                let stream = carry::stream(self.from, self.door).await?;
                // Who comes unasked means the address and port where the stream arrives.
                let at = match self.door.at.port() {
                    443 => host.clone(),
                    port => format!("{host}:{port}"),
                };
                self.inside(stream, &host, &at).await
            }
            (_, Ask::Port(port)) => match self.tunnel(&host, *port).await? {
                Ok(_) => Ok(Seen::Through(format!("a tunnel to port {port} opened"))),
                Err(seen) => Ok(seen),
            },
            (_, Ask::Within(name)) => match self.tunnel(&host, 443).await? {
                Ok(stream) => self.inside(stream, name, name).await,
                Err(seen) => Ok(seen),
            },
            _ => match self.tunnel(&host, 443).await? {
                Ok(stream) => self.inside(stream, &host, &host).await,
                Err(seen) => Ok(seen),
            },
        }
    }

    /// Asks for a tunnel: the bare stream, or what was said instead.
    async fn tunnel(
        &self,
        host: &str,
        port: u16,
    ) -> io::Result<Result<tokio::net::TcpStream, Seen>> {
        let mut stream = carry::stream(self.from, self.door).await?;
        let request = format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: Pharos self-check\r\nAccept: text/html\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let answer = Http::read(&mut stream).await?;
        if answer.status == 200 {
            return Ok(Ok(stream));
        }
        // Before the tunnel stands, whatever is said is the proxy's own word.
        let seen = match self.told(&answer) {
            Seen::Through(_) => match code_of(&answer.body) {
                Some(code) if answer.status < 500 => Seen::Refused(code),
                Some(code) => Seen::Through(format!("the proxy went to look for it ({code})")),
                None => Seen::Refused(answer.status.to_string()),
            },
            seen => seen,
        };
        Ok(Err(seen))
    }

    /// Asks for the page of a name over TLS; `authority` is the name with its port, where that is not
    /// the usual one. Whoever answers must be the school's own authority:
    /// another certificate means that nobody looks into this connection.
    async fn inside(
        &self,
        stream: tokio::net::TcpStream,
        name: &str,
        authority: &str,
    ) -> io::Result<Seen> {
        let mut stream = match self.trust.open(stream, name, false).await {
            Ok(stream) => stream,
            Err(error) => {
                let foreign = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>());
                return Ok(match foreign {
                    Some(rustls::Error::InvalidCertificate(_)) => Seen::Through(
                        "with a certificate that is not the school's: nobody looked inside"
                            .to_owned(),
                    ),
                    Some(rustls::Error::AlertReceived(alert)) => {
                        Seen::Refused(format!("TLS alert {alert:?}"))
                    }
                    _ => Seen::Refused("the connection was closed".to_owned()),
                });
            }
        };
        let answer = get(&mut stream, "/", authority).await?;
        Ok(self.told(&answer))
    }

    /// What an answer comes to for a device.
    fn told(&self, answer: &Http) -> Seen {
        if let Some(seen) = self.ours(answer) {
            return seen;
        }
        if answer.status == 503 && code_of(&answer.body).as_deref() == Some("filter-starting") {
            return not_tried("the filter has nothing in force yet");
        }
        if answer.status == 407 {
            return not_tried("the proxy asks for a name and password first");
        }
        Seen::Through(match code_of(&answer.body) {
            Some(code) => format!("answered {} ({code})", answer.status),
            None => format!("answered {} by somebody else", answer.status),
        })
    }

    /// What our own block desk says of the reference on a page, or of where the notice of monitoring
    /// leads.
    fn ours(&self, answer: &Http) -> Option<Seen> {
        if answer.status == 302
            && answer.location.as_deref() == Some(&format!("{}/notice", self.web))
        {
            return Some(Seen::Blocked(Some(Proof {
                rule: pharos_policy::NOTICE_RULE.to_owned(),
                sealed: false,
            })));
        }
        let body = String::from_utf8_lossy(&answer.body);
        let link = format!("{}/blocked/", self.web);
        let reference = body
            .split(&link)
            .skip(1)
            .find_map(|rest| rest.get(..REFERENCE)?.parse::<Reference>().ok())?;
        let blocked = self.desk.find(reference, Timestamp::now())?;
        // Somebody else's page proves nothing for this device.
        let mine = blocked.address.to_canonical() == self.door.source(self.from).ip();
        mine.then(|| match blocked.action == Action::Warn.name() {
            true => Seen::Warned,
            false => Seen::Blocked(Some(Proof {
                rule: blocked.rule.to_string(),
                sealed: blocked.host.is_none(),
            })),
        })
    }
}

async fn get(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    target: &str,
    host: &str,
) -> io::Result<Http> {
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Pharos self-check\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    Http::read(stream).await
}

/// The stable code on a page of the proxy's about something that went wrong.
fn code_of(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let (_, rest) = body.split_once("<dt>Code</dt><dd class=\"ref\">")?;
    let (code, _) = rest.split_once("</dd>")?;
    (code.len() <= 60).then(|| code.trim().to_owned())
}

/// A host as it stands in an address.
fn bracketed(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(ip) => format!("[{ip}]"),
        Err(_) => host.to_owned(),
    }
}
