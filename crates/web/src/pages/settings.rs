//! `/settings`: every setting of the pack in force, its words, posts and rights; `/settings/pack`:
//! its versions, and a new one (CFG-01, CFG-03, ROLE-01, ROLE-02, REQ-04).

use axum::extract::{Multipart, State};
use axum::response::Response;
use pharos_access::{Act, act};
use pharos_pack::{Behaviour, Kind};
use pharos_records::{Origin, PackState};
use pharos_service::{Brought, Error, SignedIn};

use crate::components::{Button, Cell, Errors, Form, Input, Table, TextArea};
use crate::forms::{errors_of, go};
use crate::frame::Done;
use crate::oops::answer;
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Me, Web};
use crate::uploads;
use crate::words;

/// `GET /settings`
pub(crate) async fn show(State(web): State<Web>, Me(me): Me) -> Response {
    answer(&web, Some(&me), page(&web, &me).await).await
}

async fn page(web: &Web, me: &SignedIn) -> Result<Response, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let school = web.app.school();
    let rows = school
        .pack
        .settings()
        .map(|line| {
            let mut meaning = line.setting.meaning.to_owned();
            if line.setting.behaviour == Behaviour::Declared {
                meaning.push_str(" (Declared; nothing acts on it yet.)");
            }
            let shaped = matches!(line.setting.kind, Kind::Shape(_));
            let value = match line.value.as_str() {
                "" if shaped => "Has its own table in the pack",
                "" => "Nothing",
                value => value,
            };
            vec![
                Cell::text(line.setting.name),
                Cell::text(meaning),
                Cell::text(value),
                Cell::text(match line.is_default {
                    true if shaped => "See the pack",
                    true => "Default",
                    false => "The school's own",
                }),
                Cell::text(words::roles(&school, line.setting.changed_by)),
            ]
        })
        .collect();
    let wordings = pharos_pack::WORDS
        .iter()
        .map(|(key, usual)| {
            vec![
                Cell::text(*key),
                Cell::text(school.pack.words.word(key)),
                Cell::text(*usual),
            ]
        })
        .collect();
    Ok(Sheet::new(web.frame(me, "/settings").await, "Settings")
        .lede("The policy pack in force. To change something, change the pack and bring in the new version: that way every change has a name and a reason.")
        .add(Piece::Buttons(vec![ButtonLink::main("/settings/pack", "Versions of the pack")]))
        .add(Table::new("Settings", &["Name", "Meaning", "Value", "Whose", "Who may change it"], rows))
        .add(posts(web).await?)
        .add(Table::new("The school's words", &["For", "Here", "Usually"], wordings))
        .add(rights(web))
        .response())
}

async fn posts(web: &Web) -> Result<Table, Error> {
    let school = web.app.school();
    let mut rows = Vec::new();
    for named in &school.pack.named_roles {
        let holder = web.app.person_named(&named.post.user).await?.map_or_else(
            || format!("{} (not on the roll)", named.post.user),
            |person| person.full_name(),
        );
        let since = named
            .post
            .since
            .map(|day| day.to_string())
            .unwrap_or_default();
        let until = named
            .post
            .until
            .map(|day| day.to_string())
            .unwrap_or_default();
        rows.push(vec![
            Cell::text(named.setting),
            Cell::text(holder),
            Cell::text(words::roles(&school, named.roles)),
            Cell::text(since),
            Cell::text(until),
            Cell::text(named.duties.join("; ")),
        ]);
    }
    Ok(Table::new(
        "Posts",
        &["Post", "Held by", "Gives", "Since", "Until", "Duties"],
        rows,
    ))
}

fn rights(web: &Web) -> Table {
    let school = web.app.school();
    let rows = Act::ALL
        .iter()
        .map(|act| {
            let roles = school.rules.roles(*act);
            let who = if roles.is_empty() {
                "Pharos alone".to_owned()
            } else {
                words::roles(&school, roles)
            };
            let own = if school.pack.rights.contains_key(act) {
                "Tightened"
            } else {
                "As built in"
            };
            vec![Cell::text(act.says()), Cell::text(who), Cell::text(own)]
        })
        .collect();
    Table::new("Who may do what", &["Act", "Roles", "Table"], rows)
}

