//! Text on its way through, read and judged: pages and answers towards the client, forms and
//! messages towards the origin.
//!
//! The first part of a body is held back until it has been judged: all of it where it is small, else
//! [`HOLD_BYTES`], and never for longer than [`HOLD_TIME`]. What follows is judged as it passes,
//! and the body is cut where it turns out to be over.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use pharos_policy::Action;
use pharos_scan::tools::{Tool, ToolScan, excerpt};
use pharos_scan::{AgeBand, BodyScan, CODINGS, DecodeError, Dictionaries, Kind, Media};
use tokio::time::{Instant, timeout_at};

use crate::ai::Use;
use crate::body::{Answer, BodyError};
use crate::connection::Client;
use crate::counts::add;
use crate::judge::Verdict;
use crate::known_texts::Manner;
use crate::server::Shared;
use crate::tally::Tally;

/// The most of a body that is held back, in bytes as they travel.
const HOLD_BYTES: usize = 64 * 1024;
/// The longest that a body is held back; whoever writes slower is judged as it passes.
const HOLD_TIME: Duration = Duration::from_secs(2);

/// Frames held back, with the break where the body broke off.
pub(crate) type Held = VecDeque<Result<Frame<Bytes>, BodyError>>;

/// What reading a request and its answer takes.
pub(crate) struct Reads<'a> {
    pub(crate) client: &'a Client,
    pub(crate) verdict: &'a Arc<Verdict>,
    /// The tool of generative AI that the request is for.
    pub(crate) tool: Option<&'a Use>,
    /// Whether the reader can be shown a warning.
    pub(crate) warns: bool,
}

/// What reads a body.
enum Scan {
    Page(Box<BodyScan>),
    Tool(Box<ToolScan>),
}

/// A body that is being read.
pub(crate) struct Reading {
    scan: Scan,
    /// For whom it is judged; `None` where it is only looked at for its prompt.
    band: Option<AgeBand>,
    verdict: Arc<Verdict>,
    /// Whether a warning can be shown.
    warns: bool,
    /// Where the prompt is noted, where it is kept.
    said: Option<Arc<Tally>>,
    stopped: Stopped,
    /// Whose words end an answer that is cut, where it is one of events that can be ended so.
    ending: Option<Arc<Tool>>,
    /// How it is read, where a text that was read before is passed unread.
    manner: Option<Box<Manner>>,
    /// Whether nothing was found when it was last judged.
    is_clean: bool,
    shared: Arc<Shared>,
}

/// The verdict that stopped a body after its beginning had gone on.
pub(crate) type Stopped = Arc<Mutex<Option<Verdict>>>;

/// What text is read against: with the school's own dictionaries, where it has some.
pub(crate) fn dictionaries<'a>(
    client: &'a Client,
    verdict: &'a Verdict,
) -> Option<&'a Arc<Dictionaries>> {
    let shipped = client.shared().config.dictionaries.as_ref();
    verdict.dictionaries().or(shipped)
}

