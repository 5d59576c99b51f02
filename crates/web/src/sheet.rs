//! The usual page: a heading, an opening sentence, then pieces from top to bottom.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::components::{Details, Errors, Form, Summary, Table, Tag, Timeline, Warning};
use crate::frame::Frame;
use crate::oops::render;

/// One piece of a page.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// A heading of the second level.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Bullet points.
    List(Vec<String>),
    /// Numbered steps.
    Steps(Vec<String>),
    /// Links to our own pages: path and text.
    Links(Vec<(String, String)>),
    /// Links that look like buttons.
    Buttons(Vec<ButtonLink>),
    /// Figures with links.
    Tiles(Vec<Tile>),
    /// A text set apart.
    Inset(String),
    /// A text with its own line breaks.
    Plain(String),
    /// Facts.
    Summary(Summary),
    /// A table.
    Table(Table),
    /// A form.
    Form(Form),
    /// A text that must not be missed.
    Warning(Warning),
    /// More for those who want it.
    Details(Details),
    /// A word in a box.
    Tag(Tag),
    /// A history.
    Timeline(Timeline),
}

macro_rules! piece {
    ($($name:ident),+) => { $(impl From<$name> for Piece {
        fn from(piece: $name) -> Self {
            Self::$name(piece)
        }
    })+ };
}
piece!(Summary, Table, Form, Warning, Details, Tag, Timeline);

/// A link that looks like a button.
#[derive(Debug, Clone)]
pub(crate) struct ButtonLink {
    pub(crate) href: String,
    pub(crate) text: String,
    pub(crate) look: Option<&'static str>,
}

impl ButtonLink {
    /// The main one.
    pub(crate) fn main(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
            look: None,
        }
    }

    /// A lesser one.
    pub(crate) fn secondary(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            look: Some("secondary"),
            ..Self::main(href, text)
        }
    }

    /// One that makes people stop and think.
    pub(crate) fn warning(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            look: Some("warning"),
            ..Self::main(href, text)
        }
    }
}

/// A figure with a link.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    pub(crate) figure: usize,
    pub(crate) label: String,
    pub(crate) href: &'static str,
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "sheet.html")]
pub(crate) struct Sheet {
    frame: Frame,
    title: String,
    lede: String,
    back: Option<(String, String)>,
    errors: Errors,
    pieces: Vec<Piece>,
}

impl Sheet {
    /// A page with a heading.
    pub(crate) fn new(frame: Frame, title: impl Into<String>) -> Self {
        Self {
            frame,
            title: title.into(),
            lede: String::new(),
            back: None,
            errors: Errors::default(),
            pieces: Vec::new(),
        }
    }

    /// With an opening sentence.
    pub(crate) fn lede(mut self, text: impl Into<String>) -> Self {
        self.lede = text.into();
        self
    }

    /// With a link back.
    pub(crate) fn back(mut self, href: impl Into<String>, text: impl Into<String>) -> Self {
        self.back = Some((href.into(), text.into()));
        self
    }

    /// With what is wrong with its form.
    pub(crate) fn errors(mut self, errors: Errors) -> Self {
        self.errors = errors;
        self
    }

    /// Adds a piece.
    pub(crate) fn add(mut self, piece: impl Into<Piece>) -> Self {
        self.pieces.push(piece.into());
        self
    }

    /// Adds a heading of the second level.
    pub(crate) fn heading(self, text: impl Into<String>) -> Self {
        self.add(Piece::Heading(text.into()))
    }

    /// Adds a paragraph.
    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.add(Piece::Text(text.into()))
    }

    /// Adds many pieces.
    pub(crate) fn extend(mut self, pieces: impl IntoIterator<Item = Piece>) -> Self {
        self.pieces.extend(pieces);
        self
    }

    /// Prints the page: 422 when its form has errors, 200 otherwise.
    pub(crate) fn response(self) -> Response {
        let status = if self.errors.problems.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        render(status, &self)
    }
}
