//! Versions of the policy pack: checked, proposed, put in force (CFG-01, REQ-04).

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_pack::{Loaded, Options, Pack, load, load_held, load_with};
use pharos_records::{NewPack, PackHead};

use crate::{App, Error, Ports, Problem, School};

/// The files of a pack by their path inside it.
pub type PackFiles = BTreeMap<String, Vec<u8>>;

impl App {
    /// Opens a school that has a pack in force. The filter has nothing in force until
    /// [`App::rebuild`].
    ///
    /// # Errors
    /// [`Error::Refused`] when no pack was ever put in force; [`Error::Invalid`] with its problems
    /// when the stored one no longer reads.
    pub async fn open(ports: Ports) -> Result<Self, Error> {
        let stored = ports.records.pack_in_force().await?.ok_or_else(|| {
            Error::Refused("This data folder has no policy pack in force. Make one with `pharos init --data DIR --pack DIR`.".to_owned())
        })?;
        let files = pharos_pack::unpack(&stored.files)
            .map_err(|error| Error::unavailable("the stored policy pack", &error))?;
        let version = u64::try_from(stored.head.number).unwrap_or_default();
        let school = School::new(usable(load_held(&files))?, version)?;
        Self::new(ports, school)
    }

    /// Opens a school for the first time, with its first pack.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the pack, each with file and line.
    pub async fn first(ports: Ports, files: &PackFiles, why: &str) -> Result<Self, Error> {
        let school = School::new(usable(load(files))?, 1)?;
        let app = Self::new(ports, school)?;
        app.install_pack(&Actor::system("operator"), files, why)
            .await?;
        Ok(app)
    }

    /// Puts a new version of the pack in force that changes nothing of filtering or monitoring: all
    /// of it, or none of it when anything is wrong. What does change them is proposed
    /// ([`App::propose_change`]); only a school's first pack is in force as it comes.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with every problem of the pack; [`Error::Refused`] for
    /// one that must be assessed first.
    pub async fn install_pack(
        &self,
        actor: &Actor,
        files: &PackFiles,
        why: &str,
    ) -> Result<i64, Error> {
        let propose = self
            .may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let install = self
            .may::<act::InstallPolicy>(actor, Target::School)
            .await?;
        let pack = self.usable_today(files)?;
        let first = self.records().pack_in_force().await?.is_none();
        if !first && crate::whatif::is_assessed(&self.school().pack, &pack) {
            return Err(Error::Refused("This changes filtering or monitoring, or lets somebody act beyond the campus they were kept to. Propose it, so that it is assessed before it is in force (REQ-03).".to_owned()));
        }
        let archive = pharos_pack::to_archive(files);
        let new = NewPack {
            why: crate::overrides::reason(why)?,
            assessment: None,
            replay: None,
            digest: digest_of(&archive),
            files: archive,
        };
        let now = self.now();
        let number = self.records().propose_pack(&propose, &new, now).await?;
        let changed = changed_settings(&self.school().pack, &pack);
        let school = School::new(pack, u64::try_from(number).unwrap_or_default())?;
        self.records().install_pack(&install, number, now).await?;
        for setting in changed {
            self.records()
                .note(
                    &install,
                    None,
                    &Detail::new()
                        .text("setting-changed", setting)
                        .number("pack", number),
                    now,
                )
                .await?;
        }
        self.take_school_up(school);
        self.rebuild().await?;
        Ok(number)
    }

    /// A pack that is brought in today: what has run out is wrong in it (SRCH-03).
    pub(crate) fn usable_today(&self, files: &PackFiles) -> Result<Pack, Error> {
        let options = Options {
            today: Some(self.today()),
            ..Options::default()
        };
        usable(load_with(files, &options))
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn pack_versions(&self, actor: &Actor) -> Result<Vec<PackHead>, Error> {
        let permit = self.may::<act::ReadPolicy>(actor, Target::School).await?;
        Ok(self.records().packs(&permit).await?)
    }
}

/// The names of the settings that have another value now (CFG-01). Values stay in the packs.
fn changed_settings(before: &Pack, after: &Pack) -> Vec<&'static str> {
    let changed = |name: &&'static str| match *name {
        "fil.lists" => before.lists != after.lists,
        "fil.bundles" => before.sealed != after.sealed,
        "rev.front_page" => before.front_page != after.front_page,
        "school.phases" => before.school.phases != after.school.phases,
        "school.area" => before.school.area != after.school.area,
        "school.words" => before.words != after.words,
        "school.hours" => before.filter.hours != after.filter.hours,
        name => before.settings.value(name) != after.settings.value(name),
    };
    pharos_pack::settings()
        .map(|setting| setting.name)
        .filter(changed)
        .collect()
}

/// SHA-256 of a packed pack, in hexadecimal.
pub(crate) fn digest_of(archive: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, archive))
}

/// The pack, or every problem that keeps it from being used.
pub(crate) fn usable(loaded: Loaded) -> Result<Pack, Error> {
    let wrong: Vec<_> = loaded
        .problems
        .iter()
        .filter(|problem| problem.severity == pharos_pack::Severity::Error)
        .map(|problem| Problem::whole(problem.to_string()))
        .collect();
    match loaded.pack {
        Some(pack) if wrong.is_empty() => Ok(pack),
        _ if wrong.is_empty() => Err(Error::invalid(
            "The policy pack could not be read. Check it with `pharos pack check DIR`.",
        )),
        _ => Err(Error::Invalid(wrong)),
    }
}