impl Reads<'_> {
    /// The reading of what is sent with these headers; `None` where nothing is read: the policy does
    /// not ask for it, it is no text, or its coding is not known. The prompt is noted in `tally`.
    fn of_upload(&self, headers: &HeaderMap, tally: &Arc<Tally>) -> Option<Reading> {
        let (band, dictionaries) = self.judged().unzip();
        let keeps = self.tool.is_some_and(Use::keeps);
        let coding = coding(headers);
        let scan = match self.tool.and_then(Use::exchange) {
            Some(exchange) if keeps || band.is_some() => {
                ToolScan::prompt(exchange, dictionaries, media(headers), &coding)
                    .map(|scan| Scan::Tool(Box::new(scan)))
            }
            _ => BodyScan::new(dictionaries?, media(headers)?, &coding)
                .map(|scan| Scan::Page(Box::new(scan))),
        };
        // Where nothing can be shown in between, what is sent is stopped or goes.
        let said = keeps.then(|| Arc::clone(tally));
        self.reading(scan, band, said, false)
    }

    /// The same for the answer, of at least so many bytes.
    fn of_answer(&self, headers: &HeaderMap, media: Option<Media>, least: u64) -> Option<Reading> {
        let exchange = self.tool.and_then(Use::exchange);
        if exchange.is_none() && media.is_none() {
            // Most of what passes is no text: that is seen first.
            return None;
        }
        // What is shown as it is written is read as it comes, and what cannot be held as a whole.
        let may_be_held = least <= HOLD_BYTES as u64;
        let may_be_known = exchange.is_none() && may_be_held && !is_events(media.as_ref());
        let (band, dictionaries) = self.judged()?;
        let coding = coding(headers);
        let scan = match exchange {
            Some(exchange) => ToolScan::answer(exchange, dictionaries, media, &coding)
                .map(|scan| Scan::Tool(Box::new(scan))),
            None => {
                BodyScan::new(dictionaries, media?, &coding).map(|scan| Scan::Page(Box::new(scan)))
            }
        };
        let manner = may_be_known.then(|| {
            let media = headers.get(header::CONTENT_TYPE);
            Box::new(Manner {
                media: media.map_or(&[][..], HeaderValue::as_bytes).into(),
                coding: coding.into(),
                band,
                dictionaries: Arc::clone(dictionaries),
            })
        });
        let mut reading = self.reading(scan, Some(band), None, self.warns)?;
        reading.manner = manner;
        Some(reading)
    }

    /// For whom text is judged, and against what.
    pub(crate) fn judged(&self) -> Option<(AgeBand, &Arc<Dictionaries>)> {
        let dictionaries = dictionaries(self.client, self.verdict)?;
        Some((self.verdict.reads_text()?, dictionaries))
    }

    fn reading(
        &self,
        scan: Result<Scan, DecodeError>,
        band: Option<AgeBand>,
        said: Option<Arc<Tally>>,
        warns: bool,
    ) -> Option<Reading> {
        let shared = self.client.shared();
        let Ok(scan) = scan else {
            add(&shared.counts.texts_unread);
            return None;
        };
        Some(Reading {
            scan,
            band,
            verdict: Arc::clone(self.verdict),
            warns,
            said,
            stopped: Stopped::default(),
            ending: None,
            manner: None,
            is_clean: false,
            shared: Arc::clone(shared),
        })
    }
}

impl Reading {
    /// Where the verdict is left when a body is stopped on its way.
    pub(crate) fn stopped(&self) -> Stopped {
        Arc::clone(&self.stopped)
    }

    fn read(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref() else {
            return;
        };
        match &mut self.scan {
            Scan::Page(scan) => scan.push(data),
            Scan::Tool(scan) => scan.push(data),
        }
    }

    /// Judges what was read so far; `Some` where that blocks or warns.
    fn judge(&mut self, ended: bool) -> Option<Verdict> {
        let over = match (&mut self.scan, self.band) {
            (Scan::Page(scan), band) => {
                if ended {
                    scan.page().finish();
                }
                band.map(|band| scan.page().over(band))
            }
            (Scan::Tool(scan), band) => {
                if ended {
                    scan.finish();
                }
                band.map(|band| scan.over(band))
            }
        };
        let over = over.unwrap_or_default();
        self.is_clean = over.is_empty();
        let verdict = self.verdict.with_text(over);
        if ended || verdict.is_some() {
            self.note_prompt();
        }
        verdict
    }

    /// The verdict on the beginning of a body, or on all of it: one that blocks, or a warning that
    /// can be shown.
    fn judge_beginning(&mut self, ended: bool) -> Option<Verdict> {
        let verdict = self.judge(ended)?;
        if verdict.decision.action == Action::Block {
            add(&self.shared.counts.texts_stopped);
            return Some(verdict);
        }
        add(&self.shared.counts.texts_warned);
        self.warns.then_some(verdict)
    }

    /// Reads a frame that is about to pass; whether the body must be cut before it. Its event is
    /// then that of the block. What is warned about is not cut.
    pub(crate) fn cuts(
        &mut self,
        frame: Option<&Frame<Bytes>>,
        ended: bool,
        tally: &Tally,
    ) -> bool {
        if let Some(frame) = frame {
            self.read(frame);
        }
        let verdict = self.judge(ended);
        let Some(verdict) = verdict.filter(|v| v.decision.action == Action::Block) else {
            return false;
        };
        add(&self.shared.counts.texts_stopped);
        tally.become_event(verdict.event());
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        true
    }

