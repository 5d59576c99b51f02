//! The pupils of somebody's own classes, so that a concern names the right child in one tap.

use pharos_access::{Target, act};
use pharos_school::{Person, Role};

use crate::{App, Error, SignedIn};

/// The most pupils offered; a teacher of more finds the child by name.
const OFFERED_MAX: usize = 200;

impl App {
    /// The pupils on the roll who share a class with this member of staff, by name; empty for
    /// everybody else.
    ///
    /// # Errors
    /// [`Error::Denied`]; when the records cannot be read.
    pub async fn own_pupils(&self, me: &SignedIn) -> Result<Vec<Person>, Error> {
        if !me.person.is_staff() || me.person.classes.is_empty() {
            return Ok(Vec::new());
        }
        self.may::<act::ListPeople>(&me.actor, Target::School)
            .await?;
        let shares = |pupil: &Person| {
            me.actor.reaches(pupil.id)
                && pupil.is_active()
                && pupil.is(Role::Pupil)
                && !pupil.classes.is_disjoint(&me.person.classes)
        };
        let mut pupils: Vec<Person> = self
            .known_roll()
            .await?
            .into_iter()
            .filter(shares)
            .collect();
        pupils
            .sort_by(|a, b| (&a.family_name, &a.given_name).cmp(&(&b.family_name, &b.given_name)));
        pupils.truncate(OFFERED_MAX);
        Ok(pupils)
    }
}
