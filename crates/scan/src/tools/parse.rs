//! The text of an adapter to a [`Tool`], or everything that is wrong with it.

use std::sync::Arc;

use pharos_catalogue::Host;

use super::adapter::{Exchange, Path, REFUSAL_MAX, Sign, TEXT_HERE, Tool, Way};
use super::place::{self, Places};

/// The largest text of one adapter, in bytes.
pub const TOOL_BYTES_MAX: usize = 64 * 1024;
/// The most hosts, signs, paths or exchanges of one tool.
const ITEMS_MAX: usize = 64;
/// Problems told of one text; what is beyond is not told.
const PROBLEMS_MAX: usize = 100;

/// What is wrong in an adapter as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ToolProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Tool {
    /// Reads an adapter.
    ///
    /// # Errors
    /// Everything that is wrong, with its line; at most a hundred problems.
    pub fn parse(text: &str) -> Result<Self, Vec<ToolProblem>> {
        let at = |line: usize, message: String| ToolProblem { line, message };
        if text.len() > TOOL_BYTES_MAX {
            let message = format!("the adapter is larger than {TOOL_BYTES_MAX} bytes");
            return Err(vec![at(1, message)]);
        }
        let mut reader = Reader::default();
        let mut problems = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if let Err(message) = reader.line(number + 1, line.trim())
                && problems.len() < PROBLEMS_MAX
            {
                problems.push(at(number + 1, message));
            }
        }
        match reader.finish() {
            Ok(tool) if problems.is_empty() => Ok(tool),
            Ok(_) => Err(problems),
            Err(missing) => {
                problems.extend(missing.into_iter().map(|(line, message)| at(line, message)));
                Err(problems)
            }
        }
    }
}

#[derive(Default)]
struct Reader {
    name: Option<Arc<str>>,
    title: Option<Arc<str>>,
    version: Option<u32>,
    hosts: Vec<Host>,
    any_host: bool,
    tenant: Option<Box<str>>,
    workspace_headers: Vec<Box<str>>,
    workspace_paths: Vec<Path>,
    anonymous: Vec<Path>,
    signed_in: Vec<Sign>,
    refusal: Option<Box<str>>,
    ending: Vec<Box<str>>,
    exchanges: Vec<(usize, Draft)>,
}

