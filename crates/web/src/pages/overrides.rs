//! Changes that act at once: lesson lists, restrictions, emergency blocks, and the list of all of
//! them with a button to end one (FIL-05, FIL-07, FIL-08, BRE-04, REQ-05).

use axum::extract::{Path, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_records::{Override, OverrideKind};
use pharos_school::ClassId;
use pharos_service::{Error, NewLesson, Problem, SignedIn};
use serde::Deserialize;
use uuid::Uuid;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Input, Select, Summary, Table, TextArea,
};
use crate::forms::{After, Posted, after, go, lines, moment_of};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// A lesson's links.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lesson {
    class: String,
    sites: String,
    from: String,
    minutes: String,
    supervised: String,
    adult: String,
}

/// `GET /lessons/new`
pub(crate) async fn lesson(State(web): State<Web>, Me(me): Me) -> Response {
    let page = lesson_page(&web, &me, &Lesson::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /lessons/new`
pub(crate) async fn open_lesson(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Lesson>,
) -> Response {
    let opened = opened(&web, &me, &form).await;
    match after(&web, Some(&me), opened).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            answer(&web, Some(&me), lesson_page(&web, &me, &form, errors).await).await
        }
        After::No(response) => response,
    }
}

async fn opened(web: &Web, me: &SignedIn, form: &Lesson) -> Result<String, Error> {
    web.app.open_to::<act::LessonList>(&me.actor).await?;
    let class: ClassId = form
        .class
        .parse()
        .map_err(|_| Error::field("class", "Choose a class from the list."))?;
    let lesson = NewLesson {
        class,
        sites: lines(&form.sites),
        from: moment_of("from", &form.from, &web.app.zone())
            .map_err(|problem| Error::Invalid(vec![problem]))?,
        minutes: form.minutes.trim().parse().unwrap_or(0),
        supervised: form.supervised == "yes",
        adult: form.adult.clone(),
    };
    let opened = web.app.open_lesson(&me.actor, &lesson).await?;
    let done = match (opened.reference, opened.asked.is_empty()) {
        (Some(_), true) => "lesson",
        (Some(_), false) => "lesson-some",
        (None, _) => "lesson-asked",
    };
    Ok(format!("/overrides?done={done}"))
}

async fn lesson_page(
    web: &Web,
    me: &SignedIn,
    form: &Lesson,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::LessonList>(&me.actor).await?;
    let mut classes = vec![Choice::new("", "Choose a class")];
    let all = web.app.classes(&me.actor).await?;
    let (own, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|class| me.person.classes.contains(&class.id));
    classes.extend(own.into_iter().chain(others).map(|class| {
        let id = class.id.to_string();
        let chosen = id == form.class;
        Choice::new(id, class.title).chosen(chosen)
    }));
    let minutes = if form.minutes.is_empty() {
        "60"
    } else {
        &form.minutes
    };
    let kinds = vec![
        Choice::new("no", "Links for a lesson").chosen(form.supervised != "yes"),
        Choice::new("yes", "A session that I supervise")
            .hint("For the youngest, who reach nothing else")
            .chosen(form.supervised == "yes"),
    ];
    let fields = Form::to("/lessons/new")
        .field(
            Select::new("class", "For which class?", classes)
                .hint("Your own classes come first.")
                .error(errors.of("class")),
        )
        .field(Choices::one("supervised", "What kind?", kinds))
        .field(
            Input::text("adult", "Which adult supervises?", &form.adult)
                .hint("Leave it empty for a session that you supervise yourself, and where nobody need be named.")
                .error(errors.of("adult")),
        )
        .field(
            Input::text("from", "From when?", &form.from)
                .kind("datetime-local")
                .hint("Leave it empty to begin now.")
                .error(errors.of("from")),
        )
        .field(
            TextArea::new("sites", "Which links?", &form.sites)
                .hint("One on each line. Look at each of them first.")
                .error(errors.of("sites")),
        )
        .field(
            Input::text("minutes", "For how many minutes?", minutes)
                .numeric()
                .width(4)
                .hint("At most 720.")
                .error(errors.of("minutes")),
        )
        .button(Button::main("Open the links"));
    let mut sheet = Sheet::new(web.frame(me, "").await, "Open links for a class")
        .errors(errors)
        .lede("They open now, for this class only, and shut again by themselves. Nothing on a sealed list opens.");
    let expected = web.app.supervision();
    if !expected.is_empty() {
        let rows = expected
            .into_iter()
            .fold(Summary::default(), |rows, phase| {
                let named = if phase.names_adult {
                    " The adult is named below."
                } else {
                    ""
                };
                rows.row(phase.phase, format!("{}{named}", phase.expected))
            });
        sheet = sheet
            .heading("The supervision that the school expects")
            .add(rows)
            .heading("The links");
    }
    Ok(sheet.add(fields).response())
}

/// A restriction.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Restriction {
    person: String,
    sites: String,
    until: String,
    why: String,
}

/// `GET /restrictions/new`
pub(crate) async fn restriction(State(web): State<Web>, Me(me): Me) -> Response {
    let page = restriction_page(&web, &me, &Restriction::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /restrictions/new`
pub(crate) async fn restrict(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Restriction>,
) -> Response {
    let done = restricted(&web, &me, &form).await;
    match after(&web, Some(&me), done).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            answer(
                &web,
                Some(&me),
                restriction_page(&web, &me, &form, errors).await,
            )
            .await
        }
        After::No(response) => response,
    }
}

