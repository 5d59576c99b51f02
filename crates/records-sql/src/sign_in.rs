//! Credentials, sessions, throttling.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{
    CountedTry, Credential, Error, Pace, Result, Session, SignIn, TokenHash, Tried,
};
use pharos_school::PersonId;

use crate::db::{Row, Tx, args};
use crate::store::{Store, is_for};

#[async_trait]
impl SignIn for Store {
    async fn credential(&self, person: PersonId) -> Result<Option<Credential>> {
        const ONE: &str = "SELECT person, password_hash, password_at, must_change, totp_secret, totp_step FROM credential WHERE person = $1";
        let row = self
            .read()
            .await?
            .one("credential", ONE, args![person])
            .await?;
        row.map(|row| self.credential_of(&row)).transpose()
    }

    async fn set_own_password(
        &self,
        permit: &Permit<act::SetOwnPassword>,
        hash: &str,
        keep: Option<TokenHash>,
        at: Timestamp,
    ) -> Result<()> {
        let person = own(permit)?;
        let mut act = self
            .act(
                permit,
                permit.subject(),
                Detail::new().text("what", "password"),
                at,
            )
            .await?;
        self.write_password(&mut act, person, hash, false, at)
            .await?;
        let keep = keep.map_or_else(String::new, token_text);
        act.run(
            "DELETE FROM session WHERE person = $1 AND token <> $2",
            args![person, keep],
        )
        .await?;
        act.commit().await
    }

    async fn reset_password(
        &self,
        permit: &Permit<act::ResetPassword>,
        person: PersonId,
        hash: &str,
        must_change: bool,
        forget_second_factor: bool,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let detail = Detail::new().flag("second_factor_removed", forget_second_factor);
        let mut act = self
            .act(permit, Subject::Person(person), detail, at)
            .await?;
        self.write_password(&mut act, person, hash, must_change, at)
            .await?;
        if forget_second_factor {
            act.run(
                "UPDATE credential SET totp_secret = NULL WHERE person = $1",
                args![person],
            )
            .await?;
        }
        act.run("DELETE FROM session WHERE person = $1", args![person])
            .await?;
        act.commit().await
    }

    async fn set_passwords(
        &self,
        permit: &Permit<act::ResetPassword>,
        hashes: &[(PersonId, String)],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let count = i64::try_from(hashes.len()).unwrap_or(i64::MAX);
        let mut act = self
            .act(permit, "school", Detail::new().number("people", count), at)
            .await?;
        for (person, hash) in hashes {
            self.write_password(&mut act, *person, hash, false, at)
                .await?;
        }
        act.commit().await
    }

    async fn set_second_factor(
        &self,
        permit: &Permit<act::SetOwnPassword>,
        secret: &[u8],
        keep: Option<TokenHash>,
        at: Timestamp,
    ) -> Result<()> {
        const SET: &str = "UPDATE credential SET totp_secret = $2 WHERE person = $1 AND (totp_secret IS NULL OR EXISTS (SELECT 1 FROM session WHERE session.token = $3 AND session.person = $1 AND session.second_factor = 1))";
        let person = own(permit)?;
        let detail = Detail::new().text("what", "second factor");
        let mut act = self.act(permit, permit.subject(), detail, at).await?;
        let sealed = self.seal("credential", &person.to_string(), "totp_secret", secret)?;
        let keep = keep.map_or_else(String::new, token_text);
        let changed = act.run(SET, args![person, sealed, keep.clone()]).await?;
        if changed == 0 {
            const THERE: &str = "SELECT person FROM credential WHERE person = $1";
            let there = act.one("credential", THERE, args![person]).await?;
            return Err(match there {
                None => Error::Absent {
                    what: "the person's password".to_owned(),
                },
                Some(_) => Error::Refused {
                    what: "the second factor".to_owned(),
                    problem: "there is one already, and this session has not passed it; sign in with it first".to_owned(),
                },
            });
        }
        act.run(
            "DELETE FROM session WHERE person = $1 AND token <> $2",
            args![person, keep],
        )
        .await?;
        act.commit().await
    }

