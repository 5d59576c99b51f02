//! The kinds that entries are told in: levels, methods, agencies, outcomes, files.

use serde::{Deserialize, Serialize};

/// The two kinds of record a report may be (CON-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// A safeguarding concern.
    Safeguarding,
    /// Behaviour.
    Behaviour,
    /// Technical.
    Technical,
}

/// How serious the lead takes it to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High: closing needs a second reader.
    High,
}

/// How somebody was contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Face to face.
    InPerson,
    /// By telephone.
    Telephone,
    /// By letter.
    Letter,
    /// By e-mail or message that says only "please call" or carries a link.
    Message,
    /// On an agency's own form or portal.
    Portal,
}

/// Why parents are not told, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyNotTold {
    /// Telling them would put the child at risk.
    RiskToChild,
    /// The police or social care asked the school to wait.
    AgencyAskedToWait,
    /// Telling them would harm an investigation.
    WouldHarmInvestigation,
    /// A child able to decide objects, and this was weighed.
    ChildObjects,
    /// The parent is themselves the worry.
    ParentIsSubject,
    /// No safety reason: the lead weighed it, and it is not needed. Only where the school leaves
    /// it to the lead ([`ParentDuty`](crate::ParentDuty)).
    NotNeeded,
}

/// Bodies outside the school that a case may be taken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agency {
    /// Police, 999 or 101.
    Police,
    /// Internet Watch Foundation: addresses only.
    Iwf,
    /// Child Exploitation and Online Protection.
    Ceop,
    /// Children's social care.
    SocialCare,
    /// The local authority's designated officer for adults who work with children.
    Lado,
    /// The local education safeguarding adviser.
    Adviser,
    /// Police Prevent team or Channel.
    Prevent,
    /// Another school.
    OtherSchool,
    /// Anybody else; the entry says whom.
    Other,
}

impl Agency {
    /// Every agency.
    pub const ALL: &'static [Agency] = &[
        Agency::Police,
        Agency::Iwf,
        Agency::Ceop,
        Agency::SocialCare,
        Agency::Lado,
        Agency::Adviser,
        Agency::Prevent,
        Agency::OtherSchool,
        Agency::Other,
    ];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Agency::Police => "police",
            Agency::Iwf => "iwf",
            Agency::Ceop => "ceop",
            Agency::SocialCare => "social-care",
            Agency::Lado => "lado",
            Agency::Adviser => "adviser",
            Agency::Prevent => "prevent",
            Agency::OtherSchool => "other-school",
            Agency::Other => "other",
        }
    }

    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Agency::Police => "Police",
            Agency::Iwf => "Internet Watch Foundation",
            Agency::Ceop => "CEOP",
            Agency::SocialCare => "Children's social care",
            Agency::Lado => "Designated officer (LADO)",
            Agency::Adviser => "Education safeguarding adviser",
            Agency::Prevent => "Prevent or Channel",
            Agency::OtherSchool => "Another school",
            Agency::Other => "Another body",
        }
    }
}

/// What a lesson learnt changes (CON-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LessonKind {
    /// Nothing needs to change; the entry says why.
    None,
    /// The policy.
    Policy,
    /// The curriculum.
    Curriculum,
    /// The filter or the watch rules.
    Filtering,
    /// Training.
    Training,
    /// A procedure.
    Procedure,
}

/// How it ended, in words that can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Talked through and taught.
    Education,
    /// Support was given.
    Support,
    /// Handled under the behaviour policy.
    BehaviourPolicy,
    /// Handed to an agency.
    Referred,
    /// The filter was changed.
    FilterChanged,
    /// Looked into; nothing further needed.
    NothingFurther,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] = &[
        Outcome::Education,
        Outcome::Support,
        Outcome::BehaviourPolicy,
        Outcome::Referred,
        Outcome::FilterChanged,
        Outcome::NothingFurther,
    ];

    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Outcome::Education => "Talked through and taught",
            Outcome::Support => "Support given",
            Outcome::BehaviourPolicy => "Handled under the behaviour policy",
            Outcome::Referred => "Handed to an agency",
            Outcome::FilterChanged => "Filter changed",
            Outcome::NothingFurther => "Looked into, nothing further needed",
        }
    }
}

/// A reason given for a road not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonAgainst {
    /// The option not taken.
    pub option: String,
    /// Why not.
    pub reason: String,
}

/// What kind of file somebody wants to attach; decided before any byte is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// Plain text or a document without pictures.
    Text,
    /// A picture, screenshot or scan.
    Picture,
    /// A video or a recording of a screen.
    Video,
    /// Sound.
    Sound,
    /// Anything else; treated as a picture.
    Other,
}

impl Media {
    /// The kind that a media type such as `image/png` names; unknown ones are `Other`.
    pub fn from_mime(mime: &str) -> Self {
        let mime = mime.trim().to_ascii_lowercase();
        match mime.split('/').next().unwrap_or_default() {
            // Vector pictures hide behind text types often enough: only plain text is text.
            "text" if mime.starts_with("text/plain") || mime.starts_with("text/csv") => Media::Text,
            "image" => Media::Picture,
            "video" => Media::Video,
            "audio" => Media::Sound,
            _ => Media::Other,
        }
    }

    /// Whether it may show something.
    pub const fn may_show(self) -> bool {
        !matches!(self, Media::Text | Media::Sound)
    }
}
