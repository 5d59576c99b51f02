//! Controls: what a clause of the policy promises, in a form that can be assessed.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use pharos_school::Role;
use serde::{Deserialize, Serialize};

/// A length of time as written in a control: `30 minutes`, `1 week`, `1 year`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Within {
    /// In minutes.
    pub minutes: u32,
}

impl Within {
    /// So many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self { minutes }
    }

    /// So many days.
    pub const fn days(days: u32) -> Self {
        Self {
            minutes: days.saturating_mul(24 * 60),
        }
    }

    /// As a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.minutes))
    }
}

const UNITS: &[(&str, u32)] = &[
    ("year", 365 * 24 * 60),
    ("week", 7 * 24 * 60),
    ("day", 24 * 60),
    ("hour", 60),
    ("minute", 1),
];

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, size)| self.minutes >= *size && self.minutes.is_multiple_of(*size));
        let (unit, size) = whole.copied().unwrap_or(("minute", 1));
        let count = self.minutes / size;
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}

impl FromStr for Within {
    type Err = ControlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            ControlError::new(format!(
                "{text:?} is not a length of time; write it as \"30 minutes\", \"1 week\" or \"1 year\""
            ))
        };
        let (count, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let count: u32 = count.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        let (_, size) = UNITS
            .iter()
            .find(|(name, _)| unit == *name || unit.strip_suffix('s') == Some(name))
            .ok_or_else(wrong)?;
        match count.checked_mul(*size) {
            Some(minutes) if minutes > 0 => Ok(Self { minutes }),
            _ => Err(wrong()),
        }
    }
}

/// The text is not a control: what is wrong and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// What is wrong and what to do.
    pub message: String,
}

impl ControlError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// A promise that can be assessed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Control {
    /// `filter.blocks(category=pornography, groups=pupils)`
    FilterBlocks {
        /// The category.
        category: String,
        /// The groups, by name.
        groups: Vec<String>,
    },
    /// `sealed.fresh` or `sealed.fresh(within=3 days)`
    SealedFresh {
        /// How old a sealed list may be; 3 days where not given (FIL-04).
        within: Within,
    },
    /// `safe_search.on(engines=google, bing)`
    SafeSearchOn {
        /// The engines, by name.
        engines: Vec<String>,
        /// The groups; empty: every group that was tried.
        groups: Vec<String>,
    },
    /// `check.passed(filter, within=1 week)`
    CheckPassed {
        /// How old the last passed check may be.
        within: Within,
    },
    /// `check.passed(hand, within=13 weeks)`
    HandTested {
        /// How old the last test by hand may be.
        within: Within,
    },
    /// `scope.covered` or `scope.covered(classes=school-devices, off-site)`
    ScopeCovered {
        /// The classes of devices, by their words in `fil.scope`; empty: all that are in scope.
        classes: Vec<String>,
    },
    /// `attempts.audited(within=15 days)`
    AttemptsAudited {
        /// From the end of a period to the signature under its audit.
        within: Within,
    },
    /// `supervision.noted(within=1 week)`
    SupervisionNoted {
        /// From the end of a lesson that names an adult to the note of supervision.
        within: Within,
    },
    /// `breaches.handled(within=5 days)`
    BreachesHandled {
        /// From report to closing.
        within: Within,
    },
    /// `parents.told` or `parents.told(within=1 week)`
    ParentsTold {
        /// From report to the contact or the lead's decision; a week where not given (no case is
        /// left longer than five school days without an answer).
        within: Within,
    },
    /// `alerts.acknowledged(within=30 minutes)`
    AlertsAcknowledged {
        /// From alert to acknowledgement.
        within: Within,
    },
    /// `attested(by=head, within=1 year)`
    Attested {
        /// The role that says so.
        by: Role,
        /// How old the statement may be.
        within: Within,
    },
}

/// Every control's name.
pub const CONTROL_NAMES: &[&str] = &[
    "filter.blocks",
    "sealed.fresh",
    "safe_search.on",
    "check.passed",
    "scope.covered",
    "attempts.audited",
    "supervision.noted",
    "breaches.handled",
    "parents.told",
    "alerts.acknowledged",
    "attested",
];

const CONTROL_CHARS_MAX: usize = 1_000;

