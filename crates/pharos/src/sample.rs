//! `pharos try`: a fictional school with a week of life behind it, everything on loopback.

mod cases;
mod cast;
mod life;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_directory::{FileSet, Limits, read_path};
use pharos_lists::{BundleHead, SigningKey, make_bundle};
use pharos_service::{
    App, Clock, ImportError, PackFiles, School, SessionToken, SignedIn, current_code,
};
use rust_embed::RustEmbed;

use crate::cli::TryArgs;
use crate::commands::operator;
use crate::folder::{Folder, FolderFile};
use crate::output::Output;
use crate::wire::Opened;
use crate::{commands, serve, wire};

/// What everybody at the sample school signs in with.
const PASSWORD: &str = "lamp-over-harbour";
/// The second factor of those at the sample school whose role needs one (base 32: a sample, not a secret).
const SECOND_FACTOR: &[u8; 20] = b"harbourmouth-sample!";

/// A free port of this machine.
const ANY_LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The key of the sample sealed list's publisher: a sample, not a secret.
const SAMPLE_PUBLISHER: &[u8; 32] = b"harbourmouth sample publisher 01";

/// The sample pack with its roll, compiled in so that `pharos try` needs no other file.
#[derive(RustEmbed)]
#[folder = "../../packs/harbourmouth/"]
struct SamplePack;

/// A clock that can be set back while the sample week is lived.
#[derive(Debug, Default)]
pub(crate) struct SampleClock {
    behind_s: AtomicI64,
}

impl SampleClock {
    fn set_to(&self, at: Timestamp) {
        self.behind_s.store(
            Timestamp::now().duration_since(at).as_secs(),
            Ordering::Relaxed,
        );
    }

    fn set_to_now(&self) {
        self.behind_s.store(0, Ordering::Relaxed);
    }
}

impl Clock for SampleClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() - SignedDuration::from_secs(self.behind_s.load(Ordering::Relaxed))
    }
}

/// Starts the sample school and runs until Ctrl-C.
pub(crate) async fn try_it(args: TryArgs, output: &mut Output) -> anyhow::Result<u8> {
    // Thrown away with everything in it when this function ends, unless --data keeps it.
    let scratch = tempfile::Builder::new()
        .prefix("pharos-try-")
        .tempdir()
        .context("no folder for the sample's data can be made")?;
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| scratch.path().join("data"));
    let opened = if data.join("keys").exists() {
        wire::open(Folder::open(&data)?, "try").await?
    } else {
        found(&data, args.pack.as_deref()).await?
    };
    let opened = Arc::new(opened);
    let mut faces = args.faces.clone();
    if faces.block_page.is_empty() {
        faces.block_page.push(ANY_LOOPBACK);
    }
    let running = serve::start(&opened, &faces, serve::Mail::Keep).await?;
    let people = cast::to_sign_in_as(&opened.app).await?;
    tell(&opened, &running, args.data.is_some(), &people, output);
    serve::wait_for_the_end().await?;
    running.stop().await;
    serve::finish(opened).await;
    scratch
        .close()
        .context("the sample's data could not be removed")?;
    Ok(0)
}

async fn found(data: &Path, pack: Option<&Path>) -> anyhow::Result<Opened> {
    let (files, roll) = match pack {
        Some(dir) => (
            commands::pack::read(dir)?,
            read_path(&dir.join("people"), &Limits::default())?,
        ),
        None => embedded(),
    };
    let clock = Arc::new(SampleClock::default());
    let folder = Folder::create(data, FolderFile::default())?;
    let opened = wire::first(folder, &files, Arc::clone(&clock) as Arc<dyn Clock>).await?;
    opened.app.import_sample_list(&operator()).await?;
    sealed(&opened.app).await?;
    bring_in(&opened.app, roll).await?;
    give_passwords(&opened.app, &opened).await?;
    life::live(&opened, &clock).await?;
    clock.set_to_now();
    opened.app.rebuild().await?;
    Ok(opened)
}

