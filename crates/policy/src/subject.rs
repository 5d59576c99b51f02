//! Who a question is about: facts of the roll, and what the policy makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use pharos_school::{Class, ClassId, Person, PersonId, Role, YearGroup};

use crate::files::FileKinds;
use crate::hours::Span;
use crate::sets::{FloorSet, GroupSet, ToolSet};
use crate::{Action, Narrowing, PhaseMode};

/// What the policy may know about a person: nothing beyond what groups are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub person: PersonId,
    /// Sign-in name, lower case.
    pub username: Arc<str>,
    /// Every role held.
    pub roles: BTreeSet<Role>,
    /// Year group, for pupils.
    pub year: Option<YearGroup>,
    /// Boarding house, for boarders.
    pub house: Option<Arc<str>>,
    /// Classes taught or attended.
    pub classes: BTreeSet<ClassId>,
    /// Titles and source ids of those classes, for groups written by class name.
    pub class_names: BTreeSet<Arc<str>>,
}

impl Member {
    /// The facts of a person on the roll and of their classes.
    pub fn of<'a>(person: &Person, classes: impl IntoIterator<Item = &'a Class>) -> Self {
        let names = classes
            .into_iter()
            .flat_map(|class| [&class.title, &class.source_id]);
        Self {
            person: person.id,
            username: person.username.to_lowercase().into(),
            roles: person.roles.clone(),
            year: person.year,
            house: person.house.as_deref().map(Arc::from),
            classes: person.classes.clone(),
            class_names: names.map(|name| Arc::from(name.as_str())).collect(),
        }
    }

    /// Whether the person holds the role; `staff` holds for every staff role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
            || (role == Role::Staff && self.roles.iter().any(|held| held.is_staff()))
    }
}

/// What the policy makes of somebody: worked out once for everybody on the roll, so that a
/// decision only compares numbers. Belongs to the [`crate::Policy`] that made it. Who are named by no
/// rule and are alike in all else have equal subjects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub(crate) standing: Standing,
    /// Where a rule names the person.
    pub(crate) person: Option<PersonId>,
    pub(crate) groups: GroupSet,
    pub(crate) group: Option<Arc<str>>,
    /// Of their classes those that a rule names.
    pub(crate) classes: Box<[ClassId]>,
    /// When they teach.
    pub(crate) lessons: Arc<[Span]>,
    /// Whether they board; `None` where nobody is known.
    pub(crate) boarder: Option<bool>,
    pub(crate) mode: PhaseMode,
    pub(crate) narrowing: Narrowing,
    /// The search tools they may use; `None`: any.
    pub(crate) tools: Option<ToolSet>,
    /// The first of them, as written.
    pub(crate) chosen_tool: Option<u8>,
    /// Whether the text of their pages is read, and what becomes of a page that is over.
    pub(crate) page_text: Option<Action>,
    /// Whether they may not use tools of generative AI without signing in there.
    pub(crate) ai_blocks_signed_out: bool,
    /// Whether the beginnings of their prompts are kept.
    pub(crate) ai_keeps_prompts: bool,
    /// The kinds of files they may not download.
    pub(crate) blocked_files: FileKinds,
    /// Whether requests of browsers that are not permitted are blocked.
    pub(crate) blocks_other_browsers: bool,
    /// Whether the stores of extensions are blocked.
    pub(crate) closes_stores: bool,
    pub(crate) default: Action,
    pub(crate) avoidance_granted: bool,
    /// The parts of the floor that are for them.
    pub(crate) floor: FloorSet,
    /// The floor holds search engines to their strict filter for them.
    pub(crate) floor_safe_search: bool,
    /// The floor blocks ways round the filter for them.
    pub(crate) floor_avoidance: bool,
    /// The rules without sites that are for them.
    pub(crate) broad_rules: Box<[usize]>,
}

impl Subject {
    /// The mode they are led in.
    pub fn mode(&self) -> PhaseMode {
        self.mode
    }

    /// How their searching and watching are narrowed.
    pub fn narrowing(&self) -> Narrowing {
        self.narrowing
    }

    /// The group that stands for them in events and figures, such as `pupils`; `unknown` where
    /// nobody is known; `None` where no telling group holds them.
    pub fn group(&self) -> Option<&Arc<str>> {
        self.group.as_ref()
    }

    /// Whether the text of their pages is read (`fil.page_text`).
    pub fn page_text(&self) -> bool {
        self.page_text.is_some()
    }

    /// Whether the beginnings of their prompts to tools of generative AI are kept with the visit
    /// (`fil.ai_prompts`).
    pub fn keeps_prompts(&self) -> bool {
        self.ai_keeps_prompts
    }

    /// Whether ways round the filter are granted to them (`[avoidance] granted`).
    pub fn may_go_round(&self) -> bool {
        self.avoidance_granted && !self.floor_avoidance
    }

    /// The search tool they are sent to from others: the first of those approved for them, by its
    /// place in [`crate::Vocabulary::engines`].
    pub fn chosen_tool(&self) -> Option<u8> {
        self.chosen_tool
    }

    /// The kinds of files they may not download (`fil.downloads`).
    pub fn blocked_files(&self) -> FileKinds {
        self.blocked_files
    }

    /// Whether nobody is known, nor a guest: the strictest policy.
    pub fn is_unknown(&self) -> bool {
        self.standing == Standing::Unknown
    }
}

/// How much is known of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// On the roll.
    Known,
    /// Nobody is known, but the place is one for guests.
    Guest,
    /// Nobody is known.
    Unknown,
}
