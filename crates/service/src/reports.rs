//! The governors' report: a period counted from the records, without anybody's name (REP-01, ROLE-07).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use pharos_access::{Actor, Target, act};
use pharos_casework::{ParentsStanding, Reporter, gaps, overran};
use pharos_governance::{
    AlertFigures, CaseFigures, CheckFigures, GovernorsReport, Label, ListLine, Period, ReportInput,
};
use pharos_records::{AlertFilter, AlertState, CaseFilter, CheckRun, FrozenReport, NewReport};
use pharos_school::CaseId;
use uuid::Uuid;

use crate::alerts::AlertBody;
use crate::clock::new_uuid;
use crate::{App, Error, OpenCase};

impl App {
    /// Counts a period. Nothing is kept.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for a period that ends before it begins or is longer
    /// than two years.
    pub async fn governors_report(
        &self,
        actor: &Actor,
        period: Period,
    ) -> Result<GovernorsReport, Error> {
        self.may::<act::ReadReport>(actor, Target::School).await?;
        self.build_report(period).await
    }

    /// Makes the report as PDF and keeps it for good with its figures: the version presented.
    ///
    /// # Errors
    /// As [`App::governors_report`].
    pub async fn freeze_report(
        &self,
        actor: &Actor,
        period: Period,
    ) -> Result<(Uuid, Vec<u8>), Error> {
        let permit = self.may::<act::MakeReport>(actor, Target::School).await?;
        let report = self.build_report(period).await?;
        let school = self.school();
        let cover = pharos_report::Cover {
            school: school.name.clone(),
            made: self.now().to_zoned(school.zone.clone()).date(),
            presented_by: school
                .pack
                .settings
                .text("people.governor_report_by")
                .unwrap_or_else(|| "safeguarding governor".to_owned()),
        };
        let document = pharos_report::governors(&report, &cover);
        let pdf = tokio::task::spawn_blocking(move || pharos_report::pdf(&document))
            .await
            .map_err(|error| Error::unavailable("making the PDF", &error))?
            .map_err(|error| Error::unavailable("making the PDF", &error))?;
        let id = new_uuid();
        let figures = serde_json::json!({ "v": 1, "period": period.to_string(), "clauses": report.clauses, "checks": report.checks });
        let new = NewReport {
            id,
            kind: "governors".to_owned(),
            from: period.from,
            to: period.to,
            figures: figures.to_string(),
            pdf: Some(pdf.clone()),
        };
        self.records()
            .freeze_report(&permit, &new, self.now())
            .await?;
        Ok((id, pdf))
    }

    /// The report's figures as CSV.
    ///
    /// # Errors
    /// As [`App::governors_report`].
    pub async fn governors_csv(&self, actor: &Actor, period: Period) -> Result<Vec<u8>, Error> {
        let report = self.governors_report(actor, period).await?;
        pharos_report::governors_csv(&report)
            .map_err(|error| Error::unavailable("making the CSV", &error))
    }

