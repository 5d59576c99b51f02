//! Weighing the rules in the published order (FIL-06).
//!
//! Deciding and explaining walk the same rules in the same way; explaining also writes down what
//! it saw. The walk allocates nothing.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::{CategoryId, CategorySet};

use crate::hours::Active;
use crate::rule::{Moment, Rule};
use crate::sets::PlaceSet;
use crate::sites::{Entry, Meets};
use crate::subject::Standing;
use crate::{
    Action, AiUse, Decision, Layer, Narrowing, PhaseMode, Policy, Reason, Request, Subject, Weight,
    YouTube,
};

impl Policy {
    /// Decides. Does not allocate where the request passes; a block or warning carries the deciding
    /// reason.
    pub fn decide(&self, subject: &Subject, request: &Request<'_>) -> Decision {
        let scales = self.weigh(subject, request, &subject.broad_rules, &mut |_, _| {});
        let verdict = scales.verdict();
        let mut decision = self.conclude(subject, request, &scales, &verdict);
        if !decision.action.passes() {
            let reason = self.reason(&verdict.spoken, verdict.layer, request, Weight::Decided);
            decision.reasons = vec![reason];
        }
        decision
    }

    /// Decides in the same way, without reasons: allocates nothing.
    pub fn judge(&self, subject: &Subject, request: &Request<'_>) -> Decision {
        let scales = self.weigh(subject, request, &subject.broad_rules, &mut |_, _| {});
        let verdict = scales.verdict();
        self.conclude(subject, request, &scales, &verdict)
    }

    /// What happens to a request, and nothing else: for replays of many. Allocates nothing.
    pub fn action(&self, subject: &Subject, request: &Request<'_>) -> Action {
        let scales = self.weigh(subject, request, &subject.broad_rules, &mut |_, _| {});
        let verdict = scales.verdict();
        action_of(subject, request, &scales, &verdict).0
    }

