//! Dictionaries and sets to numbers: phrases, what they belong to, and the lines that count them.
//!
//! A phrase belongs to concepts: itself, where a line names it, and the sets that hold it. What
//! must stand near each other is a concept too, found when its members are.

use std::collections::HashMap;
use std::sync::Arc;

use super::compiled::{
    Beside, Concept, DictionariesError, Group, Line, Meeting, NO_SEAT, PHRASES_TOTAL_MAX, Span,
    THEMES_MAX, Tables, Theme,
};
use super::dictionary::{Dictionary, DictionaryProblem};
use super::line::{Gap, Part, Phrase, Unit};
use super::sets::Sets;
use super::vocabulary::Vocabulary;

/// How deep sets may hold sets.
const DEPTH_MAX: usize = 8;
/// The most memberships of phrases in concepts.
const MEMBERS_TOTAL_MAX: usize = 1_000_000;

/// A part as numbers: its units' concepts, how near they stand, and what guards them.
type Key = (Vec<u32>, Vec<Gap>, Option<(u32, u8)>);

/// A concept whose lines and groups are being gathered.
#[derive(Default)]
pub(super) struct Draft {
    lines: Vec<u32>,
    counted: bool,
    /// Each with the unit next to it.
    meetings: Vec<(u32, Meeting)>,
    placed: bool,
}

impl Draft {
    pub(super) fn into_concept(mut self, seat: u32, seats: &[u32], tables: &mut Tables) -> Concept {
        let seat_of = |next: u32| seats.get(next as usize).copied().unwrap_or(NO_SEAT);
        self.meetings.sort_by_key(|(next, _)| seat_of(*next));
        let same = self.meetings.chunk_by(|(a, _), (b, _)| a == b);
        let besides = same.map(|same| {
            let within = same.iter().map(|(_, meeting)| u32::from(meeting.within));
            Beside {
                next: same.first().map_or(NO_SEAT, |(next, _)| seat_of(*next)),
                within: within.max().unwrap_or(0),
                meetings: Span::put(&mut tables.meetings, same.iter().map(|(_, one)| *one)),
            }
        });
        Concept {
            besides: Span::put(&mut tables.besides, besides),
            lines: Span::put(&mut tables.lines, self.lines),
            seat,
            counted: self.counted,
        }
    }
}

/// Everything but the tables of words.
#[derive(Default)]
pub(super) struct Compiled<'a> {
    pub(super) themes: Vec<Theme>,
    pub(super) lines: Vec<Line>,
    pub(super) concepts: Vec<Draft>,
    pub(super) groups: Vec<Group>,
    /// Folded phrases to their numbers.
    pub(super) numbers: HashMap<&'a [u8], u32>,
    /// Their text, how many words they have, and the concepts that they belong to.
    pub(super) phrases: Vec<(Arc<str>, u32, Vec<u32>)>,
    sets: HashMap<(usize, &'a str), u32>,
    alone: HashMap<u32, u32>,
    near: HashMap<Key, u32>,
    members: usize,
}

/// The sets that a line may name: those of its dictionary, then the shared ones.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// The dictionary's place from 1, or nought for the shared sets.
    place: usize,
    own: Option<&'a Sets>,
    shared: &'a Sets,
}

impl<'a> Scope<'a> {
    fn find(self, name: &str) -> Option<(Scope<'a>, &'a [Unit])> {
        if let Some(units) = self.own.and_then(|own| own.get(name)) {
            return Some((self, units));
        }
        let shared = Scope {
            place: 0,
            own: None,
            ..self
        };
        Some((shared, self.shared.get(name)?))
    }
}

