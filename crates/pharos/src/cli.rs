//! What can be typed.

mod network;
mod trust;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pharos_dns::Upstream;
use serde::{Deserialize, Serialize};

pub(crate) use network::{NetworkArgs, NetworkCommand, RoamingArgs, RoamingCommand};
pub(crate) use trust::{FloorArgs, FloorCommand, TrustCommand};

/// Runs a school's online safety policy: filters, monitors, responds, governs.
#[derive(Debug, Parser)]
#[command(name = "pharos", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print what a program can read.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a sample school with fictional people, everything on this machine
    Try(TryArgs),
    /// Make a new data folder from a policy pack
    Init(InitArgs),
    /// Run all faces: pages, proxy, DNS, jobs
    Serve(ServeArgs),
    /// Work on policy packs
    Pack {
        /// What to do.
        #[command(subcommand)]
        command: PackCommand,
    },
    /// Read a page as the proxy reads it: its score for every category, phrase by phrase
    Scan(ScanArgs),
    /// Keep the secret that a Wi-Fi controller, switch or RADIUS server shares with Pharos
    Radius(RadiusArgs),
    /// The work of a trust of several schools: its floor under the filtering of each, and how they stand
    Trust {
        /// What to do.
        #[command(subcommand)]
        command: TrustCommand,
    },
    /// Bring a backup back into an empty folder
    Restore(RestoreArgs),
    #[command(flatten)]
    Operator(WithData),
}

/// Commands that work on a running data folder (through the server) and on a stopped one.
#[derive(Debug, Subcommand)]
pub(crate) enum WithData {
    /// Why something is blocked or not
    Explain(OnData<ExplainArgs>),
    /// Category lists and sealed lists
    Lists(OnData<ListsArgs>),
    /// The roll
    People(OnData<PeopleArgs>),
    /// Try the filter as each kind of user would; the result is kept as evidence
    Check(OnData<CheckArgs>),
    /// Reports
    Report(OnData<ReportArgs>),
    /// Keep an encrypted copy of everything
    Backup(OnData<BackupArgs>),
    /// What a proposed policy pack would have opened and closed, by recorded activity
    WhatIf(OnData<WhatIfArgs>),
    /// Every change to filtering and monitoring, newest first
    Changes(OnData<ChangesArgs>),
    /// The audit log
    Audit(OnData<AuditArgs>),
    /// What Pharos cannot see here, and why
    Limits(OnData<LimitsArgs>),
    /// Look at the installation from outside
    Doctor(OnData<DoctorArgs>),
    /// Make new keys
    Keys(OnData<KeysArgs>),
    /// Passwords
    Password(OnData<PasswordArgs>),
    /// The network around the filter: rules for the router, hosts that cannot be looked into
    Network(OnData<NetworkArgs>),
    /// Devices that take the filter along: a path of their own for DNS over HTTPS
    Roaming(OnData<RoamingArgs>),
    /// The floor of the trust that the school belongs to
    Floor(OnData<FloorArgs>),
}

/// A command with its data folder.
#[derive(Debug, Args)]
pub(crate) struct OnData<T: Args> {
    /// The data folder
    #[arg(
        long,
        global = true,
        default_value = "./pharos-data",
        env = "PHAROS_DATA"
    )]
    pub(crate) data: PathBuf,
    /// The command's own.
    #[command(flatten)]
    pub(crate) args: T,
}

/// The same commands as they travel to a running server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// As typed.
    Explain(ExplainArgs),
    /// As typed.
    Lists(ListsArgs),
    /// As typed.
    People(PeopleArgs),
    /// As typed.
    Check(CheckArgs),
    /// As typed.
    Report(ReportArgs),
    /// As typed.
    Backup(BackupArgs),
    /// As typed.
    Audit(AuditArgs),
    /// As typed.
    Limits(LimitsArgs),
    /// As typed.
    Doctor(DoctorArgs),
    /// As typed.
    Keys(KeysArgs),
    /// As typed.
    Password(PasswordArgs),
    /// As typed.
    Network(NetworkArgs),
    /// As typed.
    Roaming(RoamingArgs),
    /// As typed.
    Floor(FloorArgs),
    /// As typed.
    PackInstall(PackInstallArgs),
    /// As typed.
    WhatIf(WhatIfArgs),
    /// As typed.
    Changes(ChangesArgs),
}

