//! Who plays in the sample week: at the sample school the people of its story, at any other the holders
//! of the same roles on its own roll.

use anyhow::Context;
use pharos_school::{Person, Role};
use pharos_service::App;

use crate::commands::operator;

/// The pupils of the story, by what happens to them.
const PUPILS: [&str; 3] = ["felix.arden", "ada.quill", "noor.rahimi"];
/// Whom somebody who tries Pharos may sign in as: role, the sample school's own, what they see.
const VISITORS: [(Role, &str, &str); 6] = [
    (
        Role::Lead,
        "ruth.okafor",
        "* safeguarding lead              inbox, cases, everything that worries",
    ),
    (
        Role::Technical,
        "kofi.adeyemi",
        "* technical team                 lists, checks, explain, settings",
    ),
    (
        Role::Head,
        "helen.lindqvist",
        "* head                           approvals, the policy, matters about staff",
    ),
    (
        Role::Governor,
        "mirela.dobre",
        "  governor                       the policy and the report, no names",
    ),
    (
        Role::Teacher,
        "ines.castellano",
        "  teacher                        report a worry, ask for a site",
    ),
    (
        Role::Pupil,
        "ada.quill",
        "  pupil                          ask for a site, tell someone",
    ),
];

/// Who plays, by sign-in name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cast {
    /// The lead.
    pub(super) lead: String,
    /// A teacher; the lead where there is none.
    pub(super) teacher: String,
    /// Pupils; fewer than three where the roll has fewer.
    pub(super) pupils: Vec<String>,
}

impl Cast {
    /// Chooses from the roll.
    ///
    /// # Errors
    /// When nobody on the roll is the lead; when the records cannot be read.
    pub(super) async fn of(app: &App) -> anyhow::Result<Self> {
        Self::from(&app.everybody(&operator()).await?)
    }

    fn from(roll: &[Person]) -> anyhow::Result<Self> {
        let lead = holder(roll, Role::Lead, "ruth.okafor")
            .context("nobody on the roll of this pack has the role lead; give it to somebody in its people folder")?;
        let teacher = holder(roll, Role::Teacher, "ines.castellano").unwrap_or(lead);
        let mut pupils: Vec<&Person> = roll.iter().filter(|one| one.is(Role::Pupil)).collect();
        // The people of the story first, then the oldest: the youngest are led by somebody.
        pupils.sort_by_key(|pupil| {
            let own = PUPILS.iter().position(|own| *own == pupil.username);
            let year = std::cmp::Reverse(pupil.year);
            (own.unwrap_or(PUPILS.len()), year, pupil.username.clone())
        });
        let pupils = pupils.into_iter().take(PUPILS.len());
        Ok(Self {
            lead: lead.username.clone(),
            teacher: teacher.username.clone(),
            pupils: pupils.map(|pupil| pupil.username.clone()).collect(),
        })
    }

    /// The pupil to whom this happens; the last one where there are fewer.
    pub(super) fn pupil(&self, number: usize) -> Option<&str> {
        let pupil = self.pupils.get(number).or(self.pupils.last());
        pupil.map(String::as_str)
    }
}

/// Whoever holds a role: the sample school's own, else somebody whose main role it is, else anybody.
fn holder<'a>(roll: &'a [Person], role: Role, own: &str) -> Option<&'a Person> {
    let mut holders: Vec<&Person> = roll.iter().filter(|person| person.is(role)).collect();
    holders.sort_by_key(|person| {
        (
            person.username != own,
            person.roles.len(),
            person.username.clone(),
        )
    });
    holders.first().copied()
}

/// Sign-in names for those who try Pharos, with what each sees.
///
/// # Errors
/// When the records cannot be read.
pub(super) async fn to_sign_in_as(app: &App) -> anyhow::Result<Vec<(String, &'static str)>> {
    let roll = app.everybody(&operator()).await?;
    let known = VISITORS.iter().filter_map(|(role, own, what)| {
        let person = holder(&roll, *role, own)?;
        Some((person.username.clone(), *what))
    });
    Ok(known.collect())
}