async fn restricted(web: &Web, me: &SignedIn, form: &Restriction) -> Result<String, Error> {
    web.app.open_to::<act::RestrictPerson>(&me.actor).await?;
    let person = web
        .app
        .person_reached(&me.actor, &form.person)
        .await?
        .ok_or_else(|| Error::field("person", "Nobody on the roll has this sign-in name."))?;
    let until = moment_of("until", &form.until, &web.app.zone())
        .map_err(|problem| Error::Invalid(vec![problem]))?;
    if until.is_some_and(|until| until <= web.app.now()) {
        return Err(Error::Invalid(vec![Problem::field(
            "until",
            "Choose a time that is still to come, or leave it empty.",
        )]));
    }
    web.app
        .restrict(&me.actor, person.id, &lines(&form.sites), until, &form.why)
        .await?;
    Ok("/overrides?done=restricted".to_owned())
}

async fn restriction_page(
    web: &Web,
    me: &SignedIn,
    form: &Restriction,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::RestrictPerson>(&me.actor).await?;
    let fields = Form::to("/restrictions/new")
        .field(Input::text("person", "Whose access, by sign-in name?", &form.person).error(errors.of("person")))
        .field(TextArea::new("sites", "Which sites are shut?", &form.sites).rows(3).hint("One on each line. Leave it empty to shut everything but help.").error(errors.of("sites")))
        .field(Input::text("until", "Until when?", &form.until).kind("datetime-local").hint("Leave it empty if it is not known; then it is looked at again after two weeks.").error(errors.of("until")))
        .field(TextArea::new("why", "Why?", &form.why).rows(3).error(errors.of("why")))
        .button(Button::main("Restrict"));
    Ok(
        Sheet::new(web.frame(me, "").await, "Restrict one person's access")
            .errors(errors)
            .lede("Help sites stay open whatever you choose.")
            .add(fields)
            .response(),
    )
}

/// An emergency block.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block {
    address: String,
    why: String,
}

/// `GET /blocks/new`
pub(crate) async fn block(State(web): State<Web>, Me(me): Me) -> Response {
    let page = block_page(&web, &me, &Block::default(), Errors::default()).await;
    answer(&web, Some(&me), page).await
}

/// `POST /blocks/new`
pub(crate) async fn block_now(
    State(web): State<Web>,
    Me(me): Me,
    Posted(form): Posted<Block>,
) -> Response {
    let done = web
        .app
        .block_now(&me.actor, &form.address, &form.why)
        .await
        .map(|_| match me.actor.within() {
            None => "/overrides?done=blocked".to_owned(),
            Some(_) => "/overrides?done=blocked-here".to_owned(),
        });
    match after(&web, Some(&me), done).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            answer(&web, Some(&me), block_page(&web, &me, &form, errors).await).await
        }
        After::No(response) => response,
    }
}

async fn block_page(
    web: &Web,
    me: &SignedIn,
    form: &Block,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::EmergencyBlock>(&me.actor).await?;
    let whom = words::blocked_for(&web.app.campus_titles(&me.actor));
    let fields = Form::to("/blocks/new")
        .field(
            Input::text("address", "Which address?", &form.address)
                .hint("A site, or one page of it. Do not open it again to copy it.")
                .error(errors.of("address")),
        )
        .field(
            TextArea::new("why", "Why?", &form.why)
                .rows(3)
                .error(errors.of("why")),
        )
        .button(Button::warning(format!("Block it {whom}")));
    let sheet = Sheet::new(web.frame(me, "").await, "Block an address now")
        .errors(errors)
        .lede(format!(
            "It is shut within a second, {whom}, and looked at by the end of the next school day."
        ));
    let sheet = match me.actor.within() {
        None => sheet,
        Some(_) => sheet.text("You act for one campus, and the others stay as they are. Ask those who act for the whole school to block it for everyone."),
    };
    Ok(sheet.add(fields).response())
}

/// `GET /overrides`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(&web, Some(&me), list_page(&web, &me, done).await).await
}

