//! Lists: brought in, rolled back, looked at; in force on live traffic within a second (FIL-03, FIL-04).

use std::path::PathBuf;

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_catalogue::{Format, SealedStatus};
use pharos_ledger::Detail;
use pharos_lists::{Accept, Import, ListStatus, Report};

use crate::{App, Error};

/// How old a sealed list may become before it shows red (FIL-04).
const SEALED_AGE: SignedDuration = SignedDuration::from_hours(72);

/// A list to be brought in.
#[derive(Debug, Clone)]
pub struct NewList {
    /// Its name here.
    pub list: String,
    /// The category of all its entries; needed where the list itself has none.
    pub category: Option<String>,
    /// `domains`, `hosts`, `urls`, `rpz`; found out when left out.
    pub format: Option<String>,
    /// A file, or a folder with one folder a category.
    pub path: PathBuf,
    /// Whether to take it even if it has shrunk by more than half.
    pub accept_shrink: bool,
    /// Take it even if its last line does not end.
    pub accept_unterminated: bool,
}

impl App {
    /// Brings a list in and puts it in force. The last good one stays when anything is wrong.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] with what is wrong with the list.
    pub async fn import_list(&self, actor: &Actor, new: NewList) -> Result<Report, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let format = match &new.format {
            Some(name) => Some(
                Format::from_name(name).ok_or_else(|| Error::field("format", format!("{name:?} is no list format. Use domains, urls, hosts or rpz, or leave it out.")))?,
            ),
            None => None,
        };
        let (app, now) = (self.clone(), self.now());
        let report = in_background("bringing in a list", move || {
            let import = Import {
                list: &new.list,
                category: new.category.as_deref(),
                format,
                path: &new.path,
                accept: Accept {
                    shrink: new.accept_shrink,
                    unterminated: new.accept_unterminated,
                },
                allowed_age: None,
            };
            app.inner().lists.import(&import, now)
        })
        .await?;
        let detail = Detail::new()
            .text("list", &report.list)
            .number("entries", i64::try_from(report.entries).unwrap_or(i64::MAX));
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        self.rebuild().await?;
        Ok(report)
    }

    /// Brings in the small list that comes with Pharos: fictional names, one or more a category.
    ///
    /// # Errors
    /// As [`App::import_list`].
    pub async fn import_sample_list(&self, actor: &Actor) -> Result<Report, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let (app, now) = (self.clone(), self.now());
        let report = in_background("bringing in the sample list", move || {
            app.inner().lists.import_sample(now)
        })
        .await?;
        self.records()
            .note(
                &permit,
                None,
                &Detail::new().text("list", &report.list),
                self.now(),
            )
            .await?;
        self.rebuild().await?;
        Ok(report)
    }

    /// Goes back to the version of a list before this one.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when there is none.
    pub async fn roll_back_list(&self, actor: &Actor, list: &str) -> Result<Report, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let (app, name, now) = (self.clone(), list.to_owned(), self.now());
        let report = in_background("rolling a list back", move || {
            app.inner().lists.roll_back(&name, now)
        })
        .await?;
        self.records()
            .note(
                &permit,
                None,
                &Detail::new().text("rolled-back", list),
                self.now(),
            )
            .await?;
        self.rebuild().await?;
        Ok(report)
    }

    /// Every list with its age and size.
    pub fn list_status(&self) -> Vec<ListStatus> {
        self.inner().lists.status(self.now())
    }

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

    /// Count, date, checksum and age of each sealed list; never what is on it (FIL-03).
    ///
    /// # Errors
    /// When the slot cannot be read.
    pub fn sealed_status(&self) -> Result<Vec<SealedStatus>, Error> {
        let lists = self
            .inner()
            .lists
            .sealed_lists(&self.inner().sealed_key)
            .map_err(|error| Error::unavailable("the sealed lists", &error))?;
        Ok(lists.status(self.now()))
    }
}

/// Runs long list work on a thread of its own.
async fn in_background<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, pharos_lists::ListsError> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::unavailable(what, &error))?
        .map_err(refused)
}

fn refused(error: pharos_lists::ListsError) -> Error {
    Error::Refused(error.to_string())
}
