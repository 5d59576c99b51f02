//! The whole change log: every change to filtering and monitoring, however it was made (REQ-04).

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_pack::DiffLine;
use pharos_records::{
    ChangeKind, ChangeState, ChangeStep, Effect, LedgerFilter, Origin, Override, OverrideKind,
    PackState,
};
use pharos_report::{Column, Table};
use pharos_school::PersonId;
use serde::Serialize;

use super::{OpenChange, unpacked};
use crate::{App, Error};

/// The most lines of one reading.
const LINES_MAX: usize = 2_000;

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// At or after this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Made by this person.
    pub by: Option<PersonId>,
    /// Of this kind: `pack`, `opening`, `exception`, `emergency-block`, `lesson-list`,
    /// `restriction`, `membership`, `list`, `floor`.
    pub kind: Option<String>,
    /// With this effect.
    pub effect: Option<Effect>,
}

/// How the log is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
    /// JSON.
    Json,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When it was made.
    pub at: Timestamp,
    /// By whom, in words.
    pub by: String,
    /// The same, to compare.
    #[serde(skip)]
    pub by_person: Option<PersonId>,
    /// `screen`, `file`, `command` or `system`.
    pub origin: &'static str,
    /// What kind of change.
    pub kind: &'static str,
    /// What it is about: `version 7`, `CH-1A2B3C4D`.
    pub policy: String,
    /// `opens`, `closes`, `both` or `neither`.
    pub effect: &'static str,
    /// `draft`, `in-force`, `withdrawn`, `past`, `ended`, `over`.
    pub state: &'static str,
    /// Why.
    pub why: String,
    /// What went and what came.
    pub difference: Vec<String>,
    /// Who assessed, consented, put in force, tested and looked again, with their words.
    pub steps: Vec<String>,
    /// When it runs out.
    pub until: Option<Timestamp>,
    /// When somebody looks at it again.
    pub review: Option<Timestamp>,
    /// The number of the change, where it has a page.
    pub number: Option<i64>,
}

impl App {
    pub(super) async fn may_read_log(&self, actor: &Actor) -> Result<(), Error> {
        // A command on the server reads it too; nobody assesses there.
        if actor.id().is_none() || self.could(actor, pharos_access::Act::ReviewChange) {
            return Ok(());
        }
        self.may::<act::AssessChange>(actor, Target::School)
            .await
            .map(|_| ())
    }

