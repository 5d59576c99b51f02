//! What is promised, held against what was seen.

use serde::{Deserialize, Serialize};

use super::ways::Seen;

/// What one probe is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Kind {
    /// A category is blocked.
    Category(String),
    /// A search engine is held to its strict filter, or the video site to its restricted mode.
    SafeSearch(String),
    /// A sealed list is live: its dated test entry is blocked.
    Sealed(String),
    /// A help site is reachable (FIL-13).
    Help(String),
    /// A way round the filter is shut (FIL-16).
    WayRound(String),
    /// An address that teaching needs is open (FIL-12).
    Curriculum(String),
    /// Anything else that somebody tried by hand, in words.
    Other(String),
}

impl Kind {
    /// In words.
    pub fn says(&self) -> String {
        match self {
            Self::Category(name) => format!("{name} is blocked"),
            Self::SafeSearch(engine) if engine == "youtube" => "restricted video on youtube".into(),
            Self::SafeSearch(engine) => format!("safe search on {engine}"),
            Self::Sealed(list) => format!("sealed list {list} is live"),
            Self::Help(name) => format!("help is reachable: {name}"),
            Self::WayRound(name) => format!("shut: {name}"),
            Self::Curriculum(subject) => format!("open for teaching: {subject}"),
            Self::Other(words) => words.clone(),
        }
    }
}

/// How one probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result_ {
    /// As promised.
    Passed,
    /// It could not be tried.
    NotTried,
    /// Not as promised.
    Failed,
}

/// What is promised of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// It is not reached.
    Shut,
    /// It is not reached, and where the face says why, it says so for a sealed list.
    Sealed,
    /// It is not reached, and no address is given that a device would take for a yes.
    NoAddress,
    /// It is reached, as far as the filter has a say.
    Open,
    /// It is answered with this name or address, or not reached at all.
    Instead(String),
    /// No encrypted resolver but the school's own is told of.
    OwnResolver,
    /// Nothing in its HTTPS record leads round the filter.
    NoHints,
}

impl Wanted {
    /// Holds what was seen against it; the words are for the sheet.
    pub(super) fn judge(&self, seen: &Seen) -> (Result_, String) {
        if let Seen::NotTried(why) = seen {
            return (Result_::NotTried, format!("not tried: {why}"));
        }
        let (held, words) = match (self, seen) {
            (Self::Sealed, Seen::Blocked(Some(proof))) if !proof.sealed => (
                false,
                format!("blocked, but by “{}”: the list did not speak", proof.rule),
            ),
            (Self::Sealed, Seen::Refused(code)) => (
                false,
                format!("turned away ({code}) before any list could speak"),
            ),
            (Self::NoAddress, Seen::Blocked(_)) => (
                false,
                "answered with an address, which a device takes for a yes".to_owned(),
            ),
            (Self::OwnResolver | Self::NoHints, Seen::Answered { leak, .. }) => (
                leak.is_none(),
                leak.clone()
                    .unwrap_or_else(|| "nothing that leads round the filter".to_owned()),
            ),
            (Self::Open, Seen::Answered { .. } | Seen::Through(_)) => (true, says(seen)),
            (Self::Open, _) => (false, says(seen)),
            (
                Self::Instead(wanted),
                Seen::Answered {
                    alias,
                    addresses,
                    leak,
                },
            ) => instead(wanted, alias.as_deref(), addresses, leak.as_deref()),
            // An engine that cannot be reached at all is held as well.
            (_, Seen::Blocked(_) | Seen::Nothing | Seen::Refused(_)) => (true, says(seen)),
            (_, Seen::Answered { .. } | Seen::Through(_) | Seen::Warned | Seen::NotTried(_)) => {
                (false, says(seen))
            }
        };
        let result = if held {
            Result_::Passed
        } else {
            Result_::Failed
        };
        (result, words)
    }
}

fn instead(
    wanted: &str,
    alias: Option<&str>,
    addresses: &[std::net::IpAddr],
    leak: Option<&str>,
) -> (bool, String) {
    if let Some(leak) = leak {
        return (false, leak.to_owned());
    }
    match alias {
        Some(alias) if alias.eq_ignore_ascii_case(wanted) => {
            (true, format!("answered with {alias}"))
        }
        Some(alias) => (false, format!("answered with {alias}, not with {wanted}")),
        None if !addresses.is_empty() && addresses.iter().all(|ip| ip.to_string() == wanted) => {
            (true, format!("answered with {wanted}"))
        }
        None if addresses.is_empty() => (false, format!("answered without {wanted}")),
        None => (
            false,
            format!("answered with its own address, not with {wanted}"),
        ),
    }
}

