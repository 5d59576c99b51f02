//! Watch rules, versioned (MON-03).

use pharos_casework::Harm;
use pharos_school::YearGroup;
use serde::{Deserialize, Serialize};

use crate::Severity;

/// What a rule watches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "watches", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RuleKind {
    /// A hit on a sealed list: always critical, never with the address.
    SealedHit,
    /// Blocked attempts in worrying categories.
    RepeatedBlocks {
        /// The categories, by name.
        categories: Vec<String>,
        /// How many attempts raise it; 1 raises it at the first.
        count: u32,
        /// Within how many minutes.
        window_minutes: u32,
        /// The theme.
        theme: Harm,
        /// How serious before weighting.
        severity: Severity,
    },
    /// Search words on a watch list; theme and severity come from the list.
    SearchTerm,
    /// Ways round the filter (FIL-16): one alert for each person or device and method.
    WayRound {
        /// So many different addresses typed as numbers …
        direct: u32,
        /// … within so many minutes count as a way round.
        window_minutes: u32,
        /// So many connections within the same time that each say little, such as to ports that are
        /// not for the web.
        #[serde(default = "many")]
        repeated: u32,
        /// How serious before weighting.
        severity: Severity,
    },
    /// A search or site that an outside firewall or filter stopped (MON-05).
    OutsideAttempt {
        /// How serious before weighting.
        severity: Severity,
    },
}

/// How many weak signs make a way round, where a stored rule does not say.
const fn many() -> u32 {
    10
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its version; grows with every edit.
    pub version: u32,
    /// What it is for, as the lead reads it.
    pub title: String,
    /// What it watches for.
    pub kind: RuleKind,
}

/// How age and vulnerability weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Weights {
    /// Pupils up to and including this year rank higher.
    pub young_up_to: YearGroup,
    /// By how much.
    pub young: u32,
    /// How much a vulnerability flag adds.
    pub vulnerable: u32,
}

/// A set of rules in one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RuleSet {
    /// The version of the set.
    pub version: u32,
    /// How age and vulnerability weigh.
    pub weights: Weights,
    /// The same thing again within so many minutes is one alert.
    pub fold_minutes: u32,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A rule set cannot be used: why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleSetProblem {
    /// Two rules share an id.
    #[error("two watch rules have the id {0:?}; rename one")]
    SameId(String),
    /// A rule counts what it cannot keep.
    #[error("watch rule {rule:?} counts {count} attempts; use 1 to {most}")]
    Count {
        /// The rule.
        rule: String,
        /// Its count.
        count: u32,
        /// The most it may be.
        most: u32,
    },
    /// A rule has no categories or no window.
    #[error("watch rule {0:?} names no category or no time; give both")]
    Empty(String),
    /// The sealed-list rule is missing: it cannot be switched off (FIL-03).
    #[error("no watch rule tells of hits on sealed lists; this one cannot be left out")]
    NoSealed,
    /// A weight that would lift an alert over more serious ones.
    #[error(
        "the weights add up to more than 90, which would lift an alert over more serious ones; use less"
    )]
    Weights,
}

/// The most attempts a rule may count: what is kept per person is bounded by it.
pub(crate) const COUNT_MAX: u32 = 50;

