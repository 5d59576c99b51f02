//! A first look at a name, before a table of names is searched: nearly every name that is not in
//! the table is told by its first letter and its length.

/// The first letters and lengths of a table of names.
#[derive(Debug)]
pub struct Glance([u64; 256]);

impl Glance {
    /// Whether the table may hold the name; never false for a name that it holds.
    pub fn may_hold(&self, name: &str) -> bool {
        let Some(first) = name.bytes().next() else {
            return false;
        };
        self.0[usize::from(first)] & bit(name) != 0
    }
}

/// Lengths from 63 on share one bit.
fn bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

impl<'a> FromIterator<&'a str> for Glance {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut table = [0; 256];
        for name in names {
            if let Some(first) = name.bytes().next() {
                table[usize::from(first)] |= bit(name);
            }
        }
        Self(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_table_is_never_missed() {
        let long = "x".repeat(200);
        let glance: Glance = ["a.test", "b.test", long.as_str()].into_iter().collect();
        assert!(
            ["a.test", "b.test", "a.tost", &long]
                .iter()
                .all(|name| glance.may_hold(name))
        );
        assert!(
            ["", "c.test", "a.te", "xx"]
                .iter()
                .all(|name| !glance.may_hold(name))
        );
    }
}
