//! Whether a page is for somebody at all, before it asks about a person or a case.

use pharos_access::{Actor, Kind, Target};

use crate::{App, Error};

impl App {
    /// Asks whether the actor's roles may do this at all. The use case itself asks again, for the
    /// person or case it is about.
    ///
    /// # Errors
    /// [`Error::Denied`], noted in the ledger (AUD-01).
    pub async fn open_to<A: Kind>(&self, actor: &Actor) -> Result<(), Error> {
        if self.could(actor, A::ACT) {
            return Ok(());
        }
        self.may::<A>(actor, Target::School).await.map(|_| ())
    }
}
