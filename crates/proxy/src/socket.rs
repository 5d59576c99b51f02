//! WebSockets on their way through, read and judged: each text message of a client is held until it
//! is judged, an answer is judged as it is put together from its messages, and the connection is
//! closed where either is over. Binary messages pass unread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use jiff::Timestamp;
use pharos_policy::Action;
use pharos_scan::tools::{SocketScan, excerpt};
use pharos_scan::{AgeBand, Over};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::ai::Use;
use crate::counts::add;
use crate::frames::{self, Broken, Frames, Part};
use crate::judge::Verdict;
use crate::server::Shared;
use crate::tally::Tally;
use crate::text::Reads;

/// The most of one message that is held back; what follows is judged as it passes.
const HELD_MOST: usize = 256 * 1024;
/// Bytes read at once.
const READ_AT_ONCE: usize = 16 * 1024;
/// How long a peer has to take in why it was closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// "Going away" and "against the rules" (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;
const AGAINST_POLICY: u16 = 1008;

const EXTENSIONS: HeaderName = http::header::SEC_WEBSOCKET_EXTENSIONS;

/// Takes away what would make messages unreadable, from what a client offers and a server accepts.
pub(crate) fn keep_readable(headers: &mut HeaderMap) {
    headers.remove(EXTENSIONS);
}

/// What reads a WebSocket.
pub(crate) struct Watcher {
    scan: SocketScan,
    /// For whom text is judged; `None` where only prompts are kept.
    band: Option<AgeBand>,
    keeps: bool,
    verdict: Arc<Verdict>,
    shared: Arc<Shared>,
}

impl Watcher {
    /// The reader of a WebSocket; `None` where nothing is read.
    pub(crate) fn of(reads: &Reads<'_>) -> Option<Self> {
        let shared = reads.client.shared();
        let (band, dictionaries) = reads.judged().unzip();
        let keeps = reads.tool.is_some_and(Use::keeps);
        if band.is_none() && !keeps {
            return None;
        }
        add(&shared.counts.texts_read);
        Some(Self {
            scan: SocketScan::new(reads.tool.and_then(Use::exchange), dictionaries),
            band,
            keeps,
            verdict: Arc::clone(reads.verdict),
            shared: Arc::clone(shared),
        })
    }

    /// The verdict on what is over, where it blocks. A warning cannot be shown here.
    fn judge(&self, over: Vec<Over>) -> Option<Box<Verdict>> {
        let verdict = self.verdict.with_text(over)?;
        (verdict.decision.action == Action::Block).then(|| Box::new(verdict))
    }

    /// The client's message has ended.
    fn sent_end(&mut self, tally: &Tally) -> Result<(), End> {
        let band = self.band.unwrap_or(AgeBand::Adult);
        let (over, said) = self.scan.sent_end(band);
        let verdict = self.judge(over);
        if let Some(said) = said.filter(|_| self.keeps) {
            let part = excerpt(&said, self.shared.config.watch.as_deref());
            if verdict.is_some() {
                tally.says(&part);
            } else {
                // Each prompt is an act of its own, however long the connection lasts.
                let mut event = self.verdict.event();
                event.at = Timestamp::now();
                event.search = Some(part.into());
                self.shared.sink.record(event);
            }
        }
        verdict.map_or(Ok(()), |verdict| Err(End::Over(verdict)))
    }

    /// What was answered so far.
    fn got_so_far(&mut self) -> Result<(), End> {
        let over = self.band.map(|band| self.scan.got_over(band));
        let verdict = self.judge(over.unwrap_or_default());
        verdict.map_or(Ok(()), |verdict| Err(End::Over(verdict)))
    }

    fn sent_so_far(&mut self) -> Result<(), End> {
        let over = self.band.map(|band| self.scan.sent_over(band));
        let verdict = self.judge(over.unwrap_or_default());
        verdict.map_or(Ok(()), |verdict| Err(End::Over(verdict)))
    }

    /// Why the connection is closed, for the reader of the page.
    fn farewell(&self, verdict: &Verdict) -> String {
        let words = self.shared.pages.words();
        words.in_one_line(verdict, verdict.band(words))
    }
}

/// Why a connection ends before both sides have ended it.
enum End {
    /// A side has gone.
    Gone,
    /// A side does not keep to the protocol.
    Broken,
    /// What was said is over.
    Over(Box<Verdict>),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        End::Gone
    }
}

impl From<Broken> for End {
    fn from(_: Broken) -> Self {
        End::Broken
    }
}

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// One direction.
struct Lane {
    way: Way,
    frames: Frames,
    /// The open text message as far as it is held back.
    held: Vec<u8>,
    /// It has grown too large to be held: it passes as it comes.
    overflows: bool,
    /// A write has begun and not ended.
    is_writing: AtomicBool,
}

impl Lane {
    fn new(way: Way) -> Self {
        Self {
            way,
            frames: Frames::new(way == Way::Up),
            held: Vec::new(),
            overflows: false,
            is_writing: AtomicBool::new(false),
        }
    }

    /// Whether the peer at its end is between two frames, and can be sent one.
    fn is_between_frames(&self) -> bool {
        let inside_text = self.frames.is_inside_text() && self.overflows;
        !self.is_writing.load(Ordering::Relaxed) && !self.frames.is_inside_binary() && !inside_text
    }

