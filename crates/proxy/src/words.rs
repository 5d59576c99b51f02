//! The words on the pages: fitted to the reader's age, with the school's own words in them
//! (FIL-14).

use pharos_policy::{
    AI_SIGNED_OUT_RULE, AI_WORKSPACE_RULE, Action, EXTENSION_STORES_RULE, Layer, MAIL_CAP_RULE,
};
use pharos_school::YearGroup;

use crate::judge::{Filed, Verdict};

/// Whom a page speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgeBand {
    /// Early years and the first years of school: very short sentences.
    Youngest,
    /// The rest of primary or prep; also whoever is not known.
    Middle,
    /// Secondary and sixth form.
    Older,
    /// Staff, governors and other adults.
    Staff,
}

/// A place to turn to that is not the school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// Its name.
    pub name: String,
    /// How to reach it, in words: a telephone number, opening hours.
    pub reach: String,
    /// Its page, where there is one. Help sites are never blocked (FIL-13).
    pub url: Option<String>,
}

/// The school's own words and choices for the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The school's name.
    pub school: String,
    /// What the school calls its pupils, singular: `pupil`, `learner`.
    pub pupil: String,
    /// Whom to turn to about safety: `Mrs Arden, our safeguarding lead`.
    pub lead: String,
    /// Whom the youngest turn to: `your teacher`.
    pub adult: String,
    /// Places to turn to outside the school, most fitting first; at most six are shown.
    pub help_lines: Vec<HelpLine>,
    /// The oldest year that reads the youngest wording.
    pub youngest_to: YearGroup,
    /// The oldest year that reads the middle wording.
    pub middle_to: YearGroup,
}

impl Default for Words {
    fn default() -> Self {
        let line = |name: &str, reach: &str, url: &str| HelpLine {
            name: name.to_owned(),
            reach: reach.to_owned(),
            url: Some(url.to_owned()),
        };
        Self {
            school: "your school".to_owned(),
            pupil: "pupil".to_owned(),
            lead: "the safeguarding lead".to_owned(),
            adult: "your teacher".to_owned(),
            help_lines: vec![
                line(
                    "Childline",
                    "0800 1111, free, day and night",
                    "https://www.childline.org.uk/",
                ),
                line(
                    "CEOP Safety Centre",
                    "report someone who worries you online",
                    "https://www.ceop.police.uk/",
                ),
            ],
            youngest_to: YearGroup::from_number(2).unwrap_or(YearGroup::RECEPTION),
            middle_to: YearGroup::from_number(6).unwrap_or(YearGroup::OLDEST),
        }
    }
}

/// The sentences of a block page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockWords {
    pub(crate) title: &'static str,
    pub(crate) lead: String,
    pub(crate) upset_title: &'static str,
    pub(crate) upset: String,
    pub(crate) ask: &'static str,
    pub(crate) report: &'static str,
    pub(crate) help_title: &'static str,
    pub(crate) watched: String,
    pub(crate) limit: String,
}

impl Words {
    /// The band that a year group reads.
    pub fn band_of(&self, year: YearGroup) -> AgeBand {
        if year <= self.youngest_to {
            AgeBand::Youngest
        } else if year <= self.middle_to {
            AgeBand::Middle
        } else {
            AgeBand::Older
        }
    }

    /// The words of a page for a reader who may be in distress: help comes first (FIL-13).
    pub(crate) fn care(&self, band: AgeBand) -> BlockWords {
        let (lead, adult) = (&self.lead, &self.adult);
        let (title, text) = match band {
            AgeBand::Youngest => (
                "You can talk to someone",
                format!(
                    "If you feel sad, scared or hurt, tell {adult} now. You have not done anything wrong."
                ),
            ),
            AgeBand::Middle => (
                "You can talk to someone about this",
                format!(
                    "If something is hurting you or worrying you, tell {adult} or another adult you trust today. You are not in trouble, and you are not alone."
                ),
            ),
            AgeBand::Older => (
                "You do not have to manage this alone",
                format!(
                    "This page is not open here. If it is about you or a friend, talk to someone today: {lead}, an adult you trust, or one of the people below. If anyone is in danger now, call 999."
                ),
            ),
            AgeBand::Staff => (
                "This page is not open here",
                format!(
                    "If it is about a pupil, tell {lead} today. If it is about you, the people below are there for adults as well."
                ),
            ),
        };
        BlockWords {
            title,
            lead: text,
            ..self.block(band)
        }
    }

