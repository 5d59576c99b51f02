//! Watch phrases: words that may mean that a child is at risk (MON-03).
//!
//! A watch list is data with a version. The built-in one is a beginning, written for schools in
//! mild words; a school adds its own. A match is a reason to look, never a verdict.
//!
//! ```text
//! # comment
//! version 3
//! [self-harm urgent]        theme and severity: notice, concern or urgent
//! how to hurt myself        a phrase
//! - self harm awareness     harmless here: a phrase inside this one does not count
//! ```

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};

use crate::fold::fold;

/// The most phrases of one list.
pub const PHRASES_MAX: usize = 20_000;
/// The longest phrase, in characters.
pub const PHRASE_MAX: usize = 120;
/// The most text looked at in one go, in bytes; what is longer is looked at up to there.
pub const TEXT_MAX: usize = 256 * 1024;
/// The most matches given back for one text, the gravest first.
pub const MATCHES_MAX: usize = 32;

/// The most places looked at in one text; a text that is nothing but watch phrases is told by then.
const HITS_MAX: usize = 65_536;

const BUILT_IN: &str = include_str!("../data/watch.txt");

/// How grave a match is, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a line in the weekly look.
    Notice,
    /// Somebody should look today.
    Concern,
    /// Somebody must look now.
    Urgent,
}

impl Severity {
    /// The name used in lists and alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Concern => "concern",
            Severity::Urgent => "urgent",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Severity::Notice, Severity::Concern, Severity::Urgent]
            .into_iter()
            .find(|severity| severity.name() == name)
    }
}

/// A phrase that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchMatch {
    /// The theme, such as `self-harm`.
    pub theme: Arc<str>,
    /// How grave.
    pub severity: Severity,
    /// The phrase as the list writes it.
    pub phrase: Arc<str>,
}

/// What is wrong in a list as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct WatchProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// A list ready to be searched for.
#[derive(Debug)]
pub struct WatchList {
    version: u32,
    phrases: Vec<Phrase>,
    finder: AhoCorasick,
}

#[derive(Debug)]
struct Phrase {
    found: WatchMatch,
    harmless: bool,
}

impl WatchList {
    /// The list that Pharos ships.
    ///
    /// # Errors
    /// None in a released build: a test reads it.
    pub fn built_in() -> Result<Self, Vec<WatchProblem>> {
        Self::parse(BUILT_IN)
    }

    /// The text of the list that Pharos ships, to begin an own one from.
    pub const fn built_in_text() -> &'static str {
        BUILT_IN
    }

    /// Reads a list.
    ///
    /// # Errors
    /// Everything that is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<WatchProblem>> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            if let Err(message) = reader.line(line.trim()) {
                reader.problems.push(WatchProblem {
                    line: number + 1,
                    message,
                });
            }
        }
        if reader.version.is_none() {
            let message = "no version; begin with a line such as: version 1".to_owned();
            reader.problems.push(WatchProblem { line: 1, message });
        }
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let folded = reader
            .phrases
            .iter()
            .map(|phrase| fold(&phrase.found.phrase));
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(folded);
        let finder = finder.map_err(|error| {
            vec![WatchProblem {
                line: 1,
                message: format!("the list is too large: {error}"),
            }]
        })?;
        Ok(Self {
            version: reader.version.unwrap_or_default(),
            phrases: reader.phrases,
            finder,
        })
    }

    /// The list's version; kept with every alert.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How many phrases are watched for.
    pub fn len(&self) -> usize {
        self.phrases
            .iter()
            .filter(|phrase| !phrase.harmless)
            .count()
    }

    /// Whether nothing is watched for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The phrases found as whole words, each once, the gravest first, then in the list's order;
    /// at most [`MATCHES_MAX`].
    pub fn find(&self, text: &str) -> Vec<WatchMatch> {
        let folded = fold(cut(text));
        let mut harmless = Vec::new();
        let mut found = Vec::new();
        for hit in self.finder.find_overlapping_iter(&folded).take(HITS_MAX) {
            let number = hit.pattern().as_usize();
            if self.phrases[number].harmless {
                harmless.push(hit.range());
            } else {
                found.push((number, hit.range()));
            }
        }
        let harmless = Covers::new(harmless);
        found.retain(|(_, at)| !harmless.cover(at));
        let mut numbers: Vec<usize> = found.into_iter().map(|(number, _)| number).collect();
        numbers.sort_by_key(|n| (std::cmp::Reverse(self.phrases[*n].found.severity), *n));
        numbers.dedup();
        numbers.truncate(MATCHES_MAX);
        numbers
            .into_iter()
            .map(|number| self.phrases[number].found.clone())
            .collect()
    }

    /// The gravest match, if there is one.
    pub fn gravest(&self, text: &str) -> Option<WatchMatch> {
        self.find(text).into_iter().next()
    }
}

/// Stretches of text that are harmless.
struct Covers {
    /// Sorted by start; each end is the furthest of all stretches that start no later.
    stretches: Vec<Range<usize>>,
}

impl Covers {
    fn new(mut stretches: Vec<Range<usize>>) -> Self {
        stretches.sort_by_key(|stretch| stretch.start);
        let mut furthest = 0;
        for stretch in &mut stretches {
            furthest = furthest.max(stretch.end);
            stretch.end = furthest;
        }
        Self { stretches }
    }

