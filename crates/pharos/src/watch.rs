//! Between the faces and those who want to know: every event goes to the store, and those that the
//! rules could look at to the watch as well. What the self-check's own users do is counted with its run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pharos_activity::{Event, Sink};
use pharos_school::Face;
use pharos_service::App;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Events waiting for the watch rules; beyond that they are counted and passed over, never the
/// filter held up. They are kept by the activity store all the same.
const WATCHED_MAX: usize = 16_384;
/// How often the watch looks at what came in. It is not woken for each event: a wake-up costs the
/// filter more than the answer it gives.
const EVERY: Duration = Duration::from_millis(50);

/// The sink for the faces; its watch runs until told to stop.
pub(crate) fn watched(
    app: &App,
    store: Arc<dyn Sink>,
    stop: &CancellationToken,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> Arc<dyn Sink> {
    let (watch, mut events) = mpsc::channel(WATCHED_MAX);
    let (watching, stop) = (app.clone(), stop.clone());
    tasks.push(tokio::spawn(async move {
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            while let Ok(event) = events.try_recv() {
                if let Err(error) = watching.notice(&event).await {
                    tracing::error!(%error, "an alert could not be saved");
                }
            }
            if last {
                break;
            }
        }
    }));
    Arc::new(Watched {
        app: app.clone(),
        store,
        watch,
        passed_over: AtomicU64::new(0),
    })
}

struct Watched {
    app: App,
    store: Arc<dyn Sink>,
    watch: mpsc::Sender<Event>,
    passed_over: AtomicU64,
}

impl Sink for Watched {
    fn record(&self, event: Event) {
        if self.app.folds_check_event(&event) {
            return;
        }
        // What a firewall tells of did not pass here.
        if event.face != Face::Firewall {
            self.app.passed(event.address, event.at);
        }
        if self.app.is_worth_watching(&event) && self.watch.try_send(event.clone()).is_err() {
            let so_far = self.passed_over.fetch_add(1, Ordering::Relaxed) + 1;
            if so_far.is_power_of_two() {
                tracing::warn!(
                    so_far,
                    "the watch rules cannot keep up; events are kept but were not looked at"
                );
            }
        }
        self.store.record(event);
    }
}
