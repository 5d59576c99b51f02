//! The whole permission matrix as one text file, reviewed as a diff (ROLE-02, ROLE-06, CON-14,
//! MON-13). After a wanted change: `PHAROS_WRITE_MATRIX=1 cargo test -p pharos-access`.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use pharos_access::{
    About, Act, Actor, AlertFacts, CaseFacts, Involved, Part, Partition, Routes, Rules, Scope,
    Target, Watched, Why, Within,
};
use pharos_school::{AlertId, CaseId, PersonId, Role};
use proptest::prelude::*;
use uuid::Uuid;

/// Where cargo runs the tests: beside the file.
const FILE: &str = "tests/permissions.txt";

fn id(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

fn actor(role: Role) -> Actor {
    Actor::Person {
        id: id(1),
        roles: BTreeSet::from([role]),
        within: None,
    }
}

/// Somebody with every role who is kept to a campus of these people.
fn at_a_campus(people: &[PersonId]) -> Actor {
    let within = Within {
        campuses: BTreeSet::from(["north".to_owned()]),
        people: people.iter().copied().collect(),
        ..Within::default()
    };
    Actor::Person {
        id: id(1),
        roles: Role::ALL.iter().copied().collect(),
        within: Some(Arc::new(within)),
    }
}

fn case(partition: Partition, who: PersonId, about: About, part: Part) -> CaseFacts {
    CaseFacts {
        id: CaseId::from_uuid(Uuid::from_u128(9)),
        partition,
        involved: vec![Involved {
            id: who,
            about,
            part,
        }],
        conflicts: BTreeSet::new(),
        readers: BTreeSet::new(),
        raised_by: None,
    }
}

fn alert(about: Option<Watched>, assigned: &[PersonId]) -> AlertFacts {
    AlertFacts {
        id: AlertId::from_uuid(Uuid::from_u128(9)),
        about,
        assigned: assigned.iter().copied().collect(),
    }
}

/// Every situation that an act of this scope can meet, with its name in the file.
fn situations(scope: Scope, ask: &mut dyn FnMut(&str, Target<'_>)) {
    let watched = |about| Watched { id: id(2), about };
    match scope {
        Scope::School => ask("school", Target::School),
        Scope::Own => {
            ask("own", Target::Own(id(1)));
            ask("somebody else's", Target::Own(id(2)));
        }
        Scope::Person => {
            for about in [About::Pupil, About::Staff, About::Head] {
                ask(
                    &format!("of a {}", about.name()),
                    Target::Person(watched(about)),
                );
            }
            ask(
                "of oneself",
                Target::Person(Watched {
                    id: id(1),
                    about: About::Pupil,
                }),
            );
        }
        Scope::Alert => {
            for about in [About::Pupil, About::Staff, About::Head] {
                ask(
                    &format!("about a {}", about.name()),
                    Target::Alert(&alert(Some(watched(about)), &[])),
                );
            }
            ask("about nobody known", Target::Alert(&alert(None, &[])));
            ask(
                "about a pupil, given to one",
                Target::Alert(&alert(Some(watched(About::Pupil)), &[id(1)])),
            );
            let me = Watched {
                id: id(1),
                about: About::Staff,
            };
            ask("about oneself", Target::Alert(&alert(Some(me), &[id(1)])));
        }
        Scope::Case => case_situations(ask),
    }
}

fn case_situations(ask: &mut dyn FnMut(&str, Target<'_>)) {
    for about in [About::Pupil, About::Staff, About::Head] {
        let facts = case(Partition::Safeguarding, id(2), about, Part::Alleged);
        ask(
            &format!("safeguarding, {} alleged", about.name()),
            Target::Case(&facts),
        );
    }
    ask(
        "other incident",
        Target::Case(&case(
            Partition::Incident,
            id(2),
            About::Pupil,
            Part::Alleged,
        )),
    );
    ask(
        "staff harmed",
        Target::Case(&case(
            Partition::Safeguarding,
            id(2),
            About::Staff,
            Part::Harmed,
        )),
    );
    let mut named = case(Partition::Safeguarding, id(2), About::Pupil, Part::Harmed);
    named.readers.insert(id(1));
    ask("named as reader", Target::Case(&named));
    named.conflicts.insert(id(1));
    ask("named, but kept out", Target::Case(&named));
    for part in [Part::Harmed, Part::Alleged, Part::Other, Part::Witness] {
        let mut facts = case(Partition::Safeguarding, id(1), About::Staff, part);
        facts.readers.insert(id(1));
        ask(
            &format!("oneself as {}, named", part.name()),
            Target::Case(&facts),
        );
    }
}

fn matrix() -> String {
    let rules = Rules::default();
    let mut text =
        String::from("Who may do what, in which situation. Anything not listed is refused.\n");
    for act in Act::ALL {
        let _ = writeln!(text, "\n{act}: {}", act.says());
        situations(act.scope(), &mut |name, target| {
            let allowed = |role: &&Role| rules.decide(*act, &actor(**role), target).is_ok();
            let mut who: Vec<&str> = Role::ALL
                .iter()
                .filter(allowed)
                .map(|role| role.name())
                .collect();
            if rules.decide(*act, &Actor::system("x"), target).is_ok() {
                who.push("(the system)");
            }
            let who = if who.is_empty() {
                "nobody".to_owned()
            } else {
                who.join(", ")
            };
            let _ = writeln!(text, "  {name}: {who}");
        });
    }
    text.push_str(
        "\nWhat is open, given the role, to somebody who is kept to a campus. Anything not listed is refused.\n",
    );
    for act in Act::ALL {
        let mut open = Vec::new();
        situations(act.scope(), &mut |name, target| {
            for (of, people) in [("its own", vec![id(2)]), ("elsewhere", vec![id(3)])] {
                if rules.decide(*act, &at_a_campus(&people), target).is_ok() {
                    open.push(format!("{name} ({of})"));
                }
            }
        });
        if !open.is_empty() {
            let _ = writeln!(text, "  {act}: {}", open.join(", "));
        }
    }
    text
}

/// ROLE-02: the matrix is the one in the file.
#[test]
fn role_02_the_matrix_is_the_one_reviewed() {
    let now = matrix();
    if std::env::var_os("PHAROS_WRITE_MATRIX").is_some() {
        std::fs::write(FILE, &now).unwrap();
    }
    assert_eq!(
        now,
        std::fs::read_to_string(FILE).unwrap(),
        "the matrix changed: review {FILE}"
    );
}

/// ROLE-02: a school may take rights away, and never add any.
#[test]
fn role_02_a_school_may_only_tighten() {
    let only = |act, roles: &[Role]| {
        BTreeMap::from([(act, roles.iter().copied().collect::<BTreeSet<_>>())])
    };
    let tight = Rules::default()
        .tighten(&only(Act::ReadCase, &[Role::Lead]))
        .unwrap();
    let facts = case(Partition::Safeguarding, id(2), About::Pupil, Part::Harmed);
    assert!(tight.sees_case(&actor(Role::Lead), &facts));
    assert!(!tight.sees_case(&actor(Role::Deputy), &facts));
    let wrong = Rules::default()
        .tighten(&only(Act::ReadCase, &[Role::Lead, Role::Technical]))
        .unwrap_err();
    assert!(
        wrong[0]
            .to_string()
            .contains("case.read cannot be granted to technical"),
        "{}",
        wrong[0]
    );
}

/// MON-13: wherever alerts about staff go first, the head, whom they reach in the end, may open them; a
/// person's activity is open to those of the route alone.
#[test]
fn mon_13_the_head_opens_what_the_head_is_told_of() {
    let routes = Routes {
        staff_alerts: BTreeSet::from([Role::Chair]),
        ..Routes::default()
    };
    let rules = Rules::standard(routes);
    let staff = Watched {
        id: id(2),
        about: About::Staff,
    };
    let facts = alert(Some(staff), &[]);
    for (role, open) in [(Role::Chair, true), (Role::Head, true), (Role::Lead, false)] {
        assert_eq!(rules.sees_alert(&actor(role), &facts), open, "{role}");
    }
    let search = |role| rules.decide(Act::SearchActivity, &actor(role), Target::Person(staff));
    assert!(search(Role::Chair).is_ok() && search(Role::Head).is_err());
    let head = Watched {
        id: id(2),
        about: About::Head,
    };
    assert!(!rules.sees_alert(&actor(Role::Head), &alert(Some(head), &[])));
}

/// CON-14: the refusal's words are the same whether a record exists about the asker or not.
#[test]
fn con_14_a_refusal_tells_nothing() {
    let rules = Arc::new(Rules::default());
    let ask = |facts: &CaseFacts| {
        rules
            .may::<pharos_access::act::ReadCase>(&actor(Role::Lead), Target::Case(facts))
            .unwrap_err()
    };
    let about_me = ask(&case(
        Partition::Safeguarding,
        id(1),
        About::Staff,
        Part::Alleged,
    ));
    let about_head = ask(&case(
        Partition::Safeguarding,
        id(2),
        About::Head,
        Part::Alleged,
    ));
    assert_eq!(
        (about_me.why, about_head.why),
        (Why::AboutYou, Why::NeedToKnow)
    );
    assert_eq!(about_me.to_string(), about_head.to_string());
}

proptest! {
    /// ROLE-02: whoever is kept to a campus may do nothing that the same roles could not do for the whole
    /// school, and meets nobody from elsewhere who was not given to them by name.
    #[test]
    fn role_02_keeping_to_a_campus_only_takes_away(
        roles in prop::collection::btree_set(prop::sample::select(Role::ALL), 0..6),
        people in prop::collection::btree_set(2..5_u128, 0..3),
        involved in prop::collection::vec(2..5_u128, 0..3),
        about in prop::sample::select(vec![About::Pupil, About::Staff, About::Head]),
        assigned: bool,
    ) {
        let rules = Rules::default();
        let whole = Actor::Person { id: id(1), roles, within: None };
        let within = Within {
            people: people.iter().map(|number| id(*number)).collect(),
            ..Within::default()
        };
        let kept = whole.clone().kept_to(Arc::new(within));
        let mut facts = case(Partition::Incident, id(2), about, Part::Harmed);
        facts.involved = involved
            .iter()
            .map(|number| Involved { id: id(*number), about, part: Part::Harmed })
            .collect();
        let watched = involved.first().map(|number| Watched { id: id(*number), about });
        let named: &[PersonId] = if assigned { &[id(1)] } else { &[] };
        let alert = alert(watched, named);
        let mut targets = vec![Target::School, Target::Own(id(1)), Target::Alert(&alert), Target::Case(&facts)];
        targets.extend(watched.map(Target::Person));
        for act in Act::ALL {
            for target in &targets {
                let open = rules.decide(*act, &kept, *target).is_ok();
                prop_assert!(!open || rules.decide(*act, &whole, *target).is_ok());
                let elsewhere = match target {
                    Target::Person(watched) => !people.contains(&watched.id.as_uuid().as_u128()),
                    Target::Alert(_) => !assigned && involved.first().is_none_or(|number| !people.contains(number)),
                    Target::Case(_) => involved.is_empty() || involved.iter().any(|number| !people.contains(number)),
                    Target::School | Target::Own(_) => false,
                };
                prop_assert!(!(open && elsewhere), "{act} {target:?}");
            }
        }
    }

    /// ROLE-06, CON-14, MON-13: whatever roles somebody holds and however they are named, a case, an
    /// alert or the activity about themselves stays closed to them, for every act.
    #[test]
    fn role_06_nobody_meets_a_record_about_themselves(
        roles in prop::collection::btree_set(prop::sample::select(Role::ALL), 0..6),
        about in prop::sample::select(vec![About::Pupil, About::Staff, About::Head]),
        part in prop::sample::select(vec![Part::Harmed, Part::Alleged, Part::Other]),
        incident: bool,
    ) {
        let rules = Rules::default();
        let me = Actor::Person { id: id(1), roles, within: None };
        let partition = if incident { Partition::Incident } else { Partition::Safeguarding };
        let mut facts = case(partition, id(1), about, part);
        facts.readers.insert(id(1));
        let watched = Watched { id: id(1), about };
        let alert = alert(Some(watched), &[id(1)]);
        for act in Act::ALL {
            prop_assert!(rules.decide(*act, &me, Target::Case(&facts)).is_err());
            prop_assert!(rules.decide(*act, &me, Target::Alert(&alert)).is_err());
            prop_assert!(rules.decide(*act, &me, Target::Person(watched)).is_err());
        }
    }
}
