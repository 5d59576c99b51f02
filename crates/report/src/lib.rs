//! Governors' report and other documents as PDF and CSV.
//!
//! [`Document`] says what stands in a document; [`pdf`] sets it as tagged, archivable PDF (PDF/UA-1
//! and PDF/A-2a) with the built-in fonts; [`csv`] writes one of its tables.

mod document;
mod governors;
mod render;
mod table;

pub use document::{Bar, Block, Cell, Chart, Column, Document, Entry, Figure, Table, Tone};
pub use governors::{Cover, LIMITS, governors, governors_csv};
pub use render::{ReportError, pdf};
pub use table::csv;