fn says(seen: &Seen) -> String {
    match seen {
        Seen::Blocked(None) => "blocked".to_owned(),
        Seen::Blocked(Some(proof)) if proof.sealed => "blocked by the sealed list".to_owned(),
        Seen::Blocked(Some(proof)) => format!("blocked by “{}”", proof.rule),
        Seen::Warned => "only warned: whoever reads may go on".to_owned(),
        Seen::Refused(code) => format!("turned away ({code})"),
        Seen::Nothing => "blocked, without any address".to_owned(),
        Seen::Answered {
            alias: Some(alias), ..
        } => format!("answered with {alias}"),
        Seen::Answered { .. } => "answered as any other name".to_owned(),
        Seen::Through(how) => format!("let through: {how}"),
        Seen::NotTried(why) => format!("not tried: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::ways::Proof;
    use super::*;

    fn answered(alias: Option<&str>, addresses: &[IpAddr]) -> Seen {
        Seen::Answered {
            alias: alias.map(str::to_owned),
            addresses: addresses.to_vec(),
            leak: None,
        }
    }

    /// SRCH-05: an alias of the engine's own is no proof that its searches are held; an engine that
    /// is held by address is held by that address alone.
    #[test]
    fn srch_05_only_the_strict_servers_prove_that_an_engine_is_held() {
        let own: IpAddr = Ipv4Addr::new(192, 0, 2, 80).into();
        let strict: IpAddr = Ipv4Addr::new(213, 180, 193, 56).into();
        let leaks = Seen::Answered {
            alias: Some("strict.bing.com".to_owned()),
            addresses: Vec::new(),
            leak: Some("its HTTPS record is its own".to_owned()),
        };
        for (wanted, seen, result) in [
            (
                "strict.bing.com",
                answered(Some("strict.bing.com"), &[own]),
                Result_::Passed,
            ),
            (
                "strict.bing.com",
                answered(Some("Strict.Bing.com"), &[]),
                Result_::Passed,
            ),
            (
                "strict.bing.com",
                answered(Some("www-bing-com.dual-a-0001.a-msedge.net"), &[own]),
                Result_::Failed,
            ),
            ("strict.bing.com", answered(None, &[own]), Result_::Failed),
            ("strict.bing.com", answered(None, &[]), Result_::Failed),
            ("strict.bing.com", leaks, Result_::Failed),
            ("strict.bing.com", Seen::Blocked(None), Result_::Passed),
            (
                "strict.bing.com",
                Seen::Through("nothing answered".to_owned()),
                Result_::Failed,
            ),
            ("213.180.193.56", answered(None, &[strict]), Result_::Passed),
            (
                "213.180.193.56",
                answered(None, &[strict, own]),
                Result_::Failed,
            ),
        ] {
            let judged = Wanted::Instead(wanted.to_owned()).judge(&seen);
            assert_eq!(judged.0, result, "{seen:?}: {}", judged.1);
        }
    }

    /// FIL-03: where a face says by what it blocked, another rule is no proof of a sealed list.
    #[test]
    fn fil_03_only_the_list_itself_proves_that_it_is_live() {
        let by = |sealed| {
            Seen::Blocked(Some(Proof {
                rule: "adult-led".to_owned(),
                sealed,
            }))
        };
        assert_eq!(Wanted::Sealed.judge(&by(true)).0, Result_::Passed);
        assert_eq!(Wanted::Sealed.judge(&by(false)).0, Result_::Failed);
        assert_eq!(
            Wanted::Sealed.judge(&Seen::Blocked(None)).0,
            Result_::Passed
        );
    }

    /// FIL-16: a signal to the whole network must not be answered with any address, the block
    /// page's neither; a warning shuts nothing.
    #[test]
    fn fil_16_a_signal_gets_no_address_and_a_warning_shuts_nothing() {
        assert_eq!(Wanted::NoAddress.judge(&Seen::Nothing).0, Result_::Passed);
        assert_eq!(
            Wanted::NoAddress.judge(&Seen::Blocked(None)).0,
            Result_::Failed
        );
        assert_eq!(
            Wanted::NoAddress.judge(&answered(None, &[])).0,
            Result_::Failed
        );
        assert_eq!(Wanted::Shut.judge(&Seen::Warned).0, Result_::Failed);
        assert_eq!(
            Wanted::Shut.judge(&Seen::Refused("port".to_owned())).0,
            Result_::Passed
        );
        let untried = Wanted::Shut.judge(&Seen::NotTried("the proxy is off".to_owned()));
        assert_eq!(untried.0, Result_::NotTried);
    }
}