    fn cover(&self, at: &Range<usize>) -> bool {
        let until = self
            .stretches
            .partition_point(|stretch| stretch.start <= at.start);
        until > 0 && self.stretches[until - 1].end >= at.end
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[derive(Default)]
struct Reader {
    version: Option<u32>,
    section: Option<(Arc<str>, Severity)>,
    phrases: Vec<Phrase>,
    problems: Vec<WatchProblem>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(head) = line.strip_prefix('[') {
            return self.section(head);
        }
        if let Some(version) = line.strip_prefix("version ") {
            let version = version.trim().parse();
            self.version = Some(version.map_err(|_| "the version is not a number".to_owned())?);
            return Ok(());
        }
        let (phrase, harmless) = match line.strip_prefix("- ") {
            Some(phrase) => (phrase.trim(), true),
            None => (line, false),
        };
        self.phrase(phrase, harmless)
    }

    fn section(&mut self, head: &str) -> Result<(), String> {
        let inside = head
            .strip_suffix(']')
            .ok_or("the heading has no closing bracket")?;
        let (theme, severity) = inside
            .trim()
            .rsplit_once(' ')
            .ok_or("write the heading as [theme severity]")?;
        let severity = Severity::named(severity)
            .ok_or_else(|| format!("{severity:?} is not notice, concern or urgent"))?;
        self.section = Some((theme.trim().into(), severity));
        Ok(())
    }

    fn phrase(&mut self, phrase: &str, harmless: bool) -> Result<(), String> {
        let (theme, severity) = self
            .section
            .clone()
            .ok_or("a phrase before any heading such as [theme severity]")?;
        if phrase.chars().count() > PHRASE_MAX {
            return Err(format!("the phrase is longer than {PHRASE_MAX} characters"));
        }
        if fold(phrase) == " " {
            return Err("the phrase has no letters or digits".to_owned());
        }
        if self.phrases.len() >= PHRASES_MAX {
            return Err(format!(
                "more than {PHRASES_MAX} phrases; the rest is not read"
            ));
        }
        let found = WatchMatch {
            theme,
            severity,
            phrase: phrase.into(),
        };
        self.phrases.push(Phrase { found, harmless });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn themes(text: &str) -> Vec<(String, Severity)> {
        let list = WatchList::built_in().unwrap();
        list.find(text)
            .into_iter()
            .map(|m| (m.theme.to_string(), m.severity))
            .collect()
    }

    /// MON-03: the built-in list reads, has a version, and covers the themes a school must watch.
    #[test]
    fn mon_03_the_built_in_list_reads_and_covers_the_themes() {
        let list = WatchList::built_in().unwrap();
        assert!(list.version() >= 1 && list.len() > 100);
        for (text, theme) in [
            ("how to hurt myself without anyone knowing", "self-harm"),
            ("i want to end my life", "suicide"),
            ("how to make myself sick after eating", "eating-disorder"),
            ("how to join a terrorist group", "extremism"),
            ("everyone at school bullies me", "bullying"),
            ("where can i buy weed", "drugs"),
            ("he asked me to keep our chats secret", "grooming"),
            ("how to bring a knife into school", "weapons"),
            ("my dad hits me", "abuse"),
        ] {
            assert!(
                themes(text).iter().any(|(found, _)| found == theme),
                "{text}: {:?}",
                themes(text)
            );
        }
    }

    /// MON-03: written in disguise it is found all the same.
    #[test]
    fn mon_03_disguises_do_not_help() {
        for text in [
            "I WANT TO END MY LIFE",
            "i want to 3nd my l1fe",
            "i want to e\u{200b}nd my life",
            "i want to \u{435}nd my lif\u{435}",
            "why does he want to   end-my-life",
        ] {
            assert!(
                themes(text).iter().any(|(theme, _)| theme == "suicide"),
                "{text}"
            );
        }
    }

    /// FIL-12, MON-03: school work and safeguarding topics raise nothing.
    #[test]
    fn fil_12_lessons_and_innocent_words_raise_nothing() {
        for text in [
            "tide times harbour",
            "to kill a mockingbird chapter 3 summary",
            "suicide squad film trailer",
            "causes of the first world war weapons and tactics",
            "romeo and juliet suicide scene analysis",
            "knife skills food technology",
            "weed killer for the school garden",
            "anti bullying week poster",
            "drugs and alcohol pshe lesson",
            "prevent duty extremism training",
            "therapist near scunthorpe",
            "cell division killing time",
        ] {
            assert_eq!(themes(text), [], "{text}");
        }
    }

    #[test]
    fn whole_words_only_and_the_gravest_first() {
        let list =
            WatchList::parse("version 2\n[a notice]\ncat\n[b urgent]\ncat flap\n- cat flap repair")
                .unwrap();
        let found = |text| {
            list.find(text)
                .iter()
                .map(|m| m.phrase.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("concatenate cats"), [] as [&str; 0]);
        assert_eq!(found("a cat. CAT FLAP!"), ["cat flap", "cat"]);
        assert_eq!(found("cat flap repair"), [] as [&str; 0]);
        assert_eq!(found("cat flap repair, and a cat"), ["cat"]);
        assert_eq!(list.gravest("cat cat").unwrap().severity, Severity::Notice);
    }

    #[test]
    fn everything_wrong_is_reported_with_its_line() {
        let problems =
            WatchList::parse("phrase\n[x loud]\n[x\n[x notice]\n...\nversion two").unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3, 5, 6, 1]);
    }
}