    /// The change log, newest first: drafts and changes under change control, versions of the pack
    /// that came in otherwise, everything made at short notice, and lists brought in.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn change_log(
        &self,
        actor: &Actor,
        filter: &LogFilter,
    ) -> Result<Vec<LogLine>, Error> {
        self.may_read_log(actor).await?;
        let permit = self.may::<act::ReadPolicy>(actor, Target::School).await?;
        let since = filter.from.unwrap_or(Timestamp::MIN);
        let mut lines = Vec::new();
        let mut with_change = Vec::new();
        for change in self.records().changes(&permit, since, LINES_MAX).await? {
            with_change.extend(change.pack);
            let open = self.opened(change).await?;
            lines.push(self.line_of_change(&open).await?);
        }
        for head in self.records().packs(&permit).await? {
            if head.at >= since && !with_change.contains(&head.number) {
                lines.push(self.line_of_pack(&head).await?);
            }
        }
        let sees_restrictions = self.could(actor, pharos_access::Act::RestrictPerson);
        for stored in self.records().overrides(&permit, since, LINES_MAX).await? {
            lines.push(self.line_of_override(&stored, sees_restrictions).await?);
        }
        lines.extend(self.lines_of_lists(since).await?);
        lines.retain(|line| {
            filter.to.is_none_or(|to| line.at < to)
                && filter.by.is_none_or(|by| line.by_person == Some(by))
                && filter.kind.as_ref().is_none_or(|kind| line.kind == kind)
                && filter
                    .effect
                    .is_none_or(|effect| line.effect == effect.name())
        });
        lines.sort_by_key(|line| std::cmp::Reverse(line.at));
        lines.truncate(LINES_MAX);
        Ok(lines)
    }

    /// The change log as a file; that it was taken out is noted.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn export_change_log(
        &self,
        actor: &Actor,
        filter: &LogFilter,
        format: LogFormat,
    ) -> Result<Vec<u8>, Error> {
        let lines = self.change_log(actor, filter).await?;
        let permit = self.may::<act::ReadPolicy>(actor, Target::School).await?;
        let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let detail = Detail::new()
            .text("export", "change-log")
            .number("lines", count);
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        match format {
            LogFormat::Json => serde_json::to_vec_pretty(&lines)
                .map_err(|error| Error::unavailable("writing JSON", &error)),
            LogFormat::Csv => pharos_report::csv(&table(&lines))
                .map_err(|error| Error::unavailable("writing CSV", &error)),
        }
    }

    /// The version of the pack that was in force at a time; `None` before the first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn version_at(&self, at: Timestamp) -> Result<Option<i64>, Error> {
        let permit = self
            .may::<act::ReadPolicy>(&Actor::system("explain"), Target::School)
            .await?;
        let heads = self.records().packs(&permit).await?;
        Ok(heads
            .iter()
            .filter(|head| matches!(head.state, PackState::InForce | PackState::Past))
            .filter_map(|head| Some((head.decided_at?, head.number)))
            .filter(|(decided, _)| *decided <= at)
            .max()
            .map(|(_, number)| number))
    }

    /// What differs between two versions of the pack.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn compare_versions(
        &self,
        actor: &Actor,
        before: i64,
        after: i64,
    ) -> Result<(Vec<DiffLine>, usize), Error> {
        self.may_read_log(actor).await?;
        let load = async |number| {
            let version = self.records().pack(number).await?.ok_or(Error::NotFound)?;
            unpacked(&version)
        };
        Ok(pharos_pack::diff(&load(before).await?, &load(after).await?))
    }

    /// The text of a version of the pack, file by file: the policy as it stood.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn version_text(
        &self,
        actor: &Actor,
        number: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        self.may_read_log(actor).await?;
        let version = self.records().pack(number).await?.ok_or(Error::NotFound)?;
        Ok(unpacked(&version)?
            .into_iter()
            .map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned()))
            .collect())
    }

    async fn called(&self, by: Option<PersonId>, origin: Origin) -> Result<String, Error> {
        match by {
            Some(by) => Ok(self
                .name_of(by)
                .await?
                .unwrap_or_else(|| "Somebody who left".to_owned())),
            None if origin == Origin::Command => Ok("The operator, on the server".to_owned()),
            None => Ok("Pharos".to_owned()),
        }
    }

    async fn line_of_change(&self, open: &OpenChange) -> Result<LogLine, Error> {
        let change = &open.change;
        let mut steps = Vec::new();
        for step in &open.steps {
            let by = self.called(step.by, Origin::System).await?;
            steps.push(format!(
                "{}: {by}{}",
                step_says(step.step),
                words_of(step.step, &step.body)
            ));
        }
        let state = match change.state {
            ChangeState::InForce if change.until.is_some_and(|until| until <= self.now()) => "over",
            state => state.name(),
        };
        Ok(LogLine {
            at: change.at,
            by: self.called(change.by, change.origin).await?,
            by_person: change.by,
            origin: change.origin.name(),
            kind: match change.kind {
                ChangeKind::Pack => "pack",
                ChangeKind::Opening if !open.body.leave_alone.is_empty() => "uninspected",
                ChangeKind::Opening => "opening",
            },
            policy: match change.pack {
                Some(pack) => format!("version {pack}"),
                None => format!("change {}", change.number),
            },
            effect: change.effect.name(),
            state,
            why: open.body.why.clone(),
            difference: open
                .body
                .lines
                .iter()
                .map(|line| format!("{}: {} {}", line.file, line.sign, line.text))
                .collect(),
            steps,
            until: change.until,
            review: change.review_at,
            number: Some(change.number),
        })
    }

    async fn line_of_pack(&self, head: &pharos_records::PackHead) -> Result<LogLine, Error> {
        let origin = if head.by.is_some() {
            Origin::File
        } else {
            Origin::Command
        };
        Ok(LogLine {
            at: head.at,
            by: self.called(head.by, origin).await?,
            by_person: head.by,
            origin: origin.name(),
            kind: "pack",
            policy: format!("version {}", head.number),
            effect: Effect::Neither.name(),
            state: head.state.name(),
            why: head.why.clone(),
            difference: Vec::new(),
            steps: Vec::new(),
            until: None,
            review: None,
            number: None,
        })
    }

    async fn line_of_override(
        &self,
        stored: &Override,
        sees_restrictions: bool,
    ) -> Result<LogLine, Error> {
        let private = stored.kind == OverrideKind::Restriction && !sees_restrictions;
        let mut steps = Vec::new();
        for step in self.records().change_entries(stored.id).await? {
            let by = self.called(step.by, Origin::System).await?;
            steps.push(format!(
                "{}: {by}{}",
                step_says(step.step),
                words_of(step.step, &step.body)
            ));
        }
        let state = match (stored.ended_at, stored.until) {
            (Some(_), _) => "ended",
            (None, Some(until)) if until <= self.now() => "over",
            _ => "in-force",
        };
        Ok(LogLine {
            at: stored.at,
            by: self.called(stored.by, Origin::Screen).await?,
            by_person: stored.by,
            origin: Origin::Screen.name(),
            kind: if crate::snapshot::is_uninspected(&stored.body) {
                "uninspected"
            } else {
                stored.kind.name()
            },
            policy: crate::overrides::reference_of(stored.id),
            effect: match stored.kind {
                OverrideKind::Exception | OverrideKind::Membership => Effect::Opens,
                OverrideKind::EmergencyBlock | OverrideKind::Restriction => Effect::Closes,
                OverrideKind::LessonList => Effect::Opens,
            }
            .name(),
            state,
            why: if private {
                "For the safeguarding team only".to_owned()
            } else {
                stored.why.clone()
            },
            difference: if private {
                Vec::new()
            } else {
                sites_of(&stored.body)
            },
            steps,
            until: stored.until,
            review: stored.review_at,
            number: None,
        })
    }

    /// Lists brought in or taken back, as the ledger knows them.
    async fn lines_of_lists(&self, since: Timestamp) -> Result<Vec<LogLine>, Error> {
        let permit = self
            .may::<act::ReadLedger>(&Actor::system("change log"), Target::School)
            .await?;
        let filter = LedgerFilter {
            act: Some("setting.change".to_owned()),
            ..LedgerFilter::default()
        };
        let mut lines = Vec::new();
        for entry in self.records().ledger(&permit, &filter, LINES_MAX).await? {
            let detail: serde_json::Value =
                serde_json::from_str(&entry.line.detail).unwrap_or_default();
            let word = |key: &str| detail.get(key).and_then(|name| name.as_str());
            let (kind, policy, why) = match (word("list").or(word("sealed-list")), word("floor")) {
                (Some(name), _) => (
                    "list",
                    format!("list {name}"),
                    "A list was brought in, taken back or refused".to_owned(),
                ),
                (None, Some(trust)) => ("floor", format!("floor of {trust}"), floor_says(&detail)),
                (None, None) => continue,
            };
            if entry.line.at < since {
                continue;
            }
            let by: Option<PersonId> = entry
                .line
                .actor
                .strip_prefix("person:")
                .and_then(|id| id.parse().ok());
            let origin = if by.is_some() {
                Origin::File
            } else {
                Origin::Command
            };
            lines.push(LogLine {
                at: entry.line.at,
                by: self.called(by, origin).await?,
                by_person: by,
                origin: origin.name(),
                kind,
                policy,
                effect: Effect::Both.name(),
                state: "in-force",
                why,
                difference: Vec::new(),
                steps: Vec::new(),
                until: None,
                review: None,
                number: None,
            });
        }
        Ok(lines)
    }
}

