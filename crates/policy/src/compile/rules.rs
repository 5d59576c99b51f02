//! Rules of every layer, in the published order.

use std::collections::HashSet;
use std::sync::Arc;

use pharos_catalogue::Address;

use super::NO_CATEGORIES;
use super::words::Words;
use crate::policy::MAIL_CAP_RULE;
use crate::rule::{Audience, Rule};
use crate::sets::HoursSet;
use crate::sites::Sites;
use crate::spec::{
    EmergencySpec, ExceptionSpec, FloorBlockSpec, HeldSpec, LessonKind, LessonSpec, PersonalSpec,
    RuleSpec,
};
use crate::{Action, Layer, PolicySpec};

/// All rules so far, and where they are found.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) broad: Vec<usize>,
    pub(super) sites: Sites,
    help: Vec<Address>,
}

impl Rules {
    pub(super) fn of(&mut self, spec: &PolicySpec, words: &mut Words<'_>) {
        self.help(spec, words);
        self.blocks(spec, words);
        for (n, personal) in spec.overrides.personal.iter().enumerate() {
            self.personal(personal, &format!("overrides.personal[{n}]"), words);
        }
        for (n, held) in spec.overrides.held.iter().enumerate() {
            self.held(held, &format!("overrides.held[{n}]"), words);
        }
        for (n, exception) in spec.overrides.exceptions.iter().enumerate() {
            self.exception(exception, &format!("overrides.exceptions[{n}]"), words);
        }
        for (n, lesson) in spec.overrides.lessons.iter().enumerate() {
            self.lesson(lesson, &format!("overrides.lessons[{n}]"), words);
        }
        let mut names = HashSet::new();
        for (n, rule) in spec.rules.iter().enumerate() {
            let path = format!("rules[{n}]");
            if !names.insert(rule.name.as_str()) {
                let message = format!(
                    "another rule is called {:?}; names tell them apart",
                    rule.name
                );
                words.problem(&format!("{path}.name"), message);
            }
            self.group_rule(rule, &path, words);
        }
        self.in_lesson(spec, words);
        self.never_inspected(spec, words);
    }

    /// Staff in front of a class (FIL-10).
    fn in_lesson(&mut self, spec: &PolicySpec, words: &mut Words<'_>) {
        let Some(written) = &spec.in_lesson else {
            return;
        };
        let mut rule = blank("staff-in-lesson", Layer::Group, written.action);
        rule.audience = words.audience(&["staff".to_owned()], &[], "in-lesson");
        rule.categories = words.categories(&written.categories, "in-lesson.categories");
        rule.teaching = true;
        if written.action <= Action::Narrow {
            let message = "opens something; write warn or block".to_owned();
            words.problem("in-lesson.action", message);
        }
        self.add(rule, &[], "in-lesson", words);
    }

    fn help(&mut self, spec: &PolicySpec, words: &mut Words<'_>) {
        for (n, help) in spec.help.iter().enumerate() {
            let rule = blank(&help.name, Layer::Help, Action::Allow);
            self.add(rule, &help.sites, &format!("help[{n}]"), words);
        }
        let sites = spec.help.iter().flat_map(|help| &help.sites);
        self.help = sites.filter_map(|site| Address::parse(site).ok()).collect();
    }

    fn blocks(&mut self, spec: &PolicySpec, words: &mut Words<'_>) {
        for (n, block) in spec.blocks.iter().enumerate() {
            let path = format!("blocks[{n}]");
            let mut rule = blank(&block.name, Layer::SchoolBlock, Action::Block);
            rule.categories = words.categories(&block.categories, &format!("{path}.categories"));
            if block.categories.is_empty() && block.sites.is_empty() {
                words.problem(
                    &path,
                    "blocks nothing; write sites or categories".to_owned(),
                );
            }
            self.add(rule, &block.sites, &path, words);
        }
        for (n, block) in spec.overrides.emergency.iter().enumerate() {
            self.emergency(block, &format!("overrides.emergency[{n}]"), spec, words);
        }
    }

