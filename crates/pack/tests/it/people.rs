//! Words, front page, people and rights: CFG-03, REV-01, ROLE-01, ROLE-02.

use jiff::civil::date;
use pharos_pack::load;
use pharos_school::Role;

use crate::kit::*;

/// ROLE-01, CFG-03: the head's title is the school's word for the head, unless it has another.
#[test]
fn role_01_the_heads_title_is_the_word_for_the_head() {
    let title = "head_title = \"Headmaster\"\n";
    assert_eq!(sound(with(title)).words.role(Role::Head), "Headmaster");
    let both = format!("{title}[school.words]\nhead = \"Principal\"\n");
    assert_eq!(sound(with(&both)).words.role(Role::Head), "Principal");
}

/// CFG-03: the school's own words, everywhere that text is filled.
#[test]
fn cfg_03_the_schools_own_words_are_used() {
    let pack = sound(with(
        "[school.words]\npupil = \"learner\"\nhead = \"Head of School\"\n",
    ));
    assert_eq!(pack.words.role(Role::Head), "Head of School");
    assert_eq!(
        pack.words.fill("The {pupil} saw the {head}; {unknown} {"),
        "The learner saw the Head of School; {unknown} {"
    );
    assert_eq!(sound(with("")).words.role(Role::Pupil), "pupil");
    assert!(
        report(&with("[school.words]\npupill = \"learner\"\n")).contains("did you mean \"pupil\"?")
    );
}

