//! What the filter asks of the lists: two small traits, so that tests and other catalogues fit.

use std::fmt::Debug;
use std::sync::Arc;

use pharos_catalogue::{Address, Catalogue, CategoryId, CategorySet, Host, Memory, SealedLists};

/// One entry of one list that holds an address, for reasons and explanations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The category it stands for.
    pub category: CategoryId,
    /// The list's name.
    pub list: Arc<str>,
    /// The entry as the list writes it.
    pub entry: Arc<str>,
}

/// Names and addresses to categories.
pub trait Categories: Send + Sync + Debug {
    /// Every category of an address: of its host, of the domains above it, and, where a path is
    /// seen, of the path prefixes. On the hot path: must not allocate.
    fn categories(&self, address: &Address) -> CategorySet;

    /// The entries behind [`Categories::categories`]. Asked only for blocks, warnings and
    /// explanations.
    fn hits(&self, address: &Address) -> Vec<Hit>;

    /// Category names: `CategoryId(n)` is the n-th.
    fn names(&self) -> &[Arc<str>];
}

/// Mandatory lists of illegal material (FIL-03).
pub trait Sealed: Send + Sync + Debug {
    /// The name of the first sealed list that holds the address; never the entry.
    fn hit(&self, address: &Address) -> Option<&Arc<str>>;

    /// Whether some entry names a path on this host, so that a face that sees paths must look
    /// inside whatever else is said of the site.
    fn needs_path(&self, host: &Host) -> bool;
}

impl<B: Memory + Send + Sync> Categories for Catalogue<B> {
    fn categories(&self, address: &Address) -> CategorySet {
        self.lookup(address).categories
    }

    fn hits(&self, address: &Address) -> Vec<Hit> {
        let found = self.lookup(address);
        self.matched(address, &found)
            .map(|matched| Hit {
                category: matched.category,
                list: Arc::clone(&matched.list.name),
                entry: format!("{}{}", matched.host, matched.path.unwrap_or("")).into(),
            })
            .collect()
    }

    fn names(&self) -> &[Arc<str>] {
        Catalogue::names(self)
    }
}

impl Sealed for SealedLists {
    fn hit(&self, address: &Address) -> Option<&Arc<str>> {
        let found = self.lookup(address)?;
        self.list(found.list).map(|info| &info.name)
    }

    fn needs_path(&self, host: &Host) -> bool {
        SealedLists::needs_path(self, host)
    }
}

/// No categories at all: a school without lists, and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCategories;

impl Categories for NoCategories {
    fn categories(&self, _: &Address) -> CategorySet {
        CategorySet::EMPTY
    }

    fn hits(&self, _: &Address) -> Vec<Hit> {
        Vec::new()
    }

    fn names(&self) -> &[Arc<str>] {
        &[]
    }
}

/// No sealed list: a school without membership. It shows as not met wherever clauses are assessed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSealed;

impl Sealed for NoSealed {
    fn hit(&self, _: &Address) -> Option<&Arc<str>> {
        None
    }

    fn needs_path(&self, _: &Host) -> bool {
        false
    }
}