    /// A block made in a hurry. Groups and places that the pack no longer has are left out; where none
    /// is left, it is for everyone: never milder than it was.
    fn emergency(
        &mut self,
        block: &EmergencySpec,
        path: &str,
        spec: &PolicySpec,
        words: &mut Words<'_>,
    ) {
        let of_block = || {
            let mut rule = blank("emergency-block", Layer::SchoolBlock, Action::Block);
            rule.over = Some(block.reference.as_str().into());
            rule.until = block.until;
            rule
        };
        let known = |group: &&String| words.groups.number(group).is_some();
        let groups: Vec<String> = block.groups.iter().filter(known).cloned().collect();
        let there = |place: &&String| spec.places.contains_key(*place);
        let places: Vec<String> = block.places.iter().filter(there).cloned().collect();
        if groups.is_empty() && places.is_empty() {
            self.add(of_block(), &block.sites, path, words);
            return;
        }
        if !groups.is_empty() {
            let mut rule = of_block();
            rule.audience = words.audience(&groups, &[], path);
            self.add(rule, &block.sites, path, words);
        }
        if !places.is_empty() {
            let mut rule = of_block();
            rule.places = Some(words.places(&places, &format!("{path}.places")));
            self.add(rule, &block.sites, path, words);
        }
    }

    fn personal(&mut self, personal: &PersonalSpec, path: &str, words: &mut Words<'_>) {
        let mut rule = blank("personal-restriction", Layer::Personal, Action::Block);
        rule.over = Some(personal.reference.as_str().into());
        rule.audience = Audience {
            people: personal.people.clone().into(),
            ..Audience::default()
        };
        rule.categories = words.categories(&personal.categories, &format!("{path}.categories"));
        rule.everything = personal.everything;
        rule.hours = only(
            &personal.hours,
            words.hours(&personal.hours, &format!("{path}.hours")),
        );
        rule.until = personal.until;
        if personal.people.is_empty() {
            words.problem(&format!("{path}.people"), "names nobody".to_owned());
        }
        if personal.sites.is_empty() && personal.categories.is_empty() && !personal.everything {
            words.problem(
                path,
                "restricts nothing; write sites, categories or everything".to_owned(),
            );
        }
        self.add(rule, &personal.sites, path, words);
    }

    /// Whoever is over the day's cap of mail (FIL-10).
    fn held(&mut self, held: &HeldSpec, path: &str, words: &mut Words<'_>) {
        let mut rule = blank(MAIL_CAP_RULE, Layer::Personal, Action::Block);
        rule.audience = Audience {
            people: held.people.clone().into(),
            ..Audience::default()
        };
        rule.categories = words.categories(&held.categories, &format!("{path}.categories"));
        rule.except_hours = words.hours(&held.except_hours, &format!("{path}.except-hours"));
        rule.until = Some(held.until);
        self.add(rule, &held.sites, path, words);
    }

    fn exception(&mut self, exception: &ExceptionSpec, path: &str, words: &mut Words<'_>) {
        let mut rule = blank("exception", Layer::Exception, Action::Allow);
        let ExceptionSpec {
            groups,
            people,
            classes,
            ..
        } = exception;
        rule.over = Some(exception.reference.as_str().into());
        rule.audience = Audience {
            everyone: groups.is_empty() && people.is_empty() && classes.is_empty(),
            groups: words.groups(groups, &format!("{path}.groups")),
            people: people.clone().into(),
            classes: classes.clone().into(),
            ..Audience::default()
        };
        rule.categories = words.categories(&exception.categories, &format!("{path}.categories"));
        (rule.from, rule.until) = (exception.from, Some(exception.until));
        if exception.reference.trim().is_empty() {
            let message = "an exception needs the reference of its approval".to_owned();
            words.problem(&format!("{path}.reference"), message);
        }
        if exception.from.is_some_and(|from| exception.until < from) {
            words.problem(&format!("{path}.until"), "is before it begins".to_owned());
        }
        if exception.sites.is_empty() && exception.categories.is_empty() {
            words.problem(path, "opens nothing; write sites or categories".to_owned());
        }
        self.add(rule, &exception.sites, path, words);
    }

    fn lesson(&mut self, lesson: &LessonSpec, path: &str, words: &mut Words<'_>) {
        let adult_session = lesson.kind == LessonKind::AdultSession;
        let name = if adult_session {
            "adult-session"
        } else {
            "lesson-list"
        };
        let mut rule = blank(name, Layer::LessonList, Action::Allow);
        rule.adult_session = adult_session;
        rule.over = Some(lesson.reference.as_str().into());
        rule.audience = Audience {
            people: lesson.people.clone().into(),
            classes: lesson.classes.clone().into(),
            ..Audience::default()
        };
        (rule.from, rule.until) = (Some(lesson.from), Some(lesson.until));
        if lesson.people.is_empty() && lesson.classes.is_empty() {
            words.problem(path, "is for nobody; write classes or people".to_owned());
        }
        if lesson.until < lesson.from {
            words.problem(&format!("{path}.until"), "is before it begins".to_owned());
        }
        self.add(rule, &lesson.sites, path, words);
    }

