//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::{ReportError, Table};

/// The table as CSV with a heading line, in UTF-8.
///
/// A cell that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or
/// a carriage return, and is no plain number) gets an apostrophe in front.
///
/// # Errors
/// Only where memory runs out.
pub fn csv(table: &Table) -> Result<Vec<u8>, ReportError> {
    let failed = |error: csv::Error| ReportError::Table(error.to_string());
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer
        .write_record(table.columns.iter().map(|column| harmless(&column.title)))
        .map_err(failed)?;
    for row in &table.rows {
        let cell = |index: usize| harmless(row.get(index).map_or("", |cell| &cell.text));
        writer
            .write_record((0..table.columns.len()).map(cell))
            .map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| ReportError::Table(error.to_string()))
}

fn harmless(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let number = text.len() < 32 && text.parse::<f64>().is_ok_and(f64::is_finite);
    if risky && !number {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    #[test]
    fn formulas_are_defused_and_numbers_stay() {
        let table = Table {
            caption: "t".into(),
            columns: vec![Column::words("What", 1), Column::numbers("Change", 1)],
            rows: vec![
                vec!["=HYPERLINK(\"http://x\")".into(), "-5".into()],
                vec!["@SUM(A1)".into(), "+2.5".into()],
                vec!["-2+3+cmd|' /C calc'!A0".into()],
                vec!["plain, with comma".into(), "12".into()],
            ],
            none: String::new(),
        };
        let text = String::from_utf8(csv(&table).unwrap()).unwrap();
        let expected = "What,Change\r\n\"'=HYPERLINK(\"\"http://x\"\")\",-5\r\n'@SUM(A1),+2.5\r\n'-2+3+cmd|' /C calc'!A0,\r\n\"plain, with comma\",12\r\n";
        assert_eq!(text, expected);
    }
}