struct Draft {
    way: Way,
    paths: Vec<Path>,
    prompt: Places,
    answer: Places,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading
                .strip_suffix(']')
                .ok_or("a heading such as [POST /path] ends with ]")?;
            return self.exchange(number, heading);
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if rest.is_empty() {
            return Err(format!("write something behind {word:?}"));
        }
        match word {
            "prompt" | "answer" => {
                let place = place::parse(rest)?;
                let Some((_, draft)) = self.exchanges.last_mut() else {
                    return Err(format!(
                        "{word} stands before any heading such as [POST /path]"
                    ));
                };
                if word == "prompt" {
                    draft.prompt.add(place)
                } else {
                    draft.answer.add(place)
                }
            }
            _ if !self.exchanges.is_empty() => Err(format!(
                "{word:?} below a heading: there only prompt and answer may stand"
            )),
            "tool" => {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if rest.len() > 40 || !rest.chars().all(plain) {
                    return Err(format!(
                        "{rest:?} is no name: use small letters, digits and hyphens, at most 40"
                    ));
                }
                self.name = Some(rest.into());
                Ok(())
            }
            "title" if rest.chars().count() > 80 => {
                Err("the title is longer than 80 characters".to_owned())
            }
            "title" => {
                self.title = Some(rest.into());
                Ok(())
            }
            // Where the shape is known from, for people.
            "source" => Ok(()),
            "version" => {
                let version = rest.parse();
                self.version =
                    Some(version.map_err(|_| format!("{rest:?} is no version: write a number"))?);
                Ok(())
            }
            "hosts" => self.hosts(rest),
            "tenant" => {
                self.tenant = Some(header(rest)?);
                Ok(())
            }
            "workspace" => self.workspace(rest),
            "signed-out" => self.signed_out(rest),
            "refusal" if !rest.contains(TEXT_HERE) || rest.len() > REFUSAL_MAX => Err(format!(
                "a refusal is at most {REFUSAL_MAX} bytes of JSON with \"{TEXT_HERE}\" in it"
            )),
            "refusal" => {
                self.refusal = Some(rest.into());
                Ok(())
            }
            "ending" if rest.len() > REFUSAL_MAX => {
                Err(format!("an ending is longer than {REFUSAL_MAX} bytes"))
            }
            "ending" => {
                room(self.ending.len())?;
                self.ending.push(rest.into());
                Ok(())
            }
            _ => Err(format!(
                "{word:?} is not known here: tool, title, version, source, hosts, tenant, workspace, signed-out, refusal, ending, or a heading such as [POST /path]"
            )),
        }
    }

    fn exchange(&mut self, number: usize, heading: &str) -> Result<(), String> {
        let (way, paths) = heading.trim().split_once(' ').unwrap_or((heading, ""));
        let way = match way {
            "POST" => Way::Post,
            "SOCKET" => Way::Socket,
            other => {
                return Err(format!(
                    "{other:?} is no way: write [POST /path] or [SOCKET /path]"
                ));
            }
        };
        let read = paths.split(',').map(|path| Path::parse(path.trim()));
        let paths = read.collect::<Result<Vec<_>, _>>();
        let draft = Draft {
            way,
            paths: paths.clone().unwrap_or_default(),
            prompt: Places::default(),
            answer: Places::default(),
        };
        room(self.exchanges.len())?;
        self.exchanges.push((number, draft));
        room(paths?.len().saturating_sub(1))
    }

    fn hosts(&mut self, rest: &str) -> Result<(), String> {
        for text in rest.split(',').map(str::trim) {
            if text == "*" {
                self.any_host = true;
                continue;
            }
            let host = Host::parse(text).map_err(|error| format!("{text:?}: {error}"))?;
            if !host.as_str().contains(['.', ':']) {
                return Err(format!("{text:?} is a whole top-level domain"));
            }
            room(self.hosts.len())?;
            self.hosts.push(host);
        }
        Ok(())
    }

    fn workspace(&mut self, rest: &str) -> Result<(), String> {
        match rest.split_once(' ') {
            Some(("header", name)) => {
                room(self.workspace_headers.len())?;
                self.workspace_headers.push(header(name)?);
                Ok(())
            }
            Some(("path", path)) => {
                let path = Path::parse(path.trim())?;
                if !path.names_workspace() {
                    return Err("write {workspace} where in the path it stands".to_owned());
                }
                room(self.workspace_paths.len())?;
                self.workspace_paths.push(path);
                Ok(())
            }
            _ => Err("write workspace header NAME or workspace path /x/{workspace}/**".to_owned()),
        }
    }

    fn signed_out(&mut self, rest: &str) -> Result<(), String> {
        let mut words = rest.split_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("path"), Some(path), None, None) => {
                room(self.anonymous.len())?;
                self.anonymous.push(Path::parse(path)?);
            }
            (Some("without"), Some(what), Some(name), None) => {
                let sign = match what {
                    "header" => Sign::Header(header(name)?),
                    "cookie" => Sign::Cookie(name.into()),
                    "query" => Sign::Query(name.into()),
                    other => return Err(format!("{other:?} is neither header, cookie nor query")),
                };
                room(self.signed_in.len())?;
                self.signed_in.push(sign);
            }
            _ => {
                return Err(
                    "write signed-out path /x/**, or signed-out without header, cookie or query and its name"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Tool, Vec<(usize, String)>> {
        let mut missing = Vec::new();
        let mut want = |there: bool, line: usize, what: &str| {
            if !there {
                missing.push((line, what.to_owned()));
            }
        };
        want(self.name.is_some(), 1, "there is no line tool NAME");
        want(self.version.is_some(), 1, "there is no line version NUMBER");
        want(
            self.any_host || !self.hosts.is_empty(),
            1,
            "there is no line hosts NAME, NAME; write hosts * for a shape that any host may speak",
        );
        want(
            !self.any_host || self.hosts.is_empty(),
            1,
            "hosts is either * or names",
        );
        want(
            !self.exchanges.is_empty(),
            1,
            "there is no heading such as [POST /path]",
        );
        for (line, draft) in &self.exchanges {
            want(
                !draft.prompt.is_empty(),
                *line,
                "nothing says where the prompt stands: write prompt and its place",
            );
        }
        let (Some(name), Some(version), true) = (self.name, self.version, missing.is_empty())
        else {
            return Err(missing);
        };
        let exchanges = self.exchanges.into_iter().map(|(_, draft)| Exchange {
            way: draft.way,
            paths: draft.paths,
            prompt: Arc::new(draft.prompt),
            answer: Arc::new(draft.answer),
        });
        Ok(Tool {
            title: self.title.unwrap_or_else(|| Arc::clone(&name)),
            name,
            version,
            hosts: self.hosts,
            tenant: self.tenant,
            workspace_headers: self.workspace_headers,
            workspace_paths: self.workspace_paths,
            anonymous: self.anonymous,
            signed_in: self.signed_in,
            refusal: self.refusal,
            ending: self.ending,
            exchanges: exchanges.collect(),
        })
    }
}

fn room(held: usize) -> Result<(), String> {
    if held >= ITEMS_MAX {
        return Err(format!("more than {ITEMS_MAX} of them"));
    }
    Ok(())
}

/// The name of a header, in small letters.
fn header(name: &str) -> Result<Box<str>, String> {
    let name = name.trim().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        return Err(format!("{name:?} is no name of a header"));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_reported_with_its_line() {
        let text = "tool Big Tool\nversion x\nprompt a\nhosts com, a b\nsigned-out maybe\nworkspace path /a\nrefusal {}\n\
            [GET /x]\n[POST x]\n[POST /x]\nanswer a..\ntitle late\nwhat is this";
        let problems = Tool::parse(text).unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(
            lines,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 1, 1, 1, 9, 10],
            "{problems:#?}"
        );
        assert!(problems[0].to_string().starts_with("line 1: "));
    }

    #[test]
    fn an_adapter_is_read() {
        let text = "# words\ntool harbour-talk\nversion 2\ntitle Harbour Talk\nsource made up\nhosts talk.test, ai.test\n\
            tenant X-Allowed-Spaces\nworkspace header X-Space\nsigned-out path /anon/**\nsigned-out without cookie session*\n\
            refusal {\"detail\":\"{text}\"}\nending {\"t\":\"{text}\"}\nending [DONE]\n\n[POST /chat, /anon/chat]\nprompt messages[].text\nanswer delta.text\n";
        let tool = Tool::parse(text).unwrap();
        assert_eq!(
            (&*tool.name, &*tool.title, tool.version),
            ("harbour-talk", "Harbour Talk", 2)
        );
        assert!(tool.is_at(&Host::parse("www.talk.test").unwrap()));
        assert!(!tool.is_at(&Host::parse("nottalk.test").unwrap()));
        assert_eq!(tool.tenant.as_deref(), Some("x-allowed-spaces"));
        assert_eq!(tool.exchange("/anon/chat", Way::Post), Some(0));
        assert_eq!(tool.exchange("/anon/chat", Way::Socket), None);
        assert_eq!(
            tool.refusal("say \"no\"\n").as_deref(),
            Some("{\"detail\":\"say \\\"no\\\"\\n\"}")
        );
        assert_eq!(
            tool.ending("no\n").as_deref(),
            Some("data: {\"t\":\"no\\n\"}\n\ndata: [DONE]\n\n")
        );
    }
}
