//! `browsers`: which may be used, and for whom others and the stores of extensions are closed.

use super::words::Words;
use crate::PolicySpec;
use crate::extensions::Extensions;
use crate::rule::Audience;
use crate::spec::ClosedSpec;

/// For whom other browsers are blocked, and for whom the stores of extensions; and the extensions that
/// are open.
pub(super) fn compile(
    spec: &PolicySpec,
    words: &mut Words<'_>,
) -> (Vec<Audience>, Vec<Audience>, Extensions) {
    let spec = &spec.browsers;
    let mut closed = |list: &[ClosedSpec], name: &str| {
        let one = |(n, closed): (usize, &ClosedSpec)| {
            let path = format!("browsers.{name}[{n}]");
            words.audience(&closed.groups, &closed.except, &path)
        };
        list.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let others = closed(&spec.block_others, "block-others");
    let stores = closed(&spec.close_stores, "close-stores");
    let extensions = Extensions::compile(&spec.extensions, &mut words.problems);
    (others, stores, extensions)
}