/// `pharos try`
#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// Another policy pack than the sample school's
    #[arg(long)]
    pub(crate) pack: Option<PathBuf>,
    /// Keep the data here instead of throwing it away at the end
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) faces: Faces,
}

/// Where the faces listen.
#[derive(Debug, Clone, Args)]
pub(crate) struct Faces {
    /// Pages for people
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) web: SocketAddr,
    /// The filtering proxy
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3128")]
    pub(crate) proxy: SocketAddr,
    /// The proxy as devices reach it, for the set-up file and the page How to connect. Without it
    /// its own address; where it listens on every one, the host of --web-url, or the name under
    /// which the pages are asked for
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) proxy_name: Option<String>,
    /// Filter connections that the router sends here (`pharos network rules`); may be given
    /// several times, for IPv4 and IPv6
    #[arg(long, value_name = "ADDR")]
    pub(crate) transparent: Vec<SocketAddr>,
    /// They are sent by TPROXY, not by REDIRECT (needs CAP_NET_ADMIN)
    #[arg(long, requires = "transparent")]
    pub(crate) tproxy: bool,
    /// Answer with the block page here, where the names lead that the resolver blocks: usually port
    /// 80 of this machine, and 443 where devices trust the school's certificate; may be given
    /// several times. Without it blocked names do not exist
    #[arg(long, value_name = "ADDR")]
    pub(crate) block_page: Vec<SocketAddr>,
    /// The filtering resolver
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5300")]
    pub(crate) dns: SocketAddr,
    /// Where the resolver asks, `9.9.9.9`, `tls://9.9.9.9#dns.quad9.net` or
    /// `https://9.9.9.9/dns-query#dns.quad9.net`; may be given several times
    #[arg(long, value_name = "UPSTREAM")]
    pub(crate) dns_upstream: Vec<Upstream>,
    /// Questions a second that one device may ask over UDP (per processor); 0: any number
    #[arg(long, value_name = "NUMBER", default_value_t = 5_000)]
    pub(crate) dns_client_limit: u32,
    /// Also answer DNS over TLS here, usually on port 853
    #[arg(long, value_name = "ADDR")]
    pub(crate) dot: Vec<SocketAddr>,
    /// Also answer DNS over HTTPS here
    #[arg(long, value_name = "ADDR")]
    pub(crate) doh: Vec<SocketAddr>,
    /// The resolver's name in its certificate; `dns.` and the school's domain where not told
    #[arg(long, value_name = "NAME")]
    pub(crate) dns_name: Option<String>,
    /// Leave a face out; may be given several times
    #[arg(long, value_name = "FACE")]
    pub(crate) off: Vec<Off>,
    /// Let the proxy reach origins on loopback and private addresses (for tests and intranets)
    #[arg(long)]
    pub(crate) allow_private_origins: bool,
    /// Also trust this certificate (PEM) for origins: a school's own services, tests
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    /// Own adapters of AI tools, `*.txt` in this folder; they come before the shipped ones
    /// (docs/ai-tools.md)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) ai_tools: Option<PathBuf>,
    /// Fix a host's address, as in a hosts file: `host=ip` or `host=ip:port`
    #[arg(long, value_name = "HOST=ADDR")]
    pub(crate) fix: Vec<String>,
    /// A web server in front of the pages, whose word on where a request came from
    /// (X-Forwarded-For) is taken; may be given several times
    #[arg(long, value_name = "IP")]
    pub(crate) web_behind: Vec<std::net::IpAddr>,
    /// The address of the pages as people reach them, for links
    #[arg(long, value_name = "URL")]
    pub(crate) web_url: Option<String>,
    /// Take in RADIUS accounting here (usually port 1813), from the clients that the pack names
    #[arg(long, value_name = "ADDR")]
    pub(crate) radius: Option<SocketAddr>,
    /// Take in firewall events by syslog here, UDP and TCP, from the senders that the pack names
    #[arg(long, value_name = "ADDR")]
    pub(crate) syslog: Option<SocketAddr>,
}

/// A face that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Off {
    /// Pages for people.
    Web,
    /// The proxy.
    Proxy,
    /// The resolver.
    Dns,
    /// Scheduled work.
    Jobs,
}

