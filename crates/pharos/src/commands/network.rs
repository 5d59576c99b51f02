//! `pharos network`

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, bail};
use ipnet::IpNet;
use pharos_policy::Action;
use pharos_proxy::{ClosedWay, NetworkRules, PUBLIC_RESOLVERS};

use super::{operator, refused};
use crate::cli::NetworkCommand;
use crate::output::Output;
use crate::wire::Opened;

/// Most bytes of a file of addresses.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Prints rules or proposals, or leaves a host alone.
pub(super) async fn run(
    opened: &Opened,
    command: NetworkCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    match command {
        NetworkCommand::Rules {
            subnet,
            port,
            tproxy,
            dns_port,
            doh,
            leave_open,
            log,
        } => {
            let school = if subnet.is_empty() {
                of_places(opened)?
            } else {
                subnet
            };
            let mut resolvers: Vec<IpAddr> = PUBLIC_RESOLVERS
                .iter()
                .filter_map(|ip| ip.parse().ok())
                .collect();
            if let Some(file) = doh {
                resolvers.extend(addresses(&file)?);
            }
            resolvers.sort_unstable();
            resolvers.dedup();
            let rules = NetworkRules {
                school,
                proxy_port: port,
                tproxy,
                dns_port,
                resolvers,
                closed: closed(opened, &leave_open)?,
                log,
            };
            output.say(rules.text());
            Ok(0)
        }
        NetworkCommand::Proposals => proposals(opened, output),
        NetworkCommand::LeaveAlone { host, days, why } => {
            let done = opened
                .app
                .leave_uninspected(&operator(), &host, days, &why)
                .await;
            match done {
                Ok(reference) => {
                    output.say(format!(
                        "{host} is not looked into for {days} days ({reference}); it is filtered by name as before."
                    ));
                    Ok(0)
                }
                Err(error) => refused(error, output),
            }
        }
    }
}

/// The ways round that the policy blocks, without those to be left open. Remote control is one
/// where a rule blocks it.
fn closed(opened: &Opened, leave_open: &[String]) -> anyhow::Result<Vec<ClosedWay>> {
    let names = ClosedWay::ALL.map(ClosedWay::name);
    if let Some(unknown) = leave_open.iter().find(|way| !names.contains(&way.as_str())) {
        bail!(
            "{unknown} is no way round that is closed by its ports; name one of {}",
            names.join(", ")
        );
    }
    let school = opened.app.school();
    let filter = &school.pack.filter;
    let blocks = |category: &str| {
        let names_it = |rule: &pharos_policy::spec::RuleSpec| {
            rule.action == Action::Block && rule.categories.iter().any(|name| name == category)
        };
        filter.rules.iter().any(names_it)
    };
    let is_closed = |way: &ClosedWay| match way {
        ClosedWay::RemoteControl => blocks("remote-access"),
        ClosedWay::Vpn | ClosedWay::Tor | ClosedWay::Proxy => {
            filter.avoidance.block || blocks("avoidance") || blocks(way.name())
        }
    };
    let is_left = |way: &ClosedWay| leave_open.iter().any(|name| name == way.name());
    Ok(ClosedWay::ALL
        .into_iter()
        .filter(|way| is_closed(way) && !is_left(way))
        .collect())
}

/// The networks of the pack's places, without this machine's own.
fn of_places(opened: &Opened) -> anyhow::Result<Vec<IpNet>> {
    let school = opened.app.school();
    let ranges = school.pack.filter.places.values();
    let mut nets: Vec<IpNet> = ranges
        .flat_map(|place| &place.ranges)
        .filter_map(|text| {
            let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse().ok().or_else(single)
        })
        .filter(|net: &IpNet| !net.addr().is_loopback())
        .collect();
    nets.sort_unstable();
    nets.dedup();
    if nets.is_empty() {
        bail!(
            "the pack's places name no network; add [places.NAME] with ranges, or give --subnet 10.20.0.0/16"
        );
    }
    Ok(nets)
}

/// One address a line; `#` begins a remark.
fn addresses(file: &Path) -> anyhow::Result<Vec<IpAddr>> {
    let cannot = || format!("{} cannot be read", file.display());
    if std::fs::metadata(file).with_context(cannot)?.len() > FILE_BYTES_MAX {
        bail!("{} is larger than 16 MiB", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(cannot)?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let address = line.parse().with_context(|| {
            format!(
                "{}, line {}: {line:?} is no address",
                file.display(),
                number + 1
            )
        })?;
        found.push(address);
    }
    Ok(found)
}

fn proposals(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let Some(proxy) = opened.proxy.get() else {
        bail!("no proxy is running on this data folder; what it noticed is known while it runs");
    };
    let proposals = proxy.proposals();
    if output.json {
        let all: Vec<_> = proposals
            .iter()
            .map(|one| {
                serde_json::json!({
                    "host": one.host,
                    "refused_our_certificate": one.distrusted,
                    "left_at_our_certificate": one.left,
                    "asked_for_client_certificate": one.client_certificate,
                    "devices": one.devices,
                    "first": one.first.to_string(),
                    "last": one.last.to_string(),
                })
            })
            .collect();
        output.json(&all);
        return Ok(0);
    }
    if proposals.is_empty() {
        output.say("No host has failed three times since the proxy began.");
        return Ok(0);
    }
    output.say("These could not be looked into. Devices that lack the school's certificate show the same; look at the number of devices first.");
    for one in proposals {
        output.say(format!(
            "  {}: certificate refused {}, left at once {}, asked for a client certificate {}; devices {}; last {}",
            one.host, one.distrusted, one.left, one.client_certificate, one.devices, one.last
        ));
    }
    output.say("To leave one alone: pharos network leave-alone --host HOST --days 90 --why \"…\"");
    Ok(0)
}
