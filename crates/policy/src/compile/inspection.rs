//! `inspection` and `tenants`: whole hosts, header names and values that can be sent.

use pharos_catalogue::{Address, Host};

use super::words::Words;
use crate::PolicySpec;
use crate::inspection::{Inspection, Tenant};

/// Most tenant headers: each is looked at for every request that is looked into.
const TENANTS_MAX: usize = 64;
/// Longest value of one, in bytes.
const VALUE_MAX: usize = 4_096;
/// Headers that a pack cannot set: they say whom a message is for, who sent it, or how long it is.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "cookie",
    "authorization",
    "proxy-authorization",
    "via",
    "expect",
];

pub(super) fn compile(spec: &PolicySpec, words: &mut Words<'_>) -> Inspection {
    let unreachable = &spec.inspection.tunnel_unreachable;
    if spec.tenants.len() > TENANTS_MAX {
        let count = spec.tenants.len();
        words.problem(
            "tenants",
            format!("{count} tenant headers; the most is {TENANTS_MAX}"),
        );
    }
    let mut tenants = Vec::new();
    for (n, written) in spec.tenants.iter().take(TENANTS_MAX).enumerate() {
        let path = format!("tenants[{n}]");
        let header = written.header.to_ascii_lowercase();
        if !is_token(&header) || RESERVED.contains(&header.as_str()) {
            let message = format!("{:?} is no header that can be set here", written.header);
            words.problem(&format!("{path}.header"), message);
        }
        let printable = written
            .value
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte));
        if written.value.is_empty() || written.value.len() > VALUE_MAX || !printable {
            let message = format!("must be 1 to {VALUE_MAX} printable ASCII characters");
            words.problem(&format!("{path}.value"), message);
        }
        if written.hosts.is_empty() {
            let message = "names no host; write those that the service reads the header on";
            words.problem(&format!("{path}.hosts"), message.to_owned());
        }
        tenants.push(Tenant {
            hosts: hosts(&written.hosts, &format!("{path}.hosts"), words),
            header: header.into(),
            value: written.value.as_str().into(),
        });
    }
    Inspection {
        tenants,
        tunnel_unreachable: hosts(unreachable, "inspection.tunnel-unreachable", words),
        encrypted_hello: spec.inspection.encrypted_hello,
    }
}

fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= 128 && name.bytes().all(token)
}

pub(super) fn hosts(written: &[String], path: &str, words: &mut Words<'_>) -> Vec<Host> {
    let mut hosts = Vec::with_capacity(written.len());
    for (n, text) in written.iter().enumerate() {
        let path = format!("{path}[{n}]");
        match Address::parse(text) {
            Ok(site) if site.path().is_some_and(|path| path != "/") => {
                words.problem(&path, format!("{text:?} names a path; name whole hosts"));
            }
            Ok(site) if !site.host().as_str().contains(['.', ':']) => {
                words.problem(&path, format!("{text:?} is a whole top-level domain"));
            }
            Ok(site) => hosts.push(site.host().clone()),
            Err(error) => words.problem(&path, format!("{text:?}: {error}")),
        }
    }
    hosts
}