/// What became of a trust's floor.
fn floor_says(detail: &serde_json::Value) -> String {
    let word = |key: &str| detail.get(key).and_then(|value| value.as_str());
    let issue = detail.get("issue").map(|issue| format!("Issue {issue}: "));
    let why = word("why").map(|why| format!(". {why}"));
    format!(
        "{}{}{}",
        issue.unwrap_or_default(),
        word("result").unwrap_or("changed"),
        why.unwrap_or_default()
    )
}

/// A step in words.
pub fn step_says(step: ChangeStep) -> &'static str {
    match step {
        ChangeStep::Educational => "Assessed for teaching",
        ChangeStep::Technical => "Assessed technically",
        ChangeStep::Consent => "Leadership consented",
        ChangeStep::PutInForce => "Put in force",
        ChangeStep::Verified => "Tested on live traffic",
        ChangeStep::Reviewed => "Looked at again",
        ChangeStep::Withdrawn => "Given up",
        ChangeStep::Undone => "Undone",
    }
}

/// What was written or found with a step.
pub fn words_of(step: ChangeStep, body: &[u8]) -> String {
    if step == ChangeStep::Verified {
        return match serde_json::from_slice::<super::Verification>(body) {
            Ok(found) if found.holds() => format!(
                " – {} of {} verdicts as approved, {} other than before",
                found.as_approved, found.asked, found.changed
            ),
            Ok(found) => format!(
                " – only {} of {} verdicts as approved: {}",
                found.as_approved,
                found.asked,
                found.wrong.join("; ")
            ),
            Err(_) => String::new(),
        };
    }
    match String::from_utf8_lossy(body).trim() {
        "" => String::new(),
        words => format!(" – {words}"),
    }
}

/// The sites, categories and groups that an override names; nobody's name.
fn sites_of(body: &[u8]) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else {
        return Vec::new();
    };
    let list = |key: &str| {
        let items = body
            .get(key)
            .and_then(|value| value.as_array())
            .cloned()
            .unwrap_or_default();
        let texts: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect();
        (!texts.is_empty()).then(|| format!("{key}: {}", texts.join(", ")))
    };
    let group = body
        .get("group")
        .and_then(|group| group.as_str())
        .map(|group| format!("group: {group}"));
    let alone = list("leave-alone");
    [
        list("groups"),
        list("sites"),
        list("categories"),
        alone,
        group,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn table(lines: &[LogLine]) -> Table {
    let titles = [
        "When",
        "By",
        "Came by",
        "Kind",
        "Policy",
        "Effect",
        "State",
        "Why",
        "Difference",
        "Steps",
        "Until",
        "To be looked at",
    ];
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    Table {
        caption: "Changes to filtering and monitoring".into(),
        columns: titles.iter().map(|title| Column::words(title, 1)).collect(),
        rows: lines
            .iter()
            .map(|line| {
                [
                    line.at.to_string(),
                    line.by.clone(),
                    line.origin.to_owned(),
                    line.kind.to_owned(),
                    line.policy.clone(),
                    line.effect.to_owned(),
                    line.state.to_owned(),
                    line.why.clone(),
                    line.difference.join("\n"),
                    line.steps.join("\n"),
                    time(line.until),
                    time(line.review),
                ]
                .into_iter()
                .map(|text| text.as_str().into())
                .collect()
            })
            .collect(),
        none: "Nothing was changed.".into(),
    }
}
