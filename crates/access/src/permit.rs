//! The permission as a value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::{Act, Actor, AlertFacts, CaseFacts, Kind, Rules, Subject};

/// That an actor may do an act to a subject. Only [`Rules::may`] makes one.
#[derive(Debug, Clone)]
pub struct Warrant {
    act: Act,
    actor: Actor,
    subject: Subject,
    reason: Option<Arc<str>>,
    rules: Arc<Rules>,
}

impl Warrant {
    pub(crate) fn new(act: Act, actor: Actor, subject: Subject, rules: Arc<Rules>) -> Self {
        Self {
            act,
            actor,
            subject,
            reason: None,
            rules,
        }
    }

    /// The act.
    pub fn act(&self) -> Act {
        self.act
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// To what.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The reason given, where the act asks for one.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether the actor may know that this case exists: the filter of every list and count.
    pub fn sees_case(&self, facts: &CaseFacts) -> bool {
        self.rules.sees_case(&self.actor, facts)
    }

    /// Whether the actor may know that this alert exists: the filter of every list and count.
    pub fn sees_alert(&self, facts: &AlertFacts) -> bool {
        self.rules.sees_alert(&self.actor, facts)
    }
}

/// A [`Warrant`] for one kind of act, known to the compiler. It cannot be made by hand:
///
/// ```compile_fail
/// use pharos_access::{Permit, act};
/// let forged: Permit<act::ReadCase> = Permit { warrant: todo!(), kind: std::marker::PhantomData };
/// ```
pub struct Permit<A: Kind> {
    warrant: Warrant,
    kind: PhantomData<fn() -> A>,
}

impl<A: Kind> Permit<A> {
    pub(crate) fn new(warrant: Warrant) -> Self {
        Self {
            warrant,
            kind: PhantomData,
        }
    }

    /// The permit with the reason that the person gave, kept with the reading (CON-14, AUD-05).
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.warrant.reason = Some(reason.into());
        self
    }

    /// The warrant without the kind.
    pub fn warrant(&self) -> &Warrant {
        &self.warrant
    }
}

impl<A: Kind> Deref for Permit<A> {
    type Target = Warrant;

    fn deref(&self) -> &Warrant {
        &self.warrant
    }
}

impl<A: Kind> Clone for Permit<A> {
    fn clone(&self) -> Self {
        Self::new(self.warrant.clone())
    }
}

impl<A: Kind> fmt::Debug for Permit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Permit({} to {} on {})",
            self.warrant.actor, self.warrant.act, self.warrant.subject
        )
    }
}