/// REV-01: the front page holds version, owner, author, template, approving body and dates, scope
/// and audience; without them the pack is not complete.
#[test]
fn rev_01_the_front_page_holds_the_facts() {
    let pack = sound(load(&sample_files()));
    let page = &pack.front_page;
    assert_eq!(
        (page.version.as_str(), page.approved_by.as_str()),
        ("2026.2", "The governing body")
    );
    assert_eq!(
        (page.approved_on, page.review_on),
        (Some(date(2026, 9, 22)), Some(date(2027, 9, 1)))
    );
    assert!(page.template.is_some() && page.audience.len() == 5);
    let text = SMALL.replace("owner = \"The lead\"\n", "").replace(
        "approved_by = \"Governors\"\n",
        "approved_on = 2026-09-01\nreview_on = 2026-08-01\n",
    );
    let told = report(&load(&files(&[
        ("school.toml", &text),
        ("policy.md", POLICY),
    ])));
    for part in [
        "policy.owner is missing",
        "policy.approved_by is missing",
        "is not after the approval",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

/// ROLE-01: each named role has a holder, a first day and duties; a change takes effect on its date
/// and the history shows both holders.
#[test]
fn role_01_a_change_of_lead_takes_effect_on_its_day() {
    let text = SMALL.replace("lead = \"anna.tern\"", "lead = { user = \"Anna.Tern\", since = 2026-01-05, duties = [\"Meets the governor each month.\"] }\ndeputies = [{ user = \"cara.dunlin\", since = 2026-11-01 }, { user = \"old.deputy\", until = 2026-10-31 }]");
    let pack = sound(load(&files(&[
        ("school.toml", &text),
        ("policy.md", POLICY),
    ])));
    assert_eq!(pack.posts_of("anna.tern", date(2026, 1, 4)), []);
    assert_eq!(
        pack.posts_of("anna.tern", date(2026, 1, 5)),
        [Role::Staff, Role::Lead, Role::OnlineLead]
    );
    assert_eq!(
        pack.posts_of("old.deputy", date(2026, 10, 31)),
        [Role::Staff, Role::Deputy]
    );
    assert_eq!(pack.posts_of("old.deputy", date(2026, 11, 1)), []);
    assert_eq!(
        pack.named_roles
            .iter()
            .filter(|named| named.setting == "people.deputies")
            .count(),
        2
    );
    let lead = pack
        .named_roles
        .iter()
        .find(|named| named.setting == "people.lead")
        .unwrap();
    assert!(
        lead.duties.len() > 3 && lead.duties.last().unwrap() == "Meets the governor each month."
    );
    let nobody = SMALL.replace("lead = \"anna.tern\"\n", "");
    assert!(
        report(&load(&files(&[
            ("school.toml", &nobody),
            ("policy.md", POLICY)
        ])))
        .contains("nobody is named as the designated safeguarding lead")
    );
}

/// ROLE-02: a school may tighten the table of rights, never loosen it.
#[test]
fn role_02_rights_are_tightened_never_loosened() {
    let pack = sound(with("[rights]\n\"case.export\" = [\"lead\"]\n"));
    assert_eq!(
        pack.rights
            .iter()
            .map(|(act, roles)| (act.name(), roles.clone()))
            .collect::<Vec<_>>(),
        [("case.export", [Role::Lead].into())]
    );
    let told = report(&with(
        "[rights]\n\"case.export\" = [\"lead\", \"technical\"]\n",
    ));
    assert!(
        told.contains("technical may not case.export in the built-in table"),
        "{told}"
    );
}

/// ROLE-02: a campus has people, places and those who act for it alone; who answers for the whole school
/// is not kept to a part of it, and names that are not there are refused at their line.
#[test]
fn role_02_campuses_name_their_people_and_delegates() {
    const PLACES: &str =
        "[places.north]\nranges = [\"10.1.0.0/16\"]\n[groups.juniors]\nyears = [\"N-6\"]\n";
    let campus = |lines: &str| with(&format!("{PLACES}[campuses.north]\n{lines}"));
    let right = "title = \"North site\"\nplaces = [\"north\"]\ngroups = [\"juniors\"]\ndelegates = [\"Carl.Dunlin\"]\n";
    let pack = sound(campus(right));
    assert_eq!(pack.campuses[0].title, "North site");
    assert_eq!(pack.campuses[0].delegates, ["carl.dunlin"]);
    for (lines, wants) in [
        (
            right.replace("Carl.Dunlin", "anna.tern"),
            "answers for the whole school",
        ),
        (
            right.replace("\"juniors\"", "\"junior\""),
            "did you mean \"juniors\"?",
        ),
        (
            right.replace("[\"north\"]", "[\"south\"]"),
            "\"south\" is not a known place",
        ),
        (
            right.replace("groups = [\"juniors\"]\n", ""),
            "nobody is of it",
        ),
    ] {
        let loaded = campus(&lines);
        assert!(loaded.pack.is_none(), "{lines}");
        assert!(report(&loaded).contains(wants), "{}", report(&loaded));
    }
}

/// MON-03: a role that is told first and has no holder for the whole school is warned of by its setting,
/// because what happens elsewhere goes to those who answer for all.
#[test]
fn mon_03_told_first_and_kept_to_a_campus_is_warned_of() {
    let campus = |more: &str| {
        with(&format!(
            "deputies = [{{ user = \"carl.dunlin\", since = 2025-09-01 }}, {{ user = \"dee.plover\", since = 2025-09-01 }}]\n[places.north]\nranges = [\"10.1.0.0/16\"]\n[groups.juniors]\nyears = [\"N-6\"]\n[campuses.north]\ntitle = \"North site\"\nplaces = [\"north\"]\ngroups = [\"juniors\"]\n{more}"
        ))
    };
    let both = "delegates = [\"carl.dunlin\", \"dee.plover\"]\n";
    let deputies = "[mon]\nfirst_recipient = [\"deputy\"]\n";
    let says = |lines: &str| report(&campus(lines)).contains("everybody named for it is kept");
    let warned = campus(&format!("{both}{deputies}"));
    assert!(warned.pack.is_some(), "a warning, not an error");
    let told = report(&warned);
    assert!(
        told.contains("mon.first_recipient: everybody named for it is kept to a campus"),
        "{told}"
    );
    assert!(!says(both), "the lead hears first");
    let one = "delegates = [\"carl.dunlin\"]\n";
    assert!(!says(&format!("{one}{deputies}")), "the other acts for all");
}
