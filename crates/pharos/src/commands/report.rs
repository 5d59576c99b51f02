//! `pharos check`, `pharos report …`

use anyhow::Context;
use jiff::civil::Date;
use pharos_governance::Period;
use pharos_service::{CheckResult, CheckResults};

use super::{operator, refused};
use crate::cli::ReportCommand;
use crate::output::Output;
use crate::wire::Opened;

/// Tries the real faces and keeps the result. 0 when all held, 1 when something failed, 2 when
/// nothing could be tried.
pub(super) async fn check(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let Some(prober) = opened.prober() else {
        output.problem(
            "the faces are not running; start them with `pharos serve`, then run the check again",
        );
        return Ok(2);
    };
    output.progress("trying the filter as each kind of user in each place");
    let id = match opened.app.run_check(&operator(), prober).await {
        Ok(id) => id,
        Err(error) => return refused(error, output),
    };
    let run = opened.app.check(&operator(), id).await?;
    let results = CheckResults::read(&run)?;
    if output.json {
        output.json(&serde_json::json!({ "id": id, "passed": run.run.passed, "failed": run.run.failed, "results": results }));
    } else {
        tell(&results, output);
        output.say(format!(
            "{} probes held, {} failed, {} could not be tried; kept as evidence {id}",
            run.run.passed,
            run.run.failed,
            results.count(CheckResult::NotTried)
        ));
    }
    Ok(match (run.run.passed, run.run.failed) {
        (0, 0) => 2,
        (_, 0) => 0,
        _ => 1,
    })
}

/// What did not hold or could not be tried, one line for all whom the same became of.
fn tell(results: &CheckResults, output: &mut Output) {
    for row in results
        .rows
        .iter()
        .filter(|row| row.result != CheckResult::Passed)
    {
        let word = match row.result {
            CheckResult::Failed => "FAILED",
            _ => "not tried",
        };
        output.problem(&format!(
            "{word}: {}, {}, as {}: {} ({})",
            row.kind.says(),
            row.way.says(),
            results.whom(row),
            row.address,
            row.seen
        ));
    }
    for way in &results.ways {
        if let Some(why) = &way.why_not {
            output.say(format!("  {}: {why}", way.way.says()));
        }
    }
    for note in &results.notes {
        output.say(format!("  {note}"));
    }
}

pub(super) async fn run(
    opened: &Opened,
    command: ReportCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let ReportCommand::Governors { from, to, out } = command;
    let date = |text: &str| {
        text.parse::<Date>()
            .map_err(|_| anyhow::anyhow!("{text:?} is not a date; write it as 2026-09-01"))
    };
    let period = Period {
        from: date(&from)?,
        to: date(&to)?,
    };
    match opened.app.freeze_report(&operator(), period).await {
        Ok((id, pdf)) => {
            std::fs::write(&out, &pdf)
                .with_context(|| format!("{} cannot be written", out.display()))?;
            output.say(format!("{} written; kept as report {id}", out.display()));
            Ok(0)
        }
        Err(error) => refused(error, output),
    }
}
