//! The school's own adapters of AI tools: `ai-tools/*.txt`, in the form of `docs/ai-tools.md`.

use pharos_scan::tools::{TOOLS_MAX, Tool, Tools};

use crate::problem::{Place, Problems};

/// Where they stand in a pack.
pub(crate) const FOLDER: &str = "ai-tools/";

/// Whether a file of a pack is an adapter.
pub(crate) fn is_adapter(path: &str) -> bool {
    path.strip_prefix(FOLDER)
        .is_some_and(|name| name.ends_with(".txt") && !name.contains('/'))
}

/// Reads the adapters, in the order of their paths; what is wrong is told by file and line.
pub(crate) fn read_ai_tools(texts: &[(&str, &str)], problems: &mut Problems) -> Vec<Tool> {
    let mut tools = Vec::new();
    for (path, text) in texts {
        let at = |line: usize| Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 1,
        };
        let tool = match Tool::parse(text) {
            Ok(tool) => tool,
            Err(wrong) => {
                for problem in wrong {
                    problems.error(path, at(problem.line), problem.message, "");
                }
                continue;
            }
        };
        let stem = path
            .strip_prefix(FOLDER)
            .and_then(|name| name.strip_suffix(".txt"))
            .unwrap_or_default();
        if *tool.name != *stem {
            let line = text
                .lines()
                .position(|line| line.trim().starts_with("tool "));
            problems.error(
                path,
                at(line.map_or(1, |line| line + 1)),
                format!("the tool is called {:?} and the file {stem:?}", &*tool.name),
                "name the file after the tool, so that neither is there twice",
            );
            continue;
        }
        tools.push(tool);
    }
    let room = TOOLS_MAX - Tools::built_in_texts().len().min(TOOLS_MAX);
    if tools.len() > room {
        problems.error(
            FOLDER,
            Place::default(),
            format!("{} adapters; there is room for {room}", tools.len()),
            "",
        );
    }
    tools
}