/// A sealed list as its publisher would send it, with one invented address: it shows how the slot
/// works and is none of the real lists, which only their members have.
async fn sealed(app: &App) -> anyhow::Result<()> {
    let key = SigningKey::from_seed(SAMPLE_PUBLISHER)?;
    let (name, owner) = ("sample", "Sample publisher (invented addresses)");
    app.add_sealed(&operator(), name, owner, key.public())
        .await?;
    let head = BundleHead {
        owner: owner.to_owned(),
        name: name.to_owned(),
        version: 1,
        issued: app.now(),
        entries: 0,
    };
    app.import_sealed(
        &operator(),
        name,
        &make_bundle(&head, "sealed.pharos.test\n", &key),
    )
    .await?;
    Ok(())
}

/// The compiled-in pack, and its roll.
fn embedded() -> (PackFiles, FileSet) {
    let (mut pack, mut roll) = (PackFiles::new(), Vec::new());
    for name in SamplePack::iter() {
        let Some(file) = SamplePack::get(&name) else {
            continue;
        };
        let bytes = file.data.into_owned();
        match name.strip_prefix("people/") {
            Some(own) => roll.push((own.to_owned(), bytes)),
            None => drop(pack.insert(name.into_owned(), bytes)),
        }
    }
    (pack, FileSet::from_files(roll))
}

/// Brings a pack's fictional people in and gives them the sample password.
pub(crate) async fn people(opened: &Opened, folder: &Path) -> anyhow::Result<()> {
    bring_in(&opened.app, read_path(folder, &Limits::default())?).await?;
    give_passwords(&opened.app, opened).await
}

/// Lives the sample week in a folder that has people.
pub(crate) async fn week(opened: &Opened) -> anyhow::Result<()> {
    life::live_now(opened).await
}

async fn bring_in(app: &App, roll: FileSet) -> anyhow::Result<()> {
    match app.import_roll(&operator(), roll, true, &mut |_| {}).await {
        Ok(_) => Ok(()),
        Err(ImportError::Problems(problems)) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            anyhow::bail!("the sample roll is wrong:\n{}", lines.join("\n"))
        }
        Err(ImportError::Held(_)) => {
            anyhow::bail!("the sample roll would remove half of the people")
        }
        Err(ImportError::Other(error)) => Err(error.into()),
    }
}

async fn give_passwords(app: &App, opened: &Opened) -> anyhow::Result<()> {
    let everybody = app.everybody(&operator()).await?;
    let ids: Vec<_> = everybody.iter().map(|person| person.id).collect();
    app.set_sample_passwords(&operator(), &ids, PASSWORD)
        .await?;
    let strong: Vec<_> = everybody
        .iter()
        .filter(|person| person.roles.iter().any(|role| role.needs_second_factor()))
        .collect();
    for person in strong {
        let actor = Actor::person(person);
        let permit = app
            .school()
            .rules
            .may::<act::SetOwnPassword>(&actor, Target::Own(person.id))
            .map_err(|denied| anyhow::anyhow!("{denied}"))?;
        pharos_records::SignIn::set_second_factor(
            opened.records.as_ref(),
            &permit,
            SECOND_FACTOR,
            None,
            app.now(),
        )
        .await?;
    }
    Ok(())
}

/// Somebody of the sample school at work.
pub(crate) async fn at_work(app: &App, username: &str) -> anyhow::Result<SignedIn> {
    let person = app
        .person_named(username)
        .await?
        .with_context(|| format!("the sample roll has no {username}"))?;
    Ok(SignedIn {
        actor: Actor::person(&person),
        person,
        second_factor: true,
        must_enrol: false,
        must_change_password: false,
        token: SessionToken::from_cookie("sample"),
    })
}

/// Names that the school's own certificate authority never signs for: what must not be looked into.
pub(crate) fn never_sign(school: &School) -> Vec<String> {
    school
        .pack
        .filter
        .inspection
        .never_sites
        .iter()
        .filter(|site| !site.contains('/'))
        .cloned()
        .collect()
}

