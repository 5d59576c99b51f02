//! The pages that weights are fitted to.

use std::error::Error;
use std::path::{Path, PathBuf};

use pharos_scan::Kind;

/// The folder, and the category in a training file, of pages that must pass.
pub(crate) const EDUCATION: &str = "education";
/// The source of the pages that are made from sentences: many, and much alike.
pub(crate) const MADE: &str = "pages";
/// The source of ordinary texts.
pub(crate) const PLAIN: &str = "plain texts";

/// A page with what it is.
#[derive(Debug)]
pub(crate) struct Page {
    /// The place of its source in [`Corpora::sources`].
    pub(crate) source: usize,
    /// The place of its category, or nothing where it must pass.
    pub(crate) category: Option<usize>,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// Every page, in an order that does not change.
#[derive(Debug)]
pub(crate) struct Corpora {
    pub(crate) sources: Vec<String>,
    pub(crate) pages: Vec<Page>,
}

impl Corpora {
    /// Reads `training`, `written` and `pages` of a folder, and folders of ordinary texts. Sources whose names are
    /// in `without` are left out.
    pub(crate) fn read(
        folder: &Path,
        plain: &[PathBuf],
        without: &[String],
        categories: &[String],
    ) -> Result<Self, Box<dyn Error>> {
        let mut all = Self {
            sources: Vec::new(),
            pages: Vec::new(),
        };
        let left_out = |name: &str| without.iter().any(|one| one == name);
        for name in [MADE, "written"] {
            if !left_out(name) {
                all.folder(name, &folder.join(name), categories)?;
            }
        }
        for file in files(&folder.join("training"))? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            if !left_out(&name) && file.extension().is_some_and(|end| end == "txt") {
                all.training(&name, &file, categories)?;
            }
        }
        for folder in plain {
            let source = all.source(PLAIN);
            for file in files(folder)? {
                all.pages.push(Page {
                    source,
                    category: None,
                    kind: kind(&file),
                    bytes: std::fs::read(&file)?,
                });
            }
        }
        Ok(all)
    }

    fn source(&mut self, name: &str) -> usize {
        let known = self.sources.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.sources.push(name.to_owned());
            self.sources.len() - 1
        })
    }

    fn folder(
        &mut self,
        name: &str,
        folder: &Path,
        categories: &[String],
    ) -> Result<(), Box<dyn Error>> {
        let source = self.source(name);
        for file in files(folder)? {
            let inside = file.strip_prefix(folder)?;
            let first = inside.components().next().map(|part| part.as_os_str());
            let label = first.unwrap_or_default().to_string_lossy();
            self.pages.push(Page {
                source,
                category: category(&label, categories)
                    .ok_or_else(|| format!("{}: no such category", file.display()))?,
                kind: kind(&file),
                bytes: std::fs::read(&file)?,
            });
        }
        Ok(())
    }

    fn training(
        &mut self,
        name: &str,
        file: &Path,
        categories: &[String],
    ) -> Result<(), Box<dyn Error>> {
        let source = self.source(name);
        let text = std::fs::read_to_string(file)?;
        let mut open = false;
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(head) = line.strip_prefix("=== ") {
                let (label, title) = head.split_once('|').unwrap_or((head, ""));
                let category = category(label.trim(), categories).ok_or_else(|| {
                    format!(
                        "{}:{number}: {label:?} is neither education nor a category",
                        file.display()
                    )
                })?;
                // A title that is the label alone would teach the label.
                let title = Some(title.trim()).filter(|title| *title != label.trim());
                let head = format!(
                    "<!doctype html><meta charset=utf-8><title>{}</title>",
                    escaped(title.unwrap_or_default())
                );
                self.pages.push(Page {
                    source,
                    category,
                    kind: Kind::Html,
                    bytes: head.into_bytes(),
                });
                open = true;
            } else if open && let Some(page) = self.pages.last_mut() {
                let line = format!("\n<p>{}</p>", escaped(line.trim()));
                page.bytes.extend_from_slice(line.as_bytes());
            }
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The place of a category, nothing for pages that must pass; `None` where it is unknown.
fn category(label: &str, categories: &[String]) -> Option<Option<usize>> {
    if label == EDUCATION {
        return Some(None);
    }
    let place = categories.iter().position(|known| known == label)?;
    Some(Some(place))
}

fn kind(file: &Path) -> Kind {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Kind::Html,
        Some("json") => Kind::Json,
        Some("txt" | "md") => Kind::Text,
        _ => Kind::Unknown,
    }
}

/// Every file below a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let (mut all, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push(path);
            }
        }
    }
    all.sort();
    Ok(all)
}
