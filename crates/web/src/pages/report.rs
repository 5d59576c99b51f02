//! Tell someone about a worry: four questions on one screen, more for those who have it; for
//! everybody, with or without an account (CON-01, CON-02, PRO-12).

mod reading;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use pharos_casework::danger_instruction;
use pharos_school::Role;
use pharos_service::{Error, SignedIn};

use crate::components::{Choice, Choices, Errors, Input, Select, TextArea};
use crate::forms::errors_of;
use crate::frame::Frame;
use crate::oops::{Oops, ok, render};
use crate::pages::case::options;
use crate::pages::field::Field;
use crate::pages::kit::{Given, describe};
use crate::state::{Anyone, From, Web};

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    errors: Errors,
    now: &'static str,
    danger: Field,
    asked: Vec<Field>,
    more: Vec<Field>,
    others: Vec<Vec<Field>>,
    open_more: bool,
    inside: Vec<String>,
    outside: Vec<Route>,
}

/// Somebody outside who listens.
struct Route {
    name: String,
    about: String,
    call: Option<String>,
}

/// `GET /report`
pub(crate) async fn show(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    page(
        &web,
        me.as_ref(),
        &Given::default(),
        Errors::default(),
        StatusCode::OK,
    )
    .await
}

/// `POST /report`: receives the concern; whoever sent it sees that it arrived, and its number.
pub(crate) async fn submit(
    State(web): State<Web>,
    Anyone(me): Anyone,
    From(from): From,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::new(pairs);
    let concern = match reading::concern(&web.app, me.as_ref(), &given).await {
        Ok(concern) => concern,
        Err(Error::Invalid(problems)) => {
            return page(
                &web,
                me.as_ref(),
                &given,
                errors_of(problems),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await;
        }
        Err(error) => return Oops::new(&web, me.as_ref(), error).await.into_response(),
    };
    let raised = web.app.raise_concern_from(me.as_ref(), concern, from);
    match raised.await {
        Ok(raised) => Redirect::to(&format!("/report/received/{}", raised.number)).into_response(),
        Err(Error::Invalid(problems)) => {
            page(
                &web,
                me.as_ref(),
                &given,
                errors_of(problems),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Oops::new(&web, me.as_ref(), error).await.into_response(),
    }
}

#[derive(Template)]
#[template(path = "received.html")]
struct ReceivedPage {
    frame: Frame,
    number: u32,
    now: &'static str,
    told: String,
}

/// `GET /report/received/{number}`: the same words for every number, so that nothing can be learnt
/// from trying them (CON-14).
pub(crate) async fn received(
    State(web): State<Web>,
    Anyone(me): Anyone,
    Path(number): Path<String>,
) -> Response {
    let Ok(number) = number.parse::<u32>() else {
        return Oops::new(&web, me.as_ref(), Error::NotFound)
            .await
            .into_response();
    };
    let school = web.app.school();
    let told = school.pack.words.role(Role::Lead).to_owned();
    ok(&ReceivedPage {
        frame: web.public_frame(me.as_ref()).await,
        number,
        now: danger_instruction(Some(true)),
        told,
    })
}

async fn page(
    web: &Web,
    me: Option<&SignedIn>,
    given: &Given,
    errors: Errors,
    status: StatusCode,
) -> Response {
    let own = match me {
        Some(me) => web.app.own_pupils(me).await,
        None => Ok(Vec::new()),
    };
    let own = match own {
        Ok(own) => own
            .iter()
            .map(|pupil| {
                Choice::new(pupil.id.to_string(), describe(pupil))
                    .chosen(given.one("own") == pupil.id.to_string())
            })
            .collect(),
        Err(error) => return Oops::new(web, me, error).await.into_response(),
    };
    let school = web.app.school();
    let fields = Fields {
        given,
        errors: &errors,
    };
    let page = ReportPage {
        now: "If anyone is in immediate danger, call 999 now, then come back to this form.",
        danger: fields.danger(),
        asked: fields.asked(me, own),
        more: fields.more(me.is_none()),
        others: reading::OTHERS
            .iter()
            .map(|names| fields.other(names))
            .collect(),
        open_more: !errors.problems.is_empty() && !given.one("place").is_empty(),
        inside: [Role::Lead, Role::Deputy, Role::Head]
            .iter()
            .map(|role| school.pack.words.role(*role).to_owned())
            .collect(),
        outside: school
            .listeners()
            .into_iter()
            .map(|help| Route {
                name: help.name,
                about: help.about.unwrap_or_default(),
                call: help.call,
            })
            .collect(),
        frame: web.public_frame(me).await,
        errors: errors.clone(),
    };
    render(status, &page)
}

struct Fields<'a> {
    given: &'a Given,
    errors: &'a Errors,
}

impl Fields<'_> {
    fn danger(&self) -> Field {
        let given = self.given.one("danger");
        let answers = vec![
            Choice::new("yes", "Yes").chosen(given == "yes"),
            Choice::new("no", "No").chosen(given == "no"),
        ];
        Choices::one("danger", "Is anyone in immediate danger?", answers)
            .inline()
            .error(self.errors.of("danger"))
            .into()
    }

    /// The four questions.
    fn asked(&self, me: Option<&SignedIn>, own: Vec<Choice>) -> Vec<Field> {
        let mut fields = Vec::new();
        let pupil = me.is_some_and(|me| me.person.is(Role::Pupil));
        let label = if pupil {
            "Who is it about?"
        } else {
            "Which child?"
        };
        if pupil {
            let mine =
                vec![Choice::new("yes", "It is about me").chosen(self.given.one("mine") == "yes")];
            fields.push(Choices::several("mine", label, mine).small().into());
        }
        if !own.is_empty() {
            let mut own = own;
            own.insert(0, Choice::new("", "Choose, or write the name below"));
            fields.push(Select::new("own", "Which child? From your classes", own).into());
        }
        let label = if pupil || !fields.is_empty() {
            "Or the name, as far as you know it"
        } else {
            label
        };
        fields.push(self.line("name", label).into());
        let what = TextArea::new(
            "what",
            "What did you see, hear or were told?",
            self.given.one("what"),
        )
        .hint("In the child's own words where you can.");
        fields.push(what.error(self.errors.of("what")).rows(4).into());
        fields.push(
            self.line("about_when", "When?")
                .hint("Such as: today at lunch.")
                .error(self.errors.of("happened_about"))
                .into(),
        );
        if !pupil {
            fields.push(
                self.line("told", "Whom have you told in person?")
                    .hint("Leave empty if nobody yet. Tell the safeguarding lead or a deputy now.")
                    .into(),
            );
        }
        fields
    }

    fn more(&self, public: bool) -> Vec<Field> {
        let mut fields = Vec::new();
        if public {
            fields.push(
                self.line("your_name", "Your name, if you want to give it")
                    .into(),
            );
            fields.push(
                self.line("contact", "How can we answer you, if you want that?")
                    .into(),
            );
        }
        let given = self.given;
        let one = |name: &'static str, label: &str, list: &[(&str, &str)]| -> Field {
            let list = list
                .iter()
                .map(|(value, text)| Choice::new(*value, *text).chosen(given.one(name) == *value))
                .collect();
            Choices::one(name, label, list).small().into()
        };
        let words = TextArea::new(
            "words",
            "What the child said, word for word",
            given.one("words"),
        );
        fields.push(words.error(self.errors.of("words")).rows(2).into());
        fields.push(
            Select::new(
                "part",
                "What part did this person have?",
                parts(given.one("part")),
            )
            .into(),
        );
        fields.push(
            Input::text(
                "happened_at",
                "Day and time, if you know them",
                given.one("happened_at"),
            )
            .kind("datetime-local")
            .width(20)
            .error(self.errors.of("happened_at"))
            .into(),
        );
        fields.push(one(
            "site",
            "Where?",
            &[
                ("on-site", "At school"),
                ("off-site", "Outside school"),
                ("not-known", "I do not know"),
            ],
        ));
        fields.push(
            self.line("place", "Where exactly?")
                .error(self.errors.of("place"))
                .into(),
        );
        let equipment = [
            ("school", "The school's"),
            ("own", "The child's own"),
            ("family", "The family's"),
            ("another", "Somebody else's"),
            ("not-known", "I do not know"),
        ];
        fields.push(one("equipment", "Whose phone or computer?", &equipment));
        fields.push(
            self.line("device", "Which one, if you know?")
                .error(self.errors.of("device"))
                .into(),
        );
        let addresses = TextArea::new(
            "addresses",
            "Web addresses, one on each line",
            given.one("addresses"),
        );
        fields.push(
            addresses
                .hint("Do not open them again. Leave this empty if you do not know.")
                .rows(2)
                .error(self.errors.of("addresses"))
                .into(),
        );
        fields.push(
            Choices::several(
                "risk",
                "What kind of risk?",
                options::risks(|name| given.has("risk", name)),
            )
            .small()
            .into(),
        );
        fields.push(
            Choices::several(
                "harm",
                "What kind of harm?",
                options::harms(|name| given.has("harm", name)),
            )
            .small()
            .into(),
        );
        fields
    }

    fn other(&self, names: &reading::Other) -> Vec<Field> {
        let mut kinds = options::kinds(self.given.one(names.kind));
        kinds.insert(0, Choice::new("", "Nobody more"));
        vec![
            Select::new(names.kind, "Who?", kinds).into(),
            self.line(names.name, "Name, or screen name").into(),
            self.line(
                names.more,
                "Their school, or the service of the screen name",
            )
            .into(),
            Select::new(names.part, "What part?", parts(self.given.one(names.part))).into(),
        ]
    }

    fn line(&self, name: &'static str, label: &str) -> Input {
        Input::text(name, label, self.given.one(name)).error(self.errors.of(name))
    }
}

/// Parts, with “not sure” first: nobody has to judge in order to report.
fn parts(given: &str) -> Vec<Choice> {
    let mut parts = vec![
        Choice::new("other", "Not sure, or something else")
            .chosen(given.is_empty() || given == "other"),
    ];
    parts.extend(
        options::parts(given)
            .into_iter()
            .filter(|part| part.value != "other"),
    );
    parts
}
