//! Extensions of Firefox that the school itself installs (`fil.firefox_extensions`, FIL-19): where the
//! browser's management fetches each from the store that is closed otherwise.
//!
//! Only the address that names the extension is open: `…/firefox/downloads/latest/NAME/…`. The store sends
//! on from there to a file with a number that says nothing of what is in it, so that a number is open only
//! where the store itself has just led to it from such an address ([`store_file`]).

use std::collections::HashSet;

use pharos_catalogue::{Address, Host};

use crate::{Policy, SpecProblem};

/// The store.
const STORE: &str = "addons.mozilla.org";
/// The most extensions.
pub(crate) const EXTENSIONS_MAX: usize = 200;
/// The longest name, in characters.
const NAME_MAX: usize = 255;

/// Whether a text can be an extension's id or its short name in the store: `ublock-origin`,
/// `uBlock0@raymondhill.net`, `{446900e4-71c2-419f-a6a7-df9c091e268b}`.
pub fn is_extension_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@{}+".contains(c);
    (1..=NAME_MAX).contains(&name.len())
        && name.chars().all(fits)
        && name.chars().any(|c| c.is_ascii_alphanumeric())
}

/// The extensions, in the words of canonical addresses.
#[derive(Debug, Default)]
pub(crate) struct Extensions(HashSet<Box<str>>);

impl Extensions {
    pub(crate) fn compile(names: &[String], problems: &mut Vec<SpecProblem>) -> Self {
        let mut set = HashSet::new();
        for (n, name) in names.iter().enumerate() {
            let known = Host::parse(STORE)
                .ok()
                .filter(|_| is_extension_name(name) && n < EXTENSIONS_MAX)
                .map(|host| Address::with_path(host, &format!("/{name}")));
            match known.as_ref().and_then(Address::path) {
                Some(path) => drop(set.insert(path.trim_start_matches('/').into())),
                None => problems.push(SpecProblem {
                    path: format!("browsers.extensions[{n}]"),
                    message: format!(
                        "{name:?} is no id or short name of an extension, or one too many; at most {EXTENSIONS_MAX} are named"
                    ),
                }),
            }
        }
        Self(set)
    }
}

impl Policy {
    /// Whether extensions are named at all, so that what is asked of the store's host cannot be told
    /// without the path.
    pub(crate) fn opens_store_by_path(&self, address: &Address) -> bool {
        !self.extensions.0.is_empty() && address.path().is_none() && is_store(address)
    }

    /// Whether an address is that of an extension that the school installs.
    pub fn permits_extension(&self, address: &Address) -> bool {
        let names = &self.extensions.0;
        !names.is_empty()
            && is_store(address)
            && downloads(address)
                .and_then(|rest| rest.strip_prefix("latest/"))
                .and_then(|rest| rest.split('/').next())
                .is_some_and(|name| names.contains(name))
    }
}

/// The number of the file that an address of the store leads to; `None` for any other address.
pub fn store_file(address: &Address) -> Option<u64> {
    let rest = Some(address)
        .filter(|address| is_store(address))
        .and_then(downloads)?;
    let number = rest.strip_prefix("file/")?.split('/').next()?;
    let digits = (1..=18).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| digits)
}

fn is_store(address: &Address) -> bool {
    address.host().as_str() == STORE
}

/// What stands behind `/firefox/downloads/`, with a language before it or not, without the query.
fn downloads(address: &Address) -> Option<&str> {
    const FIREFOX: &str = "firefox/downloads/";
    let path = address.path()?.split('?').next()?.strip_prefix('/')?;
    path.strip_prefix(FIREFOX).or_else(|| {
        let (language, rest) = path.split_once('/')?;
        let is_one = (2..=6).contains(&language.len())
            && language
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || b == b'-');
        rest.strip_prefix(FIREFOX).filter(|_| is_one)
    })
}
