//! `/network/roaming`: devices that take the filter along, each by its own path for encrypted name
//! look-ups (FIL-15).

use axum::extract::State;
use axum::response::Response;
use pharos_access::act;
use pharos_service::{Error, NewRoamingDevice, ROAMING_DAYS, RoamingDevice, SignedIn};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Select, Table, Warning,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// A new device.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AddForm {
    label: String,
    user: String,
    days: String,
}

/// What becomes of a device.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChangeForm {
    device: String,
    what: String,
    longer: String,
}

#[derive(Debug, Default)]
struct Typed {
    add: AddForm,
    change: ChangeForm,
}

/// `GET /network/roaming`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = page(&web, &me, done, &Typed::default(), Errors::default(), None).await;
    answer(&web, Some(&me), page).await
}

/// `POST /network/roaming`: the path is on the page that answers, and nowhere else.
pub(crate) async fn add(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<AddForm>,
) -> Response {
    let days = days(&form.days);
    let made = web
        .app
        .add_roaming_device_of(&me.actor, &form.label, &form.user, days)
        .await;
    let made = match made {
        Ok(made) => {
            let nothing = Typed::default();
            let page = page(
                &web,
                &me,
                Done::default(),
                &nothing,
                Errors::default(),
                Some(&made),
            );
            return answer(&web, Some(&me), page.await).await;
        }
        Err(error) => Err(error),
    };
    match after(&web, Some(&me), made).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let typed = Typed {
                add: form,
                ..Typed::default()
            };
            let page = page(&web, &me, Done::default(), &typed, errors, None).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

/// `POST /network/roaming/change`
pub(crate) async fn change(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<ChangeForm>,
) -> Response {
    match after(&web, Some(&me), changed(&web, &me, &form).await).await {
        After::Go(path) => go(&path),
        After::Again(mut errors) => {
            // The form for a new device, on the same page, has a field "days" too.
            for problem in &mut errors.problems {
                if problem.field.as_deref() == Some("days") {
                    problem.field = Some("longer".into());
                }
            }
            let typed = Typed {
                change: form,
                ..Typed::default()
            };
            let page = page(&web, &me, Done::default(), &typed, errors, None).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn changed(web: &Web, me: &SignedIn, form: &ChangeForm) -> Result<String, Error> {
    web.app.open_to::<act::ChangeSettings>(&me.actor).await?;
    match form.what.as_str() {
        "prolong" => {
            let days = days(&form.longer);
            web.app
                .prolong_roaming_device(&me.actor, &form.device, days)
                .await?;
            Ok("/network/roaming?done=path-longer".to_owned())
        }
        "revoke" => {
            web.app
                .revoke_roaming_device(&me.actor, &form.device)
                .await?;
            Ok("/network/roaming?done=path-back".to_owned())
        }
        _ => Err(Error::field("what", "Choose what shall become of it.")),
    }
}

/// What is typed; what is no number is no number of days that the use case takes.
fn days(text: &str) -> u32 {
    text.trim().parse().unwrap_or(0)
}

async fn page(
    web: &Web,
    me: &SignedIn,
    done: Done,
    typed: &Typed,
    errors: Errors,
    made: Option<&NewRoamingDevice>,
) -> Result<Response, Error> {
    let devices = web.app.roaming_devices(&me.actor).await?;
    let base = web.app.running().and_then(|running| running.doh);
    let frame = web.frame(me, "/network").await.with(done);
    let mut sheet = Sheet::new(frame, "Devices away from school")
        .back("/network", "Network")
        .errors(errors.clone())
        .lede("A school laptop at home asks the school's resolver over HTTPS, under a path of its own. By that path it is known, and its person's policy holds there as here.");
    if base.is_none() {
        sheet = sheet.add(Warning {
            text: "The resolver does not answer over HTTPS here, so no path leads anywhere yet. Start the server with --doh.".to_owned(),
        });
    }
    if let Some(made) = made {
        sheet = shown_once(sheet, base.as_deref(), made);
    }
    sheet = list(sheet, web, &devices).await?;
    if !devices.is_empty() {
        sheet = sheet.add(change_form(&devices, &typed.change, &errors));
    }
    let form = &typed.add;
    let held = ROAMING_DAYS.to_string();
    let held = if form.days.is_empty() {
        &held
    } else {
        &form.days
    };
    Ok(sheet
        .heading("Give a device its own path")
        .add(
            Form::to("/network/roaming")
                .field(
                    Input::text("label", "What is the device called?", &form.label)
                        .hint("As on its sticker, such as Laptop 11.")
                        .error(errors.of("label")),
                )
                .field(
                    Input::text("user", "Whose is it?", &form.user)
                        .hint("The sign-in name. Leave it empty for a shared device: then nobody is named, and the strictest policy holds.")
                        .error(errors.of("user")),
                )
                .field(
                    Input::text("days", "For how many days does the path hold?", held)
                        .numeric()
                        .width(4)
                        .hint("At most 800.")
                        .error(errors.of("days")),
                )
                .button(Button::main("Make the path")),
        )
        .response())
}

/// The new path, and how devices are told of it.
fn shown_once(sheet: Sheet, base: Option<&str>, made: &NewRoamingDevice) -> Sheet {
    let path = format!("/dns-query/{}", made.token);
    let address = match base {
        Some(base) => format!("{base}{path}"),
        None => path,
    };
    let steps = [
        "Give the device the school's certificate (see How to connect), and see that the resolver's name and port can be reached from outside the school.",
        "Chrome, Edge and ChromeOS by policy: DnsOverHttpsMode \"secure\", DnsOverHttpsTemplates with this address.",
        "Firefox by policy: DNSOverHTTPS with Enabled, Locked and ProviderURL with this address.",
        "Windows 11: netsh dns add encryption, with the resolver's IP address as server and this address as dohtemplate; then set that server for every network.",
        "iPad, iPhone and Mac: a profile with the payload com.apple.dnsSettings.managed, DNSProtocol HTTPS, ServerURL with this address, ProhibitDisablement on supervised devices.",
    ];
    sheet
        .heading("The new path")
        .add(Warning {
            text: "This is shown once, now. Whoever knows it is taken for the device's person."
                .to_owned(),
        })
        .add(Piece::Plain(address))
        .add(Piece::Steps(steps.map(str::to_owned).to_vec()))
}

async fn list(sheet: Sheet, web: &Web, devices: &[RoamingDevice]) -> Result<Sheet, Error> {
    let sheet = sheet.heading("Devices with their own path");
    if devices.is_empty() {
        return Ok(sheet.text("None yet."));
    }
    let (zone, now) = (web.app.zone(), web.app.now());
    let mut rows = Vec::with_capacity(devices.len());
    for device in devices {
        let owner = match device.person {
            Some(person) => words::name(web, Some(person)).await?,
            None => "shared".to_owned(),
        };
        let until = words::day(device.until, &zone);
        rows.push(vec![
            Cell::text(&device.label),
            Cell::text(owner),
            Cell::text(
                device
                    .seen
                    .map_or_else(|| "not yet".to_owned(), |seen| words::moment(seen, &zone)),
            ),
            Cell::text(if device.until <= now {
                format!("ended {until}")
            } else {
                until
            }),
        ]);
    }
    Ok(sheet.add(Table::new(
        "Oldest first",
        &["Device", "Whose", "Last asked", "Holds until"],
        rows,
    )))
}

fn change_form(devices: &[RoamingDevice], form: &ChangeForm, errors: &Errors) -> Form {
    let choices = devices
        .iter()
        .map(|device| Choice::new(&device.id, &device.label).chosen(device.id == form.device));
    let whats = [
        (
            "prolong",
            "Let it hold longer",
            "From today on, for so many days.",
        ),
        ("revoke", "Take it back", "It opens nothing from now on."),
    ];
    let whats = whats.map(|(value, text, hint)| {
        Choice::new(value, text)
            .hint(hint)
            .chosen(value == form.what)
    });
    let held = ROAMING_DAYS.to_string();
    let longer = if form.longer.is_empty() {
        &held
    } else {
        &form.longer
    };
    Form::to("/network/roaming/change")
        .field(Select::new("device", "Which device?", choices.collect()).error(errors.of("device")))
        .field(
            Choices::one("what", "What shall become of its path?", whats.to_vec())
                .error(errors.of("what")),
        )
        .field(
            Input::text("longer", "For how many days from today?", longer)
                .numeric()
                .width(4)
                .error(errors.of("longer")),
        )
        .button(Button::secondary("Do it"))
}
