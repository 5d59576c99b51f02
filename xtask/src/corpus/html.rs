//! Pages as bytes, in the many ways in which people write HTML.

use std::fmt::Write;

use super::forms::{Page, Part};
use super::{Bank, Dice};

/// How one page is written.
struct Style {
    /// 0 plain HTML5, 1 capitals and tables, 2 boxes in boxes, 3 as small as can be.
    kind: usize,
    /// Tags stand in the middle of words now and then.
    split_words: bool,
    /// Some letters are written as character references.
    references: bool,
    /// The encoding: 0 and 1 UTF-8, 2 windows-1252, 3 UTF-16 with a mark.
    encoding: usize,
}

/// The page as a server would send it.
pub(crate) fn write(page: &Page, plain: &Bank, dice: &mut Dice) -> Vec<u8> {
    let style = Style {
        kind: dice.below(4),
        split_words: dice.once_in(3),
        references: dice.once_in(3),
        encoding: match dice.below(12) {
            0 => 3,
            1 | 2 => 2,
            other => other % 2,
        },
    };
    let mut out = String::new();
    head(&mut out, page, plain, &style, dice);
    navigation(&mut out, plain, &style, dice);
    let _ = writeln!(out, "<h1>{}</h1>", text(&page.title, &style, dice));
    for part in &page.parts {
        body(&mut out, part, &style, dice);
    }
    foot(&mut out, plain, &style, dice);
    encode(&out, &style)
}

fn head(out: &mut String, page: &Page, plain: &Bank, style: &Style, dice: &mut Dice) {
    let site = dice.one(plain.all("site"));
    let title = escape(&page.title);
    let charset = match style.encoding {
        0 | 1 => "utf-8",
        2 => "windows-1252",
        _ => "utf-16",
    };
    let _ = match style.kind {
        1 => writeln!(
            out,
            "<HTML><HEAD><META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset={charset}\">\n\
             <TITLE>{title} - {site}</TITLE></HEAD><BODY BGCOLOR=#ffffcc><CENTER><TABLE WIDTH=640><TR><TD>"
        ),
        3 => write!(
            out,
            "<!doctype html><meta charset={charset}><title>{title}</title>"
        ),
        _ => writeln!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"{charset}\">\n\
             <title>{title} | {site}</title>\n<style>body {{ margin: 2em; font: 1em/1.4 serif }} .b {{ color: #456 }}</style>\n\
             <script>var page = {{ id: {}, seen: false }};</script>\n</head>\n<body>",
            dice.below(90_000)
        ),
    };
}

fn navigation(out: &mut String, plain: &Bank, style: &Style, dice: &mut Dice) {
    let count = dice.between(3, 6);
    let links = dice.some(count, plain.all("nav"));
    match style.kind {
        1 => {
            let _ = writeln!(out, "<FONT SIZE=2>{}</FONT><HR>", links.join(" | "));
        }
        3 => {}
        _ => {
            out.push_str("<nav><ul>");
            for link in links {
                let _ = write!(
                    out,
                    "<li><a href=\"/{}\">{link}</a></li>",
                    link.to_lowercase().replace(' ', "-")
                );
            }
            out.push_str("</ul></nav>\n<!-- main -->\n<main>\n");
        }
    }
}

fn body(out: &mut String, part: &Part, style: &Style, dice: &mut Dice) {
    let (open, close) = match style.kind {
        2 => ("<div class=\"box\"><div>", "</div></div>\n"),
        3 => ("<p>", ""),
        _ => ("<p>", "</p>\n"),
    };
    match part {
        Part::Heading(words) => {
            let _ = writeln!(out, "<h2>{}</h2>", text(words, style, dice));
        }
        Part::Paragraph(words) => {
            let _ = write!(out, "{open}{}{close}", text(words, style, dice));
        }
        Part::List(numbered, lines) => {
            let tag = if *numbered { "ol" } else { "ul" };
            let _ = write!(out, "<{tag}>");
            for line in lines {
                let _ = write!(out, "<li>{}", text(line, style, dice));
                out.push_str(if style.kind == 3 { "\n" } else { "</li>\n" });
            }
            let _ = writeln!(out, "</{tag}>");
        }
        Part::Said(name, words) => {
            let words = text(words, style, dice);
            let _ = match style.kind {
                1 => writeln!(out, "<B>{name}:</B> {words}<BR>"),
                2 => writeln!(
                    out,
                    "<div class=\"m\"><span class=\"b\">{name}</span><div>{words}</div></div>"
                ),
                _ => writeln!(
                    out,
                    "<article><header>{name}</header><p>{words}</p></article>"
                ),
            };
        }
        Part::Lines(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| text(line, style, dice)).collect();
            let _ = write!(out, "{open}{}{close}", lines.join("<br>\n"));
        }
        Part::Card(name, words) => {
            let name = text(name, style, dice);
            let words = text(words, style, dice);
            let _ = match style.kind {
                1 => writeln!(
                    out,
                    "<TABLE BORDER=1><TR><TD><B>{name}</B><TD>{words}</TABLE>"
                ),
                _ => writeln!(
                    out,
                    "<div class=\"card\"><h3>{name}</h3><p>{words}</p></div>"
                ),
            };
        }
        Part::Table(rows) => {
            out.push_str("<table>");
            for (left, right) in rows {
                let _ = writeln!(
                    out,
                    "<tr><th>{left}</th><td>{}</td></tr>",
                    text(right, style, dice)
                );
            }
            out.push_str("</table>\n");
        }
    }
}

fn foot(out: &mut String, plain: &Bank, style: &Style, dice: &mut Dice) {
    let words = dice.one(plain.all("footer"));
    out.push_str(match style.kind {
        1 => "<HR><FONT SIZE=1>",
        3 => "<hr>",
        _ => "</main>\n<footer><small>",
    });
    out.push_str(words);
    out.push_str(match style.kind {
        1 => "</FONT></TABLE></CENTER></BODY></HTML>\n",
        3 => "\n",
        _ => "</small></footer>\n</body>\n</html>\n",
    });
}

fn escape(words: &str) -> String {
    words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Words as HTML: now and then with a tag inside one, a reference for a letter, a long sign for a
/// short one.
fn text(words: &str, style: &Style, dice: &mut Dice) -> String {
    let mut out = Vec::new();
    for word in words.split(' ') {
        let mut word = escape(word);
        if style.references {
            word = word.replace('\'', "&rsquo;").replace('£', "&pound;");
        } else if style.kind == 0 {
            word = word.replace('\'', "\u{2019}");
        }
        let plain = word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        if plain && style.split_words && dice.once_in(12) {
            let (first, rest) = word.split_at(2);
            word = format!("{first}<b>{rest}</b>");
        } else if plain && style.references && dice.once_in(15) {
            let (first, rest) = word.split_at(1);
            let number = first.bytes().next().map_or(32, u32::from);
            word = format!("&#{number};{rest}");
        } else if plain && dice.once_in(40) {
            word = format!("<em>{word}</em>");
        }
        out.push(word);
    }
    out.join(" ")
}

fn encode(page: &str, style: &Style) -> Vec<u8> {
    match style.encoding {
        2 => page.chars().map(western).collect(),
        3 => std::iter::once(0xfeff)
            .chain(page.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect(),
        _ => page.as_bytes().to_vec(),
    }
}

/// A character as windows-1252 writes it.
fn western(c: char) -> u8 {
    match c {
        '\u{2013}' => 0x96,
        '\u{2019}' => 0x92,
        other => u8::try_from(u32::from(other)).unwrap_or(b'?'),
    }
}
