//! Small sets of numbered things as one machine word.

macro_rules! small_set {
    ($(#[$doc:meta])* $name:ident, $word:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub(crate) struct $name($word);

        #[allow(dead_code, reason = "one macro for all sets; not every set needs every function")]
        impl $name {
            /// The most members.
            pub(crate) const MAX: usize = <$word>::BITS as usize;

            /// Adds a number; those beyond the bound are refused before by the compiler of specs.
            pub(crate) fn insert(&mut self, number: usize) {
                debug_assert!(number < Self::MAX);
                self.0 |= (1 as $word) << (number % Self::MAX);
            }

            pub(crate) fn contains(self, number: usize) -> bool {
                number < Self::MAX && self.0 & ((1 as $word) << number) != 0
            }

            pub(crate) fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            pub(crate) fn is_empty(self) -> bool {
                self.0 == 0
            }

            pub(crate) fn and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            pub(crate) fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The lowest number in the set.
            pub(crate) fn first(self) -> Option<usize> {
                (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
            }
        }
    };
}

small_set!(
    /// Groups.
    GroupSet,
    u128
);
small_set!(
    /// Named hours.
    HoursSet,
    u64
);
small_set!(
    /// Places.
    PlaceSet,
    u64
);
small_set!(
    /// Search tools.
    ToolSet,
    u64
);
small_set!(
    /// Parts of a floor.
    FloorSet,
    u128
);
