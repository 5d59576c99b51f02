//! The tools of generative AI that are known: told at the start, of the school's pack, shipped; asked in
//! this order.

use std::sync::Arc;

use pharos_activity::Event;
use pharos_scan::tools::{LiveTools, Tool, Tools, ToolsError};

use crate::{App, Error};

impl App {
    /// The tools that are known, for the proxy: a new version of the pack changes what they hold.
    pub fn tools(&self) -> Arc<LiveTools> {
        Arc::clone(&self.inner().tools)
    }

    /// From now on the tools told at the start are known as well, before those of the pack.
    ///
    /// # Errors
    /// [`Error::Refused`] when there are too many.
    pub fn know_tools(&self, told: Vec<Tool>) -> Result<(), Error> {
        // Told once, at the start; a second time changes nothing.
        let _ = self.inner().told_tools.set(told);
        self.take_tools_up()
            .map_err(|error| Error::Refused(error.to_string()))
    }

    /// Takes up the tools of the pack in force.
    pub(crate) fn take_tools_up(&self) -> Result<(), ToolsError> {
        let school = self.school();
        let told = self.inner().told_tools.get().map_or(&[][..], Vec::as_slice);
        self.inner()
            .tools
            .replace(all(told, &school.pack.ai_tools)?);
        Ok(())
    }

    /// The same where a pack was just put in force: it is in force whatever becomes of its tools.
    pub(crate) fn take_tools_up_or_say(&self) {
        if let Err(error) = self.take_tools_up() {
            tracing::error!(%error, "the AI tools of the pack are not known; those before stay");
        }
    }

    /// The tool of generative AI that somebody asked something of, where the event is of that.
    pub fn tool_asked(&self, event: &Event) -> Option<Arc<str>> {
        event.search.as_ref()?;
        let tools = self.inner().tools.now();
        tools.title_of(&event.host, event.path.as_deref())
    }
}

fn all(told: &[Tool], own: &[Tool]) -> Result<Tools, ToolsError> {
    let mut tools = Tools::default();
    for tool in told.iter().chain(own) {
        tools.add(tool.clone())?;
    }
    for (name, text) in Tools::built_in_texts() {
        let shipped = Tool::parse(text).map_err(|problems| ToolsError::Wrong {
            name: (*name).to_owned(),
            problems,
        })?;
        tools.add(shipped)?;
    }
    Ok(tools)
}
