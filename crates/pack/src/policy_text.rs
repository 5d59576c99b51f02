//! `policy.md`: the written policy, cut into clauses with their controls.
//!
//! A clause is a heading that begins with a number; the number is its id, written with dots and
//! never reused. Its text runs to the next heading. Where Pharos enforces or evidences the clause,
//! a fenced block marked `controls` names the controls, one a line (`#` begins a remark):
//!
//! ````text
//! ### 7.3 What is blocked
//!
//! Pupils cannot reach pornography from any device on the school's network.
//!
//! ```controls
//! filter.blocks(category=pornography, groups=pupils)
//! sealed.fresh
//! ```
//! ````
//!
//! Headings without a number are part of the text. A clause without controls is kept by people.

use std::collections::BTreeMap;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::problem::{Place, Problems, Severity};
use crate::tree::Lines;

/// One clause of the written policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenClause {
    /// Id, such as `7.3.2`.
    pub id: String,
    /// Title without the number.
    pub title: String,
    /// How deep it stands: 1 for `7`, 3 for `7.3.2`.
    pub depth: u8,
    /// Its text as Markdown, without heading and control blocks.
    pub markdown: String,
    /// Its controls, in the order written.
    pub controls: Vec<ControlText>,
    /// Line of the heading in `policy.md`.
    pub line: u32,
}

/// A control as written: `filter.blocks(category=pornography, groups=pupils)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlText {
    /// The text, without blanks at either end and without remark.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// The most clauses of one policy.
pub const CLAUSES_MAX: usize = 1_000;

/// Markdown of the pack as HTML for a page. Raw HTML in the text is shown as text, and links other
/// than web, mail, telephone and in-page ones lose their target, so that a pack cannot bring script.
pub fn markdown_html(markdown: &str) -> String {
    let events = Parser::new(markdown).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let safe = ["https://", "http://", "mailto:", "tel:", "#", "/"]
                .iter()
                .any(|start| dest_url.starts_with(start));
            let dest_url = if safe && !dest_url.starts_with("//") {
                dest_url
            } else {
                "".into()
            };
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        // A picture would make the reader's browser fetch something from outside.
        Event::Start(Tag::Image { .. }) => Event::Start(Tag::Emphasis),
        Event::End(TagEnd::Image) => Event::End(TagEnd::Emphasis),
        other => other,
    });
    let mut html = String::with_capacity(markdown.len() * 5 / 4);
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

/// A heading found in the text.
struct Heading {
    start: usize,
    end: usize,
    title: String,
}

/// The clauses of `policy.md`, in order.
pub(crate) fn read_clauses(file: &str, text: &str, problems: &mut Problems) -> Vec<WrittenClause> {
    let lines = Lines::new(text);
    let (headings, blocks) = scan(text);
    let mut clauses: Vec<WrittenClause> = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (index, heading) in headings.iter().enumerate() {
        let at = lines.place(heading.start);
        let Some((id, title)) = split_id(&heading.title) else {
            continue;
        };
        let end = headings
            .iter()
            .skip(index + 1)
            .find(|next| split_id(&next.title).is_some())
            .map_or(text.len(), |next| next.start);
        if title.is_empty() {
            problems.error(
                file,
                at,
                format!("clause {id} has no title"),
                "write it after the number",
            );
        }
        if let Some(first) = seen.insert(id.clone(), at.line) {
            problems.error(
                file,
                at,
                format!("clause {id} is there already, on line {first}"),
                "give each clause a number of its own",
            );
        }
        if clauses.len() >= CLAUSES_MAX {
            problems.error(
                file,
                at,
                format!("more than {CLAUSES_MAX} clauses"),
                "split the policy",
            );
            break;
        }
        if let Some(before) = clauses.last()
            && numbers(&before.id) > numbers(&id)
        {
            let help = Some("numbers should rise".to_owned());
            problems.add(
                file,
                at,
                Severity::Note,
                format!("clause {id} stands after clause {}", before.id),
                help,
            );
        }
        let body = text.get(heading.end..end).unwrap_or_default();
        let inside: Vec<&Block> = blocks
            .iter()
            .filter(|block| block.start >= heading.end && block.start < end)
            .collect();
        clauses.push(WrittenClause {
            depth: u8::try_from(id.split('.').count()).unwrap_or(u8::MAX),
            title,
            markdown: without(body, heading.end, &inside),
            controls: inside
                .iter()
                .flat_map(|block| controls(block, text, &lines))
                .collect(),
            line: at.line,
            id,
        });
    }
    if clauses.is_empty() {
        problems.error(
            file,
            Place { line: 1, column: 1 },
            "the policy has no clauses",
            "begin each clause with a numbered heading such as \"## 7.3 What is blocked\"",
        );
    }
    warn_of_stray_blocks(file, &blocks, &headings, &lines, problems);
    clauses
}

