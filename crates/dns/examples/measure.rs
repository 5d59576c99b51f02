//! The resolver alone, to be measured beside others: a list of names to block, no database, no proxy.
//!
//! `measure LIST UPSTREAM LISTEN [WORKERS]`: LIST is a file with one name a line, all of one
//! category that everybody is blocked from. Prints the counts when its standard input ends.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use pharos_activity::{Event, Sink};
use pharos_catalogue::{Catalogue, Compiler, Format, parse};
use pharos_dns::DnsConfig;
use pharos_filter::{Filter, NoSealed, Parts, Roster, Snapshot, Versions, compile_policy};
use pharos_policy::spec::{BlockSpec, SearchSpec};
use pharos_policy::{PolicySpec, YouTube};
use tokio_util::sync::CancellationToken;

/// Stands in for the queue to the activity store: takes the event and lets it go.
#[derive(Default)]
struct Counted(AtomicU64);

impl Sink for Counted {
    fn record(&self, event: Event) {
        self.0.fetch_add(event.bytes_down, Ordering::Relaxed);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, upstream, listen, rest @ ..] = arguments.as_slice() else {
        return Err("usage: measure LIST UPSTREAM LISTEN [WORKERS]".into());
    };
    let mut config = DnsConfig {
        listen: vec![listen.parse()?],
        upstreams: vec![upstream.parse()?],
        ..DnsConfig::default()
    };
    config.limits.workers = rest.first().map_or(Ok(1), |workers| workers.parse())?;
    config.limits.per_client_max = 4_096;
    let filter = Arc::new(Filter::new());
    let sink = Arc::<Counted>::default();
    let running = pharos_dns::start(config, Arc::clone(&filter), sink, CancellationToken::new())?;
    filter.install(snapshot(&std::fs::read(list)?)?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for (name, count) in running.counts().each().filter(|(_, count)| *count > 0) {
        #[expect(clippy::print_stderr, reason = "this is a tool for people")]
        {
            eprintln!("{name} {count}");
        }
    }
    Ok(())
}

fn snapshot(list: &[u8]) -> Result<Snapshot, Box<dyn std::error::Error>> {
    let mut compiler = Compiler::new(1, 1, Timestamp::UNIX_EPOCH);
    let number = compiler.list("measured", 1, Timestamp::UNIX_EPOCH)?;
    let section = compiler.section(number, "blocked")?;
    parse(Format::Domains, list, &mut |entry| {
        compiler.add(section, entry)
    });
    let catalogue: Catalogue = Catalogue::open(compiler.finish()?.into())?;
    let spec = PolicySpec {
        blocks: vec![BlockSpec {
            name: "measured".to_owned(),
            sites: Vec::new(),
            categories: vec!["blocked".to_owned()],
        }],
        // Whoever asks is unknown here and would get the strictest search settings: names of
        // search engines would not be looked up as they are.
        search: vec![SearchSpec {
            groups: Vec::new(),
            except: Vec::new(),
            safe_search: false,
            youtube: YouTube::Off,
            tools: None,
        }],
        ..PolicySpec::default()
    };
    let names = catalogue.names().to_vec();
    let policy = compile_policy(&spec, &names, &[]).map_err(|problems| format!("{problems:?}"))?;
    Ok(Snapshot::new(Parts {
        policy: Arc::new(policy),
        categories: Arc::new(catalogue),
        sealed: Arc::new(NoSealed),
        roster: Arc::new(Roster::default()),
        dictionaries: None,
        versions: Versions {
            policy: 1,
            catalogue: 1,
            lists: Arc::new([]),
        },
    }))
}
