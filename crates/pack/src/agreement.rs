//! `aup/*.md`: acceptable use agreements by audience and age.
//!
//! Each begins with facts between two lines of `+++`, as TOML:
//!
//! ```text
//! +++
//! title = "Our online promises"
//! version = "2026.1"
//! audience = ["pupils"]      # groups of the pack
//! years = ["3-6"]            # only for pupils
//! signed_by = "pupil"        # pupil, parent, self or nobody
//! +++
//! ```

use pharos_school::YearBand;

use crate::names::Names;
use crate::policy_text::markdown_html;
use crate::problem::{Place, Problems};
use crate::read::{Cx, Fields};
use crate::tree;

/// Who signs an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The pupil.
    Pupil,
    /// A parent for the pupil.
    Parent,
    /// The adult themselves.
    Own,
    /// Nobody: it is read and displayed.
    Nobody,
}

/// One agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// File name without `.md`, such as `prep-3-6`.
    pub name: String,
    /// Title.
    pub title: String,
    /// Version; a new one is signed anew.
    pub version: String,
    /// Groups it is for.
    pub audience: Vec<String>,
    /// Year groups it is for; empty: all.
    pub years: Vec<YearBand>,
    /// Who signs.
    pub signed_by: Signer,
    /// The text as Markdown.
    pub markdown: String,
}

impl Agreement {
    /// The text as HTML, safe for a page.
    pub fn html(&self) -> String {
        markdown_html(&self.markdown)
    }
}

pub(crate) fn read_agreement(
    file: &str,
    name: &str,
    text: &str,
    names: &Names,
    problems: &mut Problems,
) -> Option<Agreement> {
    let start = Place { line: 1, column: 1 };
    let Some((facts, markdown)) = text
        .strip_prefix("+++")
        .and_then(|rest| rest.split_once("\n+++"))
    else {
        problems.error(
            file,
            start,
            "the agreement has no facts",
            "begin with +++, then title, version, audience, signed_by, then +++",
        );
        return None;
    };
    // The first line of the facts is the rest of the opening +++, so lines count as in the file.
    let table = tree::parse(file, facts, problems);
    let mut cx = Cx { file, problems };
    let mut fields = Fields::new(&table, "");
    let title = fields.needed_text("title", &mut cx);
    let version = fields.needed_text("version", &mut cx);
    let audience = fields.texts("audience", &mut cx);
    audience
        .iter()
        .for_each(|(at, group)| names.group(*at, "audience", group, &mut cx));
    if audience.is_empty() {
        cx.error(
            start,
            "the agreement names no audience",
            "write audience = [\"pupils\"]",
        );
    }
    let years = fields.all_parsed("years", &mut cx);
    let signed_by = match fields.word("signed_by", &["pupil", "parent", "self", "nobody"], &mut cx)
    {
        Some("pupil") => Signer::Pupil,
        Some("parent") => Signer::Parent,
        Some("self") => Signer::Own,
        _ => Signer::Nobody,
    };
    fields.finish(&mut cx);
    let markdown = markdown.trim().to_owned();
    if markdown.is_empty() {
        problems.error(file, start, "the agreement has no text", "");
    }
    Some(Agreement {
        name: name.to_owned(),
        title: title?,
        version: version?,
        audience: audience.into_iter().map(|(_, group)| group).collect(),
        years,
        signed_by,
        markdown,
    })
}
