//! `pharos limits`

use pharos_service::NO_FILTER_IS_COMPLETE;

use super::{operator, refused};
use crate::output::Output;
use crate::wire::Opened;

/// Prints what Pharos cannot see here, and why (FIL-20).
pub(super) async fn run(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let limits = match opened.app.limits(&operator()).await {
        Ok(limits) => limits,
        Err(error) => return refused(error, output),
    };
    if output.json {
        output.json(&limits);
        return Ok(0);
    }
    output.say(NO_FILTER_IS_COMPLETE);
    for (mended, title) in [
        (true, "Not seen here, and could be mended:"),
        (false, "Not seen anywhere by a filter like this:"),
    ] {
        output.say(title);
        for limit in limits.iter().filter(|limit| limit.can_be_mended == mended) {
            output.say(format!("  {}", limit.what));
            output.say(format!("    Why: {}", limit.why));
            output.say(format!("    What helps: {}", limit.helps));
        }
    }
    Ok(0)
}
