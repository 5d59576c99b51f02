//! Values weaker than the law, national guidance or the school's own policy: allowed, but
//! leadership must confirm them in `[confirmed]` (CFG-01). Sealed lists of illegal material are
//! not among the settings at all, so that nothing here could switch them off.

use super::{SettingValue, Settings};

/// A weak value: the setting and why.
pub(crate) struct Weak {
    pub(crate) name: &'static str,
    pub(crate) why: String,
}

/// Longest and shortest keeping times that need no confirmation, in days, with the reason.
const KEPT: &[(&str, i64, i64, &str)] = &[
    (
        "activity_days",
        30,
        400,
        "web activity is kept no longer than a school year needs (data protection: storage limitation)",
    ),
    (
        "search_terms_days",
        30,
        400,
        "search terms are kept no longer than a school year needs (data protection: storage limitation)",
    ),
    (
        "alerts_days",
        365,
        2_557,
        "alerts support safeguarding files for a few years",
    ),
    (
        "cases_days",
        9_131,
        9_497,
        "safeguarding files are kept until the 25th birthday, and not much longer",
    ),
    (
        "requests_days",
        90,
        1_100,
        "requests for sites serve the yearly review",
    ),
    (
        "checks_days",
        1_096,
        3_653,
        "checks are evidence for inspection",
    ),
    (
        "journal_days",
        1_096,
        3_653,
        "audits of attempts, notes of supervision and tests by hand are evidence for inspection",
    ),
    (
        "sessions_days",
        1,
        90,
        "sign-in records serve security only",
    ),
];

type Test = fn(&Settings) -> Option<String>;

/// What counts as weak, and why.
const TESTS: &[(&str, Test)] = &[
    ("srch.safe_dns", |s| {
        (!s.switch("srch.safe_dns"))
            .then(|| "search is no longer held to its strict filter for any pupil".to_owned())
    }),
    ("srch.video", |s| {
        (s.text("srch.video").as_deref() == Some("off"))
            .then(|| "pupils would see unrestricted video".to_owned())
    }),
    ("con.ack_minutes", |s| {
        s.number("con.ack_minutes").filter(|minutes| *minutes > 60).map(|minutes| format!("national guidance says immediately; {minutes} minutes is long for a child in danger"))
    }),
    ("acc.idle_minutes", |s| {
        s.number("acc.idle_minutes")
            .filter(|minutes| *minutes > 30)
            .map(|minutes| {
                format!("a session left open for {minutes} minutes shows records to whoever passes")
            })
    }),
    ("rev.interval", |s| {
        s.number("rev.interval")
            .filter(|months| *months > 12)
            .map(|_| "national guidance asks for a review at least yearly".to_owned())
    }),
    ("dev.staff_photos", |s| {
        (s.text("dev.staff_photos").as_deref() == Some("upload-and-delete")).then(|| {
            "pictures of pupils on staff's own devices; other schools forbid them".to_owned()
        })
    }),
    ("dev.staff_contact", |s| {
        (s.text("dev.staff_contact").as_deref() == Some("parents-if-need-be"))
            .then(|| "staff reach parents on own phones; other schools forbid it".to_owned())
    }),
    ("edu.before_access", |s| {
        (!s.switch("edu.before_access"))
            .then(|| "pupils would go online before they are taught how".to_owned())
    }),
    ("mon.first_recipient", |s| {
        let roles = s.list("mon.first_recipient");
        (!roles
            .iter()
            .any(|role| role == "lead" || role == "deputy" || role == "online-lead"))
        .then(|| "alerts about children would reach nobody trained to act on them".to_owned())
    }),
    ("mon.staff_recipient", |s| {
        let roles = s.list("mon.staff_recipient");
        (!roles.iter().any(|role| role == "head" || role == "chair"))
            .then(|| "a matter about a member of staff belongs to the head".to_owned())
    }),
    ("con.notify", |s| {
        let roles = s.list("con.notify");
        (!roles.iter().any(|role| role == "lead" || role == "deputy"))
            .then(|| "a concern about a child must reach the safeguarding lead".to_owned())
    }),
    ("fil.social_media", |s| {
        (s.word_of("fil.social_media", "pupils").as_deref() == Some("allowed")).then(|| {
            "pupils could reach social media at any hour, the youngest among them".to_owned()
        })
    }),
    ("fil.scope", |s| {
        let named = s.list("fil.scope");
        let without: Vec<&str> = ["school-devices", "off-site"]
            .into_iter()
            .filter(|class| !named.iter().any(|name| name == class))
            .collect();
        (!without.is_empty()).then(|| {
            format!(
                "without {} the school's own devices are not filtered on site and off, as national standards ask",
                without.join(" and ")
            )
        })
    }),
    ("fil.page_text", |s| {
        (s.word_of("fil.page_text", "pupils").as_deref() == Some("off"))
            .then(|| "harmful pages that no list names would not be noticed".to_owned())
    }),
    ("fil.downloads", |s| {
        let kinds = s.map("fil.downloads");
        let pupils = kinds.get("pupils").or_else(|| kinds.get("everyone"));
        let blocked = |kind: &&str| pupils.is_some_and(|p| p.iter().any(|own| own == kind));
        let open: Vec<&str> = ["programs", "installers"]
            .into_iter()
            .filter(|kind| !blocked(kind))
            .collect();
        (!open.is_empty()).then(|| format!("pupils could download {}", open.join(" and ")))
    }),
    ("fil.extension_stores", |s| {
        (s.word_of("fil.extension_stores", "pupils").as_deref() == Some("allowed"))
            .then(|| "pupils could add to their browsers what leads round the filter".to_owned())
    }),
    ("fil.antivirus_away", |s| {
        (s.text("fil.antivirus_away").as_deref() == Some("allow"))
            .then(|| "files would pass unscanned while the engine is away".to_owned())
    }),
    ("fil.ai_signed_out", |s| {
        (s.word_of("fil.ai_signed_out", "pupils").as_deref() == Some("allowed"))
            .then(|| "pupils could use AI tools under nobody's terms and at any age".to_owned())
    }),
    ("fil.ai_prompts", |s| {
        (s.word_of("fil.ai_prompts", "pupils").as_deref() == Some("off"))
            .then(|| "what pupils tell AI tools would raise no alert".to_owned())
    }),
];

/// Every setting whose value is weak; defaults are not.
pub(crate) fn weaker(settings: &Settings) -> Vec<Weak> {
    let set = TESTS.iter().filter(|(name, _)| settings.is_set(name));
    let mut weak: Vec<Weak> = set
        .filter_map(|(name, test)| test(settings).map(|why| Weak { name, why }))
        .collect();
    weak.extend(retention(settings));
    weak
}

fn retention(settings: &Settings) -> Vec<Weak> {
    let name = "priv.retention";
    let Some(super::SetValue {
        value: SettingValue::Numbers(days),
        ..
    }) = settings.written(name)
    else {
        return Vec::new();
    };
    let weak = KEPT.iter().filter_map(|(key, least, most, why)| {
        let days = *days.get(*key)?;
        let word = match days {
            days if days < *least => "short",
            days if days > *most => "long",
            _ => return None,
        };
        Some(Weak {
            name,
            why: format!(
                "{key} = {days} is {word}: {why} ({least} to {most} days need no confirmation)"
            ),
        })
    });
    weak.collect()
}
