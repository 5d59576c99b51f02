//! Bodies on their way through: counted, never stored, never waited for without end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::clock::Clock;
use crate::gate::Busy;
use crate::pool::Lease;
use crate::tally::Tally;
use crate::text::{self, Begun, Held, Reading};

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The other side broke off or broke the rules.
    #[error("the body broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// What it says is over the threshold for whom it was meant.
    #[error("the body was stopped by its text")]
    Stopped,
    /// Nothing moved for the stall time.
    #[error("the body stood still for too long")]
    Stalled,
}

/// What a client uploads, on its way to the origin.
pub(crate) struct Upload {
    inner: Option<Incoming>,
    /// Its beginning, where it was held back to be read, and the reading of the rest.
    begun: Begun,
    tally: Arc<Tally>,
    broken: Arc<AtomicBool>,
}

impl Upload {
    /// `broken` is set when the client breaks off or sends nonsense.
    pub(crate) fn new(
        inner: Incoming,
        begun: Begun,
        tally: Arc<Tally>,
        broken: Arc<AtomicBool>,
    ) -> Self {
        Self {
            inner: Some(inner),
            begun,
            tally,
            broken,
        }
    }

    /// No body at all.
    pub(crate) fn empty(tally: Arc<Tally>) -> Self {
        Self {
            inner: None,
            begun: Begun::default(),
            tally,
            broken: Arc::default(),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let upload = &mut *self;
        let frame = match (upload.begun.held.pop_front(), &mut upload.inner) {
            (Some(held), _) => Some(held),
            (None, None) => return Poll::Ready(None),
            (None, Some(inner)) => {
                let frame = std::task::ready!(Pin::new(&mut *inner).poll_frame(cx));
                let passing = frame.as_ref().and_then(|frame| frame.as_ref().ok());
                let ended = frame.is_none() || inner.is_end_stream();
                if let Some(reading) = &mut upload.begun.reading
                    && reading.cuts(passing, ended, &upload.tally)
                {
                    upload.inner = None;
                    return Poll::Ready(Some(Err(BodyError::Stopped)));
                }
                frame.map(|frame| frame.map_err(BodyError::from))
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    upload.tally.up(data.len());
                }
            }
            Some(Err(_)) => upload.broken.store(true, Ordering::Relaxed),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.begun.held.is_empty() && self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.inner.as_ref();
        let rest = rest.map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        text::with_held(rest, &self.begun.held)
    }
}

/// An answer on its way to the client: a page of ours, or an origin's body.
pub(crate) enum Answer {
    /// A page of ours.
    Page {
        page: Full<Bytes>,
        busy: Option<Busy>,
        tally: Option<Arc<Tally>>,
    },
    /// An origin's body.
    Flow(Box<Flow>),
}

/// An origin's body with everything that must live as long as it does.
pub(crate) struct Flow {
    pub(crate) inner: Incoming,
    pub(crate) tally: Arc<Tally>,
    pub(crate) lease: Option<Lease>,
    pub(crate) patience: Duration,
    pub(crate) clock: Clock,
    pub(crate) busy: Option<Busy>,
    /// Its beginning, where it was held back to be read.
    pub(crate) held: Held,
    /// The reading of what follows.
    pub(crate) reading: Option<Reading>,
    /// It was cut and ended in words: nothing follows.
    pub(crate) is_over: bool,
    /// What came before a break that was held back has been passed on.
    pub(crate) breaks: bool,
    /// The memory that it takes while it is held back.
    pub(crate) memory: Option<OwnedSemaphorePermit>,
}

impl Answer {
    pub(crate) fn page(page: impl Into<Bytes>) -> Self {
        Answer::Page {
            page: Full::new(page.into()),
            busy: None,
            tally: None,
        }
    }

    pub(crate) fn hold_busy(&mut self, guard: Busy) {
        match self {
            Answer::Page { busy, .. } => *busy = Some(guard),
            Answer::Flow(flow) => flow.busy = Some(guard),
        }
    }

    pub(crate) fn hold_tally(&mut self, held: Arc<Tally>) {
        if let Answer::Page { page, tally, .. } = self {
            held.down(usize::try_from(page.size_hint().lower()).unwrap_or(0));
            *tally = Some(held);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Answer::Page { page, .. } => Pin::new(page)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Answer::Flow(flow) => flow.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Page { page, .. } => page.is_end_stream(),
            Answer::Flow(flow) => {
                flow.is_over || (flow.held.is_empty() && flow.inner.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Page { page, .. } => page.size_hint(),
            Answer::Flow(flow) => text::with_held(flow.inner.size_hint(), &flow.held),
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(busy) = &self.busy {
            busy.desk().put_back(std::mem::take(&mut self.clock));
        }
    }
}

impl Flow {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if matches!(self.held.front(), Some(Err(_))) && !self.breaks {
            // What came before the break goes out first.
            self.breaks = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(held) = self.held.pop_front() {
            return Poll::Ready(Some(held));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            std::task::ready!(self.clock.poll(cx, None, self.patience));
            self.lease = None;
            return Poll::Ready(Some(Err(BodyError::Stalled)));
        };
        self.clock.stop();
        if let Some(busy) = &self.busy {
            busy.moved();
        }
        let passing = frame.as_ref().and_then(|frame| frame.as_ref().ok());
        let ended = frame.is_none() || self.inner.is_end_stream();
        if let Some(reading) = &mut self.reading
            && reading.cuts(passing, ended, &self.tally)
        {
            self.lease = None;
            let Some(ending) = reading.ending() else {
                return Poll::Ready(Some(Err(BodyError::Stopped)));
            };
            self.is_over = true;
            self.tally.down(ending.len());
            return Poll::Ready(Some(Ok(Frame::data(ending))));
        }
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.tally.down(data.len());
                }
                if self.inner.is_end_stream() {
                    self.give_back();
                }
            }
            Some(Err(_)) => self.lease = None,
            None => self.give_back(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }

    /// Lets the connection go back to where it came from.
    pub(crate) fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}
