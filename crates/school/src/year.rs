//! Year groups and bands of them, as schools in England and Wales name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A year group: nursery, reception, then Years 1 to 13. Ordered youngest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct YearGroup(i8);

/// The text names no year group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a year group: expected N (nursery), R (reception) or 1 to 13")]
pub struct ParseYearError {
    text: String,
}

impl YearGroup {
    /// Nursery, the youngest.
    pub const NURSERY: Self = Self(-1);
    /// Reception.
    pub const RECEPTION: Self = Self(0);
    /// Year 13, the oldest.
    pub const OLDEST: Self = Self(13);

    /// The year group with this number: -1 nursery, 0 reception, 1 to 13; `None` outside.
    pub const fn from_number(number: i8) -> Option<Self> {
        if number >= -1 && number <= 13 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// -1 nursery, 0 reception, 1 to 13.
    pub const fn number(self) -> i8 {
        self.0
    }
}

impl fmt::Display for YearGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            -1 => f.write_str("N"),
            0 => f.write_str("R"),
            number => write!(f, "{number}"),
        }
    }
}

impl FromStr for YearGroup {
    type Err = ParseYearError;

    /// Accepts `N`, `R`, `7`, `07`, `Year 7`, `Y7`, and OneRoster's `PK`, `KG`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseYearError {
            text: text.chars().take(40).collect(),
        };
        let lower = text.trim().to_ascii_lowercase();
        let bare = lower
            .strip_prefix("year")
            .or_else(|| lower.strip_prefix('y'))
            .unwrap_or(&lower)
            .trim();
        match bare {
            "n" | "nursery" | "pk" => Ok(Self::NURSERY),
            "r" | "reception" | "kg" => Ok(Self::RECEPTION),
            digits if digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()) => digits
                .parse::<i8>()
                .ok()
                .filter(|n| *n >= 1)
                .and_then(Self::from_number)
                .ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for YearGroup {
    type Error = ParseYearError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<YearGroup> for String {
    fn from(year: YearGroup) -> Self {
        year.to_string()
    }
}

/// An inclusive run of year groups, written `R-2`, `7-9` or `10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct YearBand {
    /// The youngest year in the band.
    pub from: YearGroup,
    /// The oldest year in the band; never younger than `from`.
    pub to: YearGroup,
}

impl YearBand {
    /// Whether the band holds this year group.
    pub fn contains(self, year: YearGroup) -> bool {
        self.from <= year && year <= self.to
    }
}

impl FromStr for YearBand {
    type Err = ParseYearError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.parse()?, to.parse()?);
        if from > to {
            return Err(ParseYearError {
                text: text.chars().take(40).collect(),
            });
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for YearBand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}-{}", self.from, self.to)
        }
    }
}

impl TryFrom<String> for YearBand {
    type Error = ParseYearError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<YearBand> for String {
    fn from(band: YearBand) -> Self {
        band.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_read_as_schools_and_onerosters_write_them() {
        for (text, number) in [
            ("N", -1),
            ("KG", 0),
            ("R", 0),
            ("07", 7),
            ("Year 7", 7),
            ("y13", 13),
        ] {
            assert_eq!(
                text.parse::<YearGroup>().map(YearGroup::number),
                Ok(number),
                "{text}"
            );
        }
        for text in ["", "0", "14", "-3", "seven", "777"] {
            assert!(text.parse::<YearGroup>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_band_runs_from_young_to_old() {
        let band: YearBand = "R-2".parse().unwrap();
        assert!(band.contains(YearGroup::RECEPTION) && !band.contains(YearGroup::NURSERY));
        assert!("9-7".parse::<YearBand>().is_err());
    }
}
