//! Lists: brought in, rolled back, looked at; in force on live traffic within a second (FIL-03, FIL-04).

use std::path::PathBuf;

use jiff::SignedDuration;
use pharos_access::{Actor, Permit, Target, act};
use pharos_catalogue::{Address, Format};
use pharos_ledger::Detail;
use pharos_lists::{
    Accept, FetchError, FetchLimits, FetchStatus, Fetched, Fetching, Guard, Import, ListStatus,
    ListUrl, Report, Subscription, Trust, UnpackLimits,
};
use pharos_pack::ListSubscription;

use crate::{App, Error, School};

/// A list to be brought in.
#[derive(Debug, Clone, Default)]
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
    /// Whether to take it even if it has become more than ten times as large.
    pub accept_growth: bool,
    /// Whether to take it even if it is the version that somebody went back from.
    pub accept_rolled_back: bool,
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
        let school = self.school();
        let (guard, renames) = (guard(&school, &new.list), renames(&school, &new.list));
        let report = in_background("bringing in a list", move || {
            let import = Import {
                list: &new.list,
                category: new.category.as_deref(),
                format,
                path: &new.path,
                renames: &renames,
                guard: &guard,
                accept: Accept {
                    shrink: new.accept_shrink,
                    unterminated: new.accept_unterminated,
                    growth: new.accept_growth,
                    rolled_back: new.accept_rolled_back,
                },
                allowed_age: None,
            };
            app.inner().lists.import(&import, now)
        })
        .await?
        .map_err(refused)?;
        self.took_in(&permit, &report).await?;
        Ok(report)
    }

    /// Notes a list that was taken in and puts it in force.
    async fn took_in(
        &self,
        permit: &Permit<act::ChangeSettings>,
        report: &Report,
    ) -> Result<(), Error> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let mut detail = Detail::new()
            .text("list", &report.list)
            .number("entries", number(report.entries));
        if report.protected > 0 {
            detail = detail.number("left-out", number(report.protected));
            tracing::warn!(list = %report.list, left_out = report.protected, "a list would have blocked protected names; those entries were left out");
        }
        self.records()
            .note(permit, None, &detail, self.now())
            .await?;
        self.rebuild().await
    }

    /// Fetches a subscribed list from its publisher and puts it in force, whether it is due or not.
    /// The last good one stays when anything is wrong.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a list that is not subscribed or has no address;
    /// [`Error::Refused`] with what went wrong.
    pub async fn fetch_list(&self, actor: &Actor, list: &str) -> Result<Fetched, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let school = self.school();
        let wanted = school.pack.lists.iter().find(|wanted| wanted.name == list);
        let wanted = wanted.ok_or(Error::NotFound)?;
        let subscription = subscription(&school, wanted)?;
        let size_max_mb = wanted.size_max_mb;
        let (app, now) = (self.clone(), self.now());
        let fetched = in_background("fetching a list", move || {
            let fetching = fetching(size_max_mb)?;
            app.inner()
                .lists
                .fetch(&subscription, &fetching, now, chance())
        })
        .await?
        .map_err(|error| {
            Error::Refused(format!(
                "The list {list} was not fetched; the last good one stays in force: {error}."
            ))
        })?;
        if let Fetched::Taken(report) = &fetched {
            self.took_in(&permit, report).await?;
        }
        Ok(fetched)
    }

    /// Waits until no list is being changed and keeps it so until the result is dropped, for a backup.
    ///
    /// # Errors
    /// When the folder cannot be locked.
    pub async fn hold_lists(&self) -> Result<pharos_lists::Held, Error> {
        let app = self.clone();
        in_background("waiting for the lists", move || app.inner().lists.hold())
            .await?
            .map_err(refused)
    }

    /// How fetching goes, for each list that was ever fetched.
    pub fn fetch_status(&self) -> Vec<FetchStatus> {
        self.inner().lists.fetch_status()
    }

    /// Whether a subscribed list that has an address is due.
    pub(crate) fn fetch_due(&self, wanted: &ListSubscription) -> bool {
        subscription(&self.school(), wanted).map_or(true, |subscription| {
            self.inner().lists.fetch_due(&subscription, self.now())
        })
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
        .await?
        .map_err(refused)?;
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
        .await?
        .map_err(refused)?;
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
}