    fn group_rule(&mut self, written: &RuleSpec, path: &str, words: &mut Words<'_>) {
        let mut rule = blank(&written.name, Layer::Group, written.action);
        rule.audience = words.audience(&written.groups, &written.except, path);
        rule.categories = words.categories(&written.categories, &format!("{path}.categories"));
        rule.everything = written.everything;
        rule.hours = only(
            &written.hours,
            words.hours(&written.hours, &format!("{path}.hours")),
        );
        rule.except_hours = words.hours(&written.except_hours, &format!("{path}.except-hours"));
        let places = words.places(&written.places, &format!("{path}.places"));
        rule.places = (!written.places.is_empty()).then_some(places);
        if written.name.trim().is_empty() {
            words.problem(
                &format!("{path}.name"),
                "is empty; name the rule".to_owned(),
            );
        }
        if written.sites.is_empty() && written.categories.is_empty() && !written.everything {
            let message =
                "concerns nothing; write categories, sites or everything = true".to_owned();
            words.problem(path, message);
        }
        self.add(rule, &written.sites, path, words);
    }

    fn never_inspected(&mut self, spec: &PolicySpec, words: &mut Words<'_>) {
        for (n, written) in spec.overrides.uninspected.iter().enumerate() {
            let mut rule = blank("not-inspected", Layer::Default, Action::Tunnel);
            rule.never_inspect = true;
            rule.over = Some(written.reference.as_str().into());
            rule.until = Some(written.until);
            let path = format!("overrides.uninspected[{n}].leave-alone");
            self.add_at(rule, &written.leave_alone, &path, words);
        }
        let mut rule = blank("never-inspected", Layer::Default, Action::Tunnel);
        rule.never_inspect = true;
        let sites = &spec.inspection.never_sites;
        for (n, site) in sites.iter().enumerate() {
            if Address::parse(site).is_ok_and(|site| site.path().is_some_and(|path| path != "/")) {
                let message =
                    format!("{site:?} names a path; only whole hosts can be left uninspected");
                words.problem(&format!("inspection.never-sites[{n}]"), message);
            }
        }
        self.add_at(rule, sites, "inspection.never-sites", words);
    }

    fn add(&mut self, rule: Rule, sites: &[String], path: &str, words: &mut Words<'_>) {
        self.add_at(rule, sites, &format!("{path}.sites"), words);
    }

    /// A block of a floor. It stands above the school's help sites, so that no school can call a
    /// site help to get out of it.
    pub(super) fn of_floor(
        &mut self,
        number: usize,
        block: &FloorBlockSpec,
        path: &str,
        words: &mut Words<'_>,
    ) {
        let mut rule = blank(&block.name, Layer::Floor, Action::Block);
        rule.floor = Some(number);
        rule.categories = words.categories(&block.categories, &format!("{path}.categories"));
        self.add(rule, &block.sites, path, words);
    }

    fn add_at(&mut self, rule: Rule, sites: &[String], path: &str, words: &mut Words<'_>) {
        let number = self.rules.len();
        let opens = rule.action <= Action::Allow;
        for (n, text) in sites.iter().enumerate() {
            let path = format!("{path}[{n}]");
            let Some(site) = words.site(text, opens, &path) else {
                continue;
            };
            if rule.action == Action::Block && rule.floor.is_none() && self.is_help(&site) {
                let message = format!(
                    "{text:?} is a help site, and help is never blocked (FIL-13); take it out"
                );
                words.problem(&path, message);
            }
            self.sites.add(&site, number, text);
        }
        if rule.everything || rule.categories != NO_CATEGORIES {
            self.broad.push(number);
        }
        self.rules.push(rule);
    }

    /// Whether a site is a help site or lies within one.
    fn is_help(&self, site: &Address) -> bool {
        self.help.iter().any(|help| help.covers(site))
    }
}

/// A rule for everyone, always and everywhere.
fn blank(name: &str, layer: Layer, action: Action) -> Rule {
    Rule {
        name: Arc::from(name),
        layer,
        action,
        audience: Audience::everyone(),
        categories: NO_CATEGORIES,
        everything: false,
        hours: None,
        except_hours: HoursSet::default(),
        places: None,
        from: None,
        until: None,
        adult_session: false,
        teaching: false,
        never_inspect: false,
        over: None,
        floor: None,
    }
}

fn only(written: &[String], set: HoursSet) -> Option<HoursSet> {
    (!written.is_empty()).then_some(set)
}
