//! `/people/import`: a new roll from the school's own system, looked at first, then applied (ACC-10).

use axum::extract::{Multipart, State};
use axum::response::Response;
use pharos_access::act;
use pharos_directory::{FileSet, Limits, Problems, RollChange, read_zip};
use pharos_school::Person;
use pharos_service::{Error, ImportError, SignedIn};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Summary, Table, Warning,
};
use crate::forms::{Posted, errors_of, go};
use crate::oops::answer;
use crate::sheet::Sheet;
use crate::state::{Me, Web};
use crate::uploads::{self, Taken, Upload};
use crate::words;

/// Most people of one kind named in the look.
const SHOWN_MAX: usize = 200;

/// The yes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Yes {
    approved: String,
    /// The mark of the file that was looked at.
    upload: String,
}

/// `GET /people/import`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(
        &web,
        Some(&me),
        form_page(&web, &me, Errors::default()).await,
    )
    .await
}

/// `POST /people/import`: shows what would change.
pub(crate) async fn look(State(web): State<Web>, Me(me): Me, form: Multipart) -> Response {
    let outcome = looked_at(&web, &me, form).await;
    with_form(&web, &me, outcome).await
}

/// Whoever may not bring a roll in sends no file: it is not read.
async fn looked_at(web: &Web, me: &SignedIn, form: Multipart) -> Result<Response, Error> {
    web.app.open_to::<act::ImportRoll>(&me.actor).await?;
    let _turn = web.uploads.turn()?;
    match uploads::read(form).await? {
        (Some(upload), _) => preview(web, me, upload).await,
        (None, _) => Err(Error::field("file", "Choose a file first.")),
    }
}

/// `POST /people/import/apply`: brings it in.
pub(crate) async fn apply(
    State(web): State<Web>,
    Me(me): Me,
    Posted(yes): Posted<Yes>,
) -> Response {
    let outcome = bring_in(&web, &me, &yes).await;
    with_form(&web, &me, outcome).await
}

async fn with_form(web: &Web, me: &SignedIn, outcome: Result<Response, Error>) -> Response {
    let outcome = match outcome {
        Err(Error::Invalid(problems)) => form_page(web, me, errors_of(problems)).await,
        other => other,
    };
    answer(web, Some(me), outcome).await
}

async fn form_page(web: &Web, me: &SignedIn, errors: Errors) -> Result<Response, Error> {
    web.app.open_to::<act::ImportRoll>(&me.actor).await?;
    let file = Input::text("file", "Roll", "")
        .kind("file")
        .hint("OneRoster 1.2 CSV in a zip, or one plain CSV file; at most 32 MB.")
        .error(errors.of("file"));
    let form = Form::to("/people/import")
        .uploads()
        .field(file)
        .button(Button::main("Show what would change"));
    Ok(
        Sheet::new(web.frame(me, "/people").await, "Bring in a new roll")
            .back("/people", "People")
            .errors(errors)
            .lede("Nothing changes until you have seen what would change and said yes.")
            .add(form)
            .response(),
    )
}

async fn preview(web: &Web, me: &SignedIn, upload: Upload) -> Result<Response, Error> {
    let files = files_of(&upload).await?;
    match web.app.preview_roll(&me.actor, files, &mut |_| {}).await {
        Ok(change) | Err(ImportError::Held(change)) => {
            let mark = upload.mark();
            web.uploads.keep(me.person.id, upload, web.app.now());
            change_page(web, me, &change, mark, Errors::default()).await
        }
        Err(ImportError::Problems(problems)) => problems_page(web, me, &problems).await,
        Err(ImportError::Other(error)) => Err(error),
    }
}

async fn bring_in(web: &Web, me: &SignedIn, yes: &Yes) -> Result<Response, Error> {
    web.app.open_to::<act::ImportRoll>(&me.actor).await?;
    let _turn = web.uploads.turn()?;
    let upload = match web.uploads.take(me.person.id, &yes.upload, web.app.now()) {
        Taken::This(upload) => upload,
        Taken::Another => {
            return Err(Error::field(
                "file",
                "You have chosen another file since, in another window. Choose the one that you mean again.",
            ));
        }
        Taken::Nothing => {
            return Err(Error::field(
                "file",
                "The file is no longer here: it waits for half an hour. Choose it again.",
            ));
        }
    };
    let files = files_of(&upload).await?;
    let approved = !yes.approved.is_empty();
    match web
        .app
        .import_roll(&me.actor, files, approved, &mut |_| {})
        .await
    {
        Ok(_) => Ok(go("/people?done=imported")),
        Err(ImportError::Held(change)) => {
            let mark = upload.mark();
            web.uploads.keep(me.person.id, upload, web.app.now());
            let mut errors = Errors::default();
            errors.add(
                "approved",
                "Say that you have looked at this change, or leave it.",
            );
            change_page(web, me, &change, mark, errors).await
        }
        Err(ImportError::Problems(problems)) => problems_page(web, me, &problems).await,
        Err(ImportError::Other(error)) => Err(error),
    }
}

