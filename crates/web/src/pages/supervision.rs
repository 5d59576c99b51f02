//! Notes of supervision: the lessons that want one, the form, the notes with a button that makes a
//! concern of one (MON-07).

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_service::{Error, LessonToNote, NewSupervision, SignedIn, SupervisionNote};
use serde::Deserialize;
use uuid::Uuid;

use crate::components::{Button, Choice, Choices, Errors, Form, Input, Select, Summary, TextArea};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::pages::kit::Names;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::words;

/// So many notes stand on the page.
const NOTES_SHOWN: usize = 50;

/// A note.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Note {
    lesson: String,
    what: String,
    took_place: String,
    seen: String,
}

/// `GET /supervision`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    let page = page(&web, &me, &Note::default(), Errors::default(), done).await;
    answer(&web, Some(&me), page).await
}

/// `POST /supervision`
pub(crate) async fn note(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Note>,
) -> Response {
    let noted = noted(&web, &me, &form).await;
    again(&web, &me, &form, noted).await
}

/// `POST /supervision/{id}/concern`
pub(crate) async fn concern(
    State(web): State<Web>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Response {
    let raised = match Uuid::try_parse(&id) {
        Ok(id) => web.app.concern_from_supervision(&me, id).await,
        Err(_) => Err(Error::NotFound),
    };
    let went = raised.map(|number| format!("/report/received/{number}"));
    again(&web, &me, &Note::default(), went).await
}

async fn again(web: &Web, me: &SignedIn, form: &Note, outcome: Result<String, Error>) -> Response {
    match after(web, Some(me), outcome).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = page(web, me, form, errors, Done::default()).await;
            answer(web, Some(me), page).await
        }
        After::No(response) => response,
    }
}

async fn noted(web: &Web, me: &SignedIn, form: &Note) -> Result<String, Error> {
    web.app.open_to::<act::NoteSupervision>(&me.actor).await?;
    let took_place = match form.took_place.as_str() {
        "yes" => true,
        "no" => false,
        _ => {
            return Err(Error::field(
                "took_place",
                "Say whether supervision took place.",
            ));
        }
    };
    let lesson = match form.lesson.as_str() {
        "" => None,
        id => Some(Uuid::try_parse(id).map_err(|_| Error::NotFound)?),
    };
    let new = NewSupervision {
        lesson,
        what: form.what.clone(),
        took_place,
        seen: form.seen.clone(),
    };
    web.app.note_supervision(me, &new).await?;
    Ok("/supervision?done=supervised".to_owned())
}

async fn page(
    web: &Web,
    me: &SignedIn,
    form: &Note,
    errors: Errors,
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::NoteSupervision>(&me.actor).await?;
    let lessons = web.app.lessons_to_note(me).await?;
    let notes = web.app.supervision_notes(&me.actor).await?;
    let names = Names::of(&web.app, notes.iter().filter_map(|note| note.by).collect()).await?;
    let all = web.app.could(&me.actor, Act::ReadSupervision);
    let readers = if all {
        "You read everybody's notes; that you do is kept."
    } else {
        "Your notes are read by you and by those who work on safeguarding."
    };
    let mut sheet = Sheet::new(web.frame(me, "").await.with(done), "Supervision")
        .errors(errors.clone())
        .lede("Note that supervision took place, and what you saw. A worry can be made a concern with one press.");
    let expected = web.app.supervision();
    if !expected.is_empty() {
        let rows = expected.into_iter().fold(Summary::default(), |rows, one| {
            rows.row(one.phase, one.expected)
        });
        sheet = sheet
            .heading("The supervision that the school expects")
            .add(rows);
    }
    sheet = sheet
        .heading("A note")
        .add(note_form(web, &lessons, form, &errors))
        .heading("Notes")
        .text(readers);
    if notes.is_empty() {
        sheet = sheet.text("None yet.");
    }
    for note in notes.iter().take(NOTES_SHOWN) {
        sheet = sheet.add(facts(web, note, &names));
        if note.concern.is_none() {
            sheet = sheet.add(
                Form::to(format!("/supervision/{}/concern", note.id)).button(Button::secondary(
                    format!(
                        "Make a concern of this note ({}, {})",
                        note.what,
                        words::moment(note.at, &web.app.zone())
                    ),
                )),
            );
        }
    }
    if notes.len() > NOTES_SHOWN {
        sheet = sheet.text(format!(
            "The newest {NOTES_SHOWN} of {} are shown.",
            notes.len()
        ));
    }
    Ok(sheet.response())
}

fn note_form(web: &Web, lessons: &[LessonToNote], form: &Note, errors: &Errors) -> Form {
    let zone = web.app.zone();
    let mut which =
        vec![Choice::new("", "Something else: say below").chosen(form.lesson.is_empty())];
    which.extend(lessons.iter().map(|lesson| {
        let id = lesson.id.to_string();
        let chosen = id == form.lesson;
        let text = format!("{}, {}", lesson.class, words::moment(lesson.from, &zone));
        Choice::new(id, text).chosen(chosen)
    }));
    let took_place = [
        ("yes", "Yes, as the school expects it"),
        ("no", "No, or not wholly"),
    ]
    .map(|(value, text)| Choice::new(value, text).chosen(form.took_place == value));
    let hint = match lessons.len() {
        0 => "No lesson of yours waits for a note.".to_owned(),
        waiting => format!(
            "{} for a note.",
            words::counted(waiting, "lesson of yours waits", "lessons of yours wait")
        ),
    };
    Form::to("/supervision")
        .field(
            Select::new("lesson", "Which lesson?", which)
                .hint(hint)
                .error(errors.of("lesson")),
        )
        .field(
            Input::text("what", "Or which class, room or devices?", &form.what)
                .hint("For tablets handed out, a computer room, a club.")
                .error(errors.of("what")),
        )
        .field(
            Choices::one("took_place", "Did supervision take place?", took_place.into())
                .error(errors.of("took_place")),
        )
        .field(
            TextArea::new("seen", "What did you see?", &form.seen)
                .rows(4)
                .hint("\u{201c}Nothing unusual\u{201d} is an answer. It is kept as written; a correction is a further note.")
                .error(errors.of("seen")),
        )
        .button(Button::main("Keep this note"))
}

fn facts(web: &Web, note: &SupervisionNote, names: &Names) -> Summary {
    let took_place = if note.took_place {
        "Yes"
    } else {
        "No, or not wholly"
    };
    let mut facts = Summary::default()
        .row("What", &note.what)
        .row("Supervision took place", took_place)
        .row("Seen", &note.seen)
        .row(
            "Noted",
            format!(
                "{}{}",
                words::moment(note.at, &web.app.zone()),
                note.by
                    .map(|by| format!(", by {}", names.get(by)))
                    .unwrap_or_default()
            ),
        );
    if let Some(number) = note.concern {
        facts = facts.row("Concern", format!("Number {number}"));
    }
    facts
}
