//! Quiet hours: outside the hours in which people are at work, what is not critical waits for the
//! morning, so that what is critical is heard at night (MON-03, MON-04).

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use pharos_monitor::Severity;
use pharos_pack::Pack;

/// The quiet hours of each night, or of each day where they end later than they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuietHours {
    from: Time,
    to: Time,
}

impl QuietHours {
    /// Those of the pack (`mon.quiet_from`, `mon.quiet_to`); `None` where it sets none: then nothing
    /// ever waits.
    pub(crate) fn of(pack: &Pack) -> Option<Self> {
        let time = |name: &str| pack.settings.text(name).and_then(|text| text.parse().ok());
        Self::between(time("mon.quiet_from")?, time("mon.quiet_to")?)
    }

    fn between(from: Time, to: Time) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }

    /// When they end, where a moment lies in them.
    pub(crate) fn end(self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let wall = zone.to_datetime(at);
        let (now, today) = (wall.time(), wall.date());
        let day = if self.from < self.to {
            (self.from <= now && now < self.to).then_some(today)
        } else if now >= self.from {
            today.tomorrow().ok()
        } else {
            (now < self.to).then_some(today)
        };
        zone.to_timestamp(day?.to_datetime(self.to)).ok()
    }

    /// When somebody is told of an alert: at once, or when the quiet hours are over. What is critical
    /// never waits.
    pub(crate) fn tell_at(
        quiet: Option<Self>,
        severity: Severity,
        at: Timestamp,
        zone: &TimeZone,
    ) -> Timestamp {
        if severity == Severity::Critical {
            return at;
        }
        quiet.and_then(|quiet| quiet.end(at, zone)).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// MON-03: a night goes over midnight, and over the night when the clocks change.
    #[test]
    fn mon_03_a_quiet_night_goes_over_midnight() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let night = QuietHours::between(time(21, 30, 0, 0), time(7, 0, 0, 0)).unwrap();
        for (now, ends) in [
            ("2026-11-10T21:29:59Z", None),
            ("2026-11-10T21:30:00Z", Some("2026-11-11T07:00:00Z")),
            ("2026-11-11T06:59:59Z", Some("2026-11-11T07:00:00Z")),
            ("2026-11-11T07:00:00Z", None),
            ("2026-10-24T22:00:00Z", Some("2026-10-25T07:00:00Z")),
        ] {
            assert_eq!(night.end(at(now), &zone), ends.map(at), "{now}");
        }
        let siesta = QuietHours::between(time(12, 0, 0, 0), time(14, 0, 0, 0)).unwrap();
        assert_eq!(
            siesta.end(at("2026-11-10T13:00:00Z"), &zone),
            Some(at("2026-11-10T14:00:00Z"))
        );
        assert_eq!(siesta.end(at("2026-11-10T14:00:00Z"), &zone), None);
        assert_eq!(
            QuietHours::between(time(7, 0, 0, 0), time(7, 0, 0, 0)),
            None
        );
    }

    /// MON-03, MON-04: nothing critical ever waits; without quiet hours nothing waits at all.
    #[test]
    fn mon_03_what_is_critical_never_waits() {
        let night = QuietHours::between(time(21, 30, 0, 0), time(7, 0, 0, 0));
        let now = at("2026-11-10T23:00:00Z");
        let told = |quiet, severity| QuietHours::tell_at(quiet, severity, now, &TimeZone::UTC);
        assert_eq!(told(night, Severity::Critical), now);
        for severity in [Severity::High, Severity::Medium, Severity::Low] {
            assert_eq!(told(night, severity), at("2026-11-11T07:00:00Z"));
            assert_eq!(told(None, severity), now);
        }
    }
}
