//! Noting a test of the filter by hand (AUD-02).

use axum::extract::State;
use axum::response::Response;
use pharos_access::act;
use pharos_service::{Error, NewHandTest, SignedIn};
use serde::Deserialize;

use crate::components::{Button, Choice, Choices, Errors, Form, Input, Select, TextArea};
use crate::forms::{After, Posted, after, go, moment_of};
use crate::oops::answer;
use crate::pages::kit::local;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// What is posted for a promise that stands in no list.
const OTHER: &str = "other";

/// A test.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Test {
    at: String,
    group: String,
    place: String,
    kind: String,
    other: String,
    tried: String,
    came: String,
    held: String,
}

/// `GET /checks/hand`
pub(crate) async fn new(State(web): State<Web>, Me(me): Me) -> Response {
    let page = page(&web, &me, &Test::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /checks/hand`
pub(crate) async fn note(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Test>,
) -> Response {
    let noted = noted(&web, &me, &form).await;
    match after(&web, Some(&me), noted).await {
        After::Go(path) => go(&path),
        After::Again(errors) => answer(&web, Some(&me), page(&web, &me, &form, errors).await).await,
        After::No(response) => response,
    }
}

async fn noted(web: &Web, me: &SignedIn, form: &Test) -> Result<String, Error> {
    web.app.open_to::<act::HandTest>(&me.actor).await?;
    let held = match form.held.as_str() {
        "yes" => true,
        "no" => false,
        _ => {
            return Err(Error::field(
                "held",
                "Say whether what came is what was promised.",
            ));
        }
    };
    let kinds = web.app.hand_choices(&me.actor).kinds;
    let other = form.kind == OTHER;
    let test = NewHandTest {
        at: moment_of("at", &form.at, &web.app.zone())
            .map_err(|problem| Error::Invalid(vec![problem]))?,
        group: form.group.clone(),
        place: form.place.clone(),
        kind: kinds.into_iter().find(|kind| kind.says() == form.kind),
        other: if other {
            form.other.clone()
        } else {
            String::new()
        },
        tried: form.tried.clone(),
        came: form.came.clone(),
        held,
    };
    let id = web.app.note_hand_test(me, &test).await?;
    Ok(format!("/checks/{id}?done=hand-tested"))
}

async fn page(web: &Web, me: &SignedIn, form: &Test, errors: Errors) -> Result<Response, Error> {
    web.app.open_to::<act::HandTest>(&me.actor).await?;
    let choices = web.app.hand_choices(&me.actor);
    let named = |name: &str| words::capital(&name.replace('-', " "));
    let choice =
        |value: &str, text: String, chosen: &str| Choice::new(value, text).chosen(value == chosen);
    let mut groups = vec![choice("", "Choose a group".to_owned(), &form.group)];
    groups.extend(choices.groups.iter().map(|group| match group.as_str() {
        "unknown" => choice(group, "Somebody who is not known".to_owned(), &form.group),
        _ => choice(group, named(group), &form.group),
    }));
    let mut places = vec![choice("", "In no named place".to_owned(), &form.place)];
    places.extend(
        choices
            .places
            .iter()
            .map(|place| choice(place, named(place), &form.place)),
    );
    let mut kinds = vec![choice("", "Choose a promise".to_owned(), &form.kind)];
    kinds.extend(choices.kinds.iter().map(|kind| {
        let says = kind.says();
        choice(&says, words::capital(&says.replace('-', " ")), &form.kind)
    }));
    kinds.push(choice(
        OTHER,
        "Something else: say below".to_owned(),
        &form.kind,
    ));
    let held = [
        ("yes", "Yes, it held"),
        ("no", "No: those who can mend it are told at once"),
    ]
    .map(|(value, text)| choice(value, text.to_owned(), &form.held));
    let now = local(web.app.now(), &web.app.zone());
    let at = if form.at.is_empty() { &now } else { &form.at };
    let fields = Form::to("/checks/hand")
        .field(
            Input::text("at", "When?", at)
                .kind("datetime-local")
                .error(errors.of("at")),
        )
        .field(Select::new("group", "As whom?", groups).error(errors.of("group")))
        .field(Select::new("place", "Where?", places).error(errors.of("place")))
        .field(
            Select::new("kind", "What is promised?", kinds)
                .error(errors.of("kind")),
        )
        .field(
            Input::text("other", "If something else: what is promised?", &form.other)
                .error(errors.of("other")),
        )
        .field(
            Input::text("tried", "What did you try?", &form.tried)
                .hint("A test address, a harmless page, words to search for. Never try anything that may be illegal.")
                .error(errors.of("tried")),
        )
        .field(
            TextArea::new("came", "What came?", &form.came)
                .rows(3)
                .hint("What the screen showed. No names of pupils: everybody on the staff and the governors read this.")
                .error(errors.of("came")),
        )
        .field(
            Choices::one("held", "Is that what is promised?", held.into())
                .error(errors.of("held")),
        )
        .button(Button::main("Keep this test"));
    Ok(
        Sheet::new(web.frame(me, "/checks").await, "Note a test by hand")
            .back("/checks", "All checks")
            .errors(errors)
            .lede("It counts as evidence like a run of the check, and is signed by the leadership.")
            .add(fields)
            .response(),
    )
}