fn warn_of_stray_blocks(
    file: &str,
    blocks: &[Block],
    headings: &[Heading],
    lines: &Lines<'_>,
    problems: &mut Problems,
) {
    let first = headings
        .iter()
        .find(|heading| split_id(&heading.title).is_some())
        .map_or(usize::MAX, |heading| heading.start);
    for block in blocks.iter().filter(|block| block.start < first) {
        problems.error(
            file,
            lines.place(block.start),
            "these controls belong to no clause",
            "move them below a numbered heading",
        );
    }
}

/// A fenced block marked `controls`.
struct Block {
    start: usize,
    end: usize,
    inner: std::ops::Range<usize>,
}

fn scan(text: &str) -> (Vec<Heading>, Vec<Block>) {
    let (mut headings, mut blocks) = (Vec::new(), Vec::new());
    let mut title: Option<(usize, usize, String)> = None;
    let mut fence: Option<Block> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level <= HeadingLevel::H6 => {
                title = Some((range.start, range.end, String::new()))
            }
            Event::End(TagEnd::Heading(_)) => {
                headings.extend(title.take().map(|(start, end, title)| Heading {
                    start,
                    end,
                    title,
                }))
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info)))
                if info.split_whitespace().next() == Some("controls") =>
            {
                fence = Some(Block {
                    start: range.start,
                    end: range.end,
                    inner: 0..0,
                });
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(fence.take()),
            Event::Text(part) | Event::Code(part) => {
                if let Some((_, _, title)) = &mut title {
                    title.push_str(&part);
                } else if let Some(block) = &mut fence {
                    let start = if block.inner.is_empty() {
                        range.start
                    } else {
                        block.inner.start
                    };
                    block.inner = start..range.end;
                }
            }
            _ => {}
        }
    }
    (headings, blocks)
}

/// `7.3.2 Title` to its number and title; `None` for a heading without a number.
fn split_id(heading: &str) -> Option<(String, String)> {
    let heading = heading.trim();
    let (first, rest) = heading
        .split_once(char::is_whitespace)
        .unwrap_or((heading, ""));
    let id = first.trim_end_matches('.');
    let sound = !id.is_empty()
        && id.len() <= 20
        && id
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    sound.then(|| (id.to_owned(), rest.trim().to_owned()))
}

fn numbers(id: &str) -> Vec<u64> {
    id.split('.')
        .map(|part| part.parse().unwrap_or(u64::MAX))
        .collect()
}

fn without(body: &str, offset: usize, blocks: &[&Block]) -> String {
    let mut kept = String::new();
    let mut from = 0;
    for block in blocks {
        kept.push_str(body.get(from..block.start - offset).unwrap_or_default());
        from = (block.end - offset).min(body.len());
    }
    kept.push_str(body.get(from..).unwrap_or_default());
    kept.trim().to_owned()
}

fn controls(block: &Block, text: &str, lines: &Lines<'_>) -> Vec<ControlText> {
    let mut found = Vec::new();
    let mut at = block.inner.start;
    for line in text
        .get(block.inner.clone())
        .unwrap_or_default()
        .split_inclusive('\n')
    {
        let before_remark = line.split('#').next().unwrap_or_default();
        let control = before_remark.trim();
        if !control.is_empty() {
            let indent = before_remark.len() - before_remark.trim_start().len();
            found.push(ControlText {
                text: control.to_owned(),
                place: lines.place(at + indent),
            });
        }
        at += line.len();
    }
    found
}