    /// Decides in the same way, and gives every rule considered with what became of it: the
    /// deciding one first, then in the published order, the stricter first.
    ///
    /// Restrictions and exceptions of other people are left out.
    pub fn explain<'p>(&'p self, subject: &Subject, request: &Request<'_>) -> Decision {
        let mut seen: Vec<(Voice<'p>, Layer, Action, Weight)> = Vec::new();
        let mut witness = |spoken: Spoken<'p>, (layer, weight): (Layer, Weight)| {
            seen.push((spoken.voice, layer, spoken.action, weight));
        };
        let scales = self.weigh(subject, request, &self.broad_rules, &mut witness);
        let verdict = scales.verdict();
        let mut decision = self.conclude(subject, request, &scales, &verdict);
        if verdict.layer == Layer::Sealed {
            seen.clear();
        }
        decision.reasons.push(self.reason(
            &verdict.spoken,
            verdict.layer,
            request,
            Weight::Decided,
        ));
        seen.sort_by_key(|(_, layer, action, _)| (*layer, std::cmp::Reverse(*action)));
        for (voice, layer, action, weight) in seen {
            if !voice.is_same(&verdict.spoken.voice) {
                decision.reasons.push(self.reason(
                    &Spoken { voice, action },
                    layer,
                    request,
                    weight,
                ));
            }
        }
        decision
    }

    /// Walks every rule that names the address, in any layer.
    fn weigh<'p>(
        &'p self,
        subject: &Subject,
        request: &Request<'_>,
        broad_rules: &[usize],
        witness: &mut Witness<'_, 'p>,
    ) -> Scales<'p> {
        let mut scales = Scales::new(self.default_of(subject));
        scales.by_path = request.sealed_below;
        let now = Now {
            policy: self,
            subject,
            request,
            hours: Cell::new(None),
            places: Cell::new(None),
        };
        if request.sealed.is_some() {
            scales.hear(
                Layer::Sealed,
                self.built_in(&self.names.sealed, Action::Block),
                witness,
            );
        }
        if request.named {
            self.weigh_sites(subject, &now, &mut scales, witness);
        }
        self.weigh_broad_rules(broad_rules, subject, &now, &mut scales, witness);
        self.weigh_built_ins(subject, request, &mut scales, witness);
        witness(scales.default, (Layer::Default, Weight::Outranked));
        scales
    }

    fn weigh_sites<'p>(
        &'p self,
        subject: &Subject,
        now: &Now<'_>,
        scales: &mut Scales<'p>,
        witness: &mut Witness<'_, 'p>,
    ) {
        for entry in self.sites.on(now.request.address) {
            let rule = &self.rules[entry.rule];
            let spoken = Spoken {
                voice: Voice::Rule(rule, Some(entry)),
                action: rule.action,
            };
            match entry.meets(now.request.address) {
                Meets::Yes if rule.never_inspect => {
                    scales.inspect &= rule.silent_because(subject, now).is_some();
                }
                Meets::Yes => self.weigh_rule(rule, spoken, subject, now, scales, witness),
                // Help is reachable by name too: better the whole host than no help (FIL-13).
                Meets::Unseen if rule.layer == Layer::Help => {
                    scales.by_path = true;
                    self.weigh_rule(rule, spoken, subject, now, scales, witness);
                }
                Meets::Unseen if rule.is_for(subject) => {
                    scales.by_path = true;
                    witness(spoken, (rule.layer, Weight::PathUnseen));
                }
                Meets::Unseen | Meets::No => {}
            }
        }
    }

    fn weigh_broad_rules<'p>(
        &'p self,
        broad_rules: &[usize],
        subject: &Subject,
        now: &Now<'_>,
        scales: &mut Scales<'p>,
        witness: &mut Witness<'_, 'p>,
    ) {
        let categories = now.request.categories;
        for number in broad_rules {
            let Some(rule) = self.rules.get(*number) else {
                continue;
            };
            if rule.everything || !rule.categories.intersection(categories).is_empty() {
                let spoken = Spoken {
                    voice: Voice::Rule(rule, None),
                    action: rule.action,
                };
                self.weigh_rule(rule, spoken, subject, now, scales, witness);
            }
        }
        if !self.never_inspect.intersection(categories).is_empty() {
            scales.inspect = false;
        }
    }

    fn weigh_rule<'p>(
        &'p self,
        rule: &'p Rule,
        spoken: Spoken<'p>,
        subject: &Subject,
        now: &Now<'_>,
        scales: &mut Scales<'p>,
        witness: &mut Witness<'_, 'p>,
    ) {
        if !rule.is_for(subject) {
            if !matches!(rule.layer, Layer::Personal | Layer::Exception) {
                witness(spoken, (rule.layer, Weight::OtherPeople));
            }
            return;
        }
        if rule.floor.is_some() && self.floor.is_silent_on(now.request.address) {
            return;
        }
        match rule.silent_because(subject, now) {
            Some(why) => witness(spoken, (rule.layer, why)),
            None => {
                scales.inspect &= rule.action != Action::Tunnel;
                scales.narrowed |= rule.action == Action::Narrow;
                scales.hear(rule.layer, spoken, witness);
            }
        }
    }

    /// What a floor says of search and of ways round the filter.
    fn weigh_floor<'p>(
        &'p self,
        subject: &Subject,
        request: &Request<'_>,
        scales: &mut Scales<'p>,
        witness: &mut Witness<'_, 'p>,
    ) {
        let round = request.avoidance && subject.floor_avoidance;
        let unheld = subject.floor_safe_search
            && request
                .search
                .is_some_and(|site| !site.video && !site.enforceable);
        if !(round || unheld) || self.floor.is_silent_on(request.address) {
            return;
        }
        if unheld {
            scales.by_path |= request.search.is_some_and(|site| site.by_path);
            let spoken = self.built_in(&self.floor.search_name, Action::Block);
            scales.hear(Layer::Floor, spoken, witness);
        }
        if round {
            let spoken = self.built_in(&self.floor.avoidance_name, Action::Block);
            scales.hear(Layer::Floor, spoken, witness);
        }
    }

    /// What is not written as a rule: ways round, the notice, search tools, adult-led mode.
    fn weigh_built_ins<'p>(
        &'p self,
        subject: &Subject,
        request: &Request<'_>,
        scales: &mut Scales<'p>,
        witness: &mut Witness<'_, 'p>,
    ) {
        self.weigh_floor(subject, request, scales, witness);
        if request.avoidance && self.blocks_avoidance && !subject.avoidance_granted {
            let spoken = self.built_in(&self.names.avoidance, Action::Block);
            scales.hear(Layer::SchoolBlock, spoken, witness);
        }
        if request.notice_first {
            let spoken = self.built_in(&self.names.notice, Action::Block);
            scales.hear(Layer::SchoolBlock, spoken, witness);
        }
        if let Some(site) = request.search.filter(|site| !site.video) {
            let approved = subject
                .tools
                .map(|tools| tools.contains(usize::from(site.engine)));
            let directed = subject.mode == PhaseMode::TeacherDirected;
            let known = subject.standing != Standing::Unknown;
            if approved == Some(false) {
                let spoken = self.built_in(&self.names.search_tools, Action::Block);
                scales.hear(Layer::Group, spoken, witness);
            } else if approved == Some(true) && directed && known {
                let spoken = self.built_in(&self.names.search_tools, Action::Allow);
                scales.hear(Layer::Group, spoken, witness);
            }
            if subject.narrowing.safe_search && !site.enforceable {
                scales.by_path |= site.by_path;
                let spoken = self.built_in(&self.names.safe_search, Action::Block);
                scales.hear(Layer::Group, spoken, witness);
            }
        }
        if let (Some(_), Some(action)) = (request.text, subject.page_text) {
            let spoken = self.built_in(&self.names.page_text, action);
            scales.hear(Layer::Group, spoken, witness);
        }
        if request
            .file
            .is_some_and(|file| subject.blocked_files.contains(file))
        {
            // Not even an exception for the site permits it: that is what groups are for.
            let spoken = self.built_in(&self.names.downloads, Action::Block);
            scales.hear(Layer::SchoolBlock, spoken, witness);
        }
        if request.other_browser && subject.blocks_other_browsers {
            // As with files: no exception for a site permits a browser.
            let spoken = self.built_in(&self.names.browsers, Action::Block);
            scales.hear(Layer::SchoolBlock, spoken, witness);
        }
        if request.extension_store
            && subject.closes_stores
            && !self.permits_extension(request.address)
        {
            scales.by_path |= self.opens_store_by_path(request.address);
            let spoken = self.built_in(&self.names.extension_stores, Action::Block);
            scales.hear(Layer::Group, spoken, witness);
        }
        let name = match request.ai {
            Some(AiUse::SignedOut) if subject.ai_blocks_signed_out => {
                Some(&self.names.ai_signed_out)
            }
            Some(AiUse::OtherWorkspace) => Some(&self.names.ai_workspace),
            _ => None,
        };
        if let Some(name) = name {
            scales.hear(
                Layer::SchoolBlock,
                self.built_in(name, Action::Block),
                witness,
            );
        }
        if subject.mode == PhaseMode::AdultLed {
            let spoken = self.built_in(&self.names.adult_led, Action::Block);
            scales.hear(Layer::Group, spoken, witness);
        }
    }

    fn conclude(
        &self,
        subject: &Subject,
        request: &Request<'_>,
        scales: &Scales<'_>,
        verdict: &Verdict<'_>,
    ) -> Decision {
        let (action, narrowing) = action_of(subject, request, scales, verdict);
        let sealed = request
            .sealed
            .filter(|_| verdict.layer == Layer::Sealed)
            .cloned();
        Decision {
            action,
            narrowing,
            inspect: scales.inspect || request.sealed_below,
            must_inspect: request.sealed_below,
            by_path: scales.by_path,
            layer: verdict.layer,
            rule: Arc::clone(verdict.spoken.voice.rule_name()),
            categories: if sealed.is_some() {
                CategorySet::EMPTY
            } else {
                request.categories
            },
            sealed,
            reasons: Vec::new(),
        }
    }

    fn default_of<'p>(&'p self, subject: &Subject) -> Spoken<'p> {
        if subject.mode == PhaseMode::TeacherDirected {
            return self.built_in(&self.names.teacher_directed, Action::Block);
        }
        self.built_in(&self.names.default, subject.default)
    }

    fn built_in<'p>(&'p self, name: &'p Arc<str>, action: Action) -> Spoken<'p> {
        Spoken {
            voice: Voice::BuiltIn(name),
            action,
        }
    }

    fn reason(
        &self,
        spoken: &Spoken<'_>,
        layer: Layer,
        request: &Request<'_>,
        weight: Weight,
    ) -> Reason {
        let mut reason = Reason {
            layer,
            rule: Arc::clone(spoken.voice.rule_name()),
            action: spoken.action,
            weight,
            list: request.sealed.filter(|_| layer == Layer::Sealed).cloned(),
            entry: None,
            category: None,
            hours: None,
            place: None,
            over: None,
            by: (layer == Layer::Floor).then(|| Arc::clone(&self.floor.by)),
        };
        if spoken.voice.is_same(&Voice::BuiltIn(&self.names.page_text)) {
            reason.category = request.text.cloned();
        }
        if let Voice::Rule(rule, entry) = spoken.voice {
            reason.entry = entry.map(|entry| Arc::clone(&entry.text));
            reason.category = if entry.is_none() {
                self.category(rule, request)
            } else {
                None
            };
            reason.hours = rule.hours.and_then(|hours| {
                let on = self.hours.active(request.now, None).any.and(hours);
                let number = on.first().or_else(|| hours.first())?;
                self.hours_names.get(number).cloned()
            });
            reason.place = rule.places.and_then(|places| {
                let here = request.from.map(|from| self.places_of(from).and(places));
                let number = here.and_then(PlaceSet::first).or_else(|| places.first())?;
                self.places.get(number).map(|(name, _)| Arc::clone(name))
            });
            reason.over = rule.over.clone();
        }
        reason
    }

    fn category(&self, rule: &Rule, request: &Request<'_>) -> Option<Arc<str>> {
        let CategoryId(number) = rule
            .categories
            .intersection(request.categories)
            .iter()
            .next()?;
        self.categories.get(usize::from(number)).cloned()
    }
}

