//! Signing in and out, the second factor, one's own password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::convert::{Builder, Shape};
use pharos_service::{Error, HalfSession, SignInOutcome};
use serde::Deserialize;

use crate::components::{Button, Errors, Input};
use crate::forms::errors_of;
use crate::frame::Frame;
use crate::oops::{Oops, ok, render};
use crate::state::{Anyone, COOKIE, From, Me, Web};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    errors: Errors,
    fields: Vec<Input>,
    to: String,
    button: Button,
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct To {
    to: String,
}

/// The form: name and password, then the code.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignInForm {
    name: String,
    password: String,
    /// The half session, once the password was right.
    half: String,
    code: String,
    to: String,
}

/// `GET /sign-in`
pub(crate) async fn show(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Query(to): Query<To>,
) -> Response {
    if me.is_some() {
        return Redirect::to(&local(&to.to)).into_response();
    }
    let errors = Errors::default();
    page(&web, &to.to, errors, Step::Password(""), StatusCode::OK).await
}

/// `POST /sign-in`
pub(crate) async fn submit(
    State(web): State<Web>,
    From(from): From,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let device = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let half = (!form.half.is_empty()).then(|| HalfSession::from_field(&form.half));
    let outcome = match &half {
        Some(half) => web
            .app
            .sign_in_code(half, &form.code, from, device)
            .await
            .map(SignInOutcome::In),
        None => {
            web.app
                .sign_in(&form.name, &form.password, None, from, device)
                .await
        }
    };
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    match (outcome, &half) {
        (Ok(SignInOutcome::In(token)), _) => {
            let secure = if web.secure_cookies { "; Secure" } else { "" };
            let cookie = format!(
                "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax{secure}",
                token.as_str()
            );
            (
                [(header::SET_COOKIE, cookie)],
                Redirect::to(&local(&form.to)),
            )
                .into_response()
        }
        (Ok(SignInOutcome::NeedsCode(half)), _) => {
            let step = Step::Code(&half);
            page(&web, &form.to, Errors::default(), step, StatusCode::OK).await
        }
        (Err(Error::Invalid(problems)), Some(half)) => {
            let errors = errors_of(problems);
            page(&web, &form.to, errors, Step::Code(half), wrong).await
        }
        (Err(Error::Invalid(problems)), None) => {
            let errors = errors_of(problems);
            page(&web, &form.to, errors, Step::Password(&form.name), wrong).await
        }
        (Err(Error::NotFound), Some(_)) => {
            let mut errors = Errors::default();
            errors.add(
                "name",
                "The code took longer than five minutes. Sign in again from the start.",
            );
            page(&web, &form.to, errors, Step::Password(""), wrong).await
        }
        (Err(error), _) => Oops::new(&web, None, error).await.into_response(),
    }
}

/// What is asked.
enum Step<'a> {
    /// Name, as typed so far, and password.
    Password(&'a str),
    /// The code, on the strength of a half session.
    Code(&'a HalfSession),
}

async fn page(web: &Web, to: &str, errors: Errors, step: Step<'_>, status: StatusCode) -> Response {
    let fields = match &step {
        Step::Password(name) => vec![
            Input::text("name", "Sign-in name", *name)
                .autocomplete("username")
                .error(errors.of("name")),
            Input::text("password", "Password", "")
                .kind("password")
                .autocomplete("current-password"),
        ],
        Step::Code(half) => vec![
            Input::text("code", "Code", "")
                .hint("Six digits from the authenticator app on your phone.")
                .autocomplete("one-time-code")
                .numeric()
                .width(10)
                .error(errors.of("code")),
            Input::text("half", "", half.as_str()).kind("hidden"),
        ],
    };
    let button = Button::main(match step {
        Step::Password(_) => "Sign in",
        Step::Code(_) => "Continue",
    });
    render(
        status,
        &SignInPage {
            frame: web.public_frame(None).await,
            errors,
            fields,
            to: to.to_owned(),
            button,
        },
    )
}

/// `POST /sign-out`
pub(crate) async fn sign_out(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    if let Some(me) = me
        && let Err(error) = web.app.sign_out(&me).await
    {
        return Oops::new(&web, Some(&me), error).await.into_response();
    }
    (
        [(
            header::SET_COOKIE,
            format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"),
        )],
        Redirect::to("/sign-in"),
    )
        .into_response()
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    frame: Frame,
    errors: Errors,
    picture: String,
    secret: String,
    fields: [Input; 2],
}

/// The password and the code that confirm a second factor.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecondFactorForm {
    secret: String,
    password: String,
    code: String,
}

