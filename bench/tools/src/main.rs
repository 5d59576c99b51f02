//! The small tools behind `bench/peers`: names to block and to ask for, load generators, bare
//! floors that show the limit of the machine, and the tables. Linux, loopback only.

mod dns_floor;
mod dns_load;
mod dns_ready;
mod names;
mod table;
mod web_floor;
mod web_load;

use anyhow::{Result, bail};

const USAGE: &str = "usage: bench-tools
  names DIR COUNT [BLOCKED_FILE] [ALLOWED_FILE]   lists, questions and the peers' own list formats
  dns-floor ADDR                                  answers any question, over UDP and TCP
  dns-ready ADDR FROM FILE PID SECONDS            waits until sampled names are blocked; prints seconds
  dns-load ADDR FROM FILE SECONDS|once OPEN [RATE]  asks; at most OPEN at once, RATE a second
  web-floor splice ADDR ORIGIN                    a proxy that only copies
  web-floor intercept ADDR ORIGIN CERT KEY CA     a proxy that only ends TLS and begins it anew
  web-load ADDR FROM plain|tls-new|tls-kept HOSTS PATH CLIENTS SECONDS
  table FILE                                      Markdown from the recorded figures";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["names", dir, count, files @ ..] => names::write(dir.as_ref(), count.parse()?, files),
        ["dns-floor", at] => dns_floor::run(at.parse()?),
        ["dns-ready", at, from, file, pid, seconds] => dns_ready::wait(
            at.parse()?,
            from.parse()?,
            file,
            pid.parse()?,
            seconds.parse()?,
        ),
        ["dns-load", at, from, file, seconds, open, rate @ ..] => dns_load::run(&dns_load::Plan {
            server: at.parse()?,
            from: from.parse()?,
            file,
            seconds: (*seconds != "once").then(|| seconds.parse()).transpose()?,
            open: open.parse()?,
            rate: rate.first().map(|rate| rate.parse()).transpose()?,
        }),
        ["web-floor", "splice", at, origin] => web_floor::run(at.parse()?, origin.parse()?, None),
        ["web-floor", "intercept", at, origin, certificate, key, ca] => {
            let tls = web_floor::Tls::read(certificate, key, ca)?;
            web_floor::run(at.parse()?, origin.parse()?, Some(tls))
        }
        ["web-load", at, from, kind, hosts, path, clients, seconds] => {
            web_load::run(web_load::Plan {
                proxy: at.parse()?,
                from: from.parse()?,
                kind: kind.parse()?,
                hosts: std::fs::read_to_string(hosts)?
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
                path: (*path).to_owned(),
                clients: clients.parse()?,
                seconds: seconds.parse()?,
            })
        }
        ["table", file] => table::print(file.as_ref()),
        _ => bail!(USAGE),
    }
}
