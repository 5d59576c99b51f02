//! Requests for sites.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{
    Endorsement, Error, NewNotice, NewRequest, OverrideKind, RequestDecision, RequestState,
    Requests, Result, SiteRequest,
};
use pharos_school::{PersonId, RequestId};

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Store, is_for};

const ONE: &str = "SELECT id, at, by_person, address, purpose, class, wanted_until, state, decided_by, decided_at, decision, categories, endorsed_by, endorsed_at, endorsement, relied_on FROM site_request WHERE id = $1";
const LIST: &str = "SELECT id, at, by_person, address, purpose, class, wanted_until, state, decided_by, decided_at, decision, categories, endorsed_by, endorsed_at, endorsement, relied_on FROM site_request WHERE ($1 = 0 OR state IN ('asked', 'open')) ORDER BY at, id LIMIT $2";
const OWN: &str = "SELECT id, at, by_person, address, purpose, class, wanted_until, state, decided_by, decided_at, decision, categories, endorsed_by, endorsed_at, endorsement, relied_on FROM site_request WHERE by_person = $1 ORDER BY at DESC, id LIMIT 500";

#[async_trait]
impl Requests for Store {
    async fn ask_for_site(
        &self,
        permit: &Permit<act::AskForSite>,
        request: &NewRequest,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let key = request.id.to_string();
        let address = self.seal("site_request", &key, "address", request.address.as_bytes())?;
        let purpose = self.seal("site_request", &key, "purpose", request.purpose.as_bytes())?;
        let mut act = self
            .act(permit, Subject::Request(request.id), Detail::new(), at)
            .await?;
        let categories = request.categories.join(",");
        let categories = self.seal("site_request", &key, "categories", categories.as_bytes())?;
        let state = if request.to_endorse {
            RequestState::Asked
        } else {
            RequestState::Open
        };
        act.run(
            "INSERT INTO site_request (id, at, by_person, address, purpose, class, wanted_until, state, categories) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            args![request.id, at, permit.actor().id(), address, purpose, request.class, request.wanted_until, state.name(), categories],
        )
        .await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
    }

    async fn request(
        &self,
        permit: &Permit<act::ReadRequests>,
        id: RequestId,
    ) -> Result<Option<SiteRequest>> {
        is_for(permit, Subject::School)?;
        let row = self
            .read()
            .await?
            .one("site_request", ONE, args![id])
            .await?;
        row.map(|row| self.request_of(&row)).transpose()
    }

    async fn requests(
        &self,
        permit: &Permit<act::ReadRequests>,
        open: bool,
        limit: usize,
    ) -> Result<Vec<SiteRequest>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("site_request", LIST, args![open, rows(limit)])
            .await?;
        found.iter().map(|row| self.request_of(row)).collect()
    }

    async fn own_requests(&self, permit: &Permit<act::ReadReceipt>) -> Result<Vec<SiteRequest>> {
        let Subject::Person(person) = permit.subject() else {
            return Ok(vec![]);
        };
        let found = self
            .read()
            .await?
            .all("site_request", OWN, args![person])
            .await?;
        found.iter().map(|row| self.request_of(row)).collect()
    }

    async fn endorse_request(
        &self,
        permit: &Permit<act::EndorseRequest>,
        endorsement: &Endorsement,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let (id, key) = (endorsement.id, endorsement.id.to_string());
        let detail = Detail::new().flag("endorsed", endorsement.endorsed);
        let mut act = self.act(permit, Subject::Request(id), detail, at).await?;
        let row = act.one("site_request", ONE, args![id]).await?;
        let row = row.ok_or_else(|| Error::Absent {
            what: "the request".to_owned(),
        })?;
        if row.word("state", RequestState::from_name)? != RequestState::Asked {
            return Err(Error::Conflict {
                what: "the request".to_owned(),
            });
        }
        let by = permit.actor().id();
        if by.is_some() && row.opt_parsed::<PersonId>("by_person")? == by {
            return Err(Error::OwnMatter);
        }
        let words = self.seal(
            "site_request",
            &key,
            "endorsement",
            endorsement.words.as_bytes(),
        )?;
        let state = if endorsement.endorsed {
            RequestState::Open
        } else {
            RequestState::Declined
        };
        let decided = (!endorsement.endorsed).then_some(at);
        act.run(
            "UPDATE site_request SET state = $2, endorsed_by = $3, endorsed_at = $4, endorsement = $5, decided_at = $6 WHERE id = $1",
            args![id, state.name(), by, at, words, decided],
        )
        .await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
    }

    async fn decide_request(
        &self,
        permit: &Permit<act::DecideRequest>,
        decision: &RequestDecision,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let (id, key) = (decision.id, decision.id.to_string());
        let detail = Detail::new().flag("approved", decision.approved);
        let detail = match decision.opens.as_ref().filter(|_| decision.approved) {
            Some(opens) => detail.text("content", &self.override_content(permit, opens, at)),
            None => detail,
        };
        let mut act = self.act(permit, Subject::Request(id), detail, at).await?;
        let row = act.one("site_request", ONE, args![id]).await?;
        let row = row.ok_or_else(|| Error::Absent {
            what: "the request".to_owned(),
        })?;
        if row.word("state", RequestState::from_name)? != RequestState::Open {
            return Err(Error::Conflict {
                what: "the request".to_owned(),
            });
        }
        let asked_by: Option<PersonId> = row.opt_parsed("by_person")?;
        if asked_by.is_some() && asked_by == permit.actor().id() {
            return Err(Error::OwnMatter);
        }
        let state = if decision.approved {
            RequestState::Approved
        } else {
            RequestState::Refused
        };
        let reason = self.seal("site_request", &key, "decision", decision.reason.as_bytes())?;
        let relied_on = decision.relied_on.as_deref().map(str::as_bytes);
        let relied_on = self.seal_opt("site_request", &key, "relied_on", relied_on)?;
        act.run(
            "UPDATE site_request SET state = $2, decided_by = $3, decided_at = $4, decision = $5, relied_on = $6 WHERE id = $1",
            args![id, state.name(), permit.actor().id(), at, reason, relied_on],
        )
        .await?;
        if let Some(opens) = decision.opens.as_ref().filter(|_| decision.approved) {
            crate::overrides::check(opens, OverrideKind::Exception)?;
            self.insert_override(&mut act, permit, opens, at).await?;
        }
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
    }
}

impl Store {
    fn request_of(&self, row: &Row) -> Result<SiteRequest> {
        let id: RequestId = row.parsed("id")?;
        let key = id.to_string();
        Ok(SiteRequest {
            id,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            address: self.unseal_text(row, "site_request", &key, "address")?,
            purpose: self.unseal_text(row, "site_request", &key, "purpose")?,
            class: row.opt_parsed("class")?,
            wanted_until: row.opt_time("wanted_until")?,
            state: row.word("state", RequestState::from_name)?,
            decided_by: row.opt_parsed("decided_by")?,
            decided_at: row.opt_time("decided_at")?,
            decision: self.unseal_opt_text(row, "site_request", &key, "decision")?,
            categories: self
                .unseal_opt_text(row, "site_request", &key, "categories")?
                .unwrap_or_default()
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            endorsed_by: row.opt_parsed("endorsed_by")?,
            endorsed_at: row.opt_time("endorsed_at")?,
            endorsement: self.unseal_opt_text(row, "site_request", &key, "endorsement")?,
            relied_on: self.unseal_opt_text(row, "site_request", &key, "relied_on")?,
        })
    }
}
