//! Files in answers: told apart, blocked by their kind, held back until the anti-virus engine has
//! looked at them (FIL-19).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use pharos_policy::spec::Undecided;
use pharos_policy::{Antivirus, FileKind};
use pharos_scan::Decoder;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::antivirus::{Away, Finding, Scan};
use crate::body::Answer;
use crate::connection::Client;
use crate::counts::add;
use crate::failure::Failure;
use crate::file_kind::{Asked, Told};
use crate::judge::{Filed, Verdict};
use crate::magic;
use crate::tally::Tally;
use crate::text::{self, Held};

/// Memory of all files that are held back is counted in pieces of so many bytes.
pub(crate) const PIECE: usize = 1024;

/// Why an answer does not go on.
pub(crate) enum Refused {
    /// The policy or the anti-virus engine stops it.
    Stopped(Box<Verdict>),
    /// The origin broke off before the file was whole.
    Failed(Failure),
}

/// A download that is looked at.
pub(crate) struct Download<'a> {
    pub(crate) client: &'a Client,
    pub(crate) verdict: &'a Arc<Verdict>,
    pub(crate) tally: &'a Arc<Tally>,
    pub(crate) asked: Asked,
}

/// What the request asks for in parts cannot be scanned: where its address names a file that is
/// looked at, the whole is asked for.
pub(crate) fn ask_for_all(verdict: &Verdict, asked: &Asked, headers: &mut HeaderMap) {
    if asked
        .by_path()
        .is_some_and(|kind| verdict.looks_at_kind(kind))
    {
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
}

impl Download<'_> {
    /// Looks at an answer. It goes on, or why it does not comes back.
    ///
    /// # Errors
    /// Why it stops here; the answer is gone.
    pub(crate) async fn judge(
        &self,
        response: Response<Answer>,
    ) -> Result<Response<Answer>, Refused> {
        let (mut parts, mut body) = response.into_parts();
        let told = Told::of(&self.asked, &parts.headers);
        if let Some(kind) = told.kind {
            self.check_kind(kind)?;
        }
        let Answer::Flow(_) = &body else {
            return Ok(Response::from_parts(parts, body));
        };
        if body.is_end_stream() || parts.status.is_informational() || is_events(&parts.headers) {
            return Ok(Response::from_parts(parts, body));
        }
        let mut file = Beginning::new(&parts.headers);
        file.read(&told, &mut body).await;
        let kind = told.with_beginning(&file.first);
        if let Some(kind) = kind {
            self.check_kind(kind)?;
        }
        let antivirus = self.verdict.policy().antivirus();
        let scanned = kind.is_some_and(|kind| antivirus.kinds.contains(kind));
        let mut memory = None;
        if let Some(engine) = antivirus.engine.as_deref().filter(|_| scanned) {
            let limit = antivirus.bytes_max;
            let outcome = if parts.status == StatusCode::PARTIAL_CONTENT {
                Outcome::Part
            } else if body.size_hint().lower().saturating_add(file.bytes) > limit {
                Outcome::TooLarge
            } else {
                // Boxed: what is rare takes no room in every request's future.
                Box::pin(self.scan(engine, limit, &mut file, &mut body, &mut memory)).await
            };
            self.weigh(outcome, antivirus)?;
            // Whoever asks for parts next time could not be scanned.
            parts.headers.remove(header::ACCEPT_RANGES);
        }
        if let Answer::Flow(flow) = &mut body {
            file.held.append(&mut flow.held);
            flow.held = file.held;
            flow.memory = memory;
        }
        Ok(Response::from_parts(parts, body))
    }

    fn check_kind(&self, kind: FileKind) -> Result<(), Refused> {
        let Some(verdict) = self.verdict.with_file(kind) else {
            return Ok(());
        };
        add(&self.client.shared().counts.downloads_blocked);
        Err(Refused::Stopped(Box::new(verdict)))
    }

    /// What becomes of a file by what came of its scan.
    fn weigh(&self, outcome: Outcome, antivirus: &Antivirus) -> Result<(), Refused> {
        let counts = &self.client.shared().counts;
        let megabytes = antivirus.bytes_max >> 20;
        let (unscanned, setting) = match outcome {
            Outcome::Broken => return Err(Refused::Failed(Failure::BrokenAnswer)),
            Outcome::Found(Finding::Clean) => {
                add(&counts.downloads_scanned);
                self.tally.adds("scanned for viruses");
                return Ok(());
            }
            Outcome::Found(Finding::Found(name)) => {
                add(&counts.downloads_scanned);
                add(&counts.viruses);
                return self.stop(Filed::Virus(name));
            }
            Outcome::TooLarge | Outcome::Found(Finding::TooLarge) => {
                (format!("larger than {megabytes} MB"), antivirus.larger)
            }
            Outcome::Part => ("only a part of a file".to_owned(), Undecided::Block),
            Outcome::Away(why) => (why, antivirus.away),
        };
        add(&counts.downloads_unscanned);
        match setting {
            Undecided::Block => self.stop(Filed::Unscanned(unscanned.into())),
            Undecided::Allow => {
                self.tally.adds(&format!("not scanned: {unscanned}"));
                Ok(())
            }
        }
    }

    fn stop(&self, filed: Filed) -> Result<(), Refused> {
        let verdict = self.verdict.stopped_as(filed);
        Err(Refused::Stopped(Box::new(verdict)))
    }

    /// Holds the file back while it is scanned.
    async fn scan(
        &self,
        engine: &str,
        limit: u64,
        file: &mut Beginning,
        body: &mut Answer,
        memory: &mut Option<OwnedSemaphorePermit>,
    ) -> Outcome {
        let shared = self.client.shared();
        let Some(decoder) = file.decoder.take() else {
            return Outcome::Away("packed in a way that cannot be read".to_owned());
        };
        let until = Instant::now() + shared.config.limits.scan;
        let mut scanning = match Scan::open(engine).await {
            Ok(scan) => Scanning { scan, decoder },
            Err(away) => return self.away(&away),
        };
        if file.held.iter().any(Result::is_err) {
            return Outcome::Broken;
        }
        let mut pushed = scanning.push(&file.unread()).await;
        let mut ended = file.ended;
        while !ended && matches!(pushed, Ok(true)) {
            let frame = match timeout_at(until, body.frame()).await {
                Err(_) => return Outcome::Away("it came too slowly".to_owned()),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Outcome::Broken,
                Ok(Some(Ok(frame))) => frame,
            };
            if let Some(data) = frame.data_ref() {
                file.bytes += data.len() as u64;
                let pieces = u32::try_from(data.len().div_ceil(PIECE)).unwrap_or(u32::MAX);
                let more = Arc::clone(&shared.scan_memory).try_acquire_many_owned(pieces);
                match (more, &mut *memory) {
                    (Err(_), _) => {
                        return Outcome::Away("too many files are being scanned".to_owned());
                    }
                    (Ok(more), Some(memory)) => memory.merge(more),
                    (Ok(more), none) => *none = Some(more),
                }
                pushed = scanning.push(data).await;
            }
            file.held.push_back(Ok(frame));
            ended = body.is_end_stream();
            if file.bytes > limit {
                return Outcome::TooLarge;
            }
        }
        if matches!(pushed, Ok(false)) {
            return Outcome::Away("packed in a way that cannot be read".to_owned());
        }
        match (scanning.scan.finish().await, pushed) {
            (Ok(Finding::Clean), Err(away)) | (Err(away), _) => self.away(&away),
            (Ok(finding), _) => {
                shared.scanner.is_well();
                Outcome::Found(finding)
            }
        }
    }

    fn away(&self, away: &Away) -> Outcome {
        self.client.shared().scanner.is_away(away);
        Outcome::Away("the anti-virus engine does not answer".to_owned())
    }
}

