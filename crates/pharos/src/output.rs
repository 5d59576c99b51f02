//! What a command says: to a terminal here, or over the control socket to whoever typed it.

use serde::{Deserialize, Serialize};
use std::io::Write;

/// One line on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line {
    /// For standard output.
    Say(String),
    /// For standard error: what is wrong and what to do.
    Problem(String),
    /// For standard error: how far long work has come; replaced by the next one.
    Progress(String),
    /// The exit status; the last line.
    End(u8),
}

/// Where lines go.
pub(crate) struct Output {
    /// Whether a program reads the output.
    pub(crate) json: bool,
    to: To,
    bar: Option<indicatif::ProgressBar>,
}

enum To {
    Terminal,
    Socket(tokio::sync::mpsc::UnboundedSender<Line>),
}

impl Output {
    /// To the terminal.
    pub(crate) fn terminal(json: bool) -> Self {
        Self {
            json,
            to: To::Terminal,
            bar: None,
        }
    }

    /// To whoever reads the channel.
    pub(crate) fn channel(json: bool, to: tokio::sync::mpsc::UnboundedSender<Line>) -> Self {
        Self {
            json,
            to: To::Socket(to),
            bar: None,
        }
    }

    /// A result.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.line(Line::Say(text.into()));
    }

    /// A result for a program.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.say(text),
            Err(error) => self.problem(&format!("the result cannot be written as JSON: {error}")),
        }
    }

    /// What is wrong, and what to do.
    pub(crate) fn problem(&mut self, text: &str) {
        self.line(Line::Problem(text.to_owned()));
    }

    /// How far long work has come.
    pub(crate) fn progress(&mut self, text: impl Into<String>) {
        self.line(Line::Progress(text.into()));
    }

    /// Hands a line on.
    pub(crate) fn line(&mut self, line: Line) {
        match &self.to {
            // Whoever asked may have gone; the work itself goes on.
            To::Socket(to) => drop(to.send(line)),
            To::Terminal => self.print(line),
        }
    }

    fn print(&mut self, line: Line) {
        if !matches!(line, Line::Progress(_))
            && let Some(bar) = self.bar.take()
        {
            bar.finish_and_clear();
        }
        // A closed pipe ends the reader's interest, not our work.
        match line {
            Line::Say(text) => drop(writeln!(std::io::stdout(), "{text}")),
            Line::Problem(text) => drop(writeln!(std::io::stderr(), "pharos: {text}")),
            Line::Progress(text) => self
                .bar
                .get_or_insert_with(indicatif::ProgressBar::new_spinner)
                .set_message(text),
            Line::End(_) => {}
        }
    }
}