    /// The same in a few lines, for programs that show what they are told.
    pub(crate) fn care_in_short(&self, band: AgeBand) -> String {
        let care = self.care(band);
        let mut text = format!("{}\n{}\n", care.title, care.lead);
        for line in self.help_lines.iter().take(3) {
            text.push_str(&format!("{}: {}\n", line.name, line.reach));
        }
        text
    }

    /// The same in one line, where there is no room for more.
    pub(crate) fn in_one_line(&self, verdict: &Verdict, band: AgeBand) -> String {
        if verdict.text().is_some_and(|over| over.distress) {
            let lines = self.help_lines.first();
            let help = lines.map_or(String::new(), |line| {
                format!(" {}: {}.", line.name, line.reach)
            });
            return format!("{}.{help}", self.care(band).title);
        }
        format!("Stopped by {}\u{2019}s web filter.", self.school)
    }

    /// What a program is told of a refusal, for its reader: help where they may be in distress.
    pub(crate) fn refusal(&self, verdict: &Verdict, band: AgeBand) -> String {
        if verdict.text().is_some_and(|over| over.distress) {
            return self.care_in_short(band);
        }
        let school = &self.school;
        let why = why(verdict, band);
        format!("{school}\u{2019}s web filter did not let this through. {why}")
    }

    pub(crate) fn block(&self, band: AgeBand) -> BlockWords {
        let (school, lead, adult) = (&self.school, &self.lead, &self.adult);
        match band {
            AgeBand::Youngest => BlockWords {
                title: "This page is blocked",
                lead: format!("{school} keeps this page shut. You have not done anything wrong."),
                upset_title: "Did you see something that made you sad or worried?",
                upset: format!("Turn the screen off. Then tell {adult}. You will not be in trouble."),
                ask: "Ask for this page",
                report: "Something is wrong",
                help_title: "You can also talk to",
                watched: "Grown-ups at school can see which pages are opened here.".to_owned(),
                limit: "We try to keep bad pages away. Sometimes one gets through. If that happens, tell a grown-up.".to_owned(),
            },
            AgeBand::Middle => BlockWords {
                title: "This site is blocked",
                lead: format!("{school} has blocked this site. If you came here by accident, that is all right."),
                upset_title: "Seen something wrong or upsetting?",
                upset: format!("Switch the screen off and tell {adult} or another adult you trust. You will not be in trouble for telling."),
                ask: "Ask for this site",
                report: "Something is wrong",
                help_title: "Other people who help",
                watched: format!("{school} checks how the internet is used here, so that everyone stays safe."),
                limit: "No filter can stop everything. If something bad gets through, tell an adult.".to_owned(),
            },
            AgeBand::Older => BlockWords {
                title: "This site is blocked",
                lead: format!("{school}\u{2019}s filter has blocked this site. If you need it for your work, ask for it below."),
                upset_title: "Seen something wrong, upsetting or illegal?",
                upset: format!("Switch the screen off and tell an adult you trust, or {lead}. An honest report is never held against you."),
                ask: "Ask for this site",
                report: "Something is wrong",
                help_title: "Confidential help outside school",
                watched: format!("Use of {school}\u{2019}s network is filtered and monitored, and this block has been recorded."),
                limit: "No filter can promise complete safety; good judgement and people to talk to matter as much.".to_owned(),
            },
            AgeBand::Staff => BlockWords {
                title: "This site is blocked",
                lead: format!("{school}\u{2019}s filter has blocked this site under the policy in force for you."),
                upset_title: "Seen something wrong or harmful?",
                upset: format!("Switch the screen off, do not copy or forward anything, and tell {lead}."),
                ask: "Ask for this site",
                report: "Something is wrong",
                help_title: "Help outside school",
                watched: format!("Use of {school}\u{2019}s network is filtered and monitored, and this block has been recorded."),
                limit: format!("No filter can promise complete safety: supervision and teaching remain necessary. Tell {lead} about anything that should have been blocked."),
            },
        }
    }
}

