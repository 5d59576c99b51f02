//! The built-in sample list: fictional sites, so that a new installation has something to show.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::compile::{CompileError, Compiler, Section};
use crate::lookup::Catalogue;
use crate::parse::{Format, parse};

/// The sample list in [`Format::Sections`]: for each standard category `NAME.pharos.test` and a
/// few invented sites.
pub fn sample_list() -> &'static str {
    include_str!("../data/sample-list.txt")
}

/// The sample list alone, compiled as list `sample`, version 1.
///
/// # Errors
/// None in practice: the built-in list is checked by the tests of this crate.
pub fn sample(now: Timestamp) -> Result<Catalogue, CompileError> {
    let mut compiler = Compiler::new(1, 1, now);
    let list = compiler.list("sample", 1, now)?;
    let mut sections: HashMap<String, Section> = HashMap::new();
    let mut failed = None;
    parse(Format::Sections, sample_list().as_bytes(), &mut |entry| {
        let Some(category) = entry.category else {
            return;
        };
        let section = match sections.get(category) {
            Some(section) => *section,
            None => match compiler.section(list, category) {
                Ok(section) => *sections.entry(category.to_owned()).or_insert(section),
                Err(error) => {
                    failed = Some(error);
                    return;
                }
            },
        };
        compiler.add(section, entry);
    });
    match failed {
        Some(error) => Err(error),
        // What `finish` writes, `open` reads: the tests hold that.
        None => {
            Ok(Catalogue::open(compiler.finish()?.into()).unwrap_or_else(|_| Catalogue::empty()))
        }
    }
}
