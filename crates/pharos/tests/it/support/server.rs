//! The binary: commands run to their end, servers run until told.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{PATIENCE, wait_for};

/// What everybody at the sample school signs in with.
pub(crate) const PASSWORD: &str = "lamp-over-harbour";
/// Their second factor.
pub(crate) const SECOND_FACTOR: &[u8] = b"harbourmouth-sample!";
/// A place of the sample's where each of these sits (see the pack's devices).
pub(crate) const ADA: &str = "127.0.1.8";
pub(crate) const INES: &str = "127.0.1.20";

/// A command that ran to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The same, once it is sure that the exit status is this.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// The binary, with nothing of the tester's own settings.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pharos"));
    for own in [
        "PHAROS_DATA",
        "PHAROS_DATABASE",
        "PHAROS_MASTER_KEY",
        "PHAROS_WEB_URL",
        "PHAROS_LOG",
        "PHAROS_LOG_JSON",
        "PHAROS_SMTP_PASSWORD",
    ] {
        command.env_remove(own);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn pharos<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    let mut command = program();
    command.args(arguments);
    finish(command)
}

/// Runs a prepared command to its end, within bounds.
pub(crate) fn finish(mut command: Command) -> Ran {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE * 2 {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ran {
        code: status.code().unwrap_or(-1),
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

fn drain(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut from) = from {
            drop(from.read_to_end(&mut text));
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// A server with all faces; killed when dropped.
pub(crate) struct Server {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    /// Where the faces listen.
    pub(crate) web: SocketAddr,
    pub(crate) proxy: SocketAddr,
    pub(crate) dns: SocketAddr,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// From start until it said that it is ready.
    pub(crate) took: Duration,
    scratch: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// The sample school in a folder of its own.
    pub(crate) fn sample() -> Self {
        Self::sample_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn sample_with(more: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let mut arguments = vec!["try", "--data", data.to_str().unwrap()];
        arguments.extend(more);
        let mut server = Self::start(&data, &arguments);
        server.scratch = Some(scratch);
        server
    }

    /// The sample school shared by the tests that run at the same time and only look.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::sample());
        *shared = Arc::downgrade(&server);
        server
    }

    /// Serves a data folder.
    pub(crate) fn serve(data: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--data", data.to_str().unwrap()];
        arguments.extend(more);
        Self::start(data, &arguments)
    }

    /// Starts with free ports; again with others where somebody was quicker.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_by(data, arguments, |_| {})
    }

    /// The same with a say in how the process is made.
    pub(crate) fn start_by(
        data: &Path,
        arguments: &[&str],
        prepare: impl Fn(&mut Command),
    ) -> Self {
        for _ in 0..5 {
            match Self::try_start(data, arguments, &prepare) {
                Ok(server) => return server,
                Err(said) if said.contains("cannot listen") => {}
                Err(said) => panic!("the server did not start: {said}"),
            }
        }
        panic!("no free ports");
    }

    /// Starts once; what it said where it ended instead.
    pub(crate) fn try_start(
        data: &Path,
        arguments: &[&str],
        prepare: &impl Fn(&mut Command),
    ) -> Result<Self, String> {
        let at = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self::try_start_at(data, arguments, prepare, (at(), at(), at()))
    }

    /// Starts once, with pages, proxy and resolver listening here.
    pub(crate) fn try_start_at(
        data: &Path,
        arguments: &[&str],
        prepare: &impl Fn(&mut Command),
        (web, proxy, dns): (SocketAddr, SocketAddr, SocketAddr),
    ) -> Result<Self, String> {
        let mut command = program();
        command.args(arguments);
        for (option, at) in [("--web", web), ("--proxy", proxy), ("--dns", dns)] {
            command.arg(option).arg(at.to_string());
        }
        // What a killed server leaves goes with the test's own folder.
        command.env("TMPDIR", data.parent().unwrap_or(data));
        prepare(&mut command);
        let begun = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut server = Self {
            child,
            out,
            err,
            web,
            proxy,
            dns,
            data: data.to_owned(),
            took: Duration::ZERO,
            scratch: None,
        };
        let ready = wait_for("the server's word that it is ready", || {
            if server.said().contains(&dns.to_string()) {
                return Some(true);
            }
            server.child.try_wait().unwrap().map(|_| false)
        });
        server.took = begun.elapsed();
        if ready {
            return Ok(server);
        }
        let pause = Duration::from_millis(50);
        std::thread::sleep(pause);
        Err(format!("{}{}", server.said(), server.complained()))
    }

    /// Standard output so far.
    pub(crate) fn said(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// Standard error so far.
    pub(crate) fn complained(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A page's address.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.web)
    }

    /// Where names lead that the resolver blocks.
    pub(crate) fn block_page(&self) -> SocketAddr {
        let said = self.said();
        let after = said
            .split("block page")
            .nth(1)
            .or(said.split("Block page").nth(1));
        let at = after.and_then(|rest| rest.split_whitespace().next());
        at.and_then(|at| at.parse().ok())
            .unwrap_or_else(|| panic!("no block page is named in:\n{said}"))
    }

    /// A command on this server's data folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Ran {
        on(&self.data, arguments)
    }

    /// Sends a signal and waits for the end; the data folder stays where it is for as long as the
    /// second value lives.
    pub(crate) fn end(mut self, signal: Signal) -> (ExitStatus, Option<TempDir>) {
        kill(
            Pid::from_raw(i32::try_from(self.child.id()).unwrap()),
            signal,
        )
        .unwrap();
        let status = wait_for("the server to end", || self.child.try_wait().unwrap());
        (status, self.scratch.take())
    }
}

/// A command on a data folder.
pub(crate) fn on(data: &Path, arguments: &[&str]) -> Ran {
    let mut command = program();
    command.args(arguments).arg("--data").arg(data);
    finish(command)
}

/// A data folder with the sample school's people, made by `init --sample`, kept for all tests and
/// copied for each: making it costs more than copying.
pub(crate) fn folder(to: &Path) -> PathBuf {
    static MADE: Mutex<Option<Arc<TempDir>>> = Mutex::new(None);
    let made = {
        let mut made = MADE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(made.get_or_insert_with(|| {
            let scratch = tempfile::tempdir().unwrap();
            let data = scratch.path().join("data");
            pharos(&[
                "init",
                "--sample",
                "--pack",
                super::pack().to_str().unwrap(),
                "--data",
                data.to_str().unwrap(),
            ])
            .ended(0);
            Arc::new(scratch)
        }))
    };
    let data = to.join("data");
    super::copy_folder(&made.path().join("data"), &data);
    data
}

fn collect(from: Option<impl Read + Send + 'static>) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&text);
    std::thread::spawn(move || {
        let Some(from) = from else { return };
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut into = into
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            into.push_str(&line);
            into.push('\n');
        }
    });
    text
}

/// A port that nobody uses, below those that the system gives to clients.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 9_000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let at = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return port;
        }
    }
}

/// Bytes that a folder holds.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(folder) else {
        return Vec::new();
    };
    found
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}
