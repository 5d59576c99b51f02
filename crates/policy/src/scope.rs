//! Which class a device that asks is of, and whether the filter is for it (`fil.scope`, FIL-15).
//!
//! A class that is left out is not let through: whoever asks on such a device gets what an unknown user
//! gets (FIL-17), with every restriction of their own.

use std::net::IpAddr;

use pharos_school::{IdentitySource, Role, Who};

use crate::policy::blank_subject;
use crate::sets::{GroupSet, PlaceSet};
use crate::spec::DeviceClass;
use crate::subject::Standing;
use crate::{Member, Policy, Subject};

/// The compiled form of [`crate::spec::ScopeSpec`].
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) left_out: Vec<DeviceClass>,
    /// Networks for people's own devices.
    pub(crate) own: PlaceSet,
    pub(crate) staff: GroupSet,
    pub(crate) visitors: GroupSet,
}

impl Policy {
    /// Whether any device can be left out: the question of [`Policy::left_out`] can be spared where none
    /// can. A phone of staff, or a device given to one person, is of another class besides: leaving out
    /// nothing else leaves nobody out.
    pub fn leaves_out_any(&self) -> bool {
        use DeviceClass::{OffSite, PersonalDevices, SchoolDevices, Visitors};
        let alone = [SchoolDevices, OffSite, PersonalDevices, Visitors];
        alone
            .iter()
            .any(|class| self.scope.left_out.contains(class))
    }

    /// Which class that the school leaves out the device behind a request is of; `None` where it is in
    /// scope. `subject` is the person's, where one is known. A device that may be of several classes is
    /// in scope as soon as one of them is.
    pub fn left_out(
        &self,
        who: &Who,
        subject: Option<&Subject>,
        from: Option<IpAddr>,
    ) -> Option<DeviceClass> {
        if !self.leaves_out_any() {
            return None;
        }
        let (first, second) = self.classes_of(who, subject, from);
        let is_out = |class: DeviceClass| self.scope.left_out.contains(&class);
        (is_out(first) && second.is_none_or(is_out)).then_some(first)
    }

    fn classes_of(
        &self,
        who: &Who,
        subject: Option<&Subject>,
        from: Option<IpAddr>,
    ) -> (DeviceClass, Option<DeviceClass>) {
        use DeviceClass::{
            OffSite, PersonalDevices, ProvidedDevices, SchoolDevices, StaffMobilesWithMail,
            Visitors,
        };
        let source = match who {
            Who::Known { source, .. } => Some(*source),
            Who::Unknown { .. } => None,
        };
        let places = from.map_or(PlaceSet::default(), |from| self.places_of(from));
        let of = |groups: GroupSet| subject.is_some_and(|one| one.groups.meets(groups));
        let mobile = of(self.scope.staff).then_some(StaffMobilesWithMail);
        if source == Some(IdentitySource::DeviceToken) {
            let away = from.is_some() && places.is_empty();
            return if away {
                (OffSite, mobile)
            } else {
                (ProvidedDevices, Some(SchoolDevices))
            };
        }
        let guest = self.guests.iter().find(|(guests, _)| guests.meets(places));
        let own = guest.is_some() || self.scope.own.meets(places);
        let visitor = of(self.scope.visitors) || source == Some(IdentitySource::VisitorNotice);
        match (subject, guest) {
            _ if visitor && own => (Visitors, None),
            _ if visitor => (SchoolDevices, Some(Visitors)),
            (Some(_), _) if own => (PersonalDevices, mobile),
            (None, Some((_, guest))) if guest.groups.meets(self.scope.visitors) => (Visitors, None),
            (None, Some(_)) => (PersonalDevices, None),
            (None, None) if own => (PersonalDevices, Some(Visitors)),
            _ if matches!(
                source,
                Some(IdentitySource::AddressMap | IdentitySource::DhcpLease)
            ) =>
            {
                // One that stays at school and one that goes home look alike on the school's network.
                (ProvidedDevices, Some(SchoolDevices))
            }
            _ => (SchoolDevices, None),
        }
    }

    /// What a device gets whose user is unknown, wherever it is: what one that is left out gets too.
    pub fn strictest(&self) -> &Subject {
        &self.unknown
    }

    /// What the policy makes of somebody on the roll at a device that is left out: what it makes of an
    /// unknown user, and every restriction that is theirs.
    pub fn strictest_of(&self, member: &Member) -> Subject {
        let own = self.groups.of(member);
        let groups = own.or(self.unknown.groups);
        let known = self.subject(member);
        let subject = Subject {
            standing: Standing::Unknown,
            person: known.person,
            classes: known.classes,
            groups,
            lessons: known.lessons,
            mode: known.mode.max(self.unknown.mode),
            floor: self.floor.of_unknown(groups).or(known.floor),
            ..blank_subject()
        };
        let as_pupil = member.is(Role::Pupil) || !member.is(Role::Staff);
        self.settle(subject, as_pupil)
    }
}