/// How a list of at most so many MiB is fetched.
pub(crate) fn fetching(size_max_mb: u32) -> Result<Fetching, FetchError> {
    let limits = FetchLimits {
        bytes_max: u64::from(size_max_mb) << 20,
        ..FetchLimits::default()
    };
    let unpack = UnpackLimits {
        bytes_max: 8 * limits.bytes_max,
        ..UnpackLimits::default()
    };
    Ok(Fetching {
        trust: Trust::of_this_machine()?,
        limits,
        unpack,
    })
}

/// Spreads the next fetch.
pub(crate) fn chance() -> u64 {
    let mut chance = [0; 8];
    // Without randomness the next fetch is at its full interval.
    let _ = getrandom::fill(&mut chance);
    u64::from_le_bytes(chance)
}

/// Runs long list work on a thread of its own that gives way to the filter.
pub(crate) async fn in_background<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let (done, result) = tokio::sync::oneshot::channel();
    // Nobody waits any more when the caller was stopped; the work itself is whole either way.
    let tell = move |result| drop(done.send(result));
    pharos_lists::in_background("lists", work, tell)
        .map_err(|error| Error::unavailable(what, &error))?;
    result
        .await
        .map_err(|error| Error::unavailable(what, &error))
}

/// What no list may block, and what this one must and must not hold. A name under which anybody can
/// register, which a pack of long ago may name, would thin every list out and is passed over.
fn guard(school: &School, list: &str) -> Guard {
    let pack = &school.pack;
    let wanted = pack.lists.iter().find(|wanted| wanted.name == list);
    let addresses = |texts: Option<&Vec<String>>| -> Vec<Address> {
        let texts = texts.into_iter().flatten();
        texts.filter_map(|text| Address::parse(text).ok()).collect()
    };
    let help = pack
        .help
        .iter()
        .flat_map(|service| service.sites.iter().cloned());
    let mail = pack
        .mail
        .iter()
        .filter_map(|mail| mail.from.rsplit('@').next());
    let own = mail
        .map(|domain| domain.trim_end_matches('>').to_owned())
        .chain(pack.network.web.clone().filter(|web| !hosts_others(web)));
    let protected = pack
        .texts_of("fil.do_not_block")
        .into_iter()
        .chain(help)
        .chain(own)
        .filter(|text| !pharos_pack::is_everybodys(text))
        .filter_map(|text| Address::parse(&text).ok())
        .map(|address| address.host().clone())
        .collect();
    Guard {
        protected,
        must_hold: addresses(wanted.map(|wanted| &wanted.must_hold)),
        must_not_hold: addresses(wanted.map(|wanted| &wanted.must_not_hold)),
    }
}

/// Whether others have their names below that of the school's pages. Only a pack of long ago says so.
fn hosts_others(web: &str) -> bool {
    Address::parse(web).is_ok_and(|web| web.host().suffix().is_some())
}

/// The list's own category names with ours.
fn renames(school: &School, list: &str) -> Vec<(String, String)> {
    let wanted = school.pack.lists.iter().find(|wanted| wanted.name == list);
    wanted
        .map(|wanted| wanted.categories.clone())
        .unwrap_or_default()
}

/// What the pack says of a list that has an address, ready to be fetched.
fn subscription(school: &School, wanted: &ListSubscription) -> Result<Subscription, Error> {
    let url = |text: &str| {
        ListUrl::parse(text, wanted.allow_http).map_err(|error| {
            Error::Refused(format!(
                "The list {} cannot be fetched from {text:?}: {error}.",
                wanted.name
            ))
        })
    };
    let source = wanted.source.as_deref().ok_or(Error::NotFound)?;
    let signature = match wanted.signature_key {
        Some(key) => {
            let beside = || format!("{source}.sig");
            let at = wanted.signature_url.clone().unwrap_or_else(beside);
            Some((url(&at)?, key))
        }
        None => None,
    };
    Ok(Subscription {
        list: wanted.name.clone(),
        url: url(source)?,
        checksum: wanted.checksum_url.as_deref().map(url).transpose()?,
        signature,
        category: wanted.category.clone(),
        format: wanted.format.as_deref().and_then(Format::from_name),
        renames: wanted.categories.clone(),
        every: SignedDuration::from_hours(i64::from(wanted.refresh_hours)),
        allowed_age: SignedDuration::from_hours(24 * i64::from(wanted.alert_days)),
        guard: guard(school, &wanted.name),
    })
}

pub(crate) fn refused(error: pharos_lists::ListsError) -> Error {
    Error::Refused(error.to_string())
}
