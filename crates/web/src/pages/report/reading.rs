//! From the posted form to a concern (CON-02).

use pharos_casework::{
    ADDRESSES_MAX, Concern, Equipment, Harm, Involved, Origin, Part, Reporter, RiskArea, Site,
    ToldInPerson, Whom,
};
use pharos_school::{Person, Role};
use pharos_service::{App, Error, SignedIn};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NotOne, StrDeserializer};

use crate::pages::kit::{self, Given, Picked};

/// The names of one more person's fields.
pub(super) struct Other {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) more: &'static str,
    pub(super) part: &'static str,
}

/// Three more people fit on the form; the lead adds others to the case.
pub(super) const OTHERS: [Other; 3] = [
    Other {
        kind: "kind-1",
        name: "name-1",
        more: "more-1",
        part: "part-1",
    },
    Other {
        kind: "kind-2",
        name: "name-2",
        more: "more-2",
        part: "part-2",
    },
    Other {
        kind: "kind-3",
        name: "name-3",
        more: "more-3",
        part: "part-3",
    },
];

/// Reads the form for whoever sends it.
///
/// # Errors
/// [`Error::Invalid`] with what cannot be read.
pub(super) async fn concern(
    app: &App,
    me: Option<&SignedIn>,
    given: &Given,
) -> Result<Concern, Error> {
    let now = app.now();
    let mut concern = Concern::new(reporter(me, given), Origin::Form, given.text("what"));
    concern.words = given.maybe("words");
    concern.happened_about = given.maybe("about_when");
    concern.danger = match given.one("danger") {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    concern.told_lead = given
        .maybe("told")
        .map(|whom| ToldInPerson { whom, at: now });
    if let Some(text) = given.maybe("happened_at") {
        let at = kit::moment(&text, &app.zone());
        concern.happened_at = Some(at.ok_or_else(|| {
            Error::field(
                "happened_at",
                "Write day and time, such as 2026-11-23T10:05, or leave it empty.",
            )
        })?);
    }
    concern.site = stored(given.one("site")).unwrap_or(Site::NotKnown);
    concern.equipment = stored(given.one("equipment")).unwrap_or(Equipment::NotKnown);
    concern.place = given.maybe("place");
    concern.device = given.maybe("device");
    // One more than the most, so that too many are told and not silently cut.
    concern.addresses = given
        .one("addresses")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(ADDRESSES_MAX + 1)
        .map(str::to_owned)
        .collect();
    concern.risk = given.all("risk").filter_map(stored::<RiskArea>).collect();
    concern.harm = given
        .all("harm")
        .filter_map(|name| name.parse::<Harm>().ok())
        .collect();
    concern.involved = involved(app, me, given).await?;
    Ok(concern)
}

fn reporter(me: Option<&SignedIn>, given: &Given) -> Reporter {
    match me.map(|me| &me.person) {
        None => Reporter::Outside {
            name: given.maybe("your_name"),
            contact: given.maybe("contact"),
        },
        Some(person) if person.is(Role::Pupil) => Reporter::Pupil { person: person.id },
        Some(person) if person.is_staff() => Reporter::Staff { person: person.id },
        Some(person) if person.is(Role::Parent) => Reporter::Parent { person: person.id },
        // Governors and visitors with an account report like anybody from outside, by name.
        Some(person) => Reporter::Outside {
            name: Some(person.full_name()),
            contact: None,
        },
    }
}

async fn involved(app: &App, me: Option<&SignedIn>, given: &Given) -> Result<Vec<Involved>, Error> {
    let mut all = Vec::new();
    let part = |name: &str| stored::<Part>(given.one(name)).unwrap_or(Part::Other);
    if let Some(me) = me
        && me.person.is(Role::Pupil)
        && given.one("mine") == "yes"
    {
        all.push(Involved {
            whom: Whom::Pupil {
                person: me.person.id,
            },
            part: part("part"),
        });
    }
    if let Some(pupil) = own_pupil(app, me, given).await? {
        all.push(Involved {
            whom: Whom::Pupil { person: pupil.id },
            part: part("part"),
        });
    }
    if let Some(name) = given.maybe("name") {
        all.push(Involved {
            whom: by_name(app, me, name, |person| person.is(Role::Pupil)).await?,
            part: part("part"),
        });
    }
    for other in &OTHERS {
        if let Some(name) = given.maybe(other.name) {
            let more = given.text(other.more);
            let whom = whom(app, me, given.one(other.kind), name, more).await?;
            all.push(Involved {
                whom,
                part: part(other.part),
            });
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The pupil chosen from one's own classes; nobody else's id is taken.
async fn own_pupil(
    app: &App,
    me: Option<&SignedIn>,
    given: &Given,
) -> Result<Option<Person>, Error> {
    let (Some(me), Some(id)) = (me, given.maybe("own")) else {
        return Ok(None);
    };
    let own = app.own_pupils(me).await?;
    let pupil = own.into_iter().find(|pupil| pupil.id.to_string() == id);
    pupil
        .map(Some)
        .ok_or_else(|| Error::field("own", "Choose a child from the list, or write the name."))
}

/// For staff, a name that fits exactly one pupil is that pupil; for everybody else and every other
/// name it stays a name, which the lead matches. Nobody learns from the form who is on the roll.
async fn by_name(
    app: &App,
    me: Option<&SignedIn>,
    name: String,
    fits: fn(&Person) -> bool,
) -> Result<Whom, Error> {
    let Some(me) = me.filter(|me| me.actor.holds(Role::Staff)) else {
        return Ok(Whom::PupilByName { name });
    };
    Ok(
        match kit::pick(app, &me.actor, &Given::default(), &name, fits).await? {
            Picked::One(person) => Whom::Pupil { person: person.id },
            _ => Whom::PupilByName { name },
        },
    )
}

async fn whom(
    app: &App,
    me: Option<&SignedIn>,
    kind: &str,
    name: String,
    more: String,
) -> Result<Whom, Error> {
    Ok(match kind {
        "pupil" => by_name(app, me, name, |person| person.is(Role::Pupil)).await?,
        "staff" | "parent" => grown_up(app, me, kind, name).await?,
        "former-pupil" => Whom::FormerPupil { name },
        "pupil-elsewhere" => Whom::PupilElsewhere { name, school: more },
        "screen-name" => Whom::ScreenName {
            name,
            service: more,
        },
        _ => Whom::Outsider { description: name },
    })
}

/// A member of staff or a parent: matched for staff who write the whole name, otherwise kept in
/// words that say what they are.
async fn grown_up(
    app: &App,
    me: Option<&SignedIn>,
    kind: &str,
    name: String,
) -> Result<Whom, Error> {
    let (fits, what): (fn(&Person) -> bool, &str) = if kind == "staff" {
        (Person::is_staff, "a member of staff")
    } else {
        (|person| person.is(Role::Parent), "a parent or carer")
    };
    if let Some(me) = me.filter(|me| me.actor.holds(Role::Staff))
        && let Picked::One(person) =
            kit::pick(app, &me.actor, &Given::default(), &name, fits).await?
    {
        return Ok(if kind == "staff" {
            Whom::Staff { person: person.id }
        } else {
            Whom::Parent { person: person.id }
        });
    }
    Ok(Whom::Outsider {
        description: format!("{name}, {what}"),
    })
}

fn stored<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<NotOne>::new(name)).ok()
}
