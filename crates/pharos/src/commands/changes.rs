//! `pharos what-if` and `pharos changes`

use std::time::Instant;

use anyhow::{Context, bail};
use pharos_filter::whatif::Direction;
use pharos_service::{LogFilter, LogFormat, Proposed};

use super::{operator, pack, refused};
use crate::cli::{ChangesArgs, WhatIfArgs};
use crate::output::Output;
use crate::wire::Opened;

/// Sites printed in one direction.
const SITES_SHOWN: usize = 25;

/// Prints what a proposed pack would have opened and closed. 0 when nothing would differ, 1 when
/// something would.
pub(super) async fn what_if(
    opened: &Opened,
    args: &WhatIfArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let files = pack::read(&args.pack)?;
    let begun = Instant::now();
    let proposed = Proposed::Pack(files);
    let found = match opened.app.what_if(&operator(), &proposed, args.days).await {
        Ok(found) => found,
        Err(error) => return refused(error, output),
    };
    if output.json {
        // Who it would be is for the pages, which ask who looks.
        let mut found = found.clone();
        for direction in [&mut found.opens, &mut found.closes] {
            direction
                .sites
                .iter_mut()
                .for_each(|site| site.people.clear());
        }
        output.json(&found);
    } else {
        output.say(format!(
            "{} recorded requests replayed in {:.2} s",
            found.events,
            begun.elapsed().as_secs_f64()
        ));
        print("Newly opens", &found.opens, output);
        print("Newly closes", &found.closes, output);
    }
    Ok(u8::from(!found.is_without_effect()))
}

fn print(title: &str, direction: &Direction, output: &mut Output) {
    if direction.asked == 0 {
        output.say(format!("{title}: nothing that anybody asked for"));
        return;
    }
    let groups = |groups: &std::collections::BTreeMap<String, u64>| {
        let parts: Vec<String> = groups
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        parts.join(", ")
    };
    output.say(format!(
        "{title}: asked for {} times at {} sites ({})",
        direction.asked,
        direction.site_count,
        groups(&direction.groups)
    ));
    for site in direction.sites.iter().take(SITES_SHOWN) {
        output.say(format!(
            "  {:<40} {} -> {}  {} times, {} people ({})",
            site.site,
            site.from,
            site.to,
            site.asked,
            site.people_count,
            groups(&site.groups)
        ));
    }
    let more = direction.sites.len().saturating_sub(SITES_SHOWN);
    if more > 0 {
        output.say(format!("  and {more} more sites; --json names them all"));
    }
}

/// Prints the change log, or writes it to a file.
pub(super) async fn log(
    opened: &Opened,
    args: &ChangesArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let filter = LogFilter::default();
    if let Some(out) = &args.out {
        let format = match out.extension().and_then(|end| end.to_str()) {
            Some("csv") => LogFormat::Csv,
            Some("json") => LogFormat::Json,
            _ => bail!("{} should end in .csv or .json", out.display()),
        };
        let bytes = opened
            .app
            .export_change_log(&operator(), &filter, format)
            .await?;
        std::fs::write(out, bytes)
            .with_context(|| format!("{} cannot be written", out.display()))?;
        output.say(format!("the change log is in {}", out.display()));
        return Ok(0);
    }
    let lines = match opened.app.change_log(&operator(), &filter).await {
        Ok(lines) => lines,
        Err(error) => return refused(error, output),
    };
    if output.json {
        output.json(&lines);
        return Ok(0);
    }
    for line in lines {
        output.say(format!(
            "{}  {:<15} {:<18} {:<9} {:<8} {}: {}",
            line.at, line.kind, line.policy, line.state, line.effect, line.by, line.why
        ));
    }
    Ok(0)
}