    async fn use_totp_step(&self, person: PersonId, step: i64) -> Result<bool> {
        let mut tx = self.housekeeping().await?;
        const USE: &str =
            "UPDATE credential SET totp_step = $2 WHERE person = $1 AND totp_step < $2";
        let used = tx.run(USE, args![person, step]).await?;
        tx.commit().await?;
        Ok(used == 1)
    }

    async fn open_session(&self, permit: &Permit<act::SignIn>, session: &Session) -> Result<()> {
        is_for(permit, Subject::Person(session.person))?;
        let detail = Detail::new().flag("second_factor", session.second_factor);
        let mut act = self
            .act(permit, permit.subject(), detail, session.since)
            .await?;
        let token = token_text(session.token);
        let device: String = session.device.chars().take(200).collect();
        act.run(
            "INSERT INTO session (token, person, since, last_used, until_at, second_factor, device) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![token, session.person, session.since, session.last_used, session.until, session.second_factor, device],
        )
        .await?;
        act.commit().await
    }

    async fn session(&self, token: TokenHash, now: Timestamp) -> Result<Option<Session>> {
        const ONE: &str = "SELECT s.token, s.person, s.since, s.last_used, s.until_at, s.second_factor, s.device FROM session s JOIN person p ON p.id = s.person WHERE s.token = $1 AND s.until_at > $2 AND p.left_on IS NULL";
        let row = self
            .read()
            .await?
            .one("session", ONE, args![token_text(token), now])
            .await?;
        row.map(|row| session_of(&row, token)).transpose()
    }

    async fn touch_session(&self, token: TokenHash, at: Timestamp) -> Result<()> {
        let mut tx = self.housekeeping().await?;
        tx.run(
            "UPDATE session SET last_used = $2 WHERE token = $1 AND last_used < $2",
            args![token_text(token), at],
        )
        .await?;
        tx.commit().await
    }

    async fn raise_session(
        &self,
        permit: &Permit<act::SignIn>,
        token: TokenHash,
        at: Timestamp,
    ) -> Result<()> {
        let person = own(permit)?;
        let mut act = self
            .act(
                permit,
                permit.subject(),
                Detail::new().flag("second_factor", true),
                at,
            )
            .await?;
        let done = act
            .run(
                "UPDATE session SET second_factor = 1 WHERE token = $1 AND person = $2",
                args![token_text(token), person],
            )
            .await?;
        if done == 0 {
            return Err(Error::Absent {
                what: "the session".to_owned(),
            });
        }
        act.commit().await
    }

