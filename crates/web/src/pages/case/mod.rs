//! One case: never-box, facts, people, steps, what stands in the way of closing, story. Every act is
//! a form of its own that posts a [`doing::Doing`] and comes back.

mod commands;
mod doing;
mod forms;
pub(super) mod options;
mod page;
mod steps;
mod story;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use pharos_casework::{Act, Command};
use pharos_school::{CaseId, Person, Role};
use pharos_service::{Error, OpenCase, SignedIn};
use serde::Deserialize;

use crate::components::{Choice, Errors};
use crate::forms::errors_of;
use crate::frame::{Done, Frame};
use crate::oops::{Oops, render};
use crate::pages::field::Field;
use crate::pages::kit::{self, Given, Names, Picked};
use crate::state::{Me, Web};
use commands::{Ask, Desk};
pub use doing::CASE_FORMS;
use doing::Doing;
use forms::Around;

/// `GET /cases/{id}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    done: Done,
) -> Response {
    match look(&web, &me, &id).await {
        Ok(open) => page::show(&web, &me, &open, done, Errors::default(), StatusCode::OK).await,
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `GET /cases/{id}/print`: the whole story in order; noted as an export.
pub(crate) async fn print(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    let open = match id.parse::<CaseId>() {
        Ok(id) => web.app.export_case(&me.actor, id).await.map_err(hide),
        Err(_) => Err(Error::NotFound),
    };
    match open {
        Ok(open) => page::print(&web, &me, &open).await,
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

#[derive(Template)]
#[template(path = "case/emergency.html")]
struct EmergencyPage {
    frame: Frame,
    errors: Errors,
    id: String,
    why: Field,
}

/// `GET /cases/{id}/emergency`: says the same whether or not there is such a case.
pub(crate) async fn emergency(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Response {
    if !(me.actor.holds(Role::Deputy) || me.actor.holds(Role::Head)) {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    }
    emergency_page(&web, &me, id, Errors::default(), StatusCode::OK).await
}

/// `POST /cases/{id}/emergency`: opens it once, with a reason; the lead is told (CON-14).
pub(crate) async fn open_in_emergency(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::new(pairs);
    let Ok(case) = id.parse::<CaseId>() else {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    };
    match web
        .app
        .emergency_case(&me.actor, case, given.one("reason"))
        .await
        .map_err(hide)
    {
        Ok(open) => {
            page::show(
                &web,
                &me,
                &open,
                Done::default(),
                Errors::default(),
                StatusCode::OK,
            )
            .await
        }
        Err(Error::Invalid(problems)) => {
            emergency_page(
                &web,
                &me,
                id,
                errors_of(problems),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

async fn emergency_page(
    web: &Web,
    me: &SignedIn,
    id: String,
    errors: Errors,
    status: StatusCode,
) -> Response {
    let why = crate::components::TextArea::new("reason", "Why must you see it now?", "")
        .hint("The reason is kept for good, and the safeguarding lead is told at once.")
        .error(errors.of("reason"))
        .rows(3)
        .into();
    render(
        status,
        &EmergencyPage {
            frame: web.frame(me, "/cases").await,
            errors,
            id,
            why,
        },
    )
}

/// Which step a form belongs to, or which entry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    step: String,
    of: String,
}

/// `GET /cases/{id}/do/{what}`: the form.
pub(crate) async fn form(
    State(web): State<Web>,
    Me(me): Me,
    Path((id, what)): Path<(String, String)>,
    Query(about): Query<About>,
) -> Response {
    let Some(doing) = Doing::from_slug(&what) else {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    };
    let mut given = Given::default();
    given.set("step", about.step);
    given.set("of", about.of);
    match look(&web, &me, &id).await {
        Ok(open) => {
            form_page(
                &web,
                &me,
                &open,
                doing,
                &given,
                Errors::default(),
                Vec::new(),
                StatusCode::OK,
            )
            .await
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `POST /cases/{id}/do/{what}`: asks it of the case. No file is ever taken in: a form that carries
/// one is refused before its body is read, and the attempt is kept where the procedure forbids it
/// (CON-15, BRE-07).
pub(crate) async fn act(
    State(web): State<Web>,
    Me(me): Me,
    Path((id, what)): Path<(String, String)>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, axum::extract::rejection::FormRejection>,
) -> Response {
    let open = match look(&web, &me, &id).await {
        Ok(open) => open,
        Err(error) => return Oops::new(&web, Some(&me), error).await.into_response(),
    };
    let Some(doing) = Doing::from_slug(&what) else {
        return Oops::new(&web, Some(&me), Error::NotFound)
            .await
            .into_response();
    };
    let Ok(Form(pairs)) = form else {
        return no_file(&web, &me, &open, &headers).await;
    };
    let given = Given::new(pairs);
    match carry_out(&web, &me, &open, doing, &given).await {
        Ok(code) => Redirect::to(&format!("/cases/{}?done={code}", open.case.id)).into_response(),
        Err(Stop::Choose(people)) => {
            let errors = kit::errors(vec![(
                "person",
                "Choose whom you mean from the list.".to_owned(),
            )]);
            form_page(
                &web,
                &me,
                &open,
                doing,
                &given,
                errors,
                people,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(Stop::No(Error::Invalid(problems))) => {
            form_page(
                &web,
                &me,
                &open,
                doing,
                &given,
                errors_of(problems),
                Vec::new(),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(Stop::No(error @ (Error::Refused(_) | Error::Changed))) => {
            again(&web, &me, &open, doing, &given, &error).await
        }
        Err(Stop::No(error)) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// Why an act did not happen.
enum Stop {
    /// Somebody must be chosen first.
    Choose(Vec<Choice>),
    /// The use case says no.
    No(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::No(error)
    }
}

/// Reads the form and asks it of the case; gives the code of what was done.
async fn carry_out(
    web: &Web,
    me: &SignedIn,
    open: &OpenCase,
    doing: Doing,
    given: &Given,
) -> Result<&'static str, Stop> {
    let (app, id) = (&web.app, open.case.id);
    let picked = picked(web, me, doing, given).await?;
    let known = given.one("known").parse().unwrap_or_default();
    let zone = app.zone();
    let unmatched: Vec<String> = open
        .state
        .unmatched()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let procedures = app.procedures();
    let needs = app.needs_addresses(&me.actor);
    let desk = Desk {
        procedure: &open.procedure,
        procedures: &procedures,
        zone: &zone,
        now: app.now(),
        unmatched: &unmatched,
        addresses: if needs {
            &open.state.concern.addresses
        } else {
            &[]
        },
        picked: picked.as_deref(),
    };
    let ask = commands::read(doing, given, &desk).map_err(|wrong| {
        Error::Invalid(
            wrong
                .into_iter()
                .map(|(field, text)| pharos_service::Problem::field(field, text))
                .collect(),
        )
    })?;
    match ask {
        Ask::Do(command) => app.act_on_case(me, id, known, command).await?,
        Ask::Contain(address) => app.contain(me, id, known, &address).await?,
        Ask::Link(what) => drop(app.link_concern(me, id, known, &what).await?),
    }
    Ok(match doing {
        Doing::Acknowledge => "acknowledged",
        Doing::Contain if me.actor.within().is_some() => "contained-here",
        Doing::Contain => "contained",
        Doing::Link => "linked",
        Doing::Close => "closed",
        Doing::Reopen => "reopened",
        _ => "recorded",
    })
}

/// Whom the form's picker means, for the forms that have one.
async fn picked(
    web: &Web,
    me: &SignedIn,
    doing: Doing,
    given: &Given,
) -> Result<Option<Box<Person>>, Stop> {
    let fits: fn(&Person) -> bool = match (doing, given.one("kind")) {
        (Doing::AddPerson | Doing::Identify, "pupil") => |person| person.is(Role::Pupil),
        (Doing::AddPerson | Doing::Identify, "parent") => |person| person.is(Role::Parent),
        (Doing::AddPerson | Doing::Identify, "staff") | (Doing::Action | Doing::Lesson, _) => {
            Person::is_staff
        }
        _ => return Ok(None),
    };
    let name = given.one("name");
    if name.is_empty() {
        return Ok(None);
    }
    match kit::pick(&web.app, &me.actor, given, name, fits).await? {
        Picked::One(person) => Ok(Some(person)),
        Picked::Several(people) => Err(Stop::Choose(people)),
        Picked::Nobody => Ok(None),
    }
}

/// After a refusal the form stands again as it was filled in, over the case as it is now.
async fn again(
    web: &Web,
    me: &SignedIn,
    before: &OpenCase,
    doing: Doing,
    given: &Given,
    error: &Error,
) -> Response {
    let open = match web.app.case(&me.actor, before.case.id).await {
        Ok(open) => open,
        Err(error) => return Oops::new(web, Some(me), error).await.into_response(),
    };
    let errors = errors_of(vec![pharos_service::Problem::whole(error.to_string())]);
    if in_place(doing) {
        return page::show(
            web,
            me,
            &open,
            Done::default(),
            errors,
            StatusCode::CONFLICT,
        )
        .await;
    }
    form_page(
        web,
        me,
        &open,
        doing,
        given,
        errors,
        Vec::new(),
        StatusCode::CONFLICT,
    )
    .await
}

/// Acts that are one press on the case's own page.
const fn in_place(doing: Doing) -> bool {
    matches!(doing, Doing::Acknowledge | Doing::Danger)
}

#[derive(Template)]
#[template(path = "case/form.html")]
struct FormPage {
    frame: Frame,
    errors: Errors,
    id: String,
    number: i64,
    slug: &'static str,
    title: &'static str,
    /// The step it belongs to, in its own words.
    step: Option<String>,
    known: i64,
    fields: Vec<Field>,
    button: &'static str,
    warns: bool,
}

#[expect(
    clippy::too_many_arguments,
    reason = "one form with everything it was filled in with"
)]
async fn form_page(
    web: &Web,
    me: &SignedIn,
    open: &OpenCase,
    doing: Doing,
    given: &Given,
    errors: Errors,
    people: Vec<Choice>,
    status: StatusCode,
) -> Response {
    let names = match Names::of(&web.app, story::people(open)).await {
        Ok(names) => names,
        Err(error) => return Oops::new(web, Some(me), error).await.into_response(),
    };
    let (zone, procedures) = (web.app.zone(), web.app.procedures());
    let campuses = web.app.campus_titles(&me.actor);
    let around = Around {
        open,
        names: &names,
        procedures: &procedures,
        zone: &zone,
        now: web.app.now(),
        needs: web.app.needs_addresses(&me.actor),
        campuses: &campuses,
        people,
        given,
        errors: &errors,
    };
    let page = FormPage {
        frame: web.frame(me, "/cases").await,
        fields: around.fields(doing),
        step: open
            .procedure
            .step(given.one("step"))
            .map(|step| step.text.clone()),
        id: open.case.id.to_string(),
        number: open.case.number,
        slug: doing.slug(),
        title: doing.title(),
        known: open.case.entries,
        button: doing.button(),
        warns: matches!(doing, Doing::Illegal | Doing::Contain | Doing::Close),
        errors,
    };
    render(status, &page)
}

/// A form with a file, or one that is no form at all.
async fn no_file(web: &Web, me: &SignedIn, open: &OpenCase, headers: &HeaderMap) -> Response {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let file =
        kind.starts_with("multipart/") || kind.starts_with("image/") || kind.starts_with("video/");
    let mut says = "Pharos takes no files into a case. Write down the address and what was said; leave the device as it is.".to_owned();
    if file {
        let attempt = Command::Try {
            act: Act::AttachPictures,
        };
        if let Err(Error::Refused(why)) = web
            .app
            .act_on_case(me, open.case.id, open.case.entries, attempt)
            .await
        {
            says = why;
        }
    }
    match web.app.case(&me.actor, open.case.id).await {
        Ok(open) => {
            let errors = errors_of(vec![pharos_service::Problem::whole(says)]);
            page::show(
                web,
                me,
                &open,
                Done::default(),
                errors,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            )
            .await
        }
        Err(error) => Oops::new(web, Some(me), error).await.into_response(),
    }
}

async fn look(web: &Web, me: &SignedIn, id: &str) -> Result<OpenCase, Error> {
    let id: CaseId = id.parse().map_err(|_| Error::NotFound)?;
    web.app.case(&me.actor, id).await.map_err(hide)
}

/// What somebody may not see looks like what is not there (CON-14).
fn hide(error: Error) -> Error {
    match error {
        Error::Denied(_) => Error::NotFound,
        other => other,
    }
}
