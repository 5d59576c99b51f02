//! The way back to an earlier version of the pack (REQ-04): a change like every other, assessed
//! before it is in force. Only where going back tightens and does nothing else is it in force at
//! once, to be looked at within a school day (REQ-05).

use pharos_access::{Act, Actor, Target, act};
use pharos_records::{ChangeKind, ChangeStep, NewChange, Origin, PackState};
use pharos_school::Role;

use super::{ChangeBody, Proposal, Proposed, body, unpacked};
use crate::clock::new_uuid;
use crate::overrides::{json, reason};
use crate::whatif::{Candidate, DAYS, effect_of, is_assessed};
use crate::{App, Error, PackFiles};

/// What became of going back to an earlier version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WentBack {
    /// It changes nothing of filtering or monitoring and is in force, as the change with this number.
    InForce(i64),
    /// It waits for assessment, as the change with this number.
    Waits(i64),
}

impl App {
    /// Goes back to an earlier version of the pack, as a new change: a draft to be assessed, or at
    /// once where it differs in nothing of filtering or monitoring and the actor may put packs in
    /// force.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] without a reason; [`Error::Refused`] for a version that
    /// was never in force.
    pub async fn go_back_to(
        &self,
        actor: &Actor,
        version: i64,
        why: &str,
    ) -> Result<WentBack, Error> {
        self.may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let why = reason(why)?;
        let files = self.files_of_past(version).await?;
        let pack = crate::packs::usable(pharos_pack::load_held(&files))?;
        let plain = !is_assessed(&self.school().pack, &pack);
        if plain && self.could(actor, Act::InstallPolicy) {
            return self
                .go_back(actor, version, &why, Origin::Screen)
                .await
                .map(WentBack::InForce);
        }
        let proposal = Proposal {
            what: Proposed::Pack(files),
            why: words(version, &why),
            origin: Origin::Screen,
            days: None,
            review_days: None,
        };
        self.draft_change(actor, &proposal, Some(version))
            .await
            .map(WentBack::Waits)
    }

