//! The self-check: tries the real faces as each kind of user in each place and keeps the result as
//! evidence (AUD-02, SRCH-05, FIL-03, FIL-12, FIL-16).
//!
//! What is tried comes from the promises, not from the filter in force: the controls bound in the
//! written policy, the pack's settings, the sealed lists' dated test entries, the help sites, the known
//! ways round. So a rule or list that went missing shows up.

mod hand;
mod judge;
mod plan;
mod promised;
mod results;
mod routes;
mod run;
mod signing;
mod tally;
mod users;
mod ways;

use pharos_access::{Actor, Target, act};
use pharos_records::CheckRun;
use pharos_school::{CheckId, Role};

pub use hand::{HandChoices, HandDue, NewHandTest};
pub use judge::{Kind, Result_};
pub use results::{CheckResults, Outcome, ProbeRow, Row, ScopeThen, UserTried, WayTried};
pub(crate) use run::Devices;
pub use signing::Signature;
pub(crate) use tally::Tally;
pub(crate) use users::{add_devices, add_test_users, is_check_address, is_test_user};
pub use ways::{Ask, Asking, Prober, Proof, Reach, Seen, Way};

use crate::{App, Error};

/// How many runs a page lists.
const RUNS_SHOWN: usize = 50;

impl App {
    /// A promise that does not hold is told at once, to those who can mend it and those who answer
    /// for it (SRCH-05).
    async fn tell_of_failed_check(&self, id: CheckId) -> Result<(), Error> {
        let to = self
            .holders(&[Role::Technical, Role::Lead, Role::OnlineLead])
            .await?;
        let notices = self.notices_to(&to, "check-failed", &format!("/checks/{id}"), self.now())?;
        self.queue_notices(&notices).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn checks(&self, actor: &Actor) -> Result<Vec<CheckRun>, Error> {
        let permit = self.may::<act::ReadChecks>(actor, Target::School).await?;
        Ok(self.records().checks(&permit, RUNS_SHOWN).await?)
    }

    /// One run, or one test by hand.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn check(&self, actor: &Actor, id: CheckId) -> Result<CheckRun, Error> {
        let permit = self.may::<act::ReadChecks>(actor, Target::School).await?;
        if let Some(run) = self.records().check(&permit, id).await? {
            return Ok(run);
        }
        let by_hand = self.hand_tests(actor).await?;
        by_hand
            .into_iter()
            .find(|test| test.run.id == id)
            .ok_or(Error::NotFound)
    }
}
