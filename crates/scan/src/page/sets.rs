//! Named sets of words and phrases, shared by dictionaries.
//!
//! ```text
//! set self = myself, my arm*, my thigh*
//! set self = my wrist*                 the same set again: it grows
//! set anyone = @self, somebody         a set of sets
//! ```

use std::sync::Arc;

use super::dictionary::{DICTIONARY_BYTES_MAX, DictionaryProblem, PROBLEMS_MAX, is_remark};
use super::line::{Unit, set_name, unit};

/// The most sets of one text.
pub const SETS_MAX: usize = 2_000;

/// Sets as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sets {
    sets: Vec<(Arc<str>, Vec<Unit>)>,
}

impl Sets {
    /// Reads a text of sets alone.
    ///
    /// # Errors
    /// Everything that is wrong, with its line; at most a hundred problems.
    pub fn parse(text: &str) -> Result<Self, Vec<DictionaryProblem>> {
        if text.len() > DICTIONARY_BYTES_MAX {
            let message = format!("the sets are larger than {DICTIONARY_BYTES_MAX} bytes");
            return Err(vec![DictionaryProblem { line: 1, message }]);
        }
        let mut sets = Self::default();
        let mut problems = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if is_remark(line) {
                continue;
            }
            let read = match line.strip_prefix("set ") {
                Some(set) => sets.add(set),
                None => Err("only sets stand here: set NAME = word, begin*, a phrase".to_owned()),
            };
            if let Err(message) = read
                && problems.len() < PROBLEMS_MAX
            {
                problems.push(DictionaryProblem {
                    line: number + 1,
                    message,
                });
            }
        }
        if problems.is_empty() {
            Ok(sets)
        } else {
            Err(problems)
        }
    }

    /// Reads what follows `set`.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let (name, members) = text
            .split_once('=')
            .ok_or("write set NAME = word, begin*, a phrase")?;
        let name = set_name(name.trim())?;
        let members = members
            .split(',')
            .map(str::trim)
            .filter(|member| !member.is_empty())
            .map(unit)
            .collect::<Result<Vec<_>, _>>()?;
        if members.is_empty() {
            return Err(format!("the set {name} is empty"));
        }
        if self.sets.len() >= SETS_MAX && self.get(&name).is_none() {
            return Err(format!("more than {SETS_MAX} sets"));
        }
        self.grow(name, members);
        Ok(())
    }

    fn grow(&mut self, name: Arc<str>, members: Vec<Unit>) {
        match self.sets.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.extend(members),
            None => self.sets.push((name, members)),
        }
    }

    /// Adds all of another text's sets.
    pub fn extend(&mut self, other: Self) {
        for (name, members) in other.sets {
            self.grow(name, members);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&[Unit]> {
        let found = self.sets.iter().find(|(known, _)| **known == *name)?;
        Some(&found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fil_02_sets_grow_and_hold_sets() {
        let sets = Sets::parse(
            "# for all\nset a = one, two*, a phrase\n\n[x]\nset b = @a, nine\nset a = ten\n",
        );
        let sets = sets.unwrap();
        assert_eq!(sets.get("a").map(<[Unit]>::len), Some(4));
        assert_eq!(sets.get("b").map(<[Unit]>::len), Some(2));
        assert!(sets.get("c").is_none());
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        let wrong = Sets::parse("set A = x\nset a\nset a = ,\nset a = on*\n5 word\n");
        let lines: Vec<_> = wrong.unwrap_err().iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5]);
    }
}
