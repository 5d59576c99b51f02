//! The week's report and the list of weeks (MON-10).

mod words;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use pharos_access::{Act, act};
use pharos_service::{Error, SignedIn, StandsOut, Week, WeekLine, WeekRead, WeekReport};
use serde::Deserialize;

use crate::components::{Button, Cell, Errors, Form, Table, Tag, TextArea, Timeline, TimelineItem};
use crate::forms::{After, Posted, after, go};
use crate::frame::{Done, Frame};
use crate::oops::{Oops, answer, ok};
use crate::pages::inbox::{card, colour, severity, who_words};
use crate::pages::kit::{Names, date_words};
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words as usual;

/// So many categories stand in the table; the others are counted in a sentence.
const CATEGORIES_SHOWN: usize = 15;

#[derive(Template)]
#[template(path = "week.html")]
struct WeekPage {
    frame: Frame,
    errors: Errors,
    title: String,
    made: String,
    summary: Vec<String>,
    next: Vec<(String, Option<String>)>,
    alerts: Option<Table>,
    open: Vec<OpenCard>,
    open_more: usize,
    pupils: Vec<PupilCard>,
    pupils_more: usize,
    blocked: Option<Table>,
    blocked_notes: Vec<String>,
    new_sites: Vec<String>,
    checks: Vec<(String, Option<String>)>,
    reviews: Option<Timeline>,
    form: Option<Form>,
}

/// An alert that still wants somebody.
struct OpenCard {
    id: String,
    tag: Tag,
    card: &'static str,
    theme: &'static str,
    who: String,
    at: String,
    by_search: bool,
    state: &'static str,
}

/// A pupil whose attempts stand out.
struct PupilCard {
    name: String,
    href: String,
    tag: Tag,
    card: &'static str,
    theme: &'static str,
    text: String,
    form: Form,
}

/// What was found and what followed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Review {
    found: String,
    followed: String,
}

/// `GET /weeks`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), listed(&web, &me).await).await
}

async fn listed(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let mut rows = Vec::new();
    for line in web.app.weeks(&me.actor).await? {
        rows.push(vec![
            Cell::link(format!("/weeks/{}", line.week), title(line.week)),
            Cell::text(line.made.map_or_else(
                || if line.over { "Not made" } else { "Not over" }.to_owned(),
                |at| usual::moment(at, &web.app.zone()),
            )),
            Cell::text(reviewed(web, &line).await?),
        ]);
    }
    Ok(Sheet::new(web.frame(me, "/reports").await, "Weeks")
        .lede("On the first school day after it a week's report is made, and whoever hears of alerts first is told. Somebody reads it and says what they found.")
        .add(Table::new(
            "The last weeks, this one first",
            &["Week", "Report made", "Reviewed"],
            rows,
        ))
        .add(Piece::Buttons(vec![ButtonLink::secondary("/inbox", "To the inbox")]))
        .response())
}

async fn reviewed(web: &Web, line: &WeekLine) -> Result<String, Error> {
    let Some(review) = line.reviews.first() else {
        let waits = line.over && line.made.is_some();
        return Ok(if waits { "Not yet" } else { "" }.to_owned());
    };
    Ok(format!(
        "{}, by {}",
        usual::moment(review.at, &web.app.zone()),
        usual::name(web, review.by).await?
    ))
}

/// `GET /weeks/{monday}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(monday): Path<String>,
    done: Done,
) -> Response {
    let page = page(&web, &me, &monday, &Review::default(), Errors::default()).await;
    match page {
        Ok(mut page) => {
            page.frame = page.frame.with(done);
            ok(&page)
        }
        Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
    }
}

/// `POST /weeks/{monday}/reviews`
pub(crate) async fn review(
    State(web): State<Web>,
    Me(me): Me,
    Path(monday): Path<String>,
    Posted(form): Posted<Review>,
) -> Response {
    let kept = keep(&web, &me, &monday, &form).await;
    match after(&web, Some(&me), kept).await {
        After::Go(path) => go(&path),
        After::Again(errors) => match page(&web, &me, &monday, &form, errors).await {
            Ok(page) => crate::oops::render(axum::http::StatusCode::UNPROCESSABLE_ENTITY, &page),
            Err(error) => Oops::new(&web, Some(&me), error).await.into_response(),
        },
        After::No(response) => response,
    }
}

async fn keep(web: &Web, me: &SignedIn, monday: &str, form: &Review) -> Result<String, Error> {
    web.app.open_to::<act::ReviewWeek>(&me.actor).await?;
    let week: Week = monday.parse().map_err(|_| Error::NotFound)?;
    web.app
        .review_week(me, week, &form.found, &form.followed)
        .await?;
    Ok(format!("/weeks/{week}?done=week-reviewed"))
}

/// A week as people read it: `Week of 9 November 2026`.
pub(crate) fn title(week: Week) -> String {
    format!("Week of {}", date_words(week.monday()))
}

