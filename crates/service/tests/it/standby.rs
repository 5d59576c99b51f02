//! Deciding without records (FIL-17).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pharos_catalogue::{Address, SealedKey};
use pharos_filter::{Filter, Query};
use pharos_lists::{BundleHead, Lists, SigningKey, make_bundle};
use pharos_policy::{Action, FailMode};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};
use pharos_service::standby::{Footing, Keep, Part, stand_by};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::system;

/// A folder in memory.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<&'static str, Vec<u8>>>);

fn name(part: Part) -> &'static str {
    match part {
        Part::People => "people",
        Part::Policy => "policy",
    }
}

impl Keep for Kept {
    fn keep(&self, part: Part, bytes: &[u8]) -> Result<(), String> {
        self.0.lock().unwrap().insert(name(part), bytes.to_vec());
        Ok(())
    }

    fn kept(&self, part: Part) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.lock().unwrap().get(name(part)).cloned())
    }
}

struct Without {
    school: SampleSchool,
    kept: Arc<Kept>,
    filter: Filter,
    /// When what it stands by runs out.
    until: Mutex<Option<Timestamp>>,
}

impl Without {
    /// The sample school, lived in, with what it kept; a sealed list among it.
    async fn records(fail_mode: &str) -> Self {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        let text = text.replace(
            "fail_mode = \"block-pupils\"",
            &format!("fail_mode = {fail_mode:?}"),
        );
        files.insert("school.toml".to_owned(), text.into_bytes());
        let school = SampleSchool::with(&files).await;
        let publisher = SigningKey::from_seed(&[9; 32]).unwrap();
        let head = BundleHead {
            name: "iwf".to_owned(),
            entries: 0,
            owner: "A test".to_owned(),
            version: 1,
            issued: school.app.now(),
        };
        let bundle = make_bundle(&head, "sealed.example\n", &publisher);
        school
            .app
            .add_sealed(&system(), "iwf", "A test", publisher.public())
            .await
            .unwrap();
        school
            .app
            .import_sealed(&system(), "iwf", &bundle)
            .await
            .unwrap();
        let kept = Arc::new(Kept::default());
        school.app.keep_standby(Arc::clone(&kept) as Arc<dyn Keep>);
        school.app.rebuild().await.unwrap();
        Self {
            school,
            kept,
            filter: Filter::new(),
            until: Mutex::default(),
        }
    }

    fn lose(&self, part: Part) {
        self.kept.0.lock().unwrap().remove(name(part));
    }

    fn stand_by(&self) -> Footing {
        let now = self.school.app.now();
        let (lists, _) = Lists::open(&self.school.folder.path().join("lists"), now).unwrap();
        let key = SealedKey::new([7; 32]);
        let stood = stand_by(&*self.kept, &lists, &key, &self.filter, now).unwrap();
        *self.until.lock().unwrap() = stood.until;
        stood.footing
    }

    async fn says(&self, username: Option<&str>, address: &str) -> (Action, String) {
        let who = match username {
            Some(username) => known(self.school.person(username).await.id),
            None => Who::Unknown {
                why: Unknown::NoSignIn,
                device: None,
            },
        };
        let address = Address::parse(address).unwrap();
        let snapshot = self.filter.snapshot().unwrap();
        let query = Query {
            address: &address,
            who: &who,
            from: None,
            face: Face::Dns,
            now: self.school.app.now(),
        };
        let decision = snapshot.decide(&query);
        (decision.action, decision.rule.to_string())
    }
}

fn known(person: PersonId) -> Who {
    Who::Known {
        person,
        source: IdentitySource::AddressMap,
        confidence: Confidence::Likely,
        device: None,
    }
}

/// FIL-17: a start without records goes on by the last good policy, overrides among it, and knows
/// from the kept addresses who sits where.
#[tokio::test]
async fn fil_17_without_records_the_last_good_policy_goes_on() {
    let without = Without::records("block-pupils").await;
    let lead = without.school.at_work("ruth.okafor").await;
    let why = "Seen in a lesson just now";
    without
        .school
        .app
        .block_now(&lead.actor, "new-harm.example", why)
        .await
        .unwrap();
    assert_eq!(without.stand_by(), Footing::LastPolicy(1));
    for (who, address, action) in [
        (Some("ada.quill"), "gambling.pharos.test", Action::Block),
        (Some("ada.quill"), "weapons.pharos.test", Action::Block),
        (
            Some("ines.castellano"),
            "weapons.pharos.test",
            Action::Allow,
        ),
        (Some("ines.castellano"), "new-harm.example", Action::Block),
        (Some("ada.quill"), "example.org", Action::Allow),
        (Some("ines.castellano"), "sealed.example", Action::Block),
        (None, "weapons.pharos.test", Action::Block),
    ] {
        assert_eq!(
            without.says(who, address).await.0,
            action,
            "{who:?} {address}"
        );
    }
    let desk = without
        .filter
        .identify([127, 0, 1, 20].into(), without.school.app.now());
    assert_eq!(
        desk.person(),
        Some(without.school.person("ines.castellano").await.id)
    );
}

