//! Deadlines that are nearly always forgotten before they come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A deadline that starts when it is first asked and costs nothing until then.
///
/// Nearly every deadline is forgotten long before it comes. So its timer is left as it is when the
/// deadline is forgotten or put off, and is set anew only once it has gone off too early.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    due: Option<Instant>,
}

impl Clock {
    /// Ready when the deadline, or else the patience since the first asking, has passed.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        patience: Duration,
    ) -> Poll<()> {
        let begin = || deadline.unwrap_or_else(|| Instant::now() + patience);
        let due = *self.due.get_or_insert_with(begin);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        loop {
            std::task::ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }

    /// Forgets the deadline.
    pub(crate) fn stop(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_over(clock: &mut Clock, due: Instant) -> bool {
        let look = |cx: &mut Context<'_>| clock.poll(cx, Some(due), Duration::MAX).is_ready();
        let mut look = Some(look);
        std::future::poll_fn(move |cx| Poll::Ready(look.take().is_some_and(|mut look| look(cx))))
            .await
    }

    /// A timer that has gone off, or will later, has no say in a deadline that it was not set for.
    #[tokio::test]
    async fn a_clock_goes_by_its_last_deadline() {
        let past = Instant::now();
        let far = past + Duration::from_secs(3_600);
        let mut clock = Clock::default();
        assert!(!is_over(&mut clock, far).await);
        assert!(!is_over(&mut clock, past).await, "it is asked already");
        for _ in 0..2 {
            clock.stop();
            std::future::poll_fn(|cx| clock.poll(cx, Some(past), Duration::MAX)).await;
            assert!(is_over(&mut clock, far).await, "it is over already");
            clock.stop();
            assert!(!is_over(&mut clock, far).await);
        }
    }
}
