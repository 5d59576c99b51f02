//! A throw-away PostgreSQL server for tests: the real one, where it is installed.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// An address of a server that is to be used instead of starting one.
pub const ENV: &str = "PHAROS_TEST_POSTGRES";

/// A running server, or one that was given. Stopped and removed when dropped.
#[derive(Debug)]
pub struct Postgres {
    base: String,
    query: String,
    started: Option<(Child, TempDir, PathBuf)>,
}

impl Postgres {
    /// The server named by [`ENV`], or a fresh one where PostgreSQL's programs are installed;
    /// `None`, with a line on standard error, where there is neither.
    ///
    /// # Panics
    /// When the programs are there and the server does not start: a broken test machine.
    #[expect(
        clippy::panic,
        clippy::print_stderr,
        reason = "a test helper speaks to whoever runs the tests"
    )]
    pub fn start() -> Option<Self> {
        if let Ok(url) = env::var(ENV) {
            let (base, query) = url.split_once('?').unwrap_or((&url, ""));
            let base = base.rsplit_once('/').map_or(base, |(base, _)| base);
            let query = if query.is_empty() {
                String::new()
            } else {
                format!("?{query}")
            };
            return Some(Self {
                base: base.to_owned(),
                query,
                started: None,
            });
        }
        let Some(programs) = programs() else {
            eprintln!("left out: PostgreSQL is not installed and {ENV} gives no address");
            return None;
        };
        match launch(&programs) {
            Ok(server) => Some(server),
            Err(error) => panic!(
                "PostgreSQL in {} did not start: {error}",
                programs.display()
            ),
        }
    }

    /// The address of a database of this name on the server. The database itself is made by
    /// [`Postgres::create`].
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.query)
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Errors
    /// When `psql` cannot be run or refuses.
    pub fn create(&self, database: &str) -> io::Result<String> {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
        self.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        Ok(self.url(database))
    }

    /// Runs SQL with `psql`: for tests that go behind the program's back.
    ///
    /// # Errors
    /// When `psql` cannot be run or refuses.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let psql = programs().map_or_else(|| PathBuf::from("psql"), |folder| folder.join("psql"));
        let done = Command::new(psql)
            .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url(database))
            .args(["-c", sql])
            .output()?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned());
        }
        Err(io::Error::other(
            String::from_utf8_lossy(&done.stderr).into_owned(),
        ))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some((child, folder, programs)) = &mut self.started {
            let data = folder.path().join("data");
            let stop = [
                OsStr::new("-D"),
                data.as_os_str(),
                OsStr::new("-m"),
                OsStr::new("immediate"),
                OsStr::new("stop"),
            ];
            let _ = as_server(&programs.join("pg_ctl"))
                .args(stop)
                .stdout(Stdio::null())
                .status();
            let _ = child.wait();
        }
    }
}

/// The newest PostgreSQL's folder of programs, as Debian lays it out.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = versions.flatten().map(|version| version.path().join("bin"));
    found.filter(|folder| folder.join("initdb").is_file()).max()
}

fn launch(programs: &Path) -> io::Result<Postgres> {
    let folder = tempfile::Builder::new().prefix("pharos-pg").tempdir()?;
    let data = folder.path().join("data");
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder.path()))?;
    }
    run(as_server(&programs.join("initdb"))
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data))?;
    let child = as_server(&programs.join("postgres"))
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(folder.path())
        .args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=200",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let socket = folder.path().display().to_string();
    let mut server = Postgres {
        base: "postgres://postgres@localhost".to_owned(),
        query: format!("?host={socket}"),
        started: Some((child, folder, programs.to_owned())),
    };
    wait_until_ready(&mut server)?;
    Ok(server)
}

fn wait_until_ready(server: &mut Postgres) -> io::Result<()> {
    loop {
        if server.sql("postgres", "SELECT 1").is_ok() {
            return Ok(());
        }
        if let Some((child, ..)) = &mut server.started
            && let Some(status) = child.try_wait()?
        {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// PostgreSQL refuses to run as root: there it runs as its own user.
fn as_server(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ])
        .arg(program);
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn run(command: &mut Command) -> io::Result<()> {
    let done = command.stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&done.stderr).into_owned(),
    ))
}
