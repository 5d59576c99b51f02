//! Kea's memfile: CSV with a header, appended to; the last line on an address counts.
//!
//! Columns are found by name, so that older and newer versions read alike. `state` 0 is given out,
//! 1 declined, 2 expired and taken back, 3 released; a `valid_lifetime` of 4294967295 has no end,
//! one of 0 was released. A comma inside a value is written `&#x2c`.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Lease, Out, from_seconds, hex_bytes, lines, name};
use crate::Mac;
use crate::problem::quoted;

/// The most columns of a line.
const COLUMNS_MAX: usize = 64;

struct Columns {
    address: usize,
    hardware: Option<usize>,
    duid: Option<usize>,
    lifetime: usize,
    expire: usize,
    name: Option<usize>,
    state: Option<usize>,
}

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    let mut lines = lines(bytes, out)
        .into_iter()
        .filter(|line| !line.text.trim().is_empty());
    let Some(first) = lines.next() else { return };
    let Some(columns) = header(first.text) else {
        if first.is_whole {
            out.problem(
                first.number,
                "the first line must name the columns address, valid_lifetime and expire: this is not a lease file of Kea",
            );
        }
        return;
    };
    for line in lines {
        match lease(&columns, line.text) {
            Ok(lease) => out.lease(line.number, lease),
            // A line that is being written is read whole at the next look.
            Err(_) if !line.is_whole => {}
            Err(why) => out.problem(line.number, why),
        }
    }
}

fn header(text: &str) -> Option<Columns> {
    let names: Vec<&str> = text.split(',').take(COLUMNS_MAX).map(str::trim).collect();
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    Some(Columns {
        address: place("address")?,
        hardware: place("hwaddr"),
        duid: place("duid"),
        lifetime: place("valid_lifetime")?,
        expire: place("expire")?,
        name: place("hostname"),
        state: place("state"),
    })
}

fn lease(columns: &Columns, text: &str) -> Result<Lease, String> {
    let values: Vec<&str> = text.split(',').take(COLUMNS_MAX).map(str::trim).collect();
    let value = |place: usize| values.get(place).copied().unwrap_or("");
    let of = |place: Option<usize>| place.map_or("", value);
    let address = value(columns.address);
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("{} is not an address", quoted(address)))?;
    let number = |place: usize, what: &str| {
        let text = value(place);
        text.parse::<i64>()
            .map_err(|_| format!("{} is not a number for {what}", quoted(text)))
    };
    let lifetime = number(columns.lifetime, "valid_lifetime")?;
    let expire = number(columns.expire, "expire")?;
    let endless = lifetime == i64::from(u32::MAX);
    let state = match of(columns.state) {
        "" => 0,
        text => text
            .parse::<u32>()
            .map_err(|_| format!("{} is not a state", quoted(text)))?,
    };
    let duid = hex_bytes(of(columns.duid)).and_then(|duid| Mac::of_duid(&duid));
    Ok(Lease {
        address,
        mac: of(columns.hardware).parse().ok().or(duid),
        name: name(&of(columns.name).replace("&#x2c", " ")),
        since: expire
            .checked_sub(lifetime)
            .and_then(|since| Timestamp::from_second(since).ok())
            .filter(|_| !endless),
        until: if endless {
            Timestamp::MAX
        } else {
            from_seconds(expire)
        },
        is_active: state == 0 && lifetime > 0,
    })
}