async fn page(
    web: &Web,
    me: &SignedIn,
    monday: &str,
    form: &Review,
    errors: Errors,
) -> Result<WeekPage, Error> {
    web.app.open_to::<act::ReadWeek>(&me.actor).await?;
    let week: Week = monday.parse().map_err(|_| Error::NotFound)?;
    let report = web.app.week_report(&me.actor, week).await?;
    let people = report
        .open
        .iter()
        .filter_map(|alert| alert.who.person())
        .chain(report.stand_out.iter().map(|pupil| pupil.person))
        .chain(report.reviews.iter().filter_map(|review| review.by));
    let names = Names::of(&web.app, people.collect()).await?;
    let zone = web.app.zone();
    let made = match report.made {
        Some(at) => format!(
            "Attempts were counted {}. What became of alerts and requests is shown as it stands now.",
            usual::moment(at, &zone)
        ),
        None if report.over => "Counted now: no report of this week was kept.".to_owned(),
        None => "The week is not over: counted up to now.".to_owned(),
    };
    let may_review = report.over && web.app.could(&me.actor, Act::ReviewWeek);
    Ok(WeekPage {
        frame: web.frame(me, "/reports").await,
        title: title(week),
        made,
        summary: words::summary(&report),
        next: words::next(&report, web.app.now()),
        alerts: words::alerts(&report),
        open: open_cards(web, &report, &names),
        open_more: report.open_more,
        pupils: report
            .stand_out
            .iter()
            .map(|pupil| pupil_card(web, week, pupil, &names))
            .collect(),
        pupils_more: report.stand_out_more,
        blocked: words::blocked(&report, CATEGORIES_SHOWN),
        blocked_notes: words::blocked_notes(&report, CATEGORIES_SHOWN),
        new_sites: report
            .blocked
            .new_sites
            .iter()
            .map(|site| usual::address(site, None))
            .collect(),
        checks: words::checks(&report, &zone),
        reviews: reviews(web, &report.reviews, &names),
        form: may_review.then(|| review_form(week, form, &errors)),
        errors,
    })
}

fn open_cards(web: &Web, report: &WeekReport, names: &Names) -> Vec<OpenCard> {
    report
        .open
        .iter()
        .map(|alert| OpenCard {
            id: alert.id.to_string(),
            tag: tag(alert.severity),
            card: card(alert.severity),
            theme: alert.theme.title(),
            who: who_words(&alert.who, names),
            at: usual::moment(alert.at, &web.app.zone()),
            by_search: alert.search,
            state: if alert.in_hand {
                "Somebody has it; it is not closed."
            } else {
                "Nobody has acknowledged it."
            },
        })
        .collect()
}

fn pupil_card(web: &Web, week: Week, pupil: &StandsOut, names: &Names) -> PupilCard {
    let form = Form::to("/activity")
        .hidden("person", &pupil.username)
        .hidden("from", format!("{}T00:00", week.monday()))
        .hidden("to", format!("{}T00:00", week.after().monday()))
        .hidden("action", "block")
        .hidden("reason", format!("Report of the week of {week}"))
        .button(Button::secondary("Look at the attempts"));
    PupilCard {
        name: names.get(pupil.person),
        href: format!("/people/{}", pupil.person),
        tag: tag(pupil.severity),
        card: card(pupil.severity),
        theme: pupil.theme.title(),
        text: format!(
            "{}, the last {}.",
            usual::counted(pupil.attempts, "blocked attempt", "blocked attempts"),
            usual::moment(pupil.last, &web.app.zone())
        ),
        form,
    }
}

fn tag(of: pharos_monitor::Severity) -> Tag {
    Tag {
        text: severity(of).to_owned(),
        colour: colour(of),
    }
}

fn reviews(web: &Web, all: &[WeekRead], names: &Names) -> Option<Timeline> {
    let items: Vec<TimelineItem> = all
        .iter()
        .map(|review| TimelineItem {
            id: None,
            title: "Reviewed".to_owned(),
            at: usual::moment(review.at, &web.app.zone()),
            at_machine: review.at.to_string(),
            by: review.by.map(|by| names.get(by)),
            body: format!("Found: {}\nFollowed: {}", review.found, review.followed),
        })
        .collect();
    (!items.is_empty()).then_some(Timeline { items })
}

fn review_form(week: Week, form: &Review, errors: &Errors) -> Form {
    Form::to(format!("/weeks/{week}/reviews"))
        .field(
            TextArea::new("found", "What did you find?", &form.found)
                .rows(4)
                .hint("\u{201c}Nothing unusual\u{201d} is an answer.")
                .error(errors.of("found")),
        )
        .field(
            TextArea::new("followed", "What followed, or will follow?", &form.followed)
                .rows(4)
                .hint("Who was spoken to, what was changed, what is watched. \u{201c}Nothing was needed\u{201d} is an answer.")
                .error(errors.of("followed")),
        )
        .button(Button::main("Say that I reviewed this week"))
}
