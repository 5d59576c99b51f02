//! `downloads`: kinds by group, whole hosts, where the engine listens.

use super::inspection::hosts;
use super::words::Words;
use crate::PolicySpec;
use crate::files::{Antivirus, Downloads, FileKinds};
use crate::rule::Audience;

/// The largest file that is held back, in MiB.
const MB_MAX: u32 = 256;

pub(super) fn compile(
    spec: &PolicySpec,
    words: &mut Words<'_>,
) -> (Downloads, Vec<(Audience, FileKinds)>) {
    let spec = &spec.downloads;
    let mut blocked = Vec::new();
    for (n, block) in spec.block.iter().enumerate() {
        let path = format!("downloads.block[{n}]");
        let audience = words.audience(&block.groups, &block.except, &path);
        blocked.push((audience, block.kinds.iter().copied().collect()));
    }
    let antivirus = &spec.antivirus;
    if !(1..=MB_MAX).contains(&antivirus.mb_max) {
        let message = format!("must be 1 to {MB_MAX}");
        words.problem("downloads.antivirus.mb-max", message);
    }
    let engine = antivirus.engine.as_deref().map(str::trim);
    if engine.is_some_and(|engine| !is_place(engine)) {
        let message = "is neither host:port nor the path of a Unix socket";
        words.problem("downloads.antivirus.engine", message.to_owned());
    }
    let downloads = Downloads {
        antivirus: Antivirus {
            engine: engine.map(Box::from),
            kinds: antivirus.kinds.iter().copied().collect(),
            bytes_max: u64::from(antivirus.mb_max) << 20,
            larger: antivirus.larger,
            away: antivirus.away,
        },
        sites: hosts(&spec.sites, "downloads.sites", words),
    };
    (downloads, blocked)
}

/// A path from the root, or a host with a port.
fn is_place(engine: &str) -> bool {
    if engine.starts_with('/') {
        return engine.len() > 1;
    }
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    engine.rsplit_once(':').is_some_and(port)
}

#[cfg(test)]
mod tests {
    use super::is_place;

    /// FIL-19: where the engine listens is a socket or host and port, and nothing else.
    #[test]
    fn fil_19_an_engine_is_a_socket_or_host_and_port() {
        for (engine, right) in [
            ("/run/clamav/clamd.ctl", true),
            ("127.0.0.1:3310", true),
            ("[::1]:3310", true),
            ("scanner.school.example:3310", true),
            ("127.0.0.1", false),
            (":3310", false),
            ("/", false),
            ("host:port", false),
        ] {
            assert_eq!(is_place(engine), right, "{engine}");
        }
    }
}