    /// Reads what has come; what may pass is put into `out`.
    fn take(
        &mut self,
        bytes: &[u8],
        watcher: &mut Watcher,
        tally: &Tally,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        let (way, held, overflows) = (self.way, &mut self.held, &mut self.overflows);
        let mut ended = Ok(());
        let mut put = |part: Part<'_>| {
            if ended.is_err() {
                return;
            }
            match part {
                Part::Pass(bytes) => out.extend_from_slice(bytes),
                Part::Held(bytes) => held.extend_from_slice(bytes),
                Part::Text(text) if way == Way::Up => watcher.scan.sent(text),
                Part::Text(text) => watcher.scan.got(text),
                Part::End => {
                    ended = if way == Way::Up {
                        watcher.sent_end(tally)
                    } else {
                        watcher.scan.got_end();
                        watcher.got_so_far()
                    };
                    if ended.is_ok() {
                        out.append(held);
                        *overflows = false;
                    }
                }
            }
        };
        self.frames.feed(bytes, &mut put)?;
        ended?;
        if self.overflows || self.held.len() > HELD_MOST {
            match way {
                Way::Up => watcher.sent_so_far()?,
                Way::Down => watcher.got_so_far()?,
            }
            self.overflows = true;
            out.append(&mut self.held);
        }
        Ok(())
    }
}

/// What both directions share.
struct Common<'a> {
    watcher: Mutex<Watcher>,
    tally: &'a Tally,
}

impl Common<'_> {
    fn watcher(&self) -> MutexGuard<'_, Watcher> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes messages both ways until both sides have ended, nothing moves any more, something is over,
/// or the proxy stops.
pub(crate) async fn pass_messages<A, B>(
    client: A,
    origin: B,
    watcher: Watcher,
    tally: &Tally,
    stall: Duration,
    stop: &CancellationToken,
) where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client_in, mut client_out) = tokio::io::split(client);
    let (mut origin_in, mut origin_out) = tokio::io::split(origin);
    let (mut up, mut down) = (Lane::new(Way::Up), Lane::new(Way::Down));
    let common = Common {
        watcher: Mutex::new(watcher),
        tally,
    };
    let ended = {
        let both = async {
            tokio::try_join!(
                carry(&mut client_in, &mut origin_out, &mut up, &common),
                carry(&mut origin_in, &mut client_out, &mut down, &common)
            )
        };
        let mut both = std::pin::pin!(both);
        let mut moved = tally.moved();
        loop {
            tokio::select! {
                ended = timeout(stall, both.as_mut()) => match ended {
                    Ok(ended) => break ended.err(),
                    Err(_) if tally.moved() > moved => moved = tally.moved(),
                    Err(_) => break None,
                },
                () = stop.cancelled() => break None,
            }
        }
    };
    let Some(End::Over(verdict)) = ended else {
        if matches!(ended, Some(End::Broken)) {
            tally.end_as(Action::Block.name(), "websocket-broken");
        }
        return;
    };
    let reason = common.watcher().farewell(&verdict);
    add(&common.watcher().shared.counts.texts_stopped);
    tally.become_event(verdict.event());
    let to_client = down
        .is_between_frames()
        .then(|| frames::close(AGAINST_POLICY, &reason, None));
    let to_origin = up.is_between_frames().then(|| {
        let mut mask = [0; 4];
        // A mask hides nothing from the server it is for; any will do.
        let _ = getrandom::fill(&mut mask);
        frames::close(GOING_AWAY, "", Some(mask))
    });
    tokio::join!(
        say_goodbye(&mut client_out, &mut client_in, to_client),
        say_goodbye(&mut origin_out, &mut origin_in, to_origin)
    );
}

async fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    from: &mut R,
    to: &mut W,
    lane: &mut Lane,
    common: &Common<'_>,
) -> Result<(), End> {
    let mut buffer = vec![0; READ_AT_ONCE];
    let mut out = Vec::new();
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            lane.is_writing.store(true, Ordering::Relaxed);
            to.shutdown().await?;
            return Ok(());
        }
        match lane.way {
            Way::Up => common.tally.up(read),
            Way::Down => common.tally.down(read),
        }
        let taken = lane.take(
            &buffer[..read],
            &mut common.watcher(),
            common.tally,
            &mut out,
        );
        // What may pass passes, even where what came behind it is over.
        if !out.is_empty() {
            lane.is_writing.store(true, Ordering::Relaxed);
            to.write_all(&out).await?;
            to.flush().await?;
            lane.is_writing.store(false, Ordering::Relaxed);
            out.clear();
        }
        taken?;
    }
}

/// Sends a close frame, where one can be sent, and hears the peer out for a little while: a
/// connection that is dropped with bytes unread takes what was sent with it.
async fn say_goodbye<S>(to: &mut WriteHalf<S>, from: &mut ReadHalf<S>, close: Option<Vec<u8>>)
where
    S: AsyncRead + AsyncWrite,
{
    let goodbye = async {
        if let Some(close) = close {
            to.write_all(&close).await?;
        }
        to.shutdown().await?;
        let mut rest = vec![0; READ_AT_ONCE];
        while from.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whoever does not listen is closed all the same.
    let _ = timeout(FAREWELL, goodbye).await;
}
