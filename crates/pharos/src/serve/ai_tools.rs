//! The adapters of AI tools: a school's own, and those that are shipped.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use pharos_scan::WatchList;
use pharos_scan::tools::{TOOL_BYTES_MAX, TOOLS_MAX, Tool, Tools};

/// The shipped adapters, behind those of a folder. Everything wrong is told by file and line.
pub(crate) fn known(folder: Option<&Path>) -> anyhow::Result<Tools> {
    let mut tools = Tools::default();
    for tool in own(folder)? {
        tools.add(tool)?;
    }
    for (name, text) in Tools::built_in_texts() {
        let shipped = Tool::parse(text);
        match shipped {
            Ok(tool) => tools.add(tool)?,
            Err(_) => bail!("the shipped adapter {name} is damaged"),
        }
    }
    Ok(tools)
}

/// The adapters of a folder that is told at the start.
pub(crate) fn own(folder: Option<&Path>) -> anyhow::Result<Vec<Tool>> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let mut tools = Vec::new();
    let listed = std::fs::read_dir(folder)
        .with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in listed.take(TOOLS_MAX * 4) {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    let mut wrong = Vec::new();
    for path in files {
        let mut text = String::new();
        File::open(&path)
            .and_then(|open| {
                open.take(TOOL_BYTES_MAX as u64 + 1)
                    .read_to_string(&mut text)
            })
            .with_context(|| format!("{} cannot be read", path.display()))?;
        match Tool::parse(&text) {
            Ok(tool) => tools.push(tool),
            Err(problems) => wrong.extend(
                problems
                    .iter()
                    .map(|problem| format!("{}: {problem}", path.display())),
            ),
        }
    }
    if !wrong.is_empty() {
        bail!("the adapters have problems:\n{}", wrong.join("\n"));
    }
    Ok(tools)
}

/// The words that are watched for, by which the part of a long prompt is chosen that is kept.
pub(crate) fn watch_list() -> anyhow::Result<WatchList> {
    WatchList::built_in().map_err(|problems| {
        let first = problems.first().map_or("", |problem| &problem.message);
        anyhow::anyhow!("the list of words to watch for is damaged: {first}")
    })
}

#[cfg(test)]
mod tests {
    use pharos_catalogue::Host;
    use pharos_scan::tools::Way;

    use super::*;

    #[test]
    fn own_adapters_come_first_and_are_refused_by_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("own.txt"), text).unwrap();
        write(
            "tool own\nversion 1\nhosts chatgpt.com\n[POST /new/chat, /backend-api/conversation]\nprompt q\n",
        );
        let tools = known(Some(folder.path())).unwrap();
        let host = Host::parse("chatgpt.com").unwrap();
        for (path, name) in [
            ("/new/chat", "own"),
            ("/backend-api/conversation", "own"),
            ("/backend-api/f/conversation", "chatgpt"),
        ] {
            assert_eq!(
                &*tools.find(&host, path, Way::Post).unwrap().tool.name,
                name
            );
        }
        write("tool own\nversion x\n");
        let error = known(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("own.txt: line 2: "), "{error}");
    }
}