/// Why, in a plain sentence for the reader: the category where one decided, else the kind of rule.
/// Never the list, never anything about a sealed hit.
pub(crate) fn why(verdict: &Verdict, band: AgeBand) -> String {
    if verdict.is_sealed() {
        return "It is blocked for everyone.".to_owned();
    }
    let why = reason(verdict, band);
    if verdict.is_for_where_it_leads() && band != AgeBand::Youngest {
        return format!("Its name leads to another site. {why}");
    }
    why
}

fn reason(verdict: &Verdict, band: AgeBand) -> String {
    if let Some(over) = verdict.text() {
        if band == AgeBand::Youngest {
            return "The words on it are not for you.".to_owned();
        }
        return format!(
            "Its words fall under \u{201c}{}\u{201d} ({over}).",
            over.category.replace('-', " ")
        );
    }
    if &*verdict.decision.rule == MAIL_CAP_RULE {
        return match band {
            AgeBand::Youngest => "You have had your time for mail today. It opens again tomorrow.",
            _ => "You have used today\u{2019}s time for mail outside lessons up. It opens again tomorrow.",
        }
        .to_owned();
    }
    if let Some(filed) = verdict.file() {
        return file_words(filed, band);
    }
    if verdict.browser().is_some() {
        return match band {
            AgeBand::Youngest => "Ask a grown-up to open it another way.",
            _ => "This browser may not be used here. Open the page in one that the school has installed.",
        }
        .to_owned();
    }
    if let Some(category) = verdict.reason_category() {
        return category_words(&category, band);
    }
    match (&*verdict.decision.rule, band) {
        (AI_SIGNED_OUT_RULE, AgeBand::Youngest) => {
            return "Ask your teacher to sign you in.".to_owned();
        }
        (AI_SIGNED_OUT_RULE, _) => {
            return "This tool may only be used with an account; sign in to it first.".to_owned();
        }
        (EXTENSION_STORES_RULE, AgeBand::Youngest) => {
            return "Only grown-ups may load this.".to_owned();
        }
        (EXTENSION_STORES_RULE, _) => {
            return "Extensions and scripts come onto browsers through the network team."
                .to_owned();
        }
        (AI_WORKSPACE_RULE, AgeBand::Youngest) => {
            return "It is not the school\u{2019}s own.".to_owned();
        }
        (AI_WORKSPACE_RULE, _) => {
            return "This tool may only be used with the school\u{2019}s own account.".to_owned();
        }
        _ => {}
    }
    if &*verdict.decision.rule == pharos_policy::NO_POLICY {
        return match band {
            AgeBand::Youngest => "Web pages are not ready just now. Ask your teacher.",
            _ => "The filter has no rules to go by just now, so only help sites are open. The network team has been told.",
        }
        .to_owned();
    }
    if verdict.decision.action == Action::Warn {
        return "The school\u{2019}s policy advises against this site.".to_owned();
    }
    let text = match (verdict.decision.layer, band) {
        (_, AgeBand::Youngest) => "It is not one of the pages for your class.",
        (Layer::Floor, _) => "The group of schools that yours belongs to has blocked this site.",
        (Layer::SchoolBlock, _) => "The school has blocked this site.",
        (Layer::Personal, _) => "A rule for your account blocks this site.",
        (Layer::LessonList, _) => "This site is not on the list for this lesson.",
        (Layer::Group, _) => "This site is not open to your group at this time.",
        _ if verdict.who.person().is_none() => {
            "Nobody is signed in on this device, so the strictest rules apply."
        }
        _ => "This site has not been opened for your group.",
    };
    text.to_owned()
}

