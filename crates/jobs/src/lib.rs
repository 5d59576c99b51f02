//! The clockwork: what happens by itself, at its times.
//!
//! Each job is a loop of one use case. A job that fails is logged and tried again at its next turn;
//! no job holds up another. Notices wait in the records' queue, so nothing is lost by a stop.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pharos_access::Actor;
use pharos_notify::Post;
use pharos_service::{App, Error, Prober, SelfWatch};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often alerts and cases are chased, and notices sent: "immediately" means within a minute.
const EVERY_CHASE: Duration = Duration::from_secs(10);
/// How often clauses are assessed and kept.
const EVERY_ASSESSMENT: Duration = Duration::from_secs(15 * 60);
/// How often overrides that ran out are taken out of the snapshot.
const EVERY_REBUILD: Duration = Duration::from_secs(10 * 60);
/// How often Pharos looks whether its own parts work.
const EVERY_SELF_WATCH: Duration = Duration::from_secs(30);
/// How often old activity is deleted.
const EVERY_RETENTION: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked whether a list is due, stale or taken away: each list has its own times,
/// and each is told of once a day at most.
const EVERY_LIST_TURN: Duration = Duration::from_secs(10 * 60);
/// How often near dates are looked for; each is told of once a day at most.
const EVERY_HOUR: Duration = Duration::from_secs(3600);
/// How often viewing is looked at: often enough that an hour of it cannot slip between two turns.
const EVERY_VIEWING: Duration = Duration::from_secs(10 * 60);
/// How often sessions, leases and sign-ins that ran out are let go.
const EVERY_SWEEP: Duration = Duration::from_secs(60);
/// How soon after a failed self-check the next one is tried.
const CHECK_RETRY: SignedDuration = SignedDuration::from_hours(1);

/// What the jobs need beside the use cases.
pub struct Jobs {
    /// The use cases.
    pub app: App,
    /// Sends notices; `None` where the pack names no mail server: they then wait in the queue.
    pub post: Option<Arc<dyn Post>>,
    /// Tries the faces for the self-check.
    pub prober: Arc<dyn Prober>,
}

