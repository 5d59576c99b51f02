//! What stands on a page, for each form of page.

use super::{Bank, Dice};

/// One part of a page, in order.
pub(crate) enum Part {
    /// A heading below the title.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// A list; numbered or not.
    List(bool, Vec<String>),
    /// Who said what.
    Said(String, String),
    /// Short lines that belong together, as in a poem.
    Lines(Vec<String>),
    /// A thing for sale or to open: its name, and words on its button.
    Card(String, String),
    /// A table of two columns.
    Table(Vec<(String, String)>),
}

/// A page before it is HTML.
pub(crate) struct Page {
    /// The title.
    pub(crate) title: String,
    /// What stands on it.
    pub(crate) parts: Vec<Part>,
}

/// A page of lessons or of harm; pages with different numbers have different forms.
pub(crate) fn page(kind: &str, number: u64, bank: &Bank, plain: &Bank, dice: &mut Dice) -> Page {
    let title = dice.one(bank.all("title")).to_owned();
    let mut page = Page {
        title,
        parts: Vec::new(),
    };
    if kind == "education" {
        match number % 8 {
            0 => article(&mut page, bank, plain, dice),
            1 => lesson(&mut page, bank, dice),
            2 => worksheet(&mut page, bank, dice),
            3 => questions(&mut page, bank, plain, dice),
            4 => essay(&mut page, bank, dice),
            5 => sheet(&mut page, bank, dice),
            6 => comments(&mut page, bank, plain, dice),
            _ => notes(&mut page, bank, plain, dice),
        }
    } else {
        match number % 8 {
            0 => diary(&mut page, bank, plain, dice),
            1 => chat(&mut page, bank, plain, dice),
            2 => landing(&mut page, bank, dice),
            3 => thread(&mut page, bank, plain, dice),
            4 => letter(&mut page, bank, dice),
            5 => listing(&mut page, bank, dice),
            6 => chat_and_text(&mut page, bank, plain, dice),
            _ => verses(&mut page, bank, dice),
        }
    }
    page
}

fn owned(lines: Vec<&str>) -> Vec<String> {
    lines.into_iter().map(str::to_owned).collect()
}

/// Sentences as paragraphs of one to four.
fn paragraphs(page: &mut Page, lines: &[&str], dice: &mut Dice) {
    let mut rest = lines;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(dice.between(1, 4).min(rest.len()));
        page.parts.push(Part::Paragraph(now.join(" ")));
        rest = later;
    }
}

fn heading(page: &mut Page, text: &str) {
    page.parts.push(Part::Heading(text.to_owned()));
}

fn say(page: &mut Page, lines: &[&str], plain: &Bank, dice: &mut Dice) {
    let count = dice.between(2, 5);
    let names = owned(dice.some(count, plain.all("name")));
    for line in lines {
        let name = dice.one(&names).to_owned();
        page.parts.push(Part::Said(name, (*line).to_owned()));
    }
}

fn article(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    page.parts
        .push(Part::Paragraph(dice.one(plain.all("adult")).to_owned()));
    let count = dice.between(11, 18);
    let lines = dice.some(count, bank.all("text"));
    let (first, second) = lines.split_at(lines.len() / 2);
    paragraphs(page, first, dice);
    heading(page, dice.one(bank.all("title")));
    paragraphs(page, second, dice);
    page.parts
        .push(Part::Paragraph(dice.one(plain.all("filler")).to_owned()));
}

fn lesson(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    heading(page, "What pupils will know at the end");
    let count = dice.between(3, 5);
    let knows = dice.some(count, bank.all("text"));
    page.parts.push(Part::List(false, owned(knows)));
    heading(page, "Starter (ten minutes)");
    page.parts
        .push(Part::Paragraph(dice.one(bank.all("question")).to_owned()));
    heading(page, "Main part");
    let count = dice.between(5, 9);
    let lines = dice.some(count, bank.all("text"));
    paragraphs(page, &lines, dice);
    heading(page, "Questions for the class");
    let questions = dice.some(3, bank.all("question"));
    page.parts.push(Part::List(true, owned(questions)));
}

