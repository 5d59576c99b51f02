//! Categories as small numbers and sets of them as one machine word per 64.

/// The most categories one catalogue may name.
pub const CATEGORIES_MAX: usize = 256;

/// A category of one catalogue, valid only together with that catalogue's name table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryId(pub u8);

/// A set of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CategorySet([u64; CATEGORIES_MAX / 64]);

impl CategorySet {
    /// No category.
    pub const EMPTY: Self = Self([0; CATEGORIES_MAX / 64]);

    /// Adds a category.
    pub fn insert(&mut self, id: CategoryId) {
        self.0[usize::from(id.0) / 64] |= 1 << (id.0 % 64);
    }

    /// Whether the category is in the set.
    pub fn contains(&self, id: CategoryId) -> bool {
        self.0[usize::from(id.0) / 64] & (1 << (id.0 % 64)) != 0
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; CATEGORIES_MAX / 64]
    }

    /// Everything in either set.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
        self
    }

    /// Everything in both sets.
    #[must_use]
    pub fn intersection(mut self, other: Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
        self
    }

    /// The categories in the set, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = CategoryId> {
        (0..=u8::MAX)
            .map(CategoryId)
            .filter(move |id| self.contains(*id))
    }
}

impl FromIterator<CategoryId> for CategorySet {
    fn from_iter<I: IntoIterator<Item = CategoryId>>(ids: I) -> Self {
        let mut set = Self::EMPTY;
        for id in ids {
            set.insert(id);
        }
        set
    }
}
