//! What is wrong with Pharos itself, told loudly (FIL-17).
//!
//! The filter goes on by its last good policy whatever fails behind it; somebody must hear of it all
//! the same. Notices wait in the records as a rule. When the records are what failed they are handed
//! to the mail server directly, to the team as it was known last.

use std::collections::BTreeMap;

use jiff::civil::Date;
use pharos_notify::{Kind, Notice, Place, Post, Severity};
use pharos_school::{NoticeId, Person, Role};

use crate::clock::new_uuid;
use crate::{App, Error};

/// A part of Pharos that does not work as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The records cannot be read: nobody can sign in, nothing can be reported here.
    Records,
    /// Activity cannot be written as it comes, or some of it was lost.
    Activity,
    /// No resolver outside answers: names outside are found no more.
    Upstreams,
    /// The anti-virus engine does not answer: downloads are not scanned (FIL-19).
    Antivirus,
    /// The clock has leapt, or the server was off for long: deleting goes on in small steps.
    Clock,
    /// The lists were changed by another hand than Pharos; the last good state is in force.
    Lists,
}

impl Trouble {
    /// A short name, the same in every version.
    pub const fn name(self) -> &'static str {
        match self {
            Trouble::Records => "records",
            Trouble::Activity => "activity",
            Trouble::Upstreams => "upstreams",
            Trouble::Antivirus => "antivirus",
            Trouble::Clock => "clock",
            Trouble::Lists => "lists",
        }
    }
}

/// Watches Pharos itself; remembers whom to tell while the records do not answer.
#[derive(Debug, Default)]
pub struct SelfWatch {
    team: Vec<Person>,
    told: BTreeMap<Trouble, Date>,
}

impl SelfWatch {
    /// Looks once, tells the technical team of each trouble once a day, and gives what was found.
    pub async fn look(&mut self, app: &App, post: Option<&dyn Post>) -> Vec<Trouble> {
        let mut found = Vec::new();
        match app.records().setting("self-watch").await {
            Ok(_) => self.remember_team(app).await,
            Err(error) => {
                tracing::error!(%error, "the records do not answer; the filter goes on by its last good policy");
                found.push(Trouble::Records);
                self.tell_directly(app, post).await;
            }
        }
        if let Some(problem) = app.activity_problem() {
            tracing::error!(problem, "activity is not kept as it should be");
            found.push(Trouble::Activity);
            if let Err(error) = app.tell_of_trouble(Trouble::Activity).await {
                tracing::warn!(%error, "nobody could be told that activity is not kept");
            }
        }
        if app.all_upstreams_are_down() {
            tracing::error!("no resolver outside answers; names outside cannot be found");
            found.push(Trouble::Upstreams);
            if let Err(error) = app.tell_of_trouble(Trouble::Upstreams).await {
                tracing::warn!(%error, "nobody could be told that no resolver outside answers");
            }
        }
        if app.scanner_is_away() {
            tracing::error!("the anti-virus engine does not answer");
            found.push(Trouble::Antivirus);
            if let Err(error) = app.tell_of_trouble(Trouble::Antivirus).await {
                tracing::warn!(%error, "nobody could be told that downloads are not scanned");
            }
        }
        found
    }

    async fn remember_team(&mut self, app: &App) {
        self.told.remove(&Trouble::Records);
        if let Ok(team) = app.holders(&[Role::Technical]).await {
            self.team = team;
        }
    }

    async fn tell_directly(&mut self, app: &App, post: Option<&dyn Post>) {
        let today = app.today();
        if self.told.get(&Trouble::Records) == Some(&today) {
            return;
        }
        let Some(post) = post else { return };
        for to in self.team.iter().filter_map(|person| person.email.clone()) {
            let notice = Notice {
                id: NoticeId::from_uuid(new_uuid()),
                at: app.now(),
                to,
                kind: Kind::Trouble,
                severity: Severity::Urgent,
                place: Place::Inbox,
            };
            match post.send(&notice).await {
                Ok(_) => drop(self.told.insert(Trouble::Records, today)),
                Err(error) => {
                    tracing::warn!(what = %error.what, "nobody could be told that the records do not answer");
                }
            }
        }
    }
}

impl App {
    /// What is wrong with keeping activity, in words; `None` when all is well.
    pub fn activity_problem(&self) -> Option<String> {
        self.inner().activity.status().problem
    }

    /// Tells the technical team that the list manifest was changed or taken away behind Pharos's back;
    /// the last good one is in force (FIL-04).
    ///
    /// # Errors
    /// When the records cannot be written.
    pub async fn tell_of_changed_lists(&self) -> Result<(), Error> {
        tracing::error!(
            "the list manifest was changed by another hand; the last good one is in force"
        );
        self.tell_of_trouble(Trouble::Lists).await
    }

    /// Queues a notice of this trouble for the technical team, once a day.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub(crate) async fn tell_of_trouble(&self, trouble: Trouble) -> Result<(), Error> {
        let to = self.holders(&[Role::Technical]).await?;
        let path = format!("/network/status/{}/{}", trouble.name(), self.today());
        let notices = self.notices_to(&to, "trouble", &path, self.now())?;
        self.queue_notices(&notices).await
    }
}
