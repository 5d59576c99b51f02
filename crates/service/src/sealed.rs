//! Sealed lists of illegal material: brought in by hand or fetched by their timetable, looked at by
//! count and date alone (FIL-03, FIL-04).

use std::path::PathBuf;

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_catalogue::SealedStatus;
use pharos_ledger::Detail;
use pharos_lists::{ListUrl, SealedFetched, SealedFrom, SealedSubscription};
use pharos_pack::SealedSource;

use crate::lists::{chance, fetching, in_background, refused};
use crate::{App, Error};

/// How old a sealed list may become before it shows red, where the pack says nothing (FIL-04).
const SEALED_AGE: SignedDuration = SignedDuration::from_hours(72);

impl App {
    /// Adds an empty sealed list and pins its publisher's key for good.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when it is there with another key.
    pub async fn add_sealed(
        &self,
        actor: &Actor,
        name: &str,
        owner: &str,
        publisher: [u8; 32],
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let inner = self.inner();
        inner
            .lists
            .sealed_add(
                name,
                owner,
                publisher,
                SEALED_AGE,
                &inner.sealed_key,
                self.now(),
            )
            .map_err(refused)?;
        Ok(self
            .records()
            .note(
                &permit,
                None,
                &Detail::new().text("sealed-list", "added"),
                self.now(),
            )
            .await?)
    }

    /// Brings in a signed bundle of a sealed list. Nothing on it can be read back.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] for a wrong signature, an older version, a damaged bundle.
    pub async fn import_sealed(
        &self,
        actor: &Actor,
        name: &str,
        bundle: &[u8],
    ) -> Result<SealedStatus, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let inner = self.inner();
        let imported = inner
            .lists
            .sealed_import(name, bundle, &inner.sealed_key, self.now());
        let detail = |result: &str| {
            Detail::new()
                .text("sealed-list", name)
                .text("result", result)
        };
        let report = match imported {
            Ok(report) => report,
            Err(error) => {
                self.records()
                    .note(&permit, None, &detail("refused"), self.now())
                    .await?;
                return Err(refused(error));
            }
        };
        self.records()
            .note(&permit, None, &detail("brought in"), self.now())
            .await?;
        self.rebuild().await?;
        Ok(report.status)
    }

    /// Count, date, checksum and age of each sealed list, and what is wrong with one that cannot be
    /// used; never what is on it (FIL-03).
    ///
    /// # Errors
    /// When the slot cannot be read.
    pub fn sealed_status(&self) -> Result<Vec<SealedStatus>, Error> {
        let mut all = self
            .inner()
            .lists
            .sealed_status(&self.inner().sealed_key, self.now())
            .map_err(|error| Error::unavailable("the sealed lists", &error))?;
        let school = self.school();
        for list in all.iter_mut().filter(|list| list.trouble.is_none()) {
            let wanted = school.pack.sealed.iter().find(|one| one.name == list.name);
            if let Some(wanted) = wanted {
                list.stale = list.entries == 0 || list.age > allowed_age(wanted);
            }
        }
        Ok(all)
    }

    /// Fetches the newest bundle of a sealed list from where the pack says, and puts it in force;
    /// whether it is due or not. The publisher's key is pinned by the pack at the first fetch, or by
    /// hand before it; a bundle by another key is refused for ever.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a list that the pack does not fetch;
    /// [`Error::Refused`] with what went wrong: the last good issue stays in force.
    pub async fn fetch_sealed(&self, actor: &Actor, name: &str) -> Result<SealedFetched, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let school = self.school();
        let wanted = school.pack.sealed.iter().find(|wanted| wanted.name == name);
        let wanted = wanted.ok_or(Error::NotFound)?.clone();
        let held = self.sealed_status()?;
        let held = held.iter().find(|list| list.name == wanted.name);
        let was_missing = held.is_some_and(|list| list.trouble.is_some());
        if let (Some(owner), Some(key)) = (&wanted.owner, wanted.publisher_key) {
            let there = held.is_some();
            self.inner()
                .lists
                .sealed_add(
                    &wanted.name,
                    owner,
                    key,
                    allowed_age(&wanted),
                    &self.inner().sealed_key,
                    self.now(),
                )
                .map_err(refused)?;
            if !there {
                let detail = Detail::new().text("sealed-list", "added");
                self.records()
                    .note(&permit, None, &detail, self.now())
                    .await?;
            }
        }
        let (app, now, list) = (self.clone(), self.now(), wanted.clone());
        let fetched = in_background("fetching a sealed list", move || take_in(&app, &list, now))
            .await?
            .map_err(|why| {
                Error::Refused(format!(
                    "The sealed list {} was not fetched; the last good issue stays in force: {why}.",
                    wanted.name
                ))
            });
        let result = match &fetched {
            Ok(SealedFetched::AsItWas) => return fetched,
            Ok(SealedFetched::Taken(_)) if was_missing => "fetched again: it could not be used",
            Ok(SealedFetched::Taken(_)) => "fetched",
            Err(_) => "refused",
        };
        let detail = Detail::new()
            .text("sealed-list", &wanted.name)
            .text("result", result);
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        if fetched.is_ok() {
            self.rebuild().await?;
        }
        fetched
    }

    /// Whether a sealed list that the pack fetches is due.
    pub(crate) fn sealed_due(&self, wanted: &SealedSource) -> bool {
        let inner = self.inner();
        subscription(wanted).map_or(true, |subscription| {
            inner
                .lists
                .sealed_fetch_due(&subscription, &inner.sealed_key, self.now())
        })
    }

    /// Sealed lists that the pack fetches and that were never brought in.
    pub(crate) fn sealed_wanting(&self, held: &[SealedStatus]) -> Vec<String> {
        let school = self.school();
        let wanting = school
            .pack
            .sealed
            .iter()
            .filter(|wanted| !held.iter().any(|list| list.name == wanted.name));
        wanting.map(|wanted| wanted.name.clone()).collect()
    }
}

fn allowed_age(wanted: &SealedSource) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(wanted.alert_days))
}

/// Blocking. The error is in words.
fn take_in(
    app: &App,
    wanted: &SealedSource,
    now: jiff::Timestamp,
) -> Result<SealedFetched, String> {
    let inner = app.inner();
    let subscription = subscription(wanted).map_err(|error| error.to_string())?;
    let fetching = fetching(wanted.size_max_mb).map_err(|error| error.to_string())?;
    inner
        .lists
        .fetch_sealed(&subscription, &fetching, &inner.sealed_key, now, chance())
        .map_err(|error| error.to_string())
}

fn subscription(wanted: &SealedSource) -> Result<SealedSubscription, pharos_lists::FetchError> {
    Ok(SealedSubscription {
        list: wanted.name.clone(),
        from: if ListUrl::is_url(&wanted.source) {
            // The bundle's own signature is checked; plain http is for the school to allow all the same.
            SealedFrom::Url(ListUrl::parse(&wanted.source, wanted.allow_http)?)
        } else {
            SealedFrom::File(PathBuf::from(&wanted.source))
        },
        every: SignedDuration::from_hours(i64::from(wanted.refresh_hours)),
    })
}
