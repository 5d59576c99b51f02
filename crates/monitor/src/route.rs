//! Whom an alert goes to (MON-04, MON-13).

use pharos_casework::{ChaseSettings, Rung};
use pharos_school::Role;

/// Who is told, by setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// `mon.first_recipient`.
    pub first: Vec<Role>,
    /// `mon.staff_recipient`.
    pub staff: Vec<Role>,
    /// `con.ack_minutes`.
    pub ack_minutes: u32,
}

impl Default for Recipients {
    fn default() -> Self {
        Self {
            first: vec![Role::Lead],
            staff: vec![Role::Head],
            ack_minutes: 30,
        }
    }
}

/// The ladder of an alert about somebody with these roles. About a pupil, a visitor or somebody
/// unknown: the first recipients, then deputy and head. About staff: `mon.staff_recipient` alone,
/// never somebody with the role it is about: about the lead to the head, about the head to the
/// chair of governors.
pub fn route(about: &[Role], settings: &Recipients) -> ChaseSettings {
    let adult = about
        .iter()
        .any(|role| role.is_staff() || matches!(role, Role::Governor | Role::Chair));
    if !adult {
        return ChaseSettings::usual(&settings.first, settings.ack_minutes);
    }
    if about.contains(&Role::Head) {
        return ChaseSettings::only(Role::Chair);
    }
    let to: Vec<Role> = settings
        .staff
        .iter()
        .copied()
        .filter(|role| !about.contains(role))
        .collect();
    // The chain for an adult ends at the head: widening it would tell colleagues.
    let to = if to.is_empty() || about.contains(&Role::Lead) {
        vec![Role::Head]
    } else {
        to
    };
    let head_too = to.contains(&Role::Head);
    let mut rungs = vec![Rung {
        after_minutes: 0,
        to,
    }];
    if !head_too {
        rungs.push(Rung {
            after_minutes: settings.ack_minutes.saturating_mul(2),
            to: vec![Role::Head],
        });
    }
    ChaseSettings { rungs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(about: &[Role]) -> Vec<Role> {
        route(about, &Recipients::default()).rungs[0].to.clone()
    }

    /// MON-13: alerts about staff go apart; about the lead to the head, about the head to the chair.
    #[test]
    fn mon_13_alerts_about_staff_go_apart() {
        assert_eq!(first(&[Role::Pupil]), [Role::Lead]);
        assert_eq!(first(&[]), [Role::Lead]);
        assert_eq!(first(&[Role::Staff, Role::Teacher]), [Role::Head]);
        assert_eq!(first(&[Role::Lead, Role::Teacher]), [Role::Head]);
        assert_eq!(first(&[Role::Head]), [Role::Chair]);
        assert_eq!(first(&[Role::Head, Role::Lead]), [Role::Chair]);
    }

    /// MON-13: no rung of a ladder about staff reaches the lead or the deputy.
    #[test]
    fn mon_13_no_colleague_is_told_on_the_way() {
        for about in Role::ALL.iter().filter(|role| role.is_staff()) {
            for rung in route(&[*about], &Recipients::default()).rungs {
                assert!(
                    rung.to
                        .iter()
                        .all(|to| matches!(to, Role::Head | Role::Chair)),
                    "{about}"
                );
                assert!(!rung.to.contains(about));
            }
        }
    }
}
