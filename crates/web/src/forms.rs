//! From a use case's problems to the errors of a form, and small readings of what people type.

use pharos_service::Problem as Wrong;

use crate::components::{Errors, Problem};

/// The problems of a use case as the summary of a form.
pub(crate) fn errors_of(problems: Vec<Wrong>) -> Errors {
    Errors {
        problems: problems
            .into_iter()
            .map(|wrong| Problem {
                field: wrong.field.map(str::to_owned),
                text: wrong.text,
            })
            .collect(),
    }
}