fn file_words(filed: &Filed, band: AgeBand) -> String {
    match (filed, band) {
        (Filed::Kind(_), AgeBand::Youngest) => "Only grown-ups may load this.".to_owned(),
        (Filed::Kind(kind), _) => {
            let kind = kind.name().replace('-', " ");
            format!(
                "You have no permission to download files of this kind ({kind}). The network team installs what lessons need."
            )
        }
        (_, AgeBand::Youngest) => "It could harm this computer.".to_owned(),
        (Filed::Virus(name), _) => {
            format!(
                "The anti-virus engine found something harmful in this file ({name}). Do not try to get it another way; tell the network team if you need it."
            )
        }
        (Filed::Unscanned(why), _) => {
            format!(
                "This file could not be checked for viruses ({why}). Try again later, or ask the network team."
            )
        }
    }
}

fn category_words(category: &str, band: AgeBand) -> String {
    let young = band == AgeBand::Youngest;
    let text = match category {
        "pornography" | "adult" | "lingerie" | "dating" if young => "It is for adults.",
        "pornography" | "adult" => "It is in a category for adults only.",
        "gaming" | "games" if young => "Games are not open now.",
        "gaming" | "games" => "It is a games site.",
        "social-media" | "chat" if young => "It is for talking with people you may not know.",
        "social-media" => "It is a social media site.",
        "chat" => "It is a chat site.",
        "malware" | "phishing" | "hacking" if young => "It could harm this computer.",
        "malware" | "phishing" => "It may harm this device or steal passwords.",
        "avoidance" => "It is a way round the filter.",
        "webmail" => "It is personal e-mail.",
        _ if young => "It is not a page for school.",
        other => {
            return format!(
                "It is in the category \u{201c}{}\u{201d}.",
                other.replace(['-', '_'], " ")
            );
        }
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-14: a Year 3 and a Year 10 pupil get different wording and the same buttons.
    #[test]
    fn fil_14_wording_differs_by_age_and_buttons_do_not() {
        let words = Words::default();
        let year = |n| YearGroup::from_number(n).unwrap();
        let (three, ten) = (words.band_of(year(3)), words.band_of(year(10)));
        assert_eq!((three, ten), (AgeBand::Middle, AgeBand::Older));
        assert_eq!(words.band_of(YearGroup::NURSERY), AgeBand::Youngest);
        let (a, b) = (words.block(three), words.block(ten));
        assert_ne!(a.upset, b.upset);
        assert_eq!((a.ask, a.report), (b.ask, b.report));
    }

    /// FIL-13: whoever may be in distress reads of help first, in words for their age.
    #[test]
    fn fil_13_distress_is_met_with_help() {
        let words = Words::default();
        let all = [
            AgeBand::Youngest,
            AgeBand::Middle,
            AgeBand::Older,
            AgeBand::Staff,
        ];
        for band in all {
            let (care, block) = (words.care(band), words.block(band));
            assert_ne!(care.title, block.title);
            assert!(
                care.lead.contains(&words.adult) || care.lead.contains(&words.lead),
                "{band:?}"
            );
            assert_eq!(care.ask, block.ask);
        }
    }

    /// FIL-20: every notice says that no filter is complete.
    #[test]
    fn fil_20_every_band_reads_the_honest_limit() {
        let words = Words::default();
        for band in [
            AgeBand::Youngest,
            AgeBand::Middle,
            AgeBand::Older,
            AgeBand::Staff,
        ] {
            let block = words.block(band);
            assert!(
                block.limit.contains("No filter")
                    || block.limit.contains("Sometimes one gets through")
            );
            assert!(
                block.upset.to_lowercase().contains("screen off"),
                "{band:?}"
            );
        }
    }
}