impl Control {
    /// Reads a control.
    ///
    /// # Errors
    /// [`ControlError`] says what is wrong, names the nearest known name and shows an example.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        let text = text.trim();
        if text.len() > CONTROL_CHARS_MAX {
            return Err(ControlError::new(format!(
                "a control is at most {CONTROL_CHARS_MAX} characters long"
            )));
        }
        let (name, inside) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| {
                    ControlError::new(format!(
                        "{text:?} has no closing bracket at its end; write it as {}",
                        example(name.trim())
                    ))
                })?;
                (name.trim(), inside)
            }
        };
        if !CONTROL_NAMES.contains(&name) {
            return Err(unknown("no control is called", name, CONTROL_NAMES));
        }
        let mut args = Args::read(name, inside)?;
        let control = Self::from_args(name, &mut args)?;
        args.finish()?;
        Ok(control)
    }

    fn from_args(name: &str, args: &mut Args) -> Result<Self, ControlError> {
        Ok(match name {
            "filter.blocks" => Control::FilterBlocks {
                category: args.one("category")?,
                groups: args.list("groups")?,
            },
            "sealed.fresh" => Control::SealedFresh {
                within: args.within_or(Within::days(3))?,
            },
            "safe_search.on" => Control::SafeSearchOn {
                engines: args.list("engines")?,
                groups: args.take("groups").unwrap_or_default(),
            },
            "check.passed" => {
                let subject = args.subject.take();
                let within = args.within()?;
                match subject.as_deref() {
                    None | Some("filter") => Control::CheckPassed { within },
                    Some("hand") => Control::HandTested { within },
                    Some(other) => {
                        return Err(unknown(
                            "check.passed knows no check",
                            other,
                            &["filter", "hand"],
                        ));
                    }
                }
            }
            "scope.covered" => Control::ScopeCovered {
                classes: if args.keys.is_empty() {
                    Vec::new()
                } else {
                    args.list("classes")?
                },
            },
            "attempts.audited" => Control::AttemptsAudited {
                within: args.within()?,
            },
            "supervision.noted" => Control::SupervisionNoted {
                within: args.within()?,
            },
            "breaches.handled" => Control::BreachesHandled {
                within: args.within()?,
            },
            "parents.told" => Control::ParentsTold {
                within: args.within_or(Within::days(7))?,
            },
            "alerts.acknowledged" => Control::AlertsAcknowledged {
                within: args.within()?,
            },
            _ => {
                let by = args.one("by")?;
                let roles: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
                let by = by
                    .parse()
                    .map_err(|_| unknown("no role is called", &by, &roles))?;
                Control::Attested {
                    by,
                    within: args.within()?,
                }
            }
        })
    }

    /// Its name, such as `filter.blocks`.
    pub const fn name(&self) -> &'static str {
        match self {
            Control::FilterBlocks { .. } => "filter.blocks",
            Control::SealedFresh { .. } => "sealed.fresh",
            Control::SafeSearchOn { .. } => "safe_search.on",
            Control::CheckPassed { .. } | Control::HandTested { .. } => "check.passed",
            Control::ScopeCovered { .. } => "scope.covered",
            Control::AttemptsAudited { .. } => "attempts.audited",
            Control::SupervisionNoted { .. } => "supervision.noted",
            Control::BreachesHandled { .. } => "breaches.handled",
            Control::ParentsTold { .. } => "parents.told",
            Control::AlertsAcknowledged { .. } => "alerts.acknowledged",
            Control::Attested { .. } => "attested",
        }
    }

    /// Categories, groups and engines that it names, so that a pack check can hold them against
    /// what the pack declares.
    pub fn categories(&self) -> &[String] {
        match self {
            Control::FilterBlocks { category, .. } => std::slice::from_ref(category),
            _ => &[],
        }
    }

    /// The classes of devices it names, by their words in `fil.scope`.
    pub fn classes(&self) -> &[String] {
        match self {
            Control::ScopeCovered { classes } => classes,
            _ => &[],
        }
    }

    /// The groups it names.
    pub fn groups(&self) -> &[String] {
        match self {
            Control::FilterBlocks { groups, .. } | Control::SafeSearchOn { groups, .. } => groups,
            _ => &[],
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Control::FilterBlocks { category, groups } => {
                write!(
                    f,
                    "filter.blocks(category={category}, groups={})",
                    groups.join(", ")
                )
            }
            Control::SealedFresh { within } => write!(f, "sealed.fresh(within={within})"),
            Control::SafeSearchOn { engines, groups } if groups.is_empty() => {
                write!(f, "safe_search.on(engines={})", engines.join(", "))
            }
            Control::SafeSearchOn { engines, groups } => {
                write!(
                    f,
                    "safe_search.on(engines={}, groups={})",
                    engines.join(", "),
                    groups.join(", ")
                )
            }
            Control::CheckPassed { within } => write!(f, "check.passed(filter, within={within})"),
            Control::HandTested { within } => write!(f, "check.passed(hand, within={within})"),
            Control::ScopeCovered { classes } if classes.is_empty() => f.write_str("scope.covered"),
            Control::ScopeCovered { classes } => {
                write!(f, "scope.covered(classes={})", classes.join(", "))
            }
            Control::AttemptsAudited { within } => write!(f, "attempts.audited(within={within})"),
            Control::SupervisionNoted { within } => {
                write!(f, "supervision.noted(within={within})")
            }
            Control::BreachesHandled { within } => write!(f, "breaches.handled(within={within})"),
            Control::ParentsTold { within } => write!(f, "parents.told(within={within})"),
            Control::AlertsAcknowledged { within } => {
                write!(f, "alerts.acknowledged(within={within})")
            }
            Control::Attested { by, within } => write!(f, "attested(by={by}, within={within})"),
        }
    }
}

