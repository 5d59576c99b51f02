//! `pharos explain`

use pharos_filter::Explanation;
use pharos_policy::Action;
use pharos_service::ExplainQuestion;

use super::scan::{media_of, read};
use super::{operator, refused};
use crate::cli::ExplainArgs;
use crate::output::Output;
use crate::wire::Opened;

/// Prints the verdict and why. 0 when it passes, 1 when it is blocked or warned about.
pub(super) async fn run(
    opened: &Opened,
    args: &ExplainArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let at = match &args.at {
        Some(text) => Some(text.parse().map_err(|_| {
            anyhow::anyhow!("--at {text:?} is not a time; write it as 2026-11-03T10:15:00Z")
        })?),
        None => None,
    };
    let person = match &args.user {
        Some(name) => match opened.app.person_named(name).await? {
            Some(person) => Some(person.id),
            None => anyhow::bail!(
                "nobody on the roll has the sign-in name {name:?}; see `pharos people list`"
            ),
        },
        None => None,
    };
    let question = ExplainQuestion {
        address: args.url.clone(),
        person,
        from: args.from,
        at,
    };
    let explained = match &args.text {
        Some(file) => {
            let (media, text) = (media_of(file), read(file)?);
            let app = &opened.app;
            app.explain_text(&operator(), &question, media, &text).await
        }
        None => opened.app.explain(&operator(), &question).await,
    };
    let explanation = match explained {
        Ok(explanation) => explanation,
        Err(error) => return refused(error, output),
    };
    if output.json {
        output.json(&explanation);
    } else {
        print(&explanation, output);
    }
    Ok(u8::from(matches!(
        explanation.action,
        Action::Block | Action::Warn
    )))
}

fn print(explanation: &Explanation, output: &mut Output) {
    let who = explanation.user.as_deref().unwrap_or("an unknown user");
    output.say(format!(
        "{} for {who}, by the rule {:?}",
        explanation.action.name().to_uppercase(),
        explanation.rule
    ));
    if !explanation.categories.is_empty() {
        let names: Vec<_> = explanation.categories.iter().map(AsRef::as_ref).collect();
        output.say(format!("Categories: {}", names.join(", ")));
    }
    output.say("Every rule considered, the winning one first:");
    for (number, reason) in explanation.reasons.iter().enumerate() {
        let mut line = format!(
            "  {}. {:?} asks to {} ({})",
            number + 1,
            reason.rule,
            reason.action,
            reason.weight.says()
        );
        let mut add = |label: &str, value: Option<&str>| {
            if let Some(value) = value {
                line.push_str(&format!("; {label} {value}"));
            }
        };
        add("category", reason.category.as_deref());
        add("list", reason.list.as_deref());
        add("entry", reason.entry.as_deref());
        add("hours", reason.hours.as_deref());
        add("change", reason.over.as_deref());
        add("by", reason.by.as_deref());
        output.say(line);
    }
    print_text(explanation, output);
    output.say(format!(
        "Policy version {}, catalogue version {}",
        explanation.policy_version, explanation.catalogue_version
    ));
}

/// How page text is judged there, and what a text that was given comes to.
fn print_text(explanation: &Explanation, output: &mut Output) {
    let Some(text) = &explanation.page_text else {
        return output.say("The text of pages is not read there for this reader");
    };
    let by = match text.own_dictionaries.as_slice() {
        [] => "the shipped dictionaries".to_owned(),
        own => format!(
            "the shipped dictionaries and the school's own {}",
            own.join(", ")
        ),
    };
    output.say(format!("Page text is judged as for {} by {by}", text.band));
    let Some(words) = text.words else {
        return;
    };
    if text.over.is_empty() {
        output.say(format!("  the text given passes; {words} words read"));
    }
    for over in &text.over {
        let mut line = format!(
            "  the text given is over for {}: {} of {}",
            over.category, over.score, over.threshold
        );
        for part in &over.own {
            line.push_str(&format!("; {:+} points by {}", part.points, part.file));
        }
        if !over.own.is_empty() {
            line.push_str(match over.without_own {
                true => "; over without it as well",
                false => "; not over without it",
            });
        }
        output.say(line);
    }
}
