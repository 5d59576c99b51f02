//! Who may see a case, for the page that says so.

use pharos_access::{Act, Actor, Target};
use pharos_school::{Person, Role};

use crate::{App, Error, OpenCase};

impl App {
    /// Everybody who may open this case by role or by name, in the order of the roll. Those it is
    /// about are never among them (CON-14).
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn readers_of(&self, open: &OpenCase) -> Result<Vec<Person>, Error> {
        const WIDE: &[Role] = &[
            Role::Lead,
            Role::Deputy,
            Role::Head,
            Role::Chair,
            Role::OnlineLead,
        ];
        let (facts, rules) = (open.case.facts(), self.rules());
        let mut people = self.holders(WIDE).await?;
        for reader in &open.case.readers {
            if people.iter().all(|person| person.id != *reader) {
                people.extend(self.known_person(*reader).await?);
            }
        }
        people.retain(|person| rules.sees_case(&self.actor_of(person), &facts));
        Ok(people)
    }

    /// Whether a page should offer the print of this case; the print itself asks again.
    pub fn could_export(&self, actor: &Actor, open: &OpenCase) -> bool {
        self.rules()
            .decide(Act::ExportCase, actor, Target::Case(&open.case.facts()))
            .is_ok()
    }
}