struct Args {
    control: String,
    subject: Option<String>,
    keys: Vec<(String, Vec<String>)>,
}

impl Args {
    fn read(control: &str, inside: &str) -> Result<Self, ControlError> {
        let known = known_keys(control);
        let mut args = Self {
            control: control.to_owned(),
            subject: None,
            keys: Vec::new(),
        };
        for part in inside
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            match part.split_once('=') {
                Some((key, value)) => {
                    let (key, value) = (key.trim(), value.trim().trim_matches(['[', ']']).trim());
                    if !known.contains(&key) {
                        return Err(unknown(&format!("{control} knows no"), key, known));
                    }
                    if args.keys.iter().any(|(name, _)| name == key) {
                        return Err(ControlError::new(format!(
                            "{control} names {key:?} twice; name it once"
                        )));
                    }
                    args.keys.push((key.to_owned(), vec![value.to_owned()]));
                }
                // A value after a comma belongs to the key before it.
                None => match args.keys.last_mut() {
                    Some((_, values)) => {
                        values.push(part.trim_matches(['[', ']']).trim().to_owned())
                    }
                    None if args.subject.is_none() && control == "check.passed" => {
                        args.subject = Some(part.to_owned())
                    }
                    None => {
                        return Err(ControlError::new(format!(
                            "{part:?} stands without a name in {control}; write it as {}",
                            example(control)
                        )));
                    }
                },
            }
        }
        Ok(args)
    }

    fn take(&mut self, key: &str) -> Option<Vec<String>> {
        let at = self.keys.iter().position(|(name, _)| name == key)?;
        Some(self.keys.swap_remove(at).1)
    }

    fn list(&mut self, key: &str) -> Result<Vec<String>, ControlError> {
        match self.take(key) {
            Some(values) if values.iter().all(|value| !value.is_empty()) => Ok(values),
            _ => Err(ControlError::new(format!(
                "{} needs {key}; write it as {}",
                self.control,
                example(&self.control)
            ))),
        }
    }

    fn one(&mut self, key: &str) -> Result<String, ControlError> {
        let mut values = self.list(key)?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(ControlError::new(format!(
                "{} takes one {key}; write it as {}",
                self.control,
                example(&self.control)
            ))),
        }
    }

    fn within(&mut self) -> Result<Within, ControlError> {
        self.one("within")?.parse()
    }

    fn within_or(&mut self, usual: Within) -> Result<Within, ControlError> {
        if self.keys.iter().any(|(name, _)| name == "within") {
            self.within()
        } else {
            Ok(usual)
        }
    }

    fn finish(self) -> Result<(), ControlError> {
        match self.keys.first() {
            None => Ok(()),
            Some((key, _)) => Err(unknown(
                &format!("{} knows no", self.control),
                key,
                known_keys(&self.control),
            )),
        }
    }
}

