//! Category names that Pharos uses, and how publishers' folder names map to them.

/// One line of the table in `data/categories.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardCategory {
    /// The name used in policies and commands: `social-media`.
    pub name: &'static str,
    /// The name shown to people: "Social media".
    pub title: &'static str,
    /// Names of folders in UT1 and squidGuard lists, separated by blanks.
    folders: &'static str,
    /// The wider category that everything in it belongs to as well: a block of `avoidance` blocks
    /// what a list holds as `vpn`.
    pub within: Option<&'static str>,
}

impl StandardCategory {
    /// The folders in UT1 and squidGuard lists that hold this category.
    pub fn folders(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.folders.split_ascii_whitespace()
    }
}

/// The standard categories, in the order of the table.
pub fn standard_categories() -> impl Iterator<Item = StandardCategory> {
    include_str!("../data/categories.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut cells = line.split('|').map(str::trim);
            let mut next = || cells.next().unwrap_or("");
            StandardCategory {
                name: next(),
                title: next(),
                folders: next(),
                within: Some(next()).filter(|name| !name.is_empty()),
            }
        })
}

/// The wider category of a category; `None` where it has none.
pub(crate) fn wider(category: &str) -> Option<&'static str> {
    standard_categories()
        .find(|known| known.name == category)?
        .within
}

/// The category for a folder of a UT1 or squidGuard list: `adult` becomes `pornography`,
/// `social_networks` becomes `social-media`. A folder that is not in the table keeps its own name
/// in lower case, with `-` for what category names may not have. `None` when nothing is left of it.
pub fn category_for_folder(folder: &str) -> Option<String> {
    let known = standard_categories()
        .find(|category| category.name == folder || category.folders().any(|name| name == folder));
    if let Some(category) = known {
        return Some(category.name.to_owned());
    }
    let plain: String = folder
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(crate::NAME_TEXT_MAX)
        .collect();
    let plain = plain.trim_matches('-');
    crate::is_plain_name(plain).then(|| plain.to_owned())
}