/// `pharos init`
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The data folder to make
    #[arg(long, default_value = "./pharos-data", env = "PHAROS_DATA")]
    pub(crate) data: PathBuf,
    /// The policy pack
    #[arg(long)]
    pub(crate) pack: PathBuf,
    /// With the pack's fictional people and a week of sample life
    #[arg(long)]
    pub(crate) sample: bool,
    /// A PostgreSQL database instead of a SQLite file: postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Where the master key is kept; away from the data folder is safer
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
}

/// `pharos scan`
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// The page, or - for standard input
    pub(crate) file: Option<PathBuf>,
    /// What it is, as a Content-Type: text/html; charset=utf-8
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// For whom it is judged
    #[arg(long, value_enum, default_value_t = Age::Secondary)]
    pub(crate) age: Age,
    /// Own dictionaries instead of the shipped ones
    #[arg(long, value_name = "DIR")]
    pub(crate) dictionaries: Option<PathBuf>,
    /// The shipped dictionaries with those of this policy pack
    #[arg(long, value_name = "DIR", conflicts_with = "dictionaries")]
    pub(crate) pack: Option<PathBuf>,
    /// Measure a folder of pages instead: `education` and one folder for each category
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    pub(crate) corpus: Option<PathBuf>,
    /// Write a phrase list of DansGuardian or e2guardian as a dictionary instead
    #[arg(long, value_name = "FILE", requires = "category", conflicts_with_all = ["file", "corpus"])]
    pub(crate) import_phrases: Option<PathBuf>,
    /// With --import-phrases: the category that the dictionary finds
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Option<String>,
    /// With --import-phrases: the list's language
    #[arg(long, default_value = "en")]
    pub(crate) language: String,
    /// With --corpus: name every page that went wrong for the age
    #[arg(long, requires = "corpus")]
    pub(crate) list: bool,
}

/// For whom a page is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Age {
    /// Nursery to Year 2, and whoever is not known.
    Early,
    /// Year 3 to Year 6.
    Prep,
    /// Year 7 to Year 11.
    Secondary,
    /// Year 12 and Year 13.
    Sixth,
    /// Staff and other adults.
    Adult,
}

impl From<Age> for pharos_scan::AgeBand {
    fn from(age: Age) -> Self {
        match age {
            Age::Early => Self::Early,
            Age::Prep => Self::Prep,
            Age::Secondary => Self::Secondary,
            Age::Sixth => Self::Sixth,
            Age::Adult => Self::Adult,
        }
    }
}

/// `pharos serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The data folder
    #[arg(long, default_value = "./pharos-data", env = "PHAROS_DATA")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) faces: Faces,
}

/// `pharos pack …`
#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// Everything that is wrong in a policy pack, with file and line
    Check {
        /// The pack's folder
        dir: PathBuf,
        /// The floor of the trust that the pack is to stand on: every line that asks for less is named
        #[arg(long, value_name = "FILE")]
        floor: Option<PathBuf>,
    },
    /// Bring a version of the pack in: at once, or as a change that waits for its assessments where
    /// it changes filtering or monitoring
    Install(OnData<PackInstallArgs>),
}

/// `pharos pack install`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct PackInstallArgs {
    /// The pack's folder
    pub(crate) dir: PathBuf,
    /// Why
    #[arg(long)]
    pub(crate) why: String,
}

/// `pharos radius`
#[derive(Debug, Args)]
pub(crate) struct RadiusArgs {
    /// The client's name in the pack ([[network.radius]])
    pub(crate) name: String,
    /// The file that holds the secret; without it, it is read from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The data folder
    #[arg(long, default_value = "./pharos-data", env = "PHAROS_DATA")]
    pub(crate) data: PathBuf,
}

/// `pharos what-if`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct WhatIfArgs {
    /// The proposed pack's folder
    #[arg(long)]
    pub(crate) pack: PathBuf,
    /// How many days of recorded activity to go through, up to a million events
    #[arg(long, default_value_t = 30)]
    pub(crate) days: u32,
}