fn known_keys(control: &str) -> &'static [&'static str] {
    match control {
        "filter.blocks" => &["category", "groups"],
        "safe_search.on" => &["engines", "groups"],
        "scope.covered" => &["classes"],
        "attested" => &["by", "within"],
        _ => &["within"],
    }
}

fn example(control: &str) -> &'static str {
    match control {
        "filter.blocks" => "filter.blocks(category=pornography, groups=pupils)",
        "sealed.fresh" => "sealed.fresh(within=3 days)",
        "safe_search.on" => "safe_search.on(engines=google, bing)",
        "check.passed" => "check.passed(filter, within=1 week)",
        "scope.covered" => "scope.covered(classes=school-devices, off-site)",
        "attempts.audited" => "attempts.audited(within=15 days)",
        "supervision.noted" => "supervision.noted(within=1 week)",
        "breaches.handled" => "breaches.handled(within=5 days)",
        "parents.told" => "parents.told(within=1 week)",
        "alerts.acknowledged" => "alerts.acknowledged(within=30 minutes)",
        _ => "attested(by=head, within=1 year)",
    }
}

fn unknown(start: &str, name: &str, known: &[&str]) -> ControlError {
    let name: String = name.chars().take(60).collect();
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&name, k), *k))
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 3))
        .min();
    ControlError::new(match near {
        Some((_, near)) => format!("{start} {name:?}; did you mean {near:?}?"),
        None => format!("{start} {name:?}; the known ones are: {}", known.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// REV-09: a clause is bound to the settings and records that carry it out.
    #[test]
    fn rev_09_controls_read_and_print_back() {
        for text in [
            "filter.blocks(category=pornography, groups=pupils, visitors)",
            "sealed.fresh(within=3 days)",
            "safe_search.on(engines=google, bing)",
            "safe_search.on(engines=google, groups=pupils)",
            "check.passed(filter, within=1 week)",
            "check.passed(hand, within=13 weeks)",
            "scope.covered",
            "scope.covered(classes=school-devices, off-site)",
            "attempts.audited(within=15 days)",
            "supervision.noted(within=1 week)",
            "breaches.handled(within=5 days)",
            "parents.told(within=1 week)",
            "alerts.acknowledged(within=30 minutes)",
            "attested(by=head, within=1 year)",
        ] {
            assert_eq!(Control::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Control::parse("sealed.fresh"),
            Control::parse("sealed.fresh(within=3 days)")
        );
        assert_eq!(
            Control::parse("filter.blocks(category=a, groups=[b, c])")
                .unwrap()
                .groups(),
            ["b", "c"]
        );
    }

    fn says(text: &str, expected: &str) {
        assert_eq!(Control::parse(text).unwrap_err().message, expected);
    }

    /// REV-09: a wrong control is refused with the nearest known name and an example.
    #[test]
    fn rev_09_wrong_controls_say_what_to_write() {
        says(
            "filter.block(category=x, groups=y)",
            "no control is called \"filter.block\"; did you mean \"filter.blocks\"?",
        );
        says(
            "filter.blocks(categroy=x, groups=y)",
            "filter.blocks knows no \"categroy\"; did you mean \"category\"?",
        );
        says(
            "filter.blocks(category=x)",
            "filter.blocks needs groups; write it as filter.blocks(category=pornography, groups=pupils)",
        );
        says(
            "check.passed(within=soon)",
            "\"soon\" is not a length of time; write it as \"30 minutes\", \"1 week\" or \"1 year\"",
        );
        says(
            "attested(by=hed, within=1 year)",
            "no role is called \"hed\"; did you mean \"head\"?",
        );
        says(
            "parents.told(within=1 week",
            "\"parents.told(within=1 week\" has no closing bracket at its end; write it as parents.told(within=1 week)",
        );
    }

    proptest! {
        #[test]
        fn any_text_reads_or_says_why(text in ".{0,120}") {
            if let Err(error) = Control::parse(&text) {
                prop_assert!(!error.message.is_empty());
            }
        }

        #[test]
        fn a_length_of_time_reads_back(minutes in 1_u32..2_000_000) {
            let within = Within::minutes(minutes);
            prop_assert_eq!(within.to_string().parse::<Within>(), Ok(within));
        }
    }
}
