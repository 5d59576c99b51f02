//! Everything that a page can ask of a case: its place in the address, its words.

macro_rules! doings {
    ($($name:ident = $slug:literal, $title:literal, $button:literal;)+) => {
        /// The forms of a case by their place in the address: `/cases/{id}/do/{form}`.
        pub const CASE_FORMS: &[&str] = &[$($slug,)+];

        /// One form of a case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Doing { $(#[doc = $title] $name,)+ }

        impl Doing {
            /// Every one.
            #[cfg(test)]
            pub(super) const ALL: &'static [Doing] = &[$(Doing::$name,)+];

            /// Its place in the address: `/cases/{id}/do/{slug}`.
            pub(super) const fn slug(self) -> &'static str {
                match self { $(Doing::$name => $slug,)+ }
            }

            /// The reverse of [`Doing::slug`].
            pub(super) fn from_slug(slug: &str) -> Option<Self> {
                match slug { $($slug => Some(Doing::$name),)+ _ => None }
            }

            /// The heading of its page.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Doing::$name => $title,)+ }
            }

            /// The words on its button.
            pub(super) const fn button(self) -> &'static str {
                match self { $(Doing::$name => $button,)+ }
            }
        }
    };
}

doings! {
    Acknowledge = "acknowledge", "Acknowledge the report", "I have seen it";
    Danger = "danger", "Is anyone in immediate danger?", "Record the answer";
    Call = "call", "Record the emergency call", "Record the call";
    Step = "step", "Record this step", "Record as done";
    Decline = "decline", "Do not take this step", "Record why not";
    Decide = "decide", "Decide", "Record the decision";
    Classify = "classify", "Say what kind of incident it is", "Classify the case";
    Illegal = "illegal", "Mark as possibly illegal", "It may be illegal";
    AddPerson = "person", "Add somebody involved", "Add";
    Identify = "identify", "Match a name with the roll", "Match";
    TellParent = "parents", "Record a contact with parents", "Record the contact";
    NotTold = "not-told", "Decide not to tell parents, or not yet", "Record the decision";
    ParentReply = "reply", "Record what a parent answered", "Record";
    Action = "action", "Set something to do", "Set the action";
    FinishAction = "action-done", "Record an action as done", "Record as done";
    CancelAction = "action-cancelled", "Cancel an action", "Cancel the action";
    Refer = "refer", "Record a referral or report outside", "Record the referral";
    Answer = "answer", "Record what an agency answered", "Record the answer";
    Supplier = "supplier", "Record the report to the supplier", "Record the report";
    SupplierAnswer = "supplier-answer", "Record what the supplier answered", "Record the answer";
    Contain = "contain", "Block an address now", "Block it now";
    Fix = "fix", "Record the lasting fix", "Record the fix";
    NoFix = "no-fix", "Decide that no fix is needed", "Record the decision";
    Retest = "retest", "Record that the fix was tried", "Record the test";
    Note = "note", "Add a note", "Add the note";
    Correct = "correct", "Write a correction", "Add the correction";
    Support = "support", "Record support for a child", "Record the support";
    Sanction = "sanction", "Record a sanction", "Record the sanction";
    Outcome = "outcome", "Record the outcome for one person", "Record the outcome";
    Link = "link", "Pass a worry to the lead", "Open it as a concern of its own";
    Debrief = "debrief", "Record the debrief", "Record the debrief";
    Lesson = "lesson", "Record what was learnt", "Record the lesson";
    ChildView = "view", "Record the child's view", "Record the view";
    SecondRead = "second-reading", "Second reading", "I agree that it may close";
    Close = "close", "Close the case", "Close the case";
    Reopen = "reopen", "Open the case again", "Open it again";
}
