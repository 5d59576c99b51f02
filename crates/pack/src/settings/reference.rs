//! The reference of settings for the manual, made from the table.

use std::fmt::Write as _;

use super::{Behaviour, Kind, Setting, settings};

/// Titles of the families, in the order of the manual.
const FAMILIES: &[(&str, &str)] = &[
    ("school", "School"),
    ("people", "People"),
    ("fil", "Filtering"),
    ("srch", "Search"),
    ("mon", "Monitoring"),
    ("bre", "Filtering breaches"),
    ("req", "Requests for sites"),
    ("con", "Concerns"),
    ("pro", "Procedures"),
    ("ref", "Referrals"),
    ("priv", "Data protection"),
    ("vul", "Vulnerable pupils, phases, boarding"),
    ("aup", "Agreements"),
    ("acc", "Accounts"),
    ("trn", "Training"),
    ("edu", "Teaching"),
    ("cns", "Consent and images"),
    ("dev", "Devices"),
    ("rsk", "Risk assessment"),
    ("soc", "Social media"),
    ("vc", "Videoconferences"),
    ("lp", "Learning platform"),
    ("eml", "E-mail"),
    ("sec", "Security"),
    ("rev", "Policies and review"),
    ("rep", "Reports"),
    ("cmp", "Complaints"),
];

/// `docs/settings.md`.
pub fn reference_markdown() -> String {
    let mut out = String::from(
        "# Settings\n\nEvery rule in which schools differ is a setting in `school.toml`. A setting `con.ack_minutes` is written as \
         `ack_minutes` in the table `[con]`. What a school leaves out has Pharos's default, shown as such.\n\n\
         *live*: changing it changes what Pharos does. *declared*: it is checked, kept and shown, but nothing acts on it yet, and \
         `pharos pack check` says so where it is set.\n\n\
         No setting, role, exception or pack switches off the sealed lists of illegal material.\n\n\
         This page is made from the table in the `pack` crate; a test compares the two.\n",
    );
    for (family, title) in FAMILIES {
        let _ = write!(
            out,
            "\n## {title}\n\n| setting | meaning | values | default | may be changed by | |\n| --- | --- | --- | --- | --- | --- |\n"
        );
        for setting in settings().filter(|setting| setting.name.split('.').next() == Some(family)) {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} {} | {} | {} |",
                setting.name,
                setting.meaning,
                values(&setting.kind),
                default(setting),
                setting.because,
                changed_by(setting),
                behaviour(setting)
            );
        }
    }
    out
}

/// The same for programs: a list of objects.
pub fn reference_json() -> String {
    let rows = settings().map(|setting| {
        let fields = [
            ("name", setting.name.to_owned()),
            ("meaning", setting.meaning.to_owned()),
            ("values", values(&setting.kind).replace('`', "")),
            ("default", setting.default.to_owned()),
            ("because", setting.because.to_owned()),
            ("changed_by", changed_by(setting)),
            ("behaviour", behaviour(setting).to_owned()),
        ];
        let fields = fields
            .iter()
            .map(|(key, value)| format!("\"{key}\": \"{}\"", escape(value)));
        format!("  {{{}}}", fields.collect::<Vec<_>>().join(", "))
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn default(setting: &Setting) -> String {
    if setting.default.is_empty() {
        "none.".to_owned()
    } else {
        format!("`{}`.", setting.default)
    }
}

fn behaviour(setting: &Setting) -> &'static str {
    match setting.behaviour {
        Behaviour::Live => "live",
        Behaviour::Declared => "declared",
    }
}

fn changed_by(setting: &Setting) -> String {
    setting
        .changed_by
        .iter()
        .map(|role| role.name())
        .collect::<Vec<_>>()
        .join(", ")
}

fn values(kind: &Kind) -> String {
    let list = |words: &[&str]| {
        words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match kind {
        Kind::Switch => "`true` or `false`".to_owned(),
        Kind::Choice(words) => format!("one of {}", list(words)),
        Kind::Choices(words) => format!("some of {}", list(words)),
        Kind::Text => "text".to_owned(),
        Kind::Time => "time of day, such as `21:30`".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Number(least, most) => format!("number, {least} to {most}"),
        Kind::Roles => "list of roles".to_owned(),
        Kind::CategoriesByGroup => "list of categories, or table of group to list".to_owned(),
        Kind::WordsByGroup(words) => {
            format!("list of some of {}, or table of group to list", list(words))
        }
        Kind::WordByPhase(words) => format!("for each phase one of {}", list(words)),
        Kind::TextByPhase => "for each phase a text".to_owned(),
        Kind::TextsByPhase => "for each phase a list of texts, or one list".to_owned(),
        Kind::Numbers(keys, least, most) => {
            format!("table of {} to a number, {least} to {most}", list(keys))
        }
        Kind::Words(keys) => {
            let one = |(key, words): &(&str, &[&str])| {
                if words.is_empty() {
                    format!("`{key}`: a name or text")
                } else {
                    format!("`{key}`: {}", list(words))
                }
            };
            format!(
                "table of {}",
                keys.iter().map(one).collect::<Vec<_>>().join("; ")
            )
        }
        Kind::Post => "`{ user, since, duties }`".to_owned(),
        Kind::Posts => "list of `{ user, since, duties }`".to_owned(),
        Kind::Shape(shape) => format!("`{shape}`"),
    }
}