async fn list_page(web: &Web, me: &SignedIn, done: Done) -> Result<Response, Error> {
    let (now, zone) = (web.app.now(), web.app.zone());
    let all = web.app.overrides(&me.actor).await?;
    let mut sheet = Sheet::new(web.frame(me, "").await.with(done), "Changes made at short notice").lede("The last 90 days and whatever is still in force, newest first. Each has a name, a reason and an end or a date to look at it again.");
    if !staff_view(web, me) {
        return Ok(sheet.add(counts(&all)).response());
    }
    let (now_on, over): (Vec<_>, Vec<_>) = all.into_iter().partition(|change| {
        change.ended_at.is_none() && change.until.is_none_or(|until| until > now)
    });
    sheet = sheet.heading("In force");
    if now_on.is_empty() {
        sheet = sheet.text("None.");
    }
    for change in &now_on {
        sheet = sheet.add(facts(web, me, change).await?);
        if change.review_at.is_some() && web.app.could(&me.actor, Act::ReviewChange) {
            sheet = sheet.add(
                Form::to(format!("/changes/{}/look", change.id))
                    .field(
                        TextArea::new("why", "You have looked at it again: what did you find?", "")
                            .rows(2),
                    )
                    .button(Button::secondary("Note it")),
            );
        }
        if web.app.could_end_override(&me.actor, change).await? {
            sheet = sheet.add(
                Form::to(format!("/overrides/{}/end", change.id))
                    .button(Button::secondary("End it now")),
            );
        }
    }
    let mut rows = Vec::new();
    for change in &over {
        let ended = change
            .ended_at
            .or(change.until)
            .map(|at| words::moment(at, &zone))
            .unwrap_or_default();
        rows.push(vec![
            Cell::text(what(web, change)?),
            Cell::text(why(web, me, change)),
            Cell::text(words::name(web, change.by).await?),
            Cell::text(ended),
        ]);
    }
    if !rows.is_empty() {
        sheet = sheet.add(Table::new("Over", &["What", "Why", "By", "Ended"], rows));
    }
    Ok(sheet.response())
}

/// Numbers alone, for those who see no names (ROLE-07).
fn counts(all: &[Override]) -> Piece {
    let kinds = [
        OverrideKind::EmergencyBlock,
        OverrideKind::Exception,
        OverrideKind::LessonList,
        OverrideKind::Restriction,
        OverrideKind::Membership,
    ];
    let rows = kinds
        .map(|one| {
            vec![
                Cell::text(kind(one)),
                Cell::text(
                    all.iter()
                        .filter(|change| change.kind == one)
                        .count()
                        .to_string(),
                ),
            ]
        })
        .into();
    Table::new("Numbers by kind", &["What", "How many"], rows).into()
}

fn staff_view(web: &Web, me: &SignedIn) -> bool {
    web.app.could(&me.actor, Act::Explain)
}

/// Why, without what only those who may restrict people read.
fn why<'a>(web: &Web, me: &SignedIn, change: &'a Override) -> &'a str {
    let personal = change.kind == OverrideKind::Restriction;
    if personal && !web.app.could(&me.actor, Act::RestrictPerson) {
        "For the safeguarding team only"
    } else {
        &change.why
    }
}

async fn facts(web: &Web, me: &SignedIn, change: &Override) -> Result<Piece, Error> {
    let zone = web.app.zone();
    let mut facts = crate::components::Summary::default()
        .row("What", what(web, change)?)
        .row("Why", why(web, me, change))
        .row("By", words::name(web, change.by).await?)
        .row("Since", words::moment(change.from, &zone));
    if let Some(until) = change.until {
        facts = facts.row("Until", words::moment(until, &zone));
    }
    if let Some(review) = change.review_at {
        let late = if review <= web.app.now() {
            " – this is overdue"
        } else {
            ""
        };
        facts = facts.row(
            "To be looked at by",
            format!("{}{late}", words::moment(review, &zone)),
        );
    }
    Ok(facts.into())
}

/// What a change does, and for whom where that is not plain from its kind.
fn what(web: &Web, change: &Override) -> Result<String, Error> {
    let kind = kind(change.kind);
    Ok(match change.kind {
        OverrideKind::EmergencyBlock => {
            let campuses = web.app.blocked_at(change)?;
            format!("{kind} {}", words::blocked_for(&campuses))
        }
        _ => kind.to_owned(),
    })
}

fn kind(kind: OverrideKind) -> &'static str {
    match kind {
        OverrideKind::Exception => "Site opened for some time",
        OverrideKind::EmergencyBlock => "Address blocked",
        OverrideKind::LessonList => "Links for a class",
        OverrideKind::Restriction => "One person's access restricted",
        OverrideKind::Membership => "Member of an exception group",
    }
}

/// `POST /overrides/{id}/end`
pub(crate) async fn end(State(web): State<Web>, Me(me): Me, Path(id): Path<String>) -> Response {
    let ended = match Uuid::try_parse(&id) {
        Ok(id) => web.app.end_override(&me.actor, id).await,
        Err(_) => Err(Error::NotFound),
    };
    answer(&web, Some(&me), ended.map(|()| go("/overrides?done=ended"))).await
}
