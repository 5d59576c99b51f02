//! Small edits of a pack's text that leave everything else as the school wrote it: comments,
//! order and spacing stay.

use std::fmt::Write as _;

use toml::de::{DeTable, DeValue};

/// The file that settings stand in.
pub const SCHOOL_FILE: &str = "school.toml";

/// Why a text was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no TOML.
    #[error("school.toml cannot be read: {0}")]
    Unreadable(String),
    /// The place to edit is not there.
    #[error(
        "school.toml has no list of categories for {0}; write one under [fil.categories] and bring the pack in as a file"
    )]
    NoList(String),
}

/// Replaces the categories that are blocked for one group (`fil.categories`): the list of that
/// group, or the plain list, which is the pupils'.
///
/// # Errors
/// [`EditError`]; the text is then not changed.
pub fn set_categories(text: &str, group: &str, categories: &[String]) -> Result<String, EditError> {
    let root = DeTable::parse(text).map_err(|error| EditError::Unreadable(error.to_string()))?;
    let missing = || EditError::NoList(group.to_owned());
    let Some(DeValue::Table(fil)) = root.get_ref().get("fil").map(|value| value.get_ref()) else {
        return Err(missing());
    };
    let value = fil.get("categories").ok_or_else(missing)?;
    let span = match value.get_ref() {
        DeValue::Array(_) if group == "pupils" => value.span(),
        DeValue::Table(by_group) => match by_group.get(group) {
            Some(list) if matches!(list.get_ref(), DeValue::Array(_)) => list.span(),
            _ => return Err(missing()),
        },
        _ => return Err(missing()),
    };
    let (Some(before), Some(after)) = (text.get(..span.start), text.get(span.end..)) else {
        return Err(missing());
    };
    Ok(format!("{before}{}{after}", list(categories)))
}

fn list(items: &[String]) -> String {
    let mut text = "[".to_owned();
    for (place, item) in items.iter().enumerate() {
        let between = if place == 0 { "" } else { ", " };
        let plain: String = item
            .chars()
            .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
            .collect();
        // Writing to a string never fails.
        let _ = write!(text, "{between}\"{plain}\"");
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// REQ-04: ticking a category changes its list and nothing beside it.
    #[test]
    fn req_04_a_ticked_category_changes_one_list_alone() {
        let text = "# ours\n[fil.categories] # at all times\neveryone = [\"illegal\"]\npupils = [\n  \"gaming\", # one\n  \"drugs\",\n]\nother = 1\n";
        let edited = set_categories(text, "pupils", &names(&["gaming"])).unwrap();
        assert_eq!(
            edited,
            "# ours\n[fil.categories] # at all times\neveryone = [\"illegal\"]\npupils = [\"gaming\"]\nother = 1\n"
        );
        let plain = "[fil]\ncategories = [\"a\"]\n";
        assert_eq!(
            set_categories(plain, "pupils", &names(&["a", "b"])).unwrap(),
            "[fil]\ncategories = [\"a\", \"b\"]\n"
        );
        assert!(set_categories(plain, "staff", &[]).is_err());
        assert!(set_categories("[fil", "pupils", &[]).is_err());
    }
}
