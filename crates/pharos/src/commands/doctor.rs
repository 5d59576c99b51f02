//! `pharos doctor`: the installation, looked at from outside.

use pharos_records::Verdict;

use crate::output::Output;
use crate::wire::Opened;

/// Prints one line for each thing looked at; 1 when something needs a person.
pub(super) async fn run(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let mut wrong = 0;
    let mut line = |good: bool, text: String| {
        if good {
            output.say(format!("good   {text}"));
        } else {
            wrong += 1;
            output.say(format!("LOOK   {text}"));
        }
    };
    let snapshot = opened.app.filter().snapshot();
    line(
        snapshot.is_ok(),
        "the filter has a policy and lists in force".to_owned(),
    );
    if let Ok(snapshot) = snapshot {
        let unlisted: Vec<_> = snapshot
            .policy()
            .unlisted()
            .iter()
            .map(ToString::to_string)
            .collect();
        line(
            unlisted.is_empty(),
            if unlisted.is_empty() {
                "every category that rules name is on a list in force".to_owned()
            } else {
                format!(
                    "no list in force carries {}: rules about it wait for one (pharos lists import)",
                    unlisted.join(", ")
                )
            },
        );
    }
    for list in opened.app.list_status() {
        line(
            !list.stale,
            format!(
                "list {}: {} entries, {} hours old",
                list.name,
                list.entries,
                list.age.as_hours()
            ),
        );
    }
    let sealed = opened.app.sealed_status()?;
    line(
        !sealed.is_empty(),
        format!("{} sealed lists of illegal material", sealed.len()),
    );
    for list in sealed {
        line(
            !list.stale,
            format!(
                "sealed list {}: {} entries, issued {}",
                list.name, list.entries, list.issued
            ),
        );
    }
    let activity = pharos_activity::Store::status(opened.activity.as_ref());
    line(
        activity.problem.is_none() && activity.dropped == 0,
        match activity.problem {
            Some(problem) => format!("activity: {problem}"),
            None => format!(
                "activity: {} events stored, {} lost",
                activity.events, activity.dropped
            ),
        },
    );
    let ledger = opened.app.verify_ledger().await?;
    line(
        matches!(ledger, Verdict::Whole(_)),
        "the audit log is whole".to_owned(),
    );
    let queue = opened.app.queue().await?;
    line(
        queue.failed == 0,
        format!(
            "notices: {} waiting, {} given up",
            queue.waiting, queue.failed
        ),
    );
    line(
        opened.app.school().pack.mail.is_some(),
        "a mail server for notices is named in the pack".to_owned(),
    );
    line(
        opened.prober().is_some(),
        "the faces are running".to_owned(),
    );
    Ok(u8::from(wrong > 0))
}