    /// Why going back to an earlier version is not only a tightening; empty: it may be done at once
    /// by [`App::tighten_back_to`].
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`]; [`Error::Refused`] for a version that was never in
    /// force; [`Error::Invalid`] for one that no longer reads.
    pub async fn beyond_tightening(
        &self,
        actor: &Actor,
        version: i64,
    ) -> Result<Vec<String>, Error> {
        self.may_read_log(actor).await?;
        let files = self.files_of_past(version).await?;
        self.beyond(&files).await
    }

    async fn beyond(&self, files: &PackFiles) -> Result<Vec<String>, Error> {
        let (pack, in_force) = (
            crate::packs::usable(pharos_pack::load_held(files))?,
            self.files_in_force().await?,
        );
        let school = self.school();
        let before = pharos_pack::Side {
            pack: &school.pack,
            files: &in_force,
        };
        let after = pharos_pack::Side { pack: &pack, files };
        Ok(pharos_pack::beyond_tightening(before, after))
    }

    /// Goes back to an earlier version at once, before anybody has assessed it, because it only
    /// tightens (REQ-05): by the lead or the technical team, to be looked at by the end of the next
    /// school day; those who look at it are told. Gives the new change's number.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] without a reason; [`Error::Refused`], noted in the
    /// ledger, where it may open something or changes anything else.
    pub async fn tighten_back_to(
        &self,
        actor: &Actor,
        version: i64,
        why: &str,
    ) -> Result<i64, Error> {
        // It brings a version of the policy in: closed to those who may not propose one, before any work.
        self.may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let permit = self
            .may::<act::EmergencyBlock>(actor, Target::School)
            .await?;
        let why = reason(why)?;
        let files = self.files_of_past(version).await?;
        let mut beyond = self.beyond(&files).await?;
        let candidate = self.candidate(&Proposed::Pack(files.clone())).await?;
        let (new, body) = self
            .change_back(version, &why, &candidate, &files, Origin::Screen)
            .await?;
        if body
            .replay
            .as_ref()
            .is_some_and(|replay| replay.opens.asked > 0)
        {
            beyond.push("the replay shows that something opens".to_owned());
        }
        if let Some(first) = beyond.first() {
            let detail = pharos_ledger::Detail::new()
                .flag("refused", true)
                .number("back-to", version)
                .text("why", "an emergency change only tightens");
            self.records()
                .note(&permit, None, &detail, self.now())
                .await?;
            return Err(Error::Refused(format!(
                "Going back to version {version} at once would do more than tighten: {first}. Propose it, so that it is assessed (REQ-05).",
            )));
        }
        if body.base != self.school().version {
            return Err(Error::Refused(
                "The policy has changed meanwhile. Look at the difference again.".to_owned(),
            ));
        }
        let leads = self.holders(&[Role::Lead, Role::Deputy]).await?;
        let path = format!("/changes/{}", new.id);
        let now = self.now();
        let notices = self.notices_to(&leads, "change-review", &path, now)?;
        let new = self.with_pack(actor, new, &files, &body).await?;
        let number = self
            .records()
            .record_tightening(&permit, &new, &notices, now)
            .await?;
        self.in_force_again(&new, &files, &candidate, &body).await?;
        Ok(number)
    }

    /// Goes back at once: what Pharos does by itself at the end of a change that was assessed with
    /// its end, and where nothing of filtering differs.
    pub(crate) async fn go_back(
        &self,
        actor: &Actor,
        version: i64,
        why: &str,
        origin: Origin,
    ) -> Result<i64, Error> {
        let permit = self
            .may::<act::InstallPolicy>(actor, Target::School)
            .await?;
        let files = self.files_of_past(version).await?;
        let candidate = self.candidate(&Proposed::Pack(files.clone())).await?;
        let (new, body) = self
            .change_back(version, why, &candidate, &files, origin)
            .await?;
        let new = self.with_pack(actor, new, &files, &body).await?;
        let number = self
            .records()
            .record_change(&permit, &new, self.now())
            .await?;
        self.in_force_again(&new, &files, &candidate, &body).await?;
        Ok(number)
    }

    /// The files of a version that was in force before.
    async fn files_of_past(&self, version: i64) -> Result<PackFiles, Error> {
        let stored = self.records().pack(version).await?.ok_or(Error::NotFound)?;
        if stored.head.state != PackState::Past {
            return Err(Error::Refused(format!(
                "Version {version} was not in force before. Choose one that was."
            )));
        }
        unpacked(&stored)
    }

    /// The change that going back is, with nothing of it stored.
    async fn change_back(
        &self,
        version: i64,
        why: &str,
        candidate: &Candidate,
        files: &PackFiles,
        origin: Origin,
    ) -> Result<(NewChange, ChangeBody), Error> {
        let replay = self.replay(candidate, DAYS).await?;
        let (lines, more_lines) = self.differences(&Proposed::Pack(files.clone())).await?;
        let effect = effect_of(&replay);
        let body = ChangeBody {
            v: body::FORM,
            why: words(version, why),
            base: self.school().version,
            lines,
            more_lines,
            settings: self.settings_changed(candidate),
            replay: Some(replay),
            opening: None,
            leave_alone: Vec::new(),
            back_to: Some(version),
        };
        let new = NewChange {
            id: new_uuid(),
            kind: ChangeKind::Pack,
            origin,
            effect,
            pack: None,
            until: None,
            review_at: Some(self.next_school_day(self.now())),
            body: json(&body)?,
        };
        Ok((new, body))
    }

    async fn with_pack(
        &self,
        actor: &Actor,
        new: NewChange,
        files: &PackFiles,
        body: &ChangeBody,
    ) -> Result<NewChange, Error> {
        let pack = self.keep_pack(actor, files, &body.why, self.now()).await?;
        Ok(NewChange {
            pack: Some(pack),
            ..new
        })
    }

    /// Takes the version up, and tests it on live traffic.
    async fn in_force_again(
        &self,
        new: &NewChange,
        files: &PackFiles,
        candidate: &Candidate,
        body: &ChangeBody,
    ) -> Result<(), Error> {
        self.take_up(files, new.pack.unwrap_or_default())?;
        self.rebuild().await?;
        let verified = self.verify_change(&candidate.before, &candidate.after, body);
        let by_pharos = self
            .may::<act::InstallPolicy>(&Actor::system("change control"), Target::School)
            .await?;
        let step = ChangeStep::Verified;
        Ok(self
            .records()
            .add_change_step(&by_pharos, new.id, step, &json(&verified)?, self.now())
            .await?)
    }
}

fn words(version: i64, why: &str) -> String {
    format!("Back to version {version}: {why}")
}