fn tell(
    opened: &Opened,
    running: &serve::Running,
    kept: bool,
    people: &[(String, &'static str)],
    output: &mut Output,
) {
    let school = opened.app.school();
    let at = |address: Option<SocketAddr>| {
        address.map_or_else(|| "off".to_owned(), |address| address.to_string())
    };
    let dns = running.dns.map_or_else(String::new, |dns| {
        format!("dig @{} -p {}", dns.ip(), dns.port())
    });
    output.say(format!(
        "\n{} (fictional) is open. Everything runs on this machine.\n",
        school.name
    ));
    output.say(format!("  Pages   http://{}", at(running.web)));
    output.say(format!(
        "  Block page  {}        Proxy   {}        DNS   {}\n",
        at(running.block_page),
        at(running.proxy),
        at(running.dns)
    ));
    output.say(format!("Sign in with the password  {PASSWORD}"));
    for (username, what) in people {
        output.say(format!("  {username:<16} {what}"));
    }
    let code = current_code(SECOND_FACTOR, Timestamp::now()).unwrap_or_default();
    output.say(format!(
        "Those marked * also need a code. Now it is {code}; a new one every 30 seconds with"
    ));
    output.say("  oathtool --totp -b NBQXEYTPOVZG233VORUC243BNVYGYZJB   (or add that key to an authenticator app)\n");
    let (device, whose) = device(&school, people);
    output.say(format!("See a block ({device} is {whose}):"));
    output.say(format!(
        "  curl --interface {device} -x http://{} http://gambling.pharos.test/",
        at(running.proxy)
    ));
    output.say(format!("  {dns} -b {device} gambling.pharos.test"));
    output.say(format!(
        "  curl --interface {device} --connect-to ::{} http://gambling.pharos.test/   (where that name leads)",
        at(running.block_page)
    ));
    output.say(format!(
        "  {dns} -b {device} www.google.com      (safe search)"
    ));
    if !running.has_upstreams {
        output.say("\nThere is no DNS upstream (--dns-upstream ADDR): DNS answers what the filter decides, and nothing from outside.");
    }
    if kept {
        output.say("\nA large list:  pharos lists import --data DIR --list NAME --category CATEGORY FILE      Ctrl-C stops; the data stays.");
    } else {
        output.say(format!(
            "\nA large list:  pharos lists import --data {} --list NAME --category CATEGORY FILE",
            opened.folder.path.display()
        ));
        output.say("Ctrl-C stops everything and leaves nothing behind.");
    }
}

/// A device of the pack's map to try from: that of a pupil whom one may sign in as, else any, with what
/// it is.
fn device(school: &School, people: &[(String, &'static str)]) -> (String, String) {
    let devices = &school.pack.addresses;
    let pupil = people.last().map(|(username, _)| username.as_str());
    let found = devices
        .iter()
        .find(|device| device.user.is_some() && device.user.as_deref() == pupil)
        .or(devices.first());
    match found {
        Some(device) => {
            let whose = device.user.as_deref().unwrap_or("nobody in particular");
            let what = format!("{}, used by {whose}", device.label);
            (device.range.addr().to_string(), what)
        }
        None => (
            "127.0.1.8".to_owned(),
            "a device that nobody knows".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_printed_is_the_sample_second_factor() {
        // RFC 4648 base 32 of the sample secret, as an authenticator app takes it.
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bits: String = SECOND_FACTOR
            .iter()
            .map(|byte| format!("{byte:08b}"))
            .collect();
        let text: String = bits
            .as_bytes()
            .chunks(5)
            .map(|five| {
                char::from(
                    LETTERS[usize::from_str_radix(std::str::from_utf8(five).unwrap(), 2).unwrap()],
                )
            })
            .collect();
        assert_eq!(
            text,
            include_str!("sample.rs")
                .split("--totp -b ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
        );
    }
}