    async fn close_session(
        &self,
        permit: &Permit<act::SignIn>,
        token: TokenHash,
        at: Timestamp,
    ) -> Result<()> {
        let person = own(permit)?;
        let mut act = self
            .act(
                permit,
                permit.subject(),
                Detail::new().flag("sign_out", true),
                at,
            )
            .await?;
        act.run(
            "DELETE FROM session WHERE token = $1 AND person = $2",
            args![token_text(token), person],
        )
        .await?;
        act.commit().await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<u64> {
        let mut tx = self.housekeeping().await?;
        let gone = tx
            .run("DELETE FROM session WHERE until_at <= $1", args![now])
            .await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn count_try(&self, keys: &[(String, Pace)], at: Timestamp) -> Result<Tried> {
        // Takes the row, or makes it, so that tries at once under one key come one after the other.
        const TAKE: &str = "INSERT INTO failure (key, failures, since, last_at) VALUES ($1, 0, $2, $2) ON CONFLICT (key) DO UPDATE SET failures = failure.failures";
        const ONE: &str = "SELECT key, failures, since, last_at FROM failure WHERE key = $1 AND failures > 0 AND last_at > $2";
        const SET: &str =
            "UPDATE failure SET failures = $2, since = $3, last_at = $4 WHERE key = $1";
        let mut tx = self.housekeeping().await?;
        let mut counted = Vec::with_capacity(keys.len());
        let mut wait_s = 0;
        for (key, pace) in keys {
            let forget = at.checked_sub(pace.window).unwrap_or(Timestamp::MIN);
            tx.run(TAKE, args![key, at]).await?;
            let (failures, since, before) = match tx.one("failure", ONE, args![key, forget]).await?
            {
                Some(row) => (
                    row.int("failures")?,
                    row.time("since")?,
                    Some(row.time("last_at")?),
                ),
                None => (0, at, None),
            };
            if let Some(last) = before {
                wait_s = wait_s.max(pace.wait_s(failures, last, at));
            }
            let failures = failures.saturating_add(1);
            tx.run(SET, args![key, failures, since, at]).await?;
            counted.push(CountedTry {
                key: key.clone(),
                at,
                before,
                failures,
            });
        }
        if wait_s > 0 {
            // The transaction is dropped and with it what was counted.
            return Ok(Tried::Wait { wait_s });
        }
        tx.commit().await?;
        Ok(Tried::Counted(counted))
    }

    async fn take_back_try(&self, counted: &[CountedTry]) -> Result<()> {
        const BACK: &str = "UPDATE failure SET failures = failures - 1, last_at = CASE WHEN last_at = $2 THEN $3 ELSE last_at END WHERE key = $1";
        let mut tx = self.housekeeping().await?;
        for one in counted {
            let before = one.before.unwrap_or(one.at);
            tx.run(BACK, args![&one.key, one.at, before]).await?;
            tx.run(
                "DELETE FROM failure WHERE key = $1 AND failures <= 0",
                args![&one.key],
            )
            .await?;
        }
        tx.commit().await
    }

    async fn clear_failures(&self, key: &str) -> Result<()> {
        let mut tx = self.housekeeping().await?;
        tx.run("DELETE FROM failure WHERE key = $1", args![key])
            .await?;
        tx.commit().await
    }

    async fn sweep_failures(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.housekeeping().await?;
        let gone = tx
            .run("DELETE FROM failure WHERE last_at <= $1", args![before])
            .await?;
        tx.commit().await?;
        Ok(gone)
    }
}

impl Store {
    async fn write_password(
        &self,
        tx: &mut Tx,
        person: PersonId,
        hash: &str,
        must_change: bool,
        at: Timestamp,
    ) -> Result<()> {
        let sealed = self.seal(
            "credential",
            &person.to_string(),
            "password_hash",
            hash.as_bytes(),
        )?;
        tx.run(
            "INSERT INTO credential (person, password_hash, password_at, must_change, totp_secret, totp_step) VALUES ($1, $2, $3, $4, NULL, 0) ON CONFLICT (person) DO UPDATE SET password_hash = excluded.password_hash, password_at = excluded.password_at, must_change = excluded.must_change",
            args![person, sealed, at, must_change],
        )
        .await?;
        Ok(())
    }

    fn credential_of(&self, row: &Row) -> Result<Credential> {
        let person: PersonId = row.parsed("person")?;
        let key = person.to_string();
        let totp_secret = row
            .opt_bytes("totp_secret")?
            .map(|sealed| self.unseal("credential", &key, "totp_secret", &sealed))
            .transpose()?;
        Ok(Credential {
            person,
            password_hash: self.unseal_text(row, "credential", &key, "password_hash")?,
            password_at: row.time("password_at")?,
            must_change: row.flag("must_change")?,
            totp_secret,
            totp_step: row.int("totp_step")?,
        })
    }
}

fn session_of(row: &Row, token: TokenHash) -> Result<Session> {
    Ok(Session {
        token,
        person: row.parsed("person")?,
        since: row.time("since")?,
        last_used: row.time("last_used")?,
        until: row.time("until_at")?,
        second_factor: row.flag("second_factor")?,
        device: row.text("device")?,
    })
}

/// The permit's person: these acts are only for oneself.
fn own(warrant: &pharos_access::Warrant) -> Result<PersonId> {
    match (warrant.actor().id(), warrant.subject()) {
        (Some(me), Subject::Person(person)) if me == person => Ok(person),
        (me, _) => Err(Error::WrongPermit {
            act: warrant.act(),
            subject: warrant.subject(),
            wanted: me.map_or(Subject::School, Subject::Person),
        }),
    }
}

fn token_text(token: TokenHash) -> String {
    token.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