impl<'a> Compiled<'a> {
    pub(super) fn of(
        dictionaries: &'a [Dictionary],
        shared: &'a Sets,
        words: &'a Vocabulary,
    ) -> Result<Self, DictionariesError> {
        let mut all = Self::default();
        for (place, dictionary) in dictionaries.iter().enumerate() {
            let theme = theme_of(&mut all.themes, dictionary);
            let theme = u16::try_from(theme).unwrap_or(u16::MAX);
            let scope = Scope {
                place: place + 1,
                own: Some(&dictionary.sets),
                shared,
            };
            for entry in &dictionary.entries {
                let of = (theme, dictionary.own.as_ref());
                let line = all.line(of, entry.weight, &entry.text, &entry.parts, scope);
                line.map_err(|message| wrong(dictionary, &entry.text, message))?;
            }
        }
        if all.themes.len() > THEMES_MAX {
            let text = format!("the dictionaries find more than {THEMES_MAX} categories");
            return Err(DictionariesError::TooMuch(text));
        }
        if all.numbers.len() + words.len() > PHRASES_TOTAL_MAX || all.members > MEMBERS_TOTAL_MAX {
            let text = format!("the dictionaries hold more than {PHRASES_TOTAL_MAX} phrases");
            return Err(DictionariesError::TooMuch(text));
        }
        Ok(all)
    }

    /// Gives a seat to every concept that is asked where it stood; they stand in the groups from now on.
    pub(super) fn take_seats(&mut self, tables: &mut Tables) -> Vec<u32> {
        let mut taken = 0;
        let seat = |draft: &Draft| {
            taken += u32::from(draft.placed);
            if draft.placed { taken - 1 } else { NO_SEAT }
        };
        let seats: Vec<u32> = self.concepts.iter().map(seat).collect();
        for group in &mut self.groups {
            for unit in &mut group.units {
                *unit = seats[*unit as usize];
            }
            if let Some((guard, _)) = &mut group.guard {
                *guard = seats[*guard as usize];
            }
        }
        tables.seats = taken as usize;
        seats
    }

    fn line(
        &mut self,
        (theme, own): (u16, Option<&Arc<str>>),
        weight: i32,
        text: &Arc<str>,
        parts: &'a [Part],
        scope: Scope<'a>,
    ) -> Result<(), String> {
        let mut concepts = Vec::with_capacity(parts.len());
        for part in parts {
            let concept = self.part(part, scope)?;
            if !concepts.contains(&concept) {
                concepts.push(concept);
            }
        }
        let number = number(self.lines.len());
        for concept in &concepts {
            self.concepts[*concept as usize].counted = true;
        }
        if let Some(first) = concepts.first() {
            self.concepts[*first as usize].lines.push(number);
        }
        self.lines.push(Line {
            theme,
            weight,
            text: Arc::clone(text),
            own: own.cloned(),
            parts: concepts.into(),
        });
        Ok(())
    }

    fn part(&mut self, part: &'a Part, scope: Scope<'a>) -> Result<u32, String> {
        let units = part
            .units
            .iter()
            .map(|unit| self.unit(unit, scope))
            .collect::<Result<Vec<_>, _>>()?;
        if let [one] = units[..] {
            return Ok(one);
        }
        let guard = match &part.guard {
            None => None,
            Some((unit, within)) => Some((self.unit(unit, scope)?, *within)),
        };
        let key = (units, part.gaps.clone(), guard);
        if let Some(known) = self.near.get(&key) {
            return Ok(*known);
        }
        let concept = self.concept();
        let group = number(self.groups.len());
        for (place, unit) in key.0.iter().enumerate() {
            self.concepts[*unit as usize].placed = true;
            let beside = if place == 0 { 1 } else { place - 1 };
            let meeting = Meeting {
                group,
                place: u8::try_from(place).unwrap_or(u8::MAX),
                within: key.1[place.max(1) - 1].within,
            };
            let meetings = &mut self.concepts[*unit as usize].meetings;
            meetings.push((key.0[beside], meeting));
        }
        if let Some((guard, _)) = guard {
            self.concepts[guard as usize].placed = true;
        }
        self.groups.push(Group {
            concept,
            units: key.0.clone().into(),
            gaps: key.1.clone().into(),
            guard,
        });
        self.near.insert(key, concept);
        Ok(concept)
    }