/// What came of a scan.
enum Outcome {
    Found(Finding),
    TooLarge,
    /// A part of a file says nothing of the whole.
    Part,
    /// The origin broke off.
    Broken,
    /// It could not be scanned.
    Away(String),
}

struct Scanning {
    scan: Scan,
    decoder: Decoder,
}

impl Scanning {
    /// Hands on what was unpacked; `Ok(false)` where it cannot be unpacked.
    async fn push(&mut self, data: &[u8]) -> Result<bool, Away> {
        if self.decoder.is_plain() {
            self.scan.push(data).await?;
            return Ok(true);
        }
        // Small pieces in, so that what comes out of one has a bound as well.
        for data in data.chunks(PIECE) {
            let mut plain = Vec::new();
            let read = self
                .decoder
                .push(data, &mut |piece| plain.extend_from_slice(piece));
            self.scan.push(&plain).await?;
            if read.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The beginning of a body, held back.
struct Beginning {
    held: Held,
    /// Its bytes as they travel.
    bytes: u64,
    /// Its first bytes, unpacked.
    first: Vec<u8>,
    /// Unpacks from the start, for the scan; `None` where the coding is not known.
    decoder: Option<Decoder>,
    looking: Option<Decoder>,
    ended: bool,
}

impl Beginning {
    fn new(headers: &HeaderMap) -> Self {
        let coding = text::coding(headers);
        Self {
            held: VecDeque::new(),
            bytes: 0,
            first: Vec::new(),
            decoder: Decoder::new(&coding).ok(),
            looking: Decoder::new(&coding).ok(),
            ended: false,
        }
    }

    /// Holds back as much as it takes to tell what it is.
    async fn read(&mut self, told: &Told, body: &mut Answer) {
        let (window, patience) = told.look();
        let until = Instant::now() + patience;
        while self.first.len() < window && !self.ended {
            let Ok(frame) = timeout_at(until, body.frame()).await else {
                // Too slow to be held; what is there decides.
                return;
            };
            match frame {
                Some(Ok(frame)) => {
                    self.look(&frame, window);
                    self.held.push_back(Ok(frame));
                    self.ended = body.is_end_stream();
                }
                Some(Err(error)) => {
                    self.held.push_back(Err(error));
                    self.ended = true;
                }
                None => self.ended = true,
            }
        }
    }

    fn look(&mut self, frame: &Frame<Bytes>, window: usize) {
        let Some(data) = frame.data_ref() else {
            return;
        };
        self.bytes += data.len() as u64;
        let Some(looking) = &mut self.looking else {
            // What cannot be unpacked is at least not waited for.
            self.first.resize(window, 0);
            return;
        };
        let first = &mut self.first;
        let read = looking.push(data, &mut |piece| {
            let room = magic::WINDOW.saturating_sub(first.len());
            first.extend_from_slice(piece.get(..room).unwrap_or(piece));
        });
        if read.is_err() {
            self.looking = None;
        }
    }

    /// What is held, as it travels: not more than the window and one frame.
    fn unread(&self) -> Vec<u8> {
        let frames = self.held.iter().filter_map(|frame| frame.as_ref().ok());
        let parts: Vec<&[u8]> = frames
            .filter_map(|frame| frame.data_ref().map(|d| &**d))
            .collect();
        parts.concat()
    }
}

/// An answer that is being written is shown as it is written.
fn is_events(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE);
    let events = media.is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"));
    events && !headers.contains_key(header::CONTENT_DISPOSITION)
}

/// Whether anything of the engine is amiss, as the last scan found it.
#[derive(Debug, Default)]
pub(crate) struct Scanner(std::sync::atomic::AtomicBool);

impl Scanner {
    fn is_well(&self) {
        self.0.store(false, std::sync::atomic::Ordering::Relaxed);
    }

    fn is_away(&self, why: &Away) {
        if !self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
            tracing::error!(%why, "downloads cannot be scanned; fil.antivirus_away says what becomes of them");
        }
    }

    /// Whether the engine did not answer when it was last asked.
    pub(crate) fn away(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}