/// `pharos changes`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct ChangesArgs {
    /// Write the log to a file instead: .csv or .json
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `pharos restore`
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    pub(crate) file: PathBuf,
    /// An empty folder to restore into
    #[arg(long, default_value = "./pharos-data", env = "PHAROS_DATA")]
    pub(crate) data: PathBuf,
    /// The master key the backup was made with
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: PathBuf,
    /// Restore into this PostgreSQL database instead of a SQLite file
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// `pharos explain`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct ExplainArgs {
    /// Whose verdict, by sign-in name; without it, an unknown user's
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The address
    #[arg(long)]
    pub(crate) url: String,
    /// When, such as 2026-11-03T10:15:00Z; without it, now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// From which network address
    #[arg(long, value_name = "ADDR")]
    pub(crate) from: Option<std::net::IpAddr>,
    /// A saved page or text, judged as what is read there
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
}

/// `pharos lists …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct ListsArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ListsCommand,
}

/// What can be done with lists.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum ListsCommand {
    /// Bring a list in: a file, or a folder of categories
    Import {
        /// The list's name
        #[arg(long)]
        list: String,
        /// The category it stands for; left out for a folder with one folder a category
        #[arg(long)]
        category: Option<String>,
        /// domains, hosts, urls, rpz, ut1 (a folder); found out when left out
        #[arg(long)]
        format: Option<String>,
        /// Take it even if it has shrunk by more than half
        #[arg(long)]
        accept_shrink: bool,
        /// Take it even if its last line does not end
        #[arg(long)]
        accept_unterminated: bool,
        /// Take it even if it has become more than ten times as large
        #[arg(long)]
        accept_growth: bool,
        /// Take it even if it is the version that was gone back from
        #[arg(long)]
        accept_rolled_back: bool,
        /// The file or folder
        path: PathBuf,
    },
    /// Every list with its age and size
    Status,
    /// Read the subscribed lists again from their publishers or places now, due or not
    Refresh {
        /// Only this one
        list: Option<String>,
    },
    /// Go back to the version of a list before this one; the version left behind does not come back
    /// by itself
    RollBack {
        /// The list's name
        list: String,
    },
    /// Sealed lists of illegal material
    Sealed {
        /// What to do.
        #[command(subcommand)]
        command: SealedCommand,
    },
}

/// What can be done with sealed lists.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum SealedCommand {
    /// Bring in a signed bundle
    Import {
        /// The list's name
        #[arg(long)]
        list: String,
        /// Who owns the list; told the first time
        #[arg(long)]
        owner: Option<String>,
        /// The publisher's public key file (64 hexadecimal digits); needed the first time
        #[arg(long)]
        publisher: Option<PathBuf>,
        /// The bundle
        bundle: PathBuf,
    },
    /// Count, date, checksum and age; never what is on a list
    Status,
}

/// `pharos people …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct PeopleArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PeopleCommand,
}

/// What can be done with the roll.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum PeopleCommand {
    /// Bring in a roll: OneRoster 1.2 CSV (folder or zip) or plain CSV
    Import {
        /// File, folder or zip
        path: PathBuf,
        /// Only say what would change
        #[arg(long)]
        preview: bool,
        /// Bring it in although more than half of the people would leave
        #[arg(long)]
        approve: bool,
    },
    /// Everybody on the roll
    List,
}

/// `pharos check`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct CheckArgs {}

/// `pharos report …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct ReportArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ReportCommand,
}

/// The reports.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum ReportCommand {
    /// The governors' report as PDF
    Governors {
        /// First day, such as 2026-09-01
        #[arg(long)]
        from: String,
        /// Last day
        #[arg(long)]
        to: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
}

/// `pharos backup`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct BackupArgs {
    /// The file to write
    pub(crate) file: PathBuf,
}

/// `pharos audit …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

/// What can be done with the audit log.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum AuditCommand {
    /// Prove that nothing was altered or removed
    Verify,
}

/// `pharos limits`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct LimitsArgs {}

/// `pharos doctor`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct DoctorArgs {}

/// `pharos keys …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct KeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum KeysCommand {
    /// Seal everything under a new school key
    Rotate,
}

/// `pharos password …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct PasswordArgs {
    /// Whose, by sign-in name. A first password is printed once; it must be changed at sign-in
    pub(crate) user: String,
}