/// The files of an upload; a zip is unpacked on a thread of its own.
async fn files_of(upload: &Upload) -> Result<FileSet, Error> {
    let Upload { name, bytes } = upload.clone();
    let unpack = move || {
        if bytes.starts_with(b"PK") {
            return read_zip(std::io::Cursor::new(&*bytes), &Limits::default())
                .map_err(|error| Error::field("file", error.to_string()));
        }
        Ok(FileSet::from_files([(name, bytes.to_vec())]))
    };
    tokio::task::spawn_blocking(unpack)
        .await
        .map_err(|error| Error::unavailable("unpacking a roll", &error))?
}

async fn change_page(
    web: &Web,
    me: &SignedIn,
    change: &RollChange,
    mark: String,
    errors: Errors,
) -> Result<Response, Error> {
    let held = !change.holds.is_empty();
    let mut sheet = Sheet::new(web.frame(me, "/people").await, "What would change")
        .back("/people/import", "Choose another file");
    sheet = sheet.add(
        Summary::default()
            .row("Join", change.joined.len().to_string())
            .row("Change", change.changed.len().to_string())
            .row("Leave", change.left.len().to_string())
            .row("Stay as they are", change.unchanged.to_string())
            .row("Classes new or changed", change.classes.len().to_string())
            .row("Classes that end", change.classes_gone.len().to_string()),
    );
    for hold in &change.holds {
        sheet = sheet.add(Warning {
            text: hold.to_string(),
        });
    }
    if !change.new_powers.is_empty() {
        let names: Vec<_> = change
            .joined
            .iter()
            .chain(change.changed.iter().map(|changed| &changed.after))
            .filter(|person| change.new_powers.contains(&person.id))
            .map(Person::full_name)
            .collect();
        sheet = sheet.add(Warning {
            text: format!(
                "These people would gain a role that opens cases or settings: {}",
                names.join(", ")
            ),
        });
    }
    let mut form = Form::to("/people/import/apply").hidden("upload", mark);
    if held {
        let choice = Choice::new("yes", "I have looked at this change and it is right");
        form = form.field(
            Choices::several("approved", "Approval", vec![choice]).error(errors.of("approved")),
        );
    }
    sheet = sheet
        .errors(errors)
        .add(form.button(Button::main("Bring it in")));
    Ok(sheet
        .extend(table(web, "Who would join", change.joined.iter()))
        .extend(table(
            web,
            "Who would change",
            change.changed.iter().map(|changed| &changed.after),
        ))
        .extend(table(web, "Who would leave", change.left.iter()))
        .response())
}

fn table<'a>(
    web: &Web,
    caption: &str,
    people: impl ExactSizeIterator<Item = &'a Person>,
) -> Option<crate::sheet::Piece> {
    let count = people.len();
    if count == 0 {
        return None;
    }
    let school = web.app.school();
    let rows = people
        .take(SHOWN_MAX)
        .map(|person| {
            let year = person.year.map(|year| year.to_string()).unwrap_or_default();
            vec![
                Cell::text(person.full_name()),
                Cell::text(words::roles(&school, &person.roles)),
                Cell::text(year),
            ]
        })
        .collect();
    let caption = if count > SHOWN_MAX {
        format!("{caption} (the first {SHOWN_MAX} of {count})")
    } else {
        caption.to_owned()
    };
    Some(Table::new(caption, &["Name", "Role", "Year"], rows).into())
}

async fn problems_page(web: &Web, me: &SignedIn, problems: &Problems) -> Result<Response, Error> {
    let rows = problems
        .iter()
        .map(|problem| {
            let line = if problem.line == 0 {
                String::new()
            } else {
                problem.line.to_string()
            };
            vec![
                Cell::text(&*problem.file),
                Cell::text(line),
                Cell::text(&*problem.column),
                Cell::text(&problem.message),
            ]
        })
        .collect();
    let mut errors = Errors::default();
    errors.add("main", format!("The roll was not taken: {} problems. Mend them in the file, then bring it in again. Nothing was changed.", problems.count()));
    Ok(Sheet::new(
        web.frame(me, "/people").await,
        "What is wrong with the roll",
    )
    .back("/people/import", "Choose another file")
    .errors(errors)
    .add(Table::new(
        "Problems, line by line",
        &["File", "Line", "Column", "What is wrong"],
        rows,
    ))
    .response())
}