/// The verdict as it is carried out, with how far search and video are narrowed.
fn action_of(
    subject: &Subject,
    request: &Request<'_>,
    scales: &Scales<'_>,
    verdict: &Verdict<'_>,
) -> (Action, Narrowing) {
    let narrowing = if scales.narrowed {
        Narrowing::STRICTEST
    } else {
        subject.narrowing
    };
    let narrows = request.search.is_some_and(|site| {
        if site.video {
            narrowing.youtube != YouTube::Off
        } else {
            narrowing.safe_search
        }
    });
    let action = match verdict.spoken.action {
        Action::Allow | Action::Tunnel if narrows => Action::Narrow,
        Action::Allow | Action::Tunnel if scales.inspect || request.sealed_below => Action::Allow,
        Action::Allow | Action::Tunnel => Action::Tunnel,
        action => action,
    };
    (action, narrowing)
}

/// Told of everything that is looked at.
type Witness<'w, 'p> = dyn FnMut(Spoken<'p>, (Layer, Weight)) + 'w;

/// Who speaks.
#[derive(Debug, Clone, Copy)]
enum Voice<'p> {
    Rule(&'p Rule, Option<&'p Entry>),
    BuiltIn(&'p Arc<str>),
}

impl<'p> Voice<'p> {
    fn rule_name(&self) -> &'p Arc<str> {
        match self {
            Voice::Rule(rule, _) => &rule.name,
            Voice::BuiltIn(name) => name,
        }
    }

    fn is_same(&self, other: &Voice<'_>) -> bool {
        match (self, other) {
            (Voice::Rule(mine, a), Voice::Rule(theirs, b)) => {
                std::ptr::eq(*mine, *theirs)
                    && a.map(std::ptr::from_ref::<Entry>) == b.map(std::ptr::from_ref::<Entry>)
            }
            (Voice::BuiltIn(mine), Voice::BuiltIn(theirs)) => Arc::ptr_eq(mine, theirs),
            _ => false,
        }
    }
}

