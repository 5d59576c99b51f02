//! Signing in and out, the second factor, one's own password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::convert::{Builder, Shape};
use pharos_service::{Error, SignInOutcome};
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

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignInForm {
    name: String,
    password: String,
    code: String,
    asked: String,
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
    page(
        &web,
        &SignInForm {
            to: to.to,
            ..SignInForm::default()
        },
        Errors::default(),
        false,
        StatusCode::OK,
    )
    .await
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
    let code = (!form.asked.is_empty()).then_some(form.code.as_str());
    match web
        .app
        .sign_in(&form.name, &form.password, code, from, device)
        .await
    {
        Ok(SignInOutcome::In(token)) => {
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
        Ok(SignInOutcome::NeedsCode) => {
            page(&web, &form, Errors::default(), true, StatusCode::OK).await
        }
        Err(Error::Invalid(problems)) => {
            let asked = !form.asked.is_empty();
            page(
                &web,
                &form,
                errors_of(problems),
                asked,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Oops::new(&web, None, error).await.into_response(),
    }
}

async fn page(
    web: &Web,
    form: &SignInForm,
    errors: Errors,
    code: bool,
    status: StatusCode,
) -> Response {
    let mut fields = vec![
        Input::text("name", "Sign-in name", &form.name)
            .autocomplete("username")
            .error(errors.of("name")),
        Input::text(
            "password",
            "Password",
            if code { form.password.as_str() } else { "" },
        )
        .kind("password")
        .autocomplete("current-password"),
    ];
    if code {
        let hint = "Six digits from the authenticator app on your phone.";
        fields = vec![
            Input::text("code", "Code", "")
                .hint(hint)
                .autocomplete("one-time-code")
                .numeric()
                .width(10)
                .error(errors.of("code")),
            Input::text("name", "", &form.name).kind("hidden"),
            Input::text("password", "", &form.password).kind("hidden"),
            Input::text("asked", "", "yes").kind("hidden"),
        ];
    }
    let button = Button::main(if code { "Continue" } else { "Sign in" });
    render(
        status,
        &SignInPage {
            frame: web.public_frame(None).await,
            errors,
            fields,
            to: form.to.clone(),
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
    code: Input,
}

/// The code that confirms a second factor.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecondFactorForm {
    secret: String,
    code: String,
}

/// `GET /account/second-factor`
pub(crate) async fn second_factor(State(web): State<Web>, Me(me): Me) -> Response {
    match web.app.begin_enrolment(&me) {
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
    Form(form): Form<SecondFactorForm>,
) -> Response {
    match web
        .app
        .confirm_enrolment(&me, &form.secret, &form.code)
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
    let code = Input::text("code", "Code shown by the app", "")
        .numeric()
        .width(10)
        .autocomplete("one-time-code")
        .error(errors.of("code"));
    ok(&SecondFactorPage {
        frame: web.frame(me, "").await,
        errors,
        picture: qr(url),
        secret: secret.to_owned(),
        code,
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
#[derive(Debug, Default, Deserialize)]
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
    Form(form): Form<PasswordForm>,
) -> Response {
    match web.app.change_password(&me, &form.old, &form.new).await {
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