impl RuleSet {
    /// Everything that is wrong with the set.
    pub fn problems(&self) -> Vec<RuleSetProblem> {
        let mut problems = Vec::new();
        let mut ids: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if ids.contains(&rule.id.as_str()) {
                problems.push(RuleSetProblem::SameId(rule.id.clone()));
            }
            ids.push(&rule.id);
            if let RuleKind::RepeatedBlocks {
                categories,
                count,
                window_minutes,
                ..
            } = &rule.kind
            {
                if !(1..=COUNT_MAX).contains(count) {
                    problems.push(RuleSetProblem::Count {
                        rule: rule.id.clone(),
                        count: *count,
                        most: COUNT_MAX,
                    });
                }
                if categories.is_empty() || *window_minutes == 0 {
                    problems.push(RuleSetProblem::Empty(rule.id.clone()));
                }
            }
            if let RuleKind::WayRound {
                direct,
                window_minutes,
                repeated,
                ..
            } = &rule.kind
                && let Some(count) = [*direct, *repeated]
                    .into_iter()
                    .find(|count| !(1..=COUNT_MAX).contains(count))
                    .or((*window_minutes == 0).then_some(*direct))
            {
                problems.push(RuleSetProblem::Count {
                    rule: rule.id.clone(),
                    count,
                    most: COUNT_MAX,
                });
            }
        }
        if !self
            .rules
            .iter()
            .any(|rule| rule.kind == RuleKind::SealedHit)
        {
            problems.push(RuleSetProblem::NoSealed);
        }
        if self.weights.young.saturating_add(self.weights.vulnerable) > 90 {
            problems.push(RuleSetProblem::Weights);
        }
        problems
    }

    /// Every category that a rule names.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .flat_map(|rule| match &rule.kind {
                RuleKind::RepeatedBlocks { categories, .. } => categories.as_slice(),
                _ => &[],
            })
            .map(String::as_str)
    }

    /// The rules that come with Pharos. Category names are those of the lists in common use; a
    /// name that no list has simply never matches.
    pub fn shipped() -> Self {
        let repeated =
            |id: &str, title: &str, categories: &[&str], count, window_minutes, theme, severity| {
                Rule {
                    id: id.to_owned(),
                    version: 1,
                    title: title.to_owned(),
                    kind: RuleKind::RepeatedBlocks {
                        categories: categories.iter().map(|name| (*name).to_owned()).collect(),
                        count,
                        window_minutes,
                        theme,
                        severity,
                    },
                }
            };
        let plain = |id: &str, title: &str, kind| Rule {
            id: id.to_owned(),
            version: 1,
            title: title.to_owned(),
            kind,
        };
        Self {
            version: 1,
            weights: Weights {
                young_up_to: YearGroup::from_number(6).unwrap_or(YearGroup::OLDEST),
                young: 20,
                vulnerable: 40,
            },
            fold_minutes: 24 * 60,
            rules: vec![
                plain(
                    "sealed-hit",
                    "A sealed list of illegal content was hit",
                    RuleKind::SealedHit,
                ),
                plain(
                    "search-term",
                    "A search for worrying words",
                    RuleKind::SearchTerm,
                ),
                repeated(
                    "self-harm",
                    "Blocked: self-harm or suicide",
                    &[
                        "self-harm",
                        "suicide",
                        "self-harm-and-suicide",
                        "eating-disorders",
                    ],
                    1,
                    60,
                    Harm::SelfHarmMaterial,
                    Severity::High,
                ),
                repeated(
                    "extremism",
                    "Repeatedly blocked: extremism",
                    &[
                        "extremism",
                        "terrorism",
                        "radicalisation",
                        "dangerous_material",
                        "dangerous-material",
                    ],
                    2,
                    24 * 60,
                    Harm::ExtremistMaterial,
                    Severity::High,
                ),
                repeated(
                    "hate",
                    "Repeatedly blocked: hatred",
                    &[
                        "racial-hatred",
                        "hate",
                        "hatred",
                        "racism",
                        "discrimination",
                        "misogyny",
                    ],
                    3,
                    24 * 60,
                    Harm::HatredMaterial,
                    Severity::Medium,
                ),
                repeated(
                    "grooming",
                    "Blocked: signs of grooming",
                    &["grooming"],
                    1,
                    60,
                    Harm::Grooming,
                    Severity::High,
                ),
                repeated(
                    "bullying",
                    "Repeatedly blocked: bullying",
                    &["bullying"],
                    2,
                    24 * 60,
                    Harm::Cyberbullying,
                    Severity::Medium,
                ),
                repeated(
                    "sexual",
                    "Repeatedly blocked: pornography",
                    &["pornography", "porn", "adult", "mixed_adult", "mixed-adult"],
                    3,
                    60,
                    Harm::SexualOrViolentMaterial,
                    Severity::Medium,
                ),
                repeated(
                    "violence",
                    "Repeatedly blocked: violence",
                    &["violence", "agressif", "aggressive", "weapons"],
                    3,
                    60,
                    Harm::SexualOrViolentMaterial,
                    Severity::Medium,
                ),
                repeated(
                    "drugs",
                    "Repeatedly blocked: drugs and alcohol",
                    &["drugs", "drogue", "alcohol"],
                    3,
                    60,
                    Harm::WrongForAge,
                    Severity::Medium,
                ),
                repeated(
                    "gambling",
                    "Repeatedly blocked: gambling",
                    &["gambling"],
                    5,
                    60,
                    Harm::Gambling,
                    Severity::Low,
                ),
                Rule {
                    version: 3,
                    ..plain(
                        "bypass",
                        "Blocked: a way round the filter",
                        RuleKind::WayRound {
                            direct: 20,
                            window_minutes: 10,
                            repeated: many(),
                            severity: Severity::Medium,
                        },
                    )
                },
                plain(
                    "firewall",
                    "Stopped by the firewall: a search or site",
                    RuleKind::OutsideAttempt {
                        severity: Severity::Medium,
                    },
                ),
            ],
        }
    }
}