/// FIL-17, `fil.fail_mode`: with no policy to go by pupils and unknown users are refused, staff
/// follow the setting, help stays open, sealed lists stay shut, and the decision says so.
#[tokio::test]
async fn fil_17_with_no_policy_pupils_are_refused_and_staff_follow_the_setting() {
    for (mode, staff) in [
        ("block-pupils", Action::Allow),
        ("block-all", Action::Block),
    ] {
        let without = Without::records(mode).await;
        without.lose(Part::Policy);
        assert_eq!(without.stand_by(), Footing::FailMode(FailMode::named(mode)));
        let own = "portal.harbourmouth.sch.example";
        assert_eq!(
            without.says(Some("ines.castellano"), own).await.0,
            staff,
            "{mode}"
        );
        for who in [Some("ada.quill"), Some("wren.osei"), None] {
            for address in [own, "example.org", "gambling.pharos.test"] {
                let (action, rule) = without.says(who, address).await;
                assert_eq!(
                    (action, rule.as_str()),
                    (Action::Block, "no-policy"),
                    "{mode} {who:?}"
                );
            }
            assert_eq!(
                without.says(who, "childline.org.uk").await.0,
                Action::Allow,
                "{who:?}"
            );
        }
        let (action, rule) = without.says(Some("ines.castellano"), "example.org").await;
        assert_eq!(
            (action, rule.as_str()),
            (Action::Block, "no-policy"),
            "not known to be safe"
        );
        let (action, rule) = without
            .says(Some("ines.castellano"), "sealed.example")
            .await;
        assert_eq!((action, rule.as_str()), (Action::Block, "sealed"));
        let snapshot = without.filter.snapshot().unwrap();
        assert_eq!(
            snapshot.versions().policy,
            0,
            "events say that no policy decided"
        );
    }
}

/// FIL-17: with nothing kept at all everybody is refused; what does not read counts as lost.
#[tokio::test]
async fn fil_17_with_nothing_kept_everybody_is_refused() {
    let without = Without::records("block-pupils").await;
    without.kept.keep(Part::People, b"{\"v\":1").unwrap();
    assert_eq!(without.stand_by(), Footing::Nothing);
    for who in [
        Some("ada.quill"),
        Some("ines.castellano"),
        Some("ruth.okafor"),
        None,
    ] {
        let (action, rule) = without.says(who, "example.org").await;
        assert_eq!(
            (action, rule.as_str()),
            (Action::Block, "no-policy"),
            "{who:?}"
        );
    }
}

/// SRCH-03, FIL-17: a search tool whose assessment runs out while the records are away is closed the day
/// after, as it would be with them; the standby says when it has to look again.
#[tokio::test]
async fn srch_03_a_search_tool_runs_out_without_records_too() {
    let without = Without::records("block-pupils").await;
    let pupil = Some("luca.penhale");
    let tool = "https://www.kiddle.co/s.php?q=tides";
    let app = &without.school.app;
    let pack = app.school().pack.clone();
    let last = pack.assessments.iter().filter(|one| one.tool == "kiddle");
    let last = last.map(|one| one.expires).max().unwrap();
    let other = pack
        .assessments
        .iter()
        .map(|one| one.expires)
        .min()
        .unwrap();

    assert_eq!(without.stand_by(), Footing::LastPolicy(1));
    let (action, rule) = without.says(pupil, tool).await;
    assert!(action.passes(), "{rule}");
    let until = without.until.lock().unwrap().unwrap();
    let zone = app.zone();
    assert_eq!(
        until.to_zoned(zone.clone()).date(),
        other.tomorrow().unwrap()
    );

    let after = last.tomorrow().unwrap().to_zoned(zone).unwrap().timestamp();
    without
        .school
        .clock
        .forward(after.duration_since(app.now()));
    assert_eq!(without.stand_by(), Footing::LastPolicy(1));
    let (action, rule) = without.says(pupil, tool).await;
    assert_eq!((action, rule.as_str()), (Action::Block, "search-tools"));
    assert_eq!(*without.until.lock().unwrap(), None, "none is left");
}
