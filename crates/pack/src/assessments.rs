//! `[[assessments]]`: risk assessments of search tools. A tool counts only with one that is approved
//! and current (SRCH-03).

use jiff::ToSpan;
use jiff::civil::Date;

use crate::Pack;
use crate::problem::{Place, nearest};
use crate::read::{Cx, Fields};
use crate::settings::Settings;
use pharos_policy::PolicySpec;

/// The risk assessment of a search tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Its number in the school's own register.
    pub id: String,
    /// The search tool, as `srch.tools` names it.
    pub tool: String,
    /// Who approved it, by username.
    pub approved_by: String,
    /// When.
    pub approved_on: Date,
    /// The last day on which it holds.
    pub expires: Date,
    /// Who sees to the next one, by username.
    pub owner: String,
    pub(crate) place: Place,
}

impl Assessment {
    /// Whether it has run out by this day.
    pub fn has_expired(&self, today: Date) -> bool {
        self.expires < today
    }
}

impl Pack {
    /// The filter policy as it holds on a day: of the search tools those alone whose risk assessment is
    /// approved and current then (SRCH-03). A tool with none is closed like any other that is not
    /// approved; a phase without any left searches nowhere until one is assessed anew.
    pub fn filter_on(&self, today: Date) -> PolicySpec {
        let mut spec = self.filter.clone();
        close_tools(&mut spec, |tool| self.is_assessed(tool, today));
        spec
    }

    /// The search tools that the pack opens for somebody and that are closed on a day, because their
    /// assessment is not current; by name, each once.
    pub fn closed_tools(&self, today: Date) -> Vec<&str> {
        let mut closed: Vec<&str> = self
            .opened_tools()
            .filter(|tool| !self.is_assessed(tool, today))
            .collect();
        closed.sort_unstable();
        closed.dedup();
        closed
    }

    /// The next day after this one on which a search tool opens or closes by its assessment.
    pub fn next_tool_day(&self, today: Date) -> Option<Date> {
        let days = self
            .assessments
            .iter()
            .filter(|one| self.opened_tools().any(|tool| tool == one.tool))
            .flat_map(|one| [one.approved_on, one.expires.saturating_add(1.day())]);
        days.filter(|day| *day > today).min()
    }

    fn opened_tools(&self) -> impl Iterator<Item = &str> {
        let tools = self.filter.search.iter().flat_map(|one| &one.tools);
        tools.flatten().map(String::as_str)
    }

    fn is_assessed(&self, tool: &str, today: Date) -> bool {
        self.assessments
            .iter()
            .any(|one| one.tool == tool && one.approved_on <= today && !one.has_expired(today))
    }
}

/// Closes the search tools that are not assessed.
pub fn close_tools(spec: &mut PolicySpec, is_assessed: impl Fn(&str) -> bool) {
    let tools = spec.search.iter_mut().flat_map(|search| &mut search.tools);
    tools.for_each(|tools| tools.retain(|tool| is_assessed(tool)));
}

/// Reads `[[assessments]]`.
pub(crate) fn read_assessments(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Assessment> {
    let mut all = Vec::new();
    for mut fields in root.tables("assessments", cx) {
        let place = fields.at();
        let id = fields.needed_text("id", cx);
        let tool = fields.needed_text("tool", cx);
        let approved_by = fields.needed_text("approved_by", cx);
        let owner = fields.needed_text("owner", cx);
        let days = ["approved_on", "expires"].map(|key| {
            let day = fields.day(key, cx);
            if day.is_none() && fields.entry(key).is_none() {
                let message = format!("{} is missing", fields.full(key));
                cx.error(place, message, "write a date such as 2026-09-01");
            }
            day
        });
        fields.finish(cx);
        let ([Some(approved_on), Some(expires)], Some(id), Some(tool)) = (days, id, tool) else {
            continue;
        };
        if expires < approved_on {
            cx.error(
                place,
                format!("the assessment {id:?} ran out before it was approved"),
                "",
            );
        }
        all.push(Assessment {
            id,
            tool,
            approved_by: approved_by.unwrap_or_default(),
            approved_on,
            expires,
            owner: owner.unwrap_or_default(),
            place,
        });
    }
    all
}

/// Every search tool that the pack opens has an assessment, which has not run out where the day is
/// known. `written` is where `[[search]]` stands.
pub(crate) fn check_tools(
    (policy, settings): (&PolicySpec, &Settings),
    assessments: &[Assessment],
    written: Place,
    today: Option<Date>,
    cx: &mut Cx<'_>,
) {
    let set = settings.written("srch.tools");
    let by_setting = settings.map("srch.tools");
    let mut tools: Vec<&String> = policy
        .search
        .iter()
        .filter_map(|s| s.tools.as_ref())
        .flatten()
        .collect();
    tools.sort();
    tools.dedup();
    for tool in tools {
        let from_setting = by_setting.values().flatten().any(|own| own == tool);
        let place = set
            .filter(|_| from_setting)
            .map_or(written, |set| set.place);
        let mut own = assessments
            .iter()
            .filter(|one| one.tool == *tool)
            .peekable();
        if own.peek().is_none() {
            cx.error(
                place,
                format!("the search tool {tool:?} has no approved risk assessment"),
                "add [[assessments]] with id, tool, approved_by, approved_on, expires and owner",
            );
            continue;
        }
        let Some(today) = today else { continue };
        let mut current = own
            .clone()
            .filter(|one| one.approved_on <= today && !one.has_expired(today));
        if current.next().is_none()
            && let Some(last) = own.max_by_key(|one| one.expires)
        {
            cx.error(
                last.place,
                format!("the risk assessment {:?} of the search tool {tool:?} is not current on {today}: it holds from {} to {}", last.id, last.approved_on, last.expires),
                "assess the tool again, or take it out of srch.tools",
            );
        }
    }
    for one in assessments {
        let engines = pharos_filter::engines::ENGINES
            .iter()
            .map(|engine| engine.name);
        if !engines.clone().any(|name| name == one.tool) {
            cx.error(
                one.place,
                format!("{:?} is no search tool", one.tool),
                nearest(&one.tool, engines),
            );
        }
    }
}