    /// What is said to the reader in the place of what was cut.
    pub(crate) fn ending(&self) -> Option<Bytes> {
        let tool = self.ending.as_ref()?;
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = stopped.as_ref()?;
        let words = self.shared.pages.words();
        let told = words.refusal(verdict, verdict.band(words));
        let events = tool.ending(&format!("\n\n{told}"))?;
        // An event of the tool's own that was cut in two ends first.
        Some(format!("\n\n{events}").into())
    }

    /// Keeps the part of the prompt that may be kept.
    fn note_prompt(&self) {
        if let (Some(tally), Scan::Tool(scan)) = (&self.said, &self.scan)
            && let Some(said) = scan.said()
        {
            tally.says(&excerpt(&said, self.shared.config.watch.as_deref()));
        }
    }

    fn failed(&self) -> bool {
        match &self.scan {
            Scan::Page(scan) => scan.failed().is_some(),
            Scan::Tool(scan) => scan.failed().is_some(),
        }
    }
}

fn media(headers: &HeaderMap) -> Option<Media> {
    match headers.get(header::CONTENT_TYPE) {
        Some(value) => Media::of(value.to_str().ok()),
        None => Media::of(None),
    }
}

fn is_events(media: Option<&Media>) -> bool {
    media.is_some_and(|media| media.kind == Kind::Events)
}

pub(crate) fn coding(headers: &HeaderMap) -> String {
    let codings: Vec<&str> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    codings.join(",")
}

/// The beginning of a body, held back and judged.
enum Beginning {
    /// It goes on: what was held, and the reading of what follows.
    GoesOn(Held, Option<Reading>),
    /// It is stopped.
    Stopped(Box<Verdict>),
}

/// Holds back the beginning of a body until it can be judged.
async fn begin<B>(client: &Client, body: &mut B, mut reading: Reading) -> Beginning
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    let until = Instant::now() + HOLD_TIME;
    let mut held = Held::new();
    let mut bytes = 0;
    let mut ended = false;
    // What may be known already is read when it is there.
    let manner = reading.manner.take();
    while bytes < HOLD_BYTES && !ended {
        match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if manner.is_none() {
                    reading.read(&frame);
                }
                bytes += frame.data_ref().map_or(0, Bytes::len);
                held.push_back(Ok(frame));
                ended = body.is_end_stream();
            }
            Ok(Some(Err(error))) => {
                held.push_back(Err(error));
                ended = true;
            }
            Ok(None) => ended = true,
            // Too slow to be held: judged as it passes.
            Err(_) => break,
        }
    }
    let known = &client.shared().known_texts;
    let mark = manner
        .as_ref()
        .filter(|_| ended && held.iter().all(Result::is_ok))
        .and_then(|manner| known.mark(manner, pieces(&held)));
    if mark.is_some_and(|mark| known.is_clean(&mark)) {
        add(&client.shared().counts.texts_known);
        return Beginning::GoesOn(held, None);
    }
    add(&client.shared().counts.texts_read);
    if manner.is_some() {
        held.iter().flatten().for_each(|frame| reading.read(frame));
    }
    if let Some(verdict) = reading.judge_beginning(ended) {
        return Beginning::Stopped(Box::new(verdict));
    }
    if let Some(mark) = mark.filter(|_| reading.is_clean && !reading.failed()) {
        known.found_clean(mark);
    }
    if reading.failed() {
        add(&client.shared().counts.texts_unread);
        return Beginning::GoesOn(held, None);
    }
    Beginning::GoesOn(held, (!ended).then_some(reading))
}

/// The data of the frames that are held.
fn pieces(held: &Held) -> impl Iterator<Item = &Bytes> + Clone {
    held.iter().flatten().filter_map(Frame::data_ref)
}

/// What became of an upload's beginning.
#[derive(Default)]
pub(crate) struct Begun {
    pub(crate) held: Held,
    pub(crate) reading: Option<Reading>,
}

/// Judges the beginning of what a client sends.
///
/// # Errors
/// The verdict that stops it.
pub(crate) async fn upload(
    reads: &Reads<'_>,
    headers: &HeaderMap,
    body: &mut Incoming,
    tally: &Arc<Tally>,
) -> Result<Begun, Box<Verdict>> {
    if body.is_end_stream() {
        return Ok(Begun::default());
    }
    let Some(reading) = reads.of_upload(headers, tally) else {
        return Ok(Begun::default());
    };
    let mut upload = body.map_err(BodyError::from);
    // Boxed, as below: what is not read takes no room for it.
    match Box::pin(begin(reads.client, &mut upload, reading)).await {
        Beginning::GoesOn(held, reading) => Ok(Begun { held, reading }),
        Beginning::Stopped(verdict) => Err(verdict),
    }
}