/// `GET /settings/pack`
pub(crate) async fn versions(State(web): State<Web>, Me(me): Me, done: Done) -> Response {
    answer(
        &web,
        Some(&me),
        versions_page(&web, &me, done, "", Errors::default()).await,
    )
    .await
}

/// `POST /settings/pack`
pub(crate) async fn install(State(web): State<Web>, Me(me): Me, form: Multipart) -> Response {
    let mut why = String::new();
    let outcome = match installed(&web, &me, form, &mut why).await {
        Err(Error::Invalid(problems)) => {
            versions_page(&web, &me, Done::default(), &why, errors_of(problems)).await
        }
        other => other,
    };
    answer(&web, Some(&me), outcome).await
}

async fn installed(
    web: &Web,
    me: &SignedIn,
    form: Multipart,
    why: &mut String,
) -> Result<Response, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let _turn = web.uploads.turn()?;
    let (upload, texts) = uploads::read(form).await?;
    *why = texts
        .into_iter()
        .find(|(name, _)| name == "why")
        .map(|(_, text)| text)
        .unwrap_or_default();
    let upload = upload.ok_or_else(|| Error::field("file", "Choose the pack as a zip first."))?;
    let files = pharos_service::pack_files(&upload.bytes)?;
    let brought = web
        .app
        .bring_pack(&me.actor, &files, why, Origin::File)
        .await?;
    Ok(match brought {
        Brought::InForce(_) => go("/settings/pack?done=installed"),
        Brought::Waits(number) => go(&format!("/changes/{number}?done=proposed")),
    })
}

async fn versions_page(
    web: &Web,
    me: &SignedIn,
    done: Done,
    why: &str,
    errors: Errors,
) -> Result<Response, Error> {
    web.app.open_to::<act::ProposePolicy>(&me.actor).await?;
    let zone = web.app.zone();
    let mut rows = Vec::new();
    for head in web.app.pack_versions(&me.actor).await? {
        rows.push(vec![
            Cell::link(
                format!("/settings/pack/{}", head.number),
                format!("Version {}", head.number),
            ),
            Cell::text(state(head.state)),
            Cell::text(words::moment(head.at, &zone)),
            Cell::text(words::name(web, head.by).await?),
            Cell::text(&head.why),
            Cell::text(head.digest.get(..16).unwrap_or(&head.digest)),
        ]);
    }
    let mut sheet = Sheet::new(
        web.frame(me, "/settings").await.with(done),
        "Versions of the policy pack",
    )
    .back("/settings", "Settings")
    .errors(errors.clone())
    .add(Table::new(
        "Versions, newest first",
        &["Number", "State", "When", "By", "Why", "Checksum"],
        rows,
    ));
    if web.app.could(&me.actor, Act::ProposePolicy) {
        let form = Form::to("/settings/pack")
            .uploads()
            .field(
                Input::text("file", "The pack", "")
                    .kind("file")
                    .hint("Its folder as a zip, with school.toml at the top; at most 32 MB.")
                    .error(errors.of("file")),
            )
            .field(
                TextArea::new("why", "Why", why)
                    .rows(3)
                    .error(errors.of("why")),
            )
            .button(Button::main("Check it and bring it in"));
        sheet = sheet.heading("Bring in a new version").text("Everything in it is checked first. When anything is wrong, all of it is shown and nothing changes. What changes filtering or monitoring waits for its assessments; everything else is in force at once.").add(form);
    }
    Ok(sheet.response())
}

fn state(state: PackState) -> &'static str {
    match state {
        PackState::Proposed => "Waits for approval",
        PackState::InForce => "In force",
        PackState::Past => "Was in force",
        PackState::Refused => "Refused",
    }
}