/// Runs all jobs until told to stop; returns when the last one has ended.
pub async fn run(jobs: Jobs, stop: CancellationToken) {
    let Jobs { app, post, prober } = jobs;
    let mut set = JoinSet::new();
    spawn(&mut set, &stop, "chase alerts", EVERY_CHASE, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.chase_alerts().await.map(drop) }
        }
    });
    spawn(&mut set, &stop, "chase concerns", EVERY_CHASE, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.chase_cases().await.map(drop) }
        }
    });
    spawn(&mut set, &stop, "assess clauses", EVERY_ASSESSMENT, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.assess_and_keep().await }
        }
    });
    spawn(&mut set, &stop, "let overrides end", EVERY_REBUILD, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.rebuild().await }
        }
    });
    spawn(&mut set, &stop, "chase reviews of changes", EVERY_HOUR, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move {
                app.chase_reviews().await?;
                app.lapse_memberships().await.map(drop)
            }
        }
    });
    spawn(
        &mut set,
        &stop,
        "end what was made for a time",
        EVERY_CHASE,
        {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move {
                    app.rebuild_when_due().await?;
                    app.end_due_changes().await.map(drop)
                }
            }
        },
    );
    spawn(&mut set, &stop, "delete old activity", EVERY_RETENTION, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move {
                app.sweep_sessions().await?;
                app.retain_activity().await.map(drop)
            }
        }
    });
    spawn(
        &mut set,
        &stop,
        "tell of stale or missing lists",
        EVERY_LIST_TURN,
        {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move { app.alarm_stale_lists().await.map(drop) }
            }
        },
    );
    // A publisher that drips keeps this one waiting, and nothing else.
    spawn(&mut set, &stop, "refresh lists", EVERY_LIST_TURN, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.refresh_due_lists().await.map(drop) }
        }
    });
    spawn(&mut set, &stop, "remind of dates", EVERY_HOUR, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move {
                app.remind_of_provider().await?;
                app.remind_of_dates().await.map(drop)
            }
        }
    });
    spawn(&mut set, &stop, "look for odd viewing", EVERY_VIEWING, {
        let app = app.clone();
        move || {
            let app = app.clone();
            async move { app.odd_viewing().await.map(drop) }
        }
    });
    spawn(&mut set, &stop, "self-check", EVERY_REBUILD, {
        let app = app.clone();
        move || {
            let (app, prober) = (app.clone(), Arc::clone(&prober));
            async move { check_when_due(&app, &prober).await }
        }
    });
    let watch = Arc::new(Mutex::new(SelfWatch::default()));
    spawn(&mut set, &stop, "look after itself", EVERY_SELF_WATCH, {
        let (app, post) = (app.clone(), post.clone());
        move || {
            let (app, post, watch) = (app.clone(), post.clone(), Arc::clone(&watch));
            async move {
                watch.lock().await.look(&app, post.as_deref()).await;
                Ok(())
            }
        }
    });
    spawn(
        &mut set,
        &stop,
        "end what ran out on the network",
        EVERY_SWEEP,
        {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move {
                    app.sweep_network();
                    Ok(())
                }
            }
        },
    );
    spawn(
        &mut set,
        &stop,
        "look for gaps, retire visitors",
        EVERY_HOUR,
        {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move {
                    app.alarm_gaps().await?;
                    app.retire_visitors().await.map(drop)
                }
            }
        },
    );
    spawn(
        &mut set,
        &stop,
        "report the week, chase reviews, audits and tests by hand",
        EVERY_HOUR,
        {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move {
                    app.make_week_reports().await?;
                    app.chase_week_reviews().await?;
                    app.chase_attempt_audits().await?;
                    app.chase_hand_tests().await.map(drop)
                }
            }
        },
    );
    if let Some(post) = post {
        spawn(&mut set, &stop, "send notices", EVERY_CHASE, move || {
            let (app, post) = (app.clone(), Arc::clone(&post));
            async move { app.send_notices(post.as_ref()).await.map(drop) }
        });
    }
    while set.join_next().await.is_some() {}
}

/// Runs the self-check once a day, an hour later again when one failed (SRCH-05, AUD-02).
async fn check_when_due(app: &App, prober: &Arc<dyn Prober>) -> Result<(), Error> {
    let system = Actor::system("self-check");
    let last = app.checks(&system).await?.into_iter().next();
    let due = last.is_none_or(|run| is_due(run.run.to, run.run.failed > 0, app.now()));
    if due && app.filter().snapshot().is_ok() {
        return match app.run_check(&system, prober).await {
            // Others run it at this moment; it is not due after that.
            Ok(_) | Err(Error::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        };
    }
    Ok(())
}

/// Whether a self-check is due: a day after the last, an hour after one that failed.
fn is_due(last: Timestamp, failed: bool, now: Timestamp) -> bool {
    let wait = if failed {
        CHECK_RETRY
    } else {
        SignedDuration::from_hours(24)
    };
    now.duration_since(last) >= wait
}

fn spawn<F, Fut>(
    set: &mut JoinSet<()>,
    stop: &CancellationToken,
    what: &'static str,
    every: Duration,
    job: F,
) where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let stop = stop.clone();
    set.spawn(async move {
        let mut turn = tokio::time::interval(every);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = turn.tick() => {}
            }
            if let Err(error) = job().await {
                tracing::warn!(what, %error, "a job did not finish; it is tried again at its next turn");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SRCH-05: every day, and soon again when something failed.
    #[test]
    fn srch_05_the_check_is_due_daily_and_an_hour_after_a_failure() {
        let last: Timestamp = "2026-11-02T06:00:00Z".parse().unwrap();
        let after = |hours| last + SignedDuration::from_hours(hours);
        assert!(!is_due(last, false, after(23)));
        assert!(is_due(last, false, after(24)));
        assert!(is_due(last, true, after(1)));
        assert!(!is_due(last, true, last + SignedDuration::from_mins(59)));
    }
}