/// Takes in what a client sends and is refused, as far as it is small: whoever is closed the door on
/// while still speaking may not hear why.
pub(crate) async fn drop_upload(body: Incoming) {
    let small = Limited::new(body, HOLD_BYTES).collect();
    // Whether it came whole or not, the answer follows.
    let _ = tokio::time::timeout(HOLD_TIME, small).await;
}

/// Judges the beginning of an origin's answer. It goes on, or the verdict that stops it comes back.
///
/// # Errors
/// The verdict that stops it; the answer is gone.
pub(crate) async fn answer(
    reads: &Reads<'_>,
    response: Response<Answer>,
) -> Result<Response<Answer>, Box<Verdict>> {
    let (parts, mut body) = response.into_parts();
    let bare = matches!(
        parts.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    ) || parts.status.is_informational()
        || body.is_end_stream();
    let Answer::Flow(flow) = &mut body else {
        return Ok(Response::from_parts(parts, body));
    };
    let media = media(&parts.headers);
    let is_events = is_events(media.as_ref());
    let reading = if bare {
        None
    } else {
        reads.of_answer(&parts.headers, media, flow.inner.size_hint().lower())
    };
    let Some(mut reading) = reading else {
        return Ok(Response::from_parts(parts, body));
    };
    if is_events {
        add(&reads.client.shared().counts.texts_read);
        // An answer that is being written is shown as it is written.
        let bare = [header::CONTENT_LENGTH, header::CONTENT_ENCODING];
        if !bare.iter().any(|name| parts.headers.contains_key(name)) {
            reading.ending = reads.tool.and_then(Use::of_prompt).cloned();
        }
        flow.reading = Some(reading);
        return Ok(Response::from_parts(parts, body));
    }
    match Box::pin(begin(reads.client, &mut body, reading)).await {
        Beginning::Stopped(verdict) => Err(verdict),
        Beginning::GoesOn(held, reading) => {
            if let Answer::Flow(flow) = &mut body {
                flow.held = held;
                flow.reading = reading;
            }
            Ok(Response::from_parts(parts, body))
        }
    }
}

/// How much is still to come, with what is held.
pub(crate) fn with_held(rest: SizeHint, held: &Held) -> SizeHint {
    let bytes: usize = pieces(held).map(Bytes::len).sum();
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower() + bytes as u64);
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper + bytes as u64);
    }
    hint
}

/// Asks for an answer that is not packed: one that is being written can then be ended in words.
pub(crate) fn ask_for_bare(headers: &mut HeaderMap) {
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
}

/// Leaves of what codings a client takes those that can be read.
pub(crate) fn keep_readable_codings(headers: &mut HeaderMap) {
    let is_readable = |coding: &&str| {
        let name = coding.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("identity")
            || CODINGS.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let all = headers.get_all(header::ACCEPT_ENCODING);
    let reads_all = |value: &HeaderValue| {
        let codings = value.to_str().ok();
        codings.is_some_and(|codings| codings.split(',').all(|coding| is_readable(&coding)))
    };
    if all.iter().all(reads_all) {
        return;
    }
    let kept: Vec<String> = all
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(is_readable)
        .map(str::to_owned)
        .collect();
    let kept = if kept.is_empty() {
        "identity".to_owned()
    } else {
        kept.join(", ")
    };
    if let Ok(value) = HeaderValue::from_str(&kept) {
        headers.insert(header::ACCEPT_ENCODING, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-02: no coding is asked for that could not be read.
    #[test]
    fn fil_02_only_codings_that_can_be_read_are_asked_for() {
        for (asked, kept) in [
            ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
            ("gzip;q=0.5, dcb, dcz, *", "gzip;q=0.5"),
            ("compress", "identity"),
            ("BR, identity;q=0", "BR, identity;q=0"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            keep_readable_codings(&mut headers);
            assert_eq!(headers[header::ACCEPT_ENCODING], kept, "{asked}");
        }
        let mut none = HeaderMap::new();
        keep_readable_codings(&mut none);
        assert!(none.is_empty());
    }
}
