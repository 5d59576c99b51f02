//! Clients that people have: curl, dig, kdig; and a plain signed-in session for hammering.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use super::server::{PASSWORD, Ran, SECOND_FACTOR, Server, finish};

/// Runs curl quietly with status and content type after the body.
pub(crate) fn curl(arguments: &[&str]) -> Fetched {
    let mut command = Command::new("curl");
    for proxy in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ] {
        command.env_remove(proxy);
    }
    command
        .args([
            "-q",
            "-sS",
            "--max-time",
            "60",
            "-w",
            "\n%{http_code} %{http_connect} %{content_type}",
        ])
        .args(arguments);
    let ran = finish(command);
    let (body, tail) = ran.out.rsplit_once('\n').unwrap_or(("", &ran.out));
    let mut words = tail.splitn(3, ' ');
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let (status, connect) = (number(), number());
    Fetched {
        status,
        connect,
        kind: words.next().unwrap_or("").to_owned(),
        body: body.to_owned(),
        exit: ran.code,
        err: ran.err,
    }
}

/// What curl got.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: u16,
    pub(crate) connect: u16,
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) exit: i32,
    /// For whoever reads a failing test.
    #[expect(dead_code, reason = "printed with the rest when a test fails")]
    pub(crate) err: String,
}

/// Asks the server's resolver with dig.
pub(crate) fn dig(server: &Server, from: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("dig");
    command
        .args([
            "-r",
            &format!("@{}", server.dns.ip()),
            "-p",
            &server.dns.port().to_string(),
            "-b",
            from,
            "+tries=2",
            "+time=5",
        ])
        .args(arguments);
    finish(command).ended(0)
}

/// Asks the server's resolver with kdig.
pub(crate) fn kdig(server: &Server, from: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("kdig");
    command
        .args([
            &format!("@{}", server.dns.ip()),
            "-p",
            &server.dns.port().to_string(),
            "-b",
            from,
            "+retry=1",
            "+timeout=5",
        ])
        .args(arguments);
    finish(command).ended(0)
}

/// One answer of the pages.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// Somebody signed in, without a browser: one connection a request.
#[derive(Clone)]
pub(crate) struct Session {
    web: SocketAddr,
    cookie: String,
}

impl Session {
    /// Nobody yet.
    pub(crate) fn stranger(web: SocketAddr) -> Self {
        Self {
            web,
            cookie: String::new(),
        }
    }

    /// The same session at a server that came after.
    pub(crate) fn at(&self, web: SocketAddr) -> Self {
        Self {
            web,
            ..self.clone()
        }
    }

    /// Signs in. A code of the second factor counts once: those who ask again wait for the next.
    pub(crate) fn sign_in(web: SocketAddr, name: &str) -> Self {
        let mut session = Self::stranger(web);
        let first = session
            .post("/sign-in", &[("name", name), ("password", PASSWORD)])
            .unwrap();
        let answer = if first.status == 303 {
            first
        } else {
            let half = first.body.split("name=\"half\" value=\"").nth(1).unwrap();
            let half = half.split('"').next().unwrap().to_owned();
            super::wait_for("a code that was not used before", || {
                let code = fresh_code(web)?;
                let form = [("half", half.as_str()), ("code", &code)];
                session
                    .post("/sign-in", &form)
                    .ok()
                    .filter(|answer| answer.status == 303)
            })
        };
        session.cookie = answer
            .header("set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        session
    }

    /// Fetches a page.
    pub(crate) fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            self.web, self.cookie
        ))
    }

    /// Posts a form.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> std::io::Result<Answer> {
        let body = form
            .iter()
            .map(|(key, value)| format!("{key}={}", encode(value)))
            .collect::<Vec<_>>()
            .join("&");
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nSec-Fetch-Site: same-origin\r\nCookie: {1}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {2}\r\nConnection: close\r\n\r\n{body}",
            self.web,
            self.cookie,
            body.len()
        ))
    }

    fn ask(&self, request: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.web)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

/// A code of the sample's second factor that was not used yet at the server with these pages, if the
/// clock has one: a server takes each once, and a step of grace either way (RFC 6238 5.2).
pub(crate) fn fresh_code(web: SocketAddr) -> Option<String> {
    static USED: std::sync::Mutex<Vec<(SocketAddr, String)>> = std::sync::Mutex::new(Vec::new());
    let now = jiff::Timestamp::now();
    let codes = [0, 30].map(|ahead| {
        pharos_service::current_code(SECOND_FACTOR, now + jiff::SignedDuration::from_secs(ahead))
            .unwrap()
    });
    let mut used = USED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut codes = codes.into_iter().map(|code| (web, code));
    let fresh = codes.find(|code| !used.contains(code))?;
    used.push(fresh.clone());
    Some(fresh.1)
}

/// Percent-encoding of everything but letters and digits.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
