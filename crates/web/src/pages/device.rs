//! `/device/sign-in`: names the device in front of somebody for a limited time (MON-02).

use axum::extract::State;
use axum::response::Response;
use pharos_service::Error;
use serde::Deserialize;

use crate::components::{Button, Errors, Form, Input};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::sheet::Sheet;
use crate::state::{Anyone, Device, Web};

/// Whoever comes through the proxy has not been named by it yet, and cannot be named here.
const THROUGH_THE_PROXY: &str = "This page came to you through the filter's proxy, so it cannot see which device you are at. Give your name and password when the browser asks for them, or ask the network team to let this page be opened without the proxy.";

/// Name and password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeviceForm {
    name: String,
    password: String,
}

/// `GET /device/sign-in`
pub(crate) async fn show(State(web): State<Web>, Anyone(me): Anyone, done: Done) -> Response {
    let frame = web.public_frame(me.as_ref()).await.with(done);
    page(
        Sheet::new(frame, "Sign in to use the web"),
        "",
        Errors::default(),
    )
}

/// `POST /device/sign-in`
pub(crate) async fn submit(
    State(web): State<Web>,
    Device(device): Device,
    Posted(form): Posted<DeviceForm>,
) -> Response {
    let outcome = match device {
        Some(from) => web
            .app
            .sign_in_device(&form.name, &form.password, from)
            .await
            .map(|_| "/device/sign-in?done=device".to_owned()),
        None => Err(Error::Refused(THROUGH_THE_PROXY.to_owned())),
    };
    match after(&web, None, outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => page(
            Sheet::new(web.public_frame(None).await, "Sign in to use the web"),
            &form.name,
            errors,
        ),
        After::No(response) => response,
    }
}

/// `POST /device/sign-out`
pub(crate) async fn sign_out(State(web): State<Web>, Device(device): Device) -> Response {
    if let Some(from) = device {
        web.app.sign_out_device(from);
    }
    go("/device/sign-in?done=device-out")
}

fn page(sheet: Sheet, name: &str, errors: Errors) -> Response {
    let form = Form::to("/device/sign-in")
        .field(
            Input::text("name", "Sign-in name", name)
                .autocomplete("username")
                .error(errors.of("name")),
        )
        .field(
            Input::text("password", "Password", "")
                .kind("password")
                .autocomplete("current-password")
                .error(errors.of("password")),
        )
        .button(Button::main("Sign in"));
    let out = Form::to("/device/sign-out").button(Button::secondary("I am done with this device"));
    sheet
        .errors(errors)
        .lede("This tells the filter who is at this device, so that you get the sites that are right for you. It lasts four hours.")
        .add(form)
        .heading("Finished?")
        .text("On a shared device, say so when you leave. Otherwise the next person's pages count as yours.")
        .add(out)
        .response()
}