    fn unit(&mut self, unit: &'a Unit, scope: Scope<'a>) -> Result<u32, String> {
        match unit {
            Unit::Phrase(phrase) => {
                let phrase = self.phrase(phrase);
                if let Some(known) = self.alone.get(&phrase) {
                    return Ok(*known);
                }
                let concept = self.concept();
                self.alone.insert(phrase, concept);
                self.join(phrase, concept);
                Ok(concept)
            }
            Unit::Set(name) => {
                let (home, units) = scope
                    .find(name)
                    .ok_or_else(|| format!("there is no set {name}"))?;
                if let Some(known) = self.sets.get(&(home.place, name)) {
                    return Ok(*known);
                }
                let concept = self.concept();
                self.fill(concept, units, home, DEPTH_MAX)
                    .map_err(|message| format!("the set {name}: {message}"))?;
                self.sets.insert((home.place, name), concept);
                Ok(concept)
            }
        }
    }

    fn fill(
        &mut self,
        concept: u32,
        units: &'a [Unit],
        scope: Scope<'a>,
        depth: usize,
    ) -> Result<(), String> {
        for unit in units {
            match unit {
                Unit::Phrase(phrase) => {
                    let phrase = self.phrase(phrase);
                    self.join(phrase, concept);
                }
                Unit::Set(name) => {
                    let (home, inner) = scope
                        .find(name)
                        .ok_or_else(|| format!("there is no set {name}"))?;
                    if depth == 0 || self.members > MEMBERS_TOTAL_MAX {
                        return Err("it holds itself, or too many sets in sets".to_owned());
                    }
                    self.fill(concept, inner, home, depth - 1)?;
                }
            }
        }
        Ok(())
    }

    fn join(&mut self, phrase: u32, concept: u32) {
        self.members += 1;
        let (.., concepts) = &mut self.phrases[phrase as usize];
        if !concepts.contains(&concept) {
            concepts.push(concept);
        }
    }

    fn phrase(&mut self, phrase: &'a Phrase) -> u32 {
        let next = number(self.numbers.len());
        let place = *self.numbers.entry(&phrase.folded).or_insert(next);
        if place == next {
            let blanks = phrase.folded.iter().filter(|b| **b == b' ').count();
            let whole = phrase.folded.ends_with(b" ");
            let words = number(blanks - usize::from(whole && blanks > 1));
            let text = Arc::clone(&phrase.text);
            self.phrases.push((text, words.max(1), Vec::new()));
        }
        place
    }

    fn concept(&mut self) -> u32 {
        self.concepts.push(Draft::default());
        number(self.concepts.len() - 1)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn wrong(dictionary: &Dictionary, line: &str, message: String) -> DictionariesError {
    let message = format!("in {line:?}: {message}");
    DictionariesError::Wrong {
        name: format!("{} ({})", dictionary.category, dictionary.language),
        problems: vec![DictionaryProblem { line: 1, message }],
    }
}

/// The place of a dictionary's category among the themes, put in where it is new.
fn theme_of(themes: &mut Vec<Theme>, dictionary: &Dictionary) -> usize {
    let version = (Arc::clone(&dictionary.language), dictionary.version);
    let place = themes
        .iter()
        .position(|theme| theme.category == dictionary.category);
    if let Some(theme) = place.and_then(|place| themes.get_mut(place)) {
        for (mine, theirs) in theme.thresholds.iter_mut().zip(dictionary.thresholds) {
            *mine = (*mine).min(theirs);
        }
        theme.distress |= dictionary.distress;
        if &*dictionary.language == "en" {
            theme.title = Arc::clone(&dictionary.title);
        }
        theme.versions.push(version.clone());
    }
    place.unwrap_or_else(|| {
        themes.push(Theme {
            category: Arc::clone(&dictionary.category),
            title: Arc::clone(&dictionary.title),
            thresholds: dictionary.thresholds,
            distress: dictionary.distress,
            versions: vec![version],
        });
        themes.len() - 1
    })
}
