//! The audit of what pupils tried to reach: periods, one period, one pupil in it (MON-11).

use axum::extract::{Path, Query, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_school::PersonId;
use pharos_service::{
    AttemptAudit, AttemptResponse, AuditLine, AuditPeriod, AuditSigned, AuditedPupil, Error,
    ResponseKind, SignedIn, ThemeTried,
};
use serde::Deserialize;

use crate::components::{
    Button, Cell, Choice, Choices, Errors, Form, Summary, Table, Tag, TextArea, Timeline,
    TimelineItem,
};
use crate::forms::{After, Posted, after, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::pages::inbox::{colour, severity};
use crate::pages::kit::{Names, date_words};
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::words;

/// What is written under an audit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Signing {
    words: String,
}

/// Which page of the audit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct At {
    page: usize,
}

/// What followed for one pupil.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Followed {
    kind: String,
    words: String,
}

/// A period as people read it: `2 November 2026 to 5 January 2027`.
pub(crate) fn title(period: AuditPeriod) -> String {
    format!("{} to {}", date_words(period.from), date_words(period.to))
}

fn period_of(text: &str) -> Result<AuditPeriod, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

/// `GET /attempts`
pub(crate) async fn list(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), listed(&web, &me).await).await
}

async fn listed(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    let lines = web.app.attempt_audits(&me.actor).await?;
    let sheet = Sheet::new(web.frame(me, "/reports").await, "Audit of attempts").lede(
        "Who tried again and again to reach blocked material, and what followed for each of them.",
    );
    if lines.is_empty() {
        return Ok(sheet
            .text("The school has switched this audit off (mon.attempt_audit).")
            .response());
    }
    let signers = lines.iter().flat_map(|line| &line.signed);
    let names = Names::of(&web.app, signers.filter_map(|one| one.by).collect()).await?;
    let rows = lines
        .iter()
        .map(|line| {
            vec![
                Cell::link(format!("/attempts/{}", line.period), title(line.period)),
                Cell::text(stands(web, line, &names)),
            ]
        })
        .collect();
    Ok(sheet
        .add(Table::new(
            "Periods, the one under way first",
            &["Period", "Audit"],
            rows,
        ))
        .add(Piece::Buttons(vec![ButtonLink::secondary(
            "/weeks",
            "To the reports of single weeks",
        )]))
        .response())
}

/// How an audit stands, in a few words.
fn stands(web: &Web, line: &AuditLine, names: &Names) -> String {
    match (line.signed.first(), line.over, line.overdue) {
        (Some(signed), ..) => format!(
            "Signed {}{}",
            words::moment(signed.at, &web.app.zone()),
            signed
                .by
                .map(|by| format!(", by {}", names.get(by)))
                .unwrap_or_default()
        ),
        (None, false, _) => "Not over".to_owned(),
        (None, true, false) => "Waits for a signature".to_owned(),
        (None, true, true) => "Overdue: nobody has signed it".to_owned(),
    }
}

/// `GET /attempts/{from}`
pub(crate) async fn show(
    State(web): State<Web>,
    Me(me): Me,
    Path(from): Path<String>,
    Query(at): Query<At>,
    done: Done,
) -> Response {
    let blank = (&Signing::default(), Errors::default());
    let page = page(&web, &me, (&from, at.page), blank, done).await;
    answer(&web, Some(&me), page).await
}