/// `GET /account/second-factor`
pub(crate) async fn second_factor(State(web): State<Web>, Me(me): Me) -> Response {
    match web.app.begin_enrolment(&me).await {
        Ok(enrolment) => {
            second_factor_page(
                &web,
                &me,
                &enrolment.secret,
                &enrolment.url,
                Errors::default(),
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `POST /account/second-factor`
pub(crate) async fn confirm_second_factor(
    State(web): State<Web>,
    Me(me): Me,
    From(from): From,
    Form(form): Form<SecondFactorForm>,
) -> Response {
    match web
        .app
        .confirm_enrolment(&me, &form.password, &form.secret, &form.code, from)
        .await
    {
        Ok(()) => Redirect::to("/?done=second-factor").into_response(),
        Err(Error::Invalid(problems)) => {
            let url = web.app.enrolment_url(&me, &form.secret).unwrap_or_default();
            second_factor_page(&web, &me, &form.secret, &url, errors_of(problems)).await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn second_factor_page(
    web: &Web,
    me: &pharos_service::SignedIn,
    secret: &str,
    url: &str,
    errors: Errors,
) -> Response {
    let fields = [
        Input::text("code", "Code shown by the app", "")
            .numeric()
            .width(10)
            .autocomplete("one-time-code")
            .error(errors.of("code")),
        Input::text("password", "Your password once more", "")
            .kind("password")
            .autocomplete("current-password")
            .error(errors.of("password")),
    ];
    ok(&SecondFactorPage {
        frame: web.frame(me, "").await,
        errors,
        picture: qr(url),
        secret: secret.to_owned(),
        fields,
    })
}

/// The QR code as a picture in the page; empty when there is nothing to show.
fn qr(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    fast_qr::QRBuilder::new(text)
        .build()
        .map(|code| SvgBuilder::default().shape(Shape::Square).to_str(&code))
        .unwrap_or_default()
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    errors: Errors,
    first: bool,
    fields: [Input; 2],
}

/// Old and new.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PasswordForm {
    old: String,
    new: String,
}

/// `GET /account/password`
pub(crate) async fn password(State(web): State<Web>, Me(me): Me) -> Response {
    password_page(&web, &me, Errors::default()).await
}

/// `POST /account/password`
pub(crate) async fn change_password(
    State(web): State<Web>,
    Me(me): Me,
    From(from): From,
    Form(form): Form<PasswordForm>,
) -> Response {
    match web
        .app
        .change_password(&me, &form.old, &form.new, from)
        .await
    {
        Ok(()) => Redirect::to("/?done=password").into_response(),
        Err(Error::Invalid(problems)) => password_page(&web, &me, errors_of(problems)).await,
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn password_page(web: &Web, me: &pharos_service::SignedIn, errors: Errors) -> Response {
    let fields = [
        Input::text("old", "Your password now", "").kind("password").autocomplete("current-password").error(errors.of("old")),
        Input::text("new", "New password", "")
            .kind("password")
            .autocomplete("new-password")
            .hint("At least 12 characters. Three words that do not belong together are easy to remember.")
            .error(errors.of("new")),
    ];
    ok(&PasswordPage {
        frame: web.frame(me, "").await,
        errors,
        first: me.must_change_password,
        fields,
    })
}

/// Only paths of our own: a sign-in link must not send people elsewhere.
fn local(to: &str) -> String {
    if to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']) {
        to.to_owned()
    } else {
        "/".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn after_sign_in_nobody_is_sent_to_another_site() {
        assert_eq!(local("/cases/1"), "/cases/1");
        for foreign in [
            "",
            "https://example.org",
            "//example.org",
            "/\\example.org",
            "javascript:x",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(local(foreign), "/", "{foreign:?}");
        }
    }
}