/// A voice and what it asks for.
#[derive(Debug, Clone, Copy)]
struct Spoken<'p> {
    voice: Voice<'p>,
    action: Action,
}

/// The strictest voice of each layer.
struct Scales<'p> {
    strictest: [Option<Spoken<'p>>; Layer::ORDER.len()],
    default: Spoken<'p>,
    /// A rule of the group layer allowed: the default does not count.
    opened: bool,
    inspect: bool,
    by_path: bool,
    narrowed: bool,
}

struct Verdict<'p> {
    layer: Layer,
    spoken: Spoken<'p>,
}

impl<'p> Scales<'p> {
    fn new(default: Spoken<'p>) -> Self {
        let strictest = [None; Layer::ORDER.len()];
        Self {
            strictest,
            default,
            opened: false,
            inspect: true,
            by_path: false,
            narrowed: false,
        }
    }

    fn hear(&mut self, layer: Layer, spoken: Spoken<'p>, witness: &mut Witness<'_, 'p>) {
        witness(spoken, (layer, Weight::Outranked));
        self.opened |= layer == Layer::Group && spoken.action <= Action::Allow;
        let place = &mut self.strictest[layer as usize];
        if place.is_none_or(|best| best.action < spoken.action) {
            *place = Some(spoken);
        }
    }

