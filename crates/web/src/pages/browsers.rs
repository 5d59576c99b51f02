//! The part of `/network` on browsers that are not permitted (FIL-16).

use pharos_service::StrangeBrowser;

use crate::components::{Cell, Table};
use crate::sheet::Sheet;
use crate::state::Web;
use crate::words;

/// The list; nothing where none was noticed.
pub(super) fn list(sheet: Sheet, web: &Web, browsers: &[StrangeBrowser]) -> Sheet {
    let sheet = sheet.heading("Browsers that are not permitted");
    if browsers.is_empty() {
        return sheet.text("None was noticed since the proxy was started. A browser is known by what it says of itself where its requests can be read; fil.browsers in the pack says which may be used.");
    }
    let zone = web.app.zone();
    let rows = browsers.iter().map(|one| {
        let mut devices: Vec<String> = one.devices.iter().map(ToString::to_string).collect();
        if one.more_devices {
            devices.push("and others".to_owned());
        }
        let called = match one.kind {
            "other" => one.token.clone(),
            kind => format!("{} ({})", kind.replace('-', " "), one.token),
        };
        vec![
            Cell::text(called),
            Cell::text(devices.join(", ")),
            Cell::text(words::number(one.requests)),
            Cell::text(words::number(one.blocked)),
            Cell::text(words::moment(one.last, &zone)),
        ]
    });
    sheet
        .text("Take the browser off the device, or permit it in fil.browsers. A browser can claim to be another: what is not here may still be there.")
        .add(Table::new(
            "Browsers, the last seen first",
            &["Calls itself", "On", "Requests", "Of them blocked", "Last"],
            rows.collect(),
        ))
}
