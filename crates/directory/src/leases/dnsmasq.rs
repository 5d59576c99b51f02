//! `dnsmasq.leases`: one lease a line, the whole file written anew at each change.
//!
//! IPv4: `EXPIRY MAC ADDRESS NAME CLIENT-ID`. After a line `duid …` follow IPv6 leases:
//! `EXPIRY IAID ADDRESS NAME DUID`. An expiry of 0 is a lease without end; `*` stands for nothing.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Lease, Out, from_seconds, hex_bytes, lines, name};
use crate::Mac;
use crate::problem::quoted;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    for line in lines(bytes, out) {
        let text = line.text.trim();
        if text.is_empty() || text.starts_with("duid ") {
            continue;
        }
        match lease(text) {
            Ok(lease) => out.lease(line.number, lease),
            // A line that is being written is read whole at the next look.
            Err(_) if !line.is_whole => {}
            Err(why) => out.problem(line.number, why),
        }
    }
}

fn lease(text: &str) -> Result<Lease, String> {
    let mut words = text.split_ascii_whitespace();
    let mut next = |what: &str| {
        words.next().ok_or_else(|| {
            format!("{what} is missing: a lease is EXPIRY HARDWARE ADDRESS NAME CLIENT-ID")
        })
    };
    let expiry = next("the expiry")?;
    let hardware = next("the hardware address")?;
    let address = next("the address")?;
    let called = next("the name")?;
    let client = next("the client id").unwrap_or("*");
    let until = match expiry.parse::<i64>() {
        Ok(0) => Timestamp::MAX,
        Ok(seconds) => from_seconds(seconds),
        Err(_) => {
            return Err(format!(
                "{} is not an expiry in seconds since 1970",
                quoted(expiry)
            ));
        }
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("{} is not an address", quoted(address)))?;
    let mac = match address {
        IpAddr::V4(_) => hardware.parse().ok(),
        IpAddr::V6(_) => hex_bytes(client).and_then(|duid| Mac::of_duid(&duid)),
    };
    Ok(Lease {
        address,
        mac,
        name: name(called),
        since: None,
        until,
        is_active: true,
    })
}
