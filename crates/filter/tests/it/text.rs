//! FIL-02, FIL-06: explanations of page text, with the school's own dictionaries by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use pharos_filter::{Explanation, Parts, Snapshot};
use pharos_policy::spec::PageTextSpec;
use pharos_policy::{Action, PolicySpec};
use pharos_scan::{Dictionaries, Kind, Media};
use pharos_school::Who;

use crate::kit::*;

/// A school that reads the text of pupils' pages against dictionaries of its own as well.
fn school(own: &[(&str, &str)]) -> Snapshot {
    let spec = PolicySpec {
        page_text: vec![PageTextSpec {
            groups: words(&["pupils"]),
            except: Vec::new(),
            action: Action::Block,
        }],
        ..PolicySpec::default()
    };
    let files: BTreeMap<String, String> = own
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect();
    let parts = Parts {
        dictionaries: Some(Arc::new(Dictionaries::with_own(&files).unwrap())),
        ..School::new(&spec).snapshot.parts()
    };
    Snapshot::new(parts)
}

const CALM: &str = "dictionary calm-seas\nversion 1\n\
    threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 calm sea\n";
const CLAMS: &str = "dictionary gambling\nversion 1\n\
    threshold early 400, prep 400, secondary 400, sixth 400, adult 400\n-30 lucky clam\n";

fn explained(school: &Snapshot, who: &Who, site: &str, text: &str) -> Explanation {
    let address = address(site);
    let query = query(who, &address, None, LESSON);
    school.explanation_of_text(&query, Media::plain(Kind::Text), text.as_bytes())
}

/// FIL-02, FIL-06: where a school's own dictionary is what blocks a text, the explanation names its
/// file, what it added, and that the shipped ones would have let it pass.
#[test]
fn fil_06_own_dictionaries_that_block_a_text_are_named() {
    let (calm, clams) = ("dictionaries/calm.txt", "dictionaries/clams.txt");
    let school = school(&[(calm, CALM), (clams, CLAMS)]);
    let found = explained(&school, &known(YEAR_8), "site.test", "a calm sea");
    assert_eq!((found.action, &*found.rule), (Action::Block, "page-text"));
    assert_eq!(found.reasons[0].list.as_deref(), Some(calm));
    assert_eq!(found.reasons[0].category.as_deref(), Some("calm-seas"));
    let text = found.page_text.unwrap();
    assert_eq!(text.band, "secondary");
    let own: Vec<&str> = text.own_dictionaries.iter().map(|file| &**file).collect();
    assert_eq!(own, [calm, clams]);
    let over = &text.over[0];
    assert_eq!((over.score, over.threshold), (95, 90));
    assert_eq!((&*over.own[0].file, over.own[0].points), (calm, 95));
    assert!(!over.without_own);

    let passes = explained(&school, &known(YEAR_8), "site.test", "a rough sea");
    assert_eq!(passes.action, Action::Allow);
    let text = passes.page_text.unwrap();
    assert_eq!((text.words, text.over.len()), (Some(3), 0));
    let older = explained(&school, &known(SIXTH), "site.test", "a calm sea");
    assert_eq!(older.action, Action::Allow, "another threshold");
}

/// FIL-06: without a text the explanation says by whose dictionaries one is judged; nothing is said where
/// none is read: for adults here, and on help sites.
#[test]
fn fil_06_an_explanation_says_whose_dictionaries_judge_a_page() {
    let calm = "dictionaries/calm.txt";
    let school = school(&[(calm, CALM)]);
    let address = address("site.test");
    let who = known(YEAR_8);
    let plain = school.explanation(&query(&who, &address, None, LESSON));
    let text = plain.page_text.unwrap();
    assert_eq!(text.own_dictionaries, [Arc::from(calm)]);
    assert_eq!((text.words, text.over.len()), (None, 0));
    let teacher = explained(&school, &known(TEACHER), "site.test", "a calm sea");
    assert_eq!((teacher.action, teacher.page_text), (Action::Allow, None));
    let written = serde_json::to_value(explained(&school, &who, "site.test", "a calm sea"));
    let over = &written.unwrap()["page_text"]["over"][0];
    assert_eq!(over["own"][0]["file"], calm);
}
