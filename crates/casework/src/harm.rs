//! Risk areas and harm types, as the policies list them (L-1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The four areas of online risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskArea {
    /// Being exposed to illegal, inappropriate or harmful material.
    Content,
    /// Harmful interaction with other people, or with software that pretends to be one.
    Contact,
    /// The young person's own behaviour.
    Conduct,
    /// Gambling, scams, phishing, unfair selling.
    Commerce,
}

impl RiskArea {
    /// All four, in the usual order.
    pub const ALL: &'static [RiskArea] = &[
        RiskArea::Content,
        RiskArea::Contact,
        RiskArea::Conduct,
        RiskArea::Commerce,
    ];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            RiskArea::Content => "content",
            RiskArea::Contact => "contact",
            RiskArea::Conduct => "conduct",
            RiskArea::Commerce => "commerce",
        }
    }

    /// The word shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            RiskArea::Content => "Content",
            RiskArea::Contact => "Contact",
            RiskArea::Conduct => "Conduct",
            RiskArea::Commerce => "Commerce",
        }
    }
}

impl fmt::Display for RiskArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

macro_rules! harms {
    ($($area:ident { $($variant:ident => $name:literal, $title:literal;)+ })+) => {
        /// What kind of harm a concern or an alert is about (L-1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Harm {
            $($(#[doc = $title] $variant,)+)+
        }

        impl Harm {
            /// Every harm type, grouped by risk area.
            pub const ALL: &'static [Harm] = &[$($(Harm::$variant,)+)+];

            /// The stored name.
            pub const fn name(self) -> &'static str {
                match self { $($(Harm::$variant => $name,)+)+ }
            }

            /// The words shown to people.
            pub const fn title(self) -> &'static str {
                match self { $($(Harm::$variant => $title,)+)+ }
            }

            /// The risk area it belongs to.
            pub const fn area(self) -> RiskArea {
                match self { $($(Harm::$variant => RiskArea::$area,)+)+ }
            }
        }
    };
}

harms! {
    Content {
        IllegalMaterial => "illegal-material", "Illegal material";
        SexualOrViolentMaterial => "sexual-or-violent-material", "Sexual or violent material";
        ExtremistMaterial => "extremist-material", "Extremist or terrorist material";
        HatredMaterial => "hatred-material", "Racial and other hatred";
        SelfHarmMaterial => "self-harm-material", "Self-harm or suicide material";
        WrongForAge => "wrong-for-age", "Material wrong for the age";
    }
    Contact {
        Grooming => "grooming", "Grooming";
        SexualAbuse => "sexual-abuse", "Online sexual abuse";
        SexualExploitation => "sexual-exploitation", "Sexual exploitation";
        CriminalExploitation => "criminal-exploitation", "Criminal exploitation";
        Coercion => "coercion", "Coercion and threats";
        Stalking => "stalking", "Stalking";
        Radicalisation => "radicalisation", "Radicalisation";
        UnwantedSexualMessages => "unwanted-sexual-messages", "Unwanted sexual comments and messages";
        Harassment => "harassment", "Harassment";
    }
    Commerce {
        FraudAndIdentityTheft => "fraud-and-identity-theft", "Fraud and identity theft";
        Gambling => "gambling", "Gambling";
    }
    Conduct {
        YouthProducedImagery => "youth-produced-imagery", "Youth-produced sexual imagery";
        Upskirting => "upskirting", "Upskirting";
        SharingWithoutAgreement => "sharing-without-agreement", "Sharing sexual images without agreement";
        SexualisedBullying => "sexualised-bullying", "Sexualised bullying";
        Cyberbullying => "cyberbullying", "Cyberbullying";
        PostingHate => "posting-hate", "Posting hate";
        UnderageAccounts => "underage-accounts", "Underage accounts";
        GivingAwayDetails => "giving-away-details", "Giving away personal details";
        PicturesWithoutPermission => "pictures-without-permission", "Pictures of others without permission";
        DeliberateAccess => "deliberate-access", "Deliberate access to unsuitable material";
        MisuseOfSystems => "misuse-of-systems", "Misuse of systems";
        HarmfulPostsByAdults => "harmful-posts-by-adults", "Harmful posts by adults";
    }
}

impl Harm {
    /// Whether the matter may involve sexual imagery of children, so that no picture is ever taken
    /// in (CON-15).
    pub const fn may_be_imagery(self) -> bool {
        matches!(
            self,
            Harm::IllegalMaterial
                | Harm::SexualAbuse
                | Harm::SexualExploitation
                | Harm::Grooming
                | Harm::YouthProducedImagery
                | Harm::Upskirting
                | Harm::SharingWithoutAgreement
        )
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// The text names no harm type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a harm type: the names are those of the list of harm types, such as \"grooming\""
)]
pub struct UnknownHarm(pub String);

impl FromStr for Harm {
    type Err = UnknownHarm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Harm::ALL
            .iter()
            .copied()
            .find(|harm| harm.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownHarm(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_harm_reads_back_from_its_stored_name() {
        for harm in Harm::ALL {
            assert_eq!(harm.name().parse::<Harm>(), Ok(*harm));
            let json = serde_json::to_string(harm).unwrap();
            assert_eq!(json, format!("\"{}\"", harm.name()));
        }
    }
}
