//! What a use case answers when the answer is no. Two texts: one for the person, one for the log.

use std::fmt;

use pharos_access::Denied;

/// One thing wrong with what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field it belongs to, by its form name; `None` for the whole.
    pub field: Option<&'static str>,
    /// What is wrong and what to do, for the person.
    pub text: String,
}

impl Problem {
    /// A problem with one field.
    pub fn field(field: &'static str, text: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            text: text.into(),
        }
    }

    /// A problem with the whole.
    pub fn whole(text: impl Into<String>) -> Self {
        Self {
            field: None,
            text: text.into(),
        }
    }
}

/// Why a use case did not do what was asked. `Display` is the person's text.
#[derive(Debug)]
pub enum Error {
    /// Nothing there, or nothing that this person may know of: the two look alike.
    NotFound,
    /// The role or need-to-know says no. Already noted in the ledger.
    Denied(Denied),
    /// What was given cannot be used; every problem at once.
    Invalid(Vec<Problem>),
    /// A rule of the procedure or the policy refuses it, with what to do instead.
    Refused(String),
    /// Somebody else was quicker: look again.
    Changed,
    /// Too many tries; wait this many seconds.
    Throttled {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// Something under us failed. The reference is in the log beside the cause.
    Unavailable {
        /// To be searched for in the log.
        reference: String,
    },
}

impl Error {
    /// One problem with the whole.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::whole(text)])
    }

    /// One problem with a field.
    pub fn field(field: &'static str, text: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::field(field, text)])
    }

    /// Logs the cause under a fresh reference and keeps only the reference for the person.
    pub fn unavailable(what: &str, cause: &dyn std::error::Error) -> Self {
        let reference = reference();
        tracing::error!(%reference, what, cause = %Chain(cause), "a use case failed");
        Self::Unavailable { reference }
    }
}

/// Short enough to be read out on the telephone.
fn reference() -> String {
    let id = crate::clock::new_uuid().simple().to_string();
    id.chars().rev().take(8).collect::<String>().to_uppercase()
}

/// An error with everything under it, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("There is nothing here that you can open. Check the link, or ask the safeguarding lead."),
            Self::Denied(denied) => write!(f, "{denied}"),
            Self::Invalid(problems) => {
                let texts: Vec<_> = problems.iter().map(|problem| problem.text.as_str()).collect();
                f.write_str(&texts.join(" "))
            }
            Self::Refused(text) => f.write_str(text),
            Self::Changed => f.write_str("Somebody else changed this a moment ago. Look at it again, then repeat what you wanted to do."),
            Self::Throttled { wait_s } => write!(f, "Too many tries. Wait {wait_s} seconds, then try again."),
            Self::Unavailable { reference } => {
                write!(f, "Something went wrong here, not with you. Nothing was changed. Try again; if it stays, tell the technical team this reference: {reference}.")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}