fn worksheet(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    page.parts.push(Part::Paragraph(
        "Name: ________ Class: ________ Date: ________".to_owned(),
    ));
    let count = dice.between(4, 8);
    let lines = dice.some(count, bank.all("text"));
    page.parts.push(Part::Paragraph(
        "Read the text and answer in full sentences.".to_owned(),
    ));
    paragraphs(page, &lines, dice);
    let questions = dice.some(5, bank.all("question"));
    page.parts.push(Part::List(true, owned(questions)));
}

fn questions(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    for post in dice.some(3, bank.all("post")) {
        say(page, &[post], plain, dice);
        let count = dice.between(2, 4);
        let answer = dice.some(count, bank.all("text"));
        page.parts
            .push(Part::Said("Editor".to_owned(), answer.join(" ")));
    }
}

fn essay(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let count = dice.between(14, 22);
    let lines = dice.some(count, bank.all("text"));
    page.parts.push(Part::Paragraph(lines.join(" ")));
}

fn sheet(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let mut rows = Vec::new();
    let count = dice.between(4, 7);
    let texts = dice.some(count, bank.all("text"));
    for (number, text) in texts.into_iter().enumerate() {
        rows.push((format!("Card {}", number + 1), text.to_owned()));
    }
    page.parts.push(Part::Table(rows));
    let asked = dice.some(2, bank.all("question"));
    paragraphs(page, &asked, dice);
}

fn comments(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    let count = dice.between(6, 10);
    let lines = dice.some(count, bank.all("text"));
    paragraphs(page, &lines, dice);
    heading(page, "Comments");
    let mut posts = dice.some(4, bank.all("post"));
    posts.push(dice.one(plain.all("filler")));
    say(page, &posts, plain, dice);
}

fn notes(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    page.parts
        .push(Part::Paragraph(dice.one(plain.all("adult")).to_owned()));
    let count = dice.between(8, 14);
    let lines = dice.some(count, bank.all("text"));
    page.parts.push(Part::List(false, owned(lines)));
}

fn diary(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    let count = dice.between(9, 14);
    let mut lines = dice.some(count, bank.all("say"));
    lines.insert(dice.below(lines.len()), dice.one(plain.all("filler")));
    paragraphs(page, &lines, dice);
}

fn chat(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    let mut lines = dice.some(12, bank.all("chat"));
    lines.extend(dice.some(2, bank.all("say")));
    lines.insert(dice.below(lines.len()), dice.one(plain.all("filler")));
    say(page, &lines, plain, dice);
}

fn landing(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let count = dice.between(5, 8);
    let lines = dice.some(count, bank.all("say"));
    paragraphs(page, &lines, dice);
    for item in dice.some(5, bank.all("item")) {
        page.parts
            .push(Part::Card(item.to_owned(), "More".to_owned()));
    }
}

fn thread(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    let mut lines = dice.some(9, bank.all("say"));
    let replies = dice.some(5, bank.all("chat"));
    for reply in replies {
        let at = dice.below(lines.len() + 1);
        lines.insert(at, reply);
    }
    say(page, &lines, plain, dice);
    page.parts
        .push(Part::Paragraph("Page 1 of 3. Reply. Quote.".to_owned()));
}

fn letter(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let count = dice.between(11, 16);
    let lines = dice.some(count, bank.all("say"));
    page.parts.push(Part::Paragraph(lines.join(" ")));
}

fn listing(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let items = dice.some(6, bank.all("item"));
    let says = dice.some(7, bank.all("say"));
    for (item, words) in items.into_iter().zip(&says) {
        page.parts
            .push(Part::Card(item.to_owned(), (*words).to_owned()));
    }
    paragraphs(page, says.get(5..).unwrap_or_default(), dice);
}

fn chat_and_text(page: &mut Page, bank: &Bank, plain: &Bank, dice: &mut Dice) {
    let lines = dice.some(7, bank.all("say"));
    paragraphs(page, &lines, dice);
    heading(page, "What people say");
    let lines = dice.some(6, bank.all("chat"));
    say(page, &lines, plain, dice);
}

fn verses(page: &mut Page, bank: &Bank, dice: &mut Dice) {
    let lines = dice.some(12, bank.all("say"));
    for verse in lines.chunks(4) {
        let mut halves = Vec::new();
        for line in verse {
            match line.split_once(", ") {
                Some((first, second)) => halves.extend([format!("{first},"), second.to_owned()]),
                None => halves.push((*line).to_owned()),
            }
        }
        page.parts.push(Part::Lines(halves));
    }
}