    /// The first layer that speaks; in the group layer a voice that only tempers is overruled by a
    /// stricter default.
    fn verdict(&self) -> Verdict<'p> {
        let first = Layer::ORDER
            .into_iter()
            .zip(self.strictest)
            .find_map(|(layer, spoken)| spoken.map(|spoken| Verdict { layer, spoken }));
        match first {
            Some(verdict)
                if verdict.layer != Layer::Group
                    || self.opened
                    || verdict.spoken.action >= self.default.action =>
            {
                verdict
            }
            _ => Verdict {
                layer: Layer::Default,
                spoken: self.default,
            },
        }
    }
}

/// Hours and places of one question, worked out when first asked for.
struct Now<'a> {
    policy: &'a Policy,
    subject: &'a Subject,
    request: &'a Request<'a>,
    hours: Cell<Option<Active>>,
    places: Cell<Option<PlaceSet>>,
}

impl Moment for Now<'_> {
    fn time(&self) -> Timestamp {
        self.request.now
    }

    fn hours(&self) -> Active {
        self.hours.get().unwrap_or_else(|| {
            let active = self
                .policy
                .hours
                .active(self.request.now, self.subject.boarder);
            self.hours.set(Some(active));
            active
        })
    }

    fn teaching(&self) -> bool {
        let lessons = &self.subject.lessons;
        self.policy.hours.any_on(lessons, self.request.now)
    }

    fn places(&self) -> PlaceSet {
        self.places.get().unwrap_or_else(|| {
            let from = self.request.from;
            let places = from.map_or(PlaceSet::default(), |from| self.policy.places_of(from));
            self.places.set(Some(places));
            places
        })
    }
}