    /// Reports kept, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn frozen_reports(&self, actor: &Actor) -> Result<Vec<FrozenReport>, Error> {
        let permit = self.may::<act::ReadReport>(actor, Target::School).await?;
        Ok(self.records().reports(&permit).await?)
    }

    /// One kept report with its PDF.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn frozen_report(&self, actor: &Actor, id: Uuid) -> Result<FrozenReport, Error> {
        let permit = self.may::<act::ReadReport>(actor, Target::School).await?;
        self.records()
            .report(&permit, id)
            .await?
            .ok_or(Error::NotFound)
    }

    /// The last whole term-length period, offered first: the 13 weeks up to today.
    pub fn usual_period(&self) -> Period {
        let to = self.now().to_zoned(self.zone()).date();
        Period {
            from: to.saturating_sub(13.weeks()),
            to,
        }
    }

    async fn build_report(&self, period: Period) -> Result<GovernorsReport, Error> {
        let days = period
            .from
            .until(period.to)
            .map_or(0, |span| span.get_days());
        if period.to < period.from || days > 732 {
            return Err(Error::field(
                "to",
                "The last day must not lie before the first, nor more than two years after it.",
            ));
        }
        let (since, until) = self.bounds(period)?;
        let system = Actor::system("figures");
        let input = ReportInput {
            cases: self.case_figures(&system, until).await?,
            alerts: self.alert_figures(&system, since, until).await?,
            checks: self.check_figures(self.checks(&system).await?, since, until),
            hand: self.check_figures(self.hand_tests(&system).await?, since, until),
            clauses: self.assess().await?,
            lists: self.list_lines()?,
            loosening: self.loosening_candidates(since, until).await?,
            curriculum_blocked: self.curriculum_blocked(&system, until).await?,
        };
        Ok(GovernorsReport::build(&input, period))
    }

    /// What the last check before a time found blocked of what teaching needs.
    async fn curriculum_blocked(
        &self,
        system: &Actor,
        until: Timestamp,
    ) -> Result<Vec<String>, Error> {
        let last = self
            .checks(system)
            .await?
            .into_iter()
            .find(|run| run.run.to < until);
        let Some(last) = last else {
            return Ok(Vec::new());
        };
        let results = crate::CheckResults::read(&last)?;
        let mut blocked: Vec<String> = results
            .outcomes()
            .filter(|one| {
                one.result == crate::CheckResult::Failed
                    && matches!(one.kind, crate::CheckKind::Curriculum(_))
            })
            .map(|one| one.address.to_owned())
            .collect();
        blocked.sort();
        blocked.dedup();
        Ok(blocked)
    }

    fn bounds(&self, period: Period) -> Result<(Timestamp, Timestamp), Error> {
        let start = |date: Date| date.to_zoned(self.zone()).map(|zoned| zoned.timestamp());
        let wrong = |_| Error::field("from", "These dates are out of range.");
        Ok((
            start(period.from).map_err(wrong)?,
            start(period.to.saturating_add(1.day())).map_err(wrong)?,
        ))
    }

    async fn case_figures(
        &self,
        system: &Actor,
        until: Timestamp,
    ) -> Result<Vec<CaseFigures>, Error> {
        let permit = self.may::<act::ListCases>(system, Target::School).await?;
        let mut figures = Vec::new();
        for case in self
            .records()
            .cases(
                &permit,
                &CaseFilter {
                    until: Some(until),
                    ..CaseFilter::default()
                },
            )
            .await?
        {
            figures.push(self.figures_of(&self.case_for_figures(case.id).await?));
        }
        Ok(figures)
    }

    fn figures_of(&self, open: &OpenCase) -> CaseFigures {
        let state = &open.state;
        let gaps = gaps(state);
        let day = |at: Timestamp| at.to_zoned(self.zone()).date();
        let minutes = |gap: Option<SignedDuration>| {
            gap.map(|gap| u64::try_from(gap.as_mins()).unwrap_or_default())
        };
        let parents = state
            .pupils()
            .into_iter()
            .map(|pupil| match state.parents_of(pupil) {
                ParentsStanding::Told(_) => "told",
                ParentsStanding::NotTold(_) => "not-told",
                ParentsStanding::NotYet(_) => "not-yet",
                ParentsStanding::Undecided => "undecided",
            });
        let nature = if state.has(pharos_casework::Flag::Deliberate) {
            Some("deliberate")
        } else if state.has(pharos_casework::Flag::Accidental) {
            Some("accidental")
        } else {
            None
        };
        let late = overran(state, &open.procedure, &self.school().calendar, self.now());
        CaseFigures {
            reported_on: day(state.reported.at),
            closed_on: state.closed.as_ref().map(|closed| day(closed.mark.at)),
            procedure: label(&state.procedure.id),
            level: state
                .classified
                .as_ref()
                .map(|classified| label(&word(&classified.level))),
            harm: state
                .classified
                .iter()
                .flat_map(|classified| &classified.harm)
                .map(|harm| label(&word(harm)))
                .collect(),
            outcome: state
                .closed
                .as_ref()
                .map(|closed| label(&word(&closed.outcome))),
            nature: nature.map(label),
            reporter: label(match state.concern.reporter {
                Reporter::Pupil { .. } => "pupil",
                Reporter::Staff { .. } => "staff",
                Reporter::Parent { .. } => "parent",
                Reporter::Outside { .. } | Reporter::NotKnown => "outside",
                Reporter::Pharos => "monitoring",
            }),
            to_lead_minutes: minutes(gaps.to_lead),
            to_outside_minutes: minutes(gaps.to_police_or_iwf),
            to_parents_minutes: minutes(gaps.to_parents),
            parents: parents.map(label).collect(),
            referrals: state
                .referrals
                .iter()
                .map(|referral| label(referral.agency.name()))
                .collect(),
            overran: late.into_iter().map(|step| label(&step.0)).collect(),
            lessons: state
                .lessons
                .iter()
                .map(|lesson| label(&word(&lesson.kind)))
                .collect(),
            refused: u64::from(state.refused),
        }
    }

    async fn alert_figures(
        &self,
        system: &Actor,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<AlertFigures>, Error> {
        let permit = self.may::<act::ListAlerts>(system, Target::School).await?;
        let filter = AlertFilter {
            since: Some(since),
            until: Some(until),
            ..AlertFilter::default()
        };
        let mut figures = Vec::new();
        for alert in self.records().alerts(&permit, &filter).await? {
            let body = AlertBody::read(&alert.body)?;
            let outcome = match (alert.case, alert.state) {
                (Some(_), _) => Some("became-a-concern"),
                (None, AlertState::Closed) => Some("explained"),
                _ => None,
            };
            figures.push(AlertFigures {
                raised_on: alert.at.to_zoned(self.zone()).date(),
                theme: label(body.noticed.theme.name()),
                severity: label(body.noticed.severity.name()),
                outcome: outcome.map(label),
                to_acknowledged_minutes: alert.acknowledged_at.map(|at| {
                    u64::try_from(at.duration_since(alert.at).as_mins()).unwrap_or_default()
                }),
            });
        }
        Ok(figures)
    }

    fn check_figures(
        &self,
        runs: Vec<CheckRun>,
        since: Timestamp,
        until: Timestamp,
    ) -> Vec<CheckFigures> {
        let runs = runs
            .into_iter()
            .filter(|run| run.run.to >= since && run.run.to < until);
        let count = |value: i64| u64::try_from(value).unwrap_or_default();
        runs.map(|run| CheckFigures {
            on: run.run.to.to_zoned(self.zone()).date(),
            tried: count(run.run.passed + run.run.failed),
            failed: count(run.run.failed),
        })
        .collect()
    }

    fn list_lines(&self) -> Result<Vec<ListLine>, Error> {
        let sealed = self.sealed_status()?.into_iter().map(|list| ListLine {
            name: list.name.to_string(),
            entries: list.entries,
            refreshed_at: Some(list.issued),
            sealed: true,
        });
        let catalogue = self.inner().lists.catalogue();
        let open = catalogue.lists().iter().map(|list| ListLine {
            name: list.name.to_string(),
            entries: list.entries,
            refreshed_at: Some(list.imported_at),
            sealed: false,
        });
        Ok(open.chain(sealed).collect())
    }

    /// A case for counting: read by the system, shown to nobody, so no look-up is noted.
    pub(crate) async fn case_for_figures(&self, id: CaseId) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::WriteCase>(&Actor::system("figures"), Target::Case(&facts))
            .await?;
        let file = self
            .records()
            .case_to_write(&permit)
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }
}

/// A word of our own enums as a label; anything that is none becomes `other`.
fn label(text: &str) -> Label {
    Label::or_other(text)
}

/// The stored name of a unit variant.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_else(|| "other".to_owned())
}