/// `POST /attempts/{from}/sign`
pub(crate) async fn sign(
    State(web): State<Web>,
    Me(me): Me,
    Path(from): Path<String>,
    Posted(form): Posted<Signing>,
) -> Response {
    let signed = signed(&web, &me, &from, &form).await;
    match after(&web, Some(&me), signed).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = page(&web, &me, (&from, 1), (&form, errors), Done::default()).await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn signed(web: &Web, me: &SignedIn, from: &str, form: &Signing) -> Result<String, Error> {
    web.app.open_to::<act::AuditAttempts>(&me.actor).await?;
    let period = period_of(from)?;
    web.app.sign_attempt_audit(me, period, &form.words).await?;
    Ok(format!("/attempts/{period}?done=audit-signed"))
}

async fn page(
    web: &Web,
    me: &SignedIn,
    (from, at): (&str, usize),
    (form, errors): (&Signing, Errors),
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::ReadAttempts>(&me.actor).await?;
    let audit = web
        .app
        .attempt_audit(&me.actor, period_of(from)?, at)
        .await?;
    let people = audit
        .pupils
        .iter()
        .map(|pupil| pupil.person)
        .chain(audit.line.signed.iter().filter_map(|signed| signed.by))
        .chain(
            audit
                .pupils
                .iter()
                .flat_map(|pupil| &pupil.responses)
                .filter_map(|response| response.by),
        );
    let names = Names::of(&web.app, people.collect()).await?;
    let sheet = Sheet::new(
        web.frame(me, "/reports").await.with(done),
        format!("Attempts, {}", title(audit.line.period)),
    )
    .back("/attempts", "All audits")
    .lede(summary(&audit))
    .extend(notes(&audit))
    .heading("Pupils whose attempts stand out");
    let sheet = match audit.pupils.is_empty() {
        true => sheet.text("None. Visits to help sites are never counted or shown."),
        false => sheet
            .text("Who tried most often for one serious theme stands first. An attempt may be a slip, a worry or schoolwork: only a talk tells. That you read these names is kept. Visits to help sites are never counted or shown.")
            .add(pupils(web, &audit, &names))
            .extend(pages(&audit)),
    };
    let sheet = match audit.more {
        0 => sheet,
        more if !audit.line.signed.is_empty() => {
            sheet.text(format!("{more} more are not named here."))
        }
        more => sheet.text(format!(
            "{more} more are not named here. They move up as something is noted for those above; all of them need a response before this is signed."
        )),
    };
    let sheet = sheet.heading("Signed");
    let sheet = match signatures(web, &audit.line.signed, &names) {
        Some(signatures) => sheet.add(signatures),
        None => sheet.text(stands(web, &audit.line, &names)),
    };
    let may_sign = audit.line.over && web.app.could(&me.actor, Act::AuditAttempts);
    let sheet = if may_sign {
        sheet.add(sign_form(&audit, form, &errors))
    } else {
        sheet
    };
    Ok(sheet.errors(errors).response())
}

/// The way to the other pages, where there are any.
fn pages(audit: &AttemptAudit) -> Option<Piece> {
    let link = |page: usize, text: &str| {
        let href = format!("/attempts/{}?page={page}", audit.line.period);
        (href, format!("{text} ({page} of {})", audit.pages))
    };
    let before = (audit.page > 1).then(|| link(audit.page - 1, "The pupils before"));
    let after = (audit.page < audit.pages).then(|| link(audit.page + 1, "Further pupils"));
    let links: Vec<_> = before.into_iter().chain(after).collect();
    (!links.is_empty()).then_some(Piece::Links(links))
}

fn summary(audit: &AttemptAudit) -> String {
    let pupils = audit.total + audit.more;
    let (without, named) = (audit.unanswered, audit.total);
    match pupils {
        0 => "Nobody's attempts at worrying material stand out.".to_owned(),
        _ => format!(
            "{} of blocked material that worries. {}",
            words::counted(
                pupils,
                "pupil stands out by attempts at one theme",
                "pupils stand out by attempts at one theme"
            ),
            match without {
                0 if audit.more_known => "Something followed for each of them.".to_owned(),
                0 => format!(
                    "Something followed for the {named} who are named; for the others it is not known."
                ),
                _ => format!(
                    "{} no response yet.",
                    words::counted(without, "pupil has", "pupils have")
                ),
            }
        ),
    }
}

fn notes(audit: &AttemptAudit) -> Vec<Piece> {
    let mut notes = Vec::new();
    if audit.line.overdue {
        notes.push(Piece::Inset(
            "This audit is overdue. Those who hear of alerts first were reminded.".to_owned(),
        ));
    }
    if !audit.line.over {
        notes.push(Piece::Text(
            "The period is not over: counted up to now. Note what follows for a pupil at once; the audit is signed when the period is over.".to_owned(),
        ));
    }
    if !audit.whole {
        notes.push(Piece::Text(
            "There was more activity than one audit counts: the newest part of it stands here."
                .to_owned(),
        ));
    }
    if let Some(day) = audit.kept_from.filter(|_| audit.line.signed.is_empty()) {
        notes.push(Piece::Text(format!(
            "Activity before {} is no longer kept (priv.retention.activity_days), and not counted.",
            date_words(day)
        )));
    }
    notes
}

fn pupils(web: &Web, audit: &AttemptAudit, names: &Names) -> Table {
    let rows = audit
        .pupils
        .iter()
        .map(|pupil| {
            let href = format!("/attempts/{}/{}", audit.line.period, pupil.person);
            vec![
                Cell::link(href, names.get(pupil.person)),
                Cell::text(tried(web, pupil)),
                Cell::text(followed(web, &pupil.responses)),
            ]
        })
        .collect();
    Table::new(
        "Pupils, most attempts on one serious theme first",
        &["Pupil", "Tried to reach", "What followed"],
        rows,
    )
}

fn tried(web: &Web, pupil: &AuditedPupil) -> String {
    let themes = pupil.themes.iter().map(|tried| theme(web, tried));
    themes.collect::<Vec<_>>().join("; ")
}

fn theme(web: &Web, tried: &ThemeTried) -> String {
    format!(
        "{}: {}, the last {}",
        tried.theme.title(),
        words::counted(tried.attempts, "attempt", "attempts"),
        words::moment(tried.last, &web.app.zone())
    )
}

fn followed(web: &Web, responses: &[AttemptResponse]) -> String {
    match responses.first() {
        None => "Nothing yet".to_owned(),
        Some(last) => format!(
            "{}, {}",
            last.kind.title(),
            words::day(last.at, &web.app.zone())
        ),
    }
}

fn signatures(web: &Web, signed: &[AuditSigned], names: &Names) -> Option<Timeline> {
    let items: Vec<TimelineItem> = signed
        .iter()
        .map(|signed| TimelineItem {
            id: None,
            title: "Signed".to_owned(),
            at: words::moment(signed.at, &web.app.zone()),
            at_machine: signed.at.to_string(),
            by: signed.by.map(|by| names.get(by)),
            body: signed.words.clone(),
        })
        .collect();
    (!items.is_empty()).then_some(Timeline { items })
}

fn sign_form(audit: &AttemptAudit, form: &Signing, errors: &Errors) -> Form {
    Form::to(format!("/attempts/{}/sign", audit.line.period))
        .field(
            TextArea::new(
                "words",
                "What do the attempts of this period show, and what follows?",
                &form.words,
            )
            .rows(4)
            .hint("Themes, year groups, what is taught or changed. \u{201c}Nothing unusual\u{201d} is an answer.")
            .error(errors.of("words")),
        )
        .button(Button::main("Sign this audit"))
}

/// `GET /attempts/{from}/{person}`
pub(crate) async fn one(
    State(web): State<Web>,
    Me(me): Me,
    Path((from, person)): Path<(String, String)>,
    done: Done,
) -> Response {
    let none = (&Followed::default(), Errors::default());
    let page = pupil_page(&web, &me, (&from, &person), none, done).await;
    answer(&web, Some(&me), page).await
}

/// `POST /attempts/{from}/{person}`
pub(crate) async fn respond(
    State(web): State<Web>,
    Me(me): Me,
    Path((from, person)): Path<(String, String)>,
    Posted(form): Posted<Followed>,
) -> Response {
    let noted = noted(&web, &me, (&from, &person), &form).await;
    match after(&web, Some(&me), noted).await {
        After::Go(path) => go(&path),
        After::Again(errors) => {
            let page = pupil_page(
                &web,
                &me,
                (&from, &person),
                (&form, errors),
                Done::default(),
            )
            .await;
            answer(&web, Some(&me), page).await
        }
        After::No(response) => response,
    }
}

async fn noted(
    web: &Web,
    me: &SignedIn,
    (from, person): (&str, &str),
    form: &Followed,
) -> Result<String, Error> {
    web.app.open_to::<act::AuditAttempts>(&me.actor).await?;
    let period = period_of(from)?;
    let person: PersonId = person.parse().map_err(|_| Error::NotFound)?;
    let kind = ResponseKind::ALL
        .into_iter()
        .find(|kind| kind.name() == form.kind)
        .ok_or_else(|| Error::field("kind", "Choose what followed."))?;
    web.app
        .respond_to_attempts(me, period, person, kind, &form.words)
        .await?;
    Ok(format!("/attempts/{period}/{person}?done=responded"))
}

async fn pupil_page(
    web: &Web,
    me: &SignedIn,
    (from, person): (&str, &str),
    (form, errors): (&Followed, Errors),
    done: Done,
) -> Result<Response, Error> {
    web.app.open_to::<act::ReadAttempts>(&me.actor).await?;
    let period = period_of(from)?;
    let person: PersonId = person.parse().map_err(|_| Error::NotFound)?;
    let (line, pupil) = web.app.attempt_audit_of(&me.actor, period, person).await?;
    let by = pupil.responses.iter().filter_map(|response| response.by);
    let names = Names::of(&web.app, by.chain([person]).collect()).await?;
    let worst = pupil.themes.iter().map(|tried| tried.severity).max();
    let mut sheet = Sheet::new(
        web.frame(me, "/reports").await.with(done),
        names.get(person),
    )
    .errors(errors.clone())
    .back(
        format!("/attempts/{}", line.period),
        format!("Attempts, {}", title(line.period)),
    );
    if let Some(worst) = worst {
        sheet = sheet.add(Tag {
            text: severity(worst).to_owned(),
            colour: colour(worst),
        });
    }
    let facts = pupil
        .themes
        .iter()
        .fold(Summary::default(), |facts, tried| {
            let said = format!(
                "{}, the last {}",
                words::counted(tried.attempts, "blocked attempt", "blocked attempts"),
                words::moment(tried.last, &web.app.zone())
            );
            facts.row(tried.theme.title(), said)
        });
    sheet = sheet.add(facts);
    if !pupil.username.is_empty() {
        let after = line.period.to.saturating_add(jiff::Span::new().days(1));
        sheet = sheet.add(
            Form::to("/activity")
                .hidden("person", &pupil.username)
                .hidden("from", format!("{}T00:00", line.period.from))
                .hidden("to", format!("{after}T00:00"))
                .hidden("action", "block")
                .hidden("reason", format!("Audit of attempts from {}", line.period))
                .button(Button::secondary("Look at the attempts")),
        );
    }
    sheet = sheet.heading("What followed");
    sheet = match timeline(web, &pupil.responses, &names) {
        Some(timeline) => sheet.add(timeline),
        None => sheet.text("Nothing was noted yet."),
    };
    if web.app.could(&me.actor, Act::AuditAttempts) {
        sheet = sheet.add(respond_form(&line, person, form, &errors));
    }
    Ok(sheet
        .add(Piece::Links(vec![(
            format!("/people/{person}"),
            "To the pupil's own page".to_owned(),
        )]))
        .response())
}

/// What followed, as a history; `None` where nothing did.
pub(crate) fn timeline(
    web: &Web,
    responses: &[AttemptResponse],
    names: &Names,
) -> Option<Timeline> {
    let items: Vec<TimelineItem> = responses
        .iter()
        .map(|response| TimelineItem {
            id: None,
            title: response.kind.title().to_owned(),
            at: words::moment(response.at, &web.app.zone()),
            at_machine: response.at.to_string(),
            by: response.by.map(|by| names.get(by)),
            body: response.words.clone(),
        })
        .collect();
    (!items.is_empty()).then_some(Timeline { items })
}

fn respond_form(line: &AuditLine, person: PersonId, form: &Followed, errors: &Errors) -> Form {
    let kinds = ResponseKind::ALL
        .into_iter()
        .map(|kind| Choice::new(kind.name(), kind.title()).chosen(kind.name() == form.kind))
        .collect();
    Form::to(format!("/attempts/{}/{person}", line.period))
        .field(Choices::one("kind", "What followed?", kinds).error(errors.of("kind")))
        .field(
            TextArea::new("words", "In words", &form.words)
                .rows(4)
                .hint("What was said or done, by whom, and what is watched. What belongs in a case goes there. It is kept as written; a correction is a further note.")
                .error(errors.of("words")),
        )
        .button(Button::main("Note it"))
}
