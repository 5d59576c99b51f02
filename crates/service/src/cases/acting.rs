//! What is done to a case: one command, checked by its procedure, kept as entries.

use pharos_access::{Target, act};
use pharos_casework::{Command, Flag};
use pharos_school::CaseId;

use super::{hand_of, hide, new_entry, refusal, replay, stored};
use crate::{App, Error, SignedIn};

/// The procedure that a possibly illegal matter goes on under.
const INDECENT_IMAGES: &str = "indecent-images";

impl App {
    /// Does something to a case. `known` is the number of entries that the person saw; when somebody
    /// wrote meanwhile, nothing happens ([`Error::Changed`]).
    ///
    /// # Errors
    /// [`Error::Refused`] with the procedure's reason and what to do instead; the attempt itself is
    /// kept where the procedure forbids it.
    pub async fn act_on_case(
        &self,
        me: &SignedIn,
        id: CaseId,
        known: i64,
        command: Command,
    ) -> Result<(), Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::WriteCase>(&me.actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let file = self
            .records()
            .case_to_write(&permit)
            .await?
            .ok_or(Error::NotFound)?;
        if file.case.entries != known {
            return Err(Error::Changed);
        }
        let raised_by = file.case.raised_by;
        let open = self.open_file(file)?;
        let now = self.now();
        let (mut entries, refused) = match pharos_casework::act(
            &open.state,
            &open.procedure,
            command,
            &hand_of(me),
            now,
            &mut new_entry,
        ) {
            Ok(entries) => (entries, None),
            Err(mut no) => match no.entry.take() {
                Some(entry) => (vec![*entry], Some(no)),
                None => return Err(refusal(no)),
            },
        };
        let mut all = open.entries;
        all.extend(entries.iter().cloned());
        let mut state = replay(&all)?;
        let turns_illegal = !open.state.has(Flag::MayBeIllegal) && state.has(Flag::MayBeIllegal);
        if turns_illegal && open.procedure.reference.id != INDECENT_IMAGES {
            let raised = self.raise_as_illegal(me, id, &state).await?;
            let text = format!(
                "It may be illegal: it goes on as case {} under the procedure for indecent images.",
                raised.number
            );
            let note = pharos_casework::act(
                &state,
                &open.procedure,
                Command::AddNote { text },
                &hand_of(me),
                now,
                &mut new_entry,
            )
            .map_err(refusal)?;
            entries.extend(note.iter().cloned());
            all.extend(note);
            state = replay(&all)?;
        }
        let procedure = self
            .procedure(&state.procedure.id)
            .unwrap_or(open.procedure);
        let change = stored::change(
            &self
                .header(id, &state, &procedure, raised_by, None, now)
                .await?,
            &state,
        );
        let notices = self.notices_of(id, &entries, now).await?;
        let rows = entries
            .iter()
            .map(stored::new_entry)
            .collect::<Result<Vec<_>, _>>()?;
        self.records()
            .append_entries(&permit, known, &rows, &change, &notices, now)
            .await?;
        match refused {
            Some(no) => Err(refusal(no)),
            None => Ok(()),
        }
    }

    /// Blocks the case's address with one press, and notes it in the case (BRE-04): for everyone, or by
    /// whoever acts for a campus alone for its people. Then those who act for the whole school are asked
    /// to widen it.
    ///
    /// # Errors
    /// As [`App::block_now`] and [`App::act_on_case`].
    pub async fn contain(
        &self,
        me: &SignedIn,
        id: CaseId,
        known: i64,
        address: &str,
    ) -> Result<(), Error> {
        // The case must be theirs before the filter changes.
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        self.may::<act::WriteCase>(&me.actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let change = self
            .block_now(&me.actor, address, "Blocked from a case before review")
            .await?;
        self.act_on_case(
            me,
            id,
            known,
            Command::Contain {
                address: address.to_owned(),
                change,
                campuses: self.campus_titles(&me.actor),
            },
        )
        .await
    }
}
