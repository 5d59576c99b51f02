//! Asks a resolver as fast as it answers, or at a steady rate, and tells how it went. Questions go
//! out and answers come in by the batch (sendmmsg, recvmmsg), so that one core can press a fast
//! resolver to its limit.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};

/// Messages in one system call.
const BATCH: usize = 64;
/// Bytes of one answer that are kept; only the head is looked at.
const ANSWER_MAX: usize = 512;
/// Silence after which everything asked counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(500);
/// Microseconds told apart; slower answers count as this.
const SLOWEST_US: usize = 200_000;

/// What to ask.
pub struct Plan<'a> {
    /// The resolver.
    pub server: SocketAddr,
    /// The address to ask from.
    pub from: IpAddr,
    /// A line for each question: name, space, A or AAAA.
    pub file: &'a str,
    /// How long; without, until every question of the file has been asked once.
    pub seconds: Option<f64>,
    /// Questions under way at once, at most.
    pub open: usize,
    /// Questions a second; as fast as answers come without.
    pub rate: Option<f64>,
}

/// The question of a line, with room for its number in the first two bytes.
pub fn question(line: &str) -> Option<Vec<u8>> {
    let (name, kind) = line.split_once(' ')?;
    let mut bytes = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, if kind == "AAAA" { 28 } else { 1 }, 0, 1]);
    Some(bytes)
}

struct Load {
    socket: UdpSocket,
    headers: MultiHeaders<()>,
    answers: Vec<[u8; ANSWER_MAX]>,
    /// When the question of each number left; by its 16 bits.
    left_at: Vec<Option<Instant>>,
    next: u16,
    open: usize,
    told: Told,
}

struct Told {
    answers: u64,
    lost: u64,
    codes: [u64; 16],
    by_us: Vec<u64>,
}

/// Asks for the plan's time and prints one line: words and numbers in turn.
pub fn run(plan: &Plan<'_>) -> Result<()> {
    let text = std::fs::read_to_string(plan.file)
        .with_context(|| format!("{} cannot be read", plan.file))?;
    let questions: Vec<Vec<u8>> = text.lines().filter_map(question).collect();
    ensure!(
        !questions.is_empty(),
        "{} holds no questions; one a line, such as \"www.school.example A\"",
        plan.file
    );
    let socket = UdpSocket::bind((plan.from, 0))?;
    socket.connect(plan.server)?;
    let mut load = Load {
        socket,
        headers: MultiHeaders::preallocate(BATCH, None),
        answers: vec![[0; ANSWER_MAX]; BATCH],
        left_at: vec![None; 1 << 16],
        next: 0,
        open: 0,
        told: Told {
            answers: 0,
            lost: 0,
            codes: [0; 16],
            by_us: vec![0; SLOWEST_US + 1],
        },
    };
    let mut coming = questions.iter().cycle();
    let start = Instant::now();
    let (mut asked, mut heard) = (0_usize, start);
    let last = plan.seconds.map_or(questions.len(), |_| usize::MAX);
    let over = |asked, open| {
        asked == last && open == 0
            || plan
                .seconds
                .is_some_and(|seconds| start.elapsed().as_secs_f64() >= seconds)
    };
    while !over(asked, load.open) {
        let due = (last - asked).min(plan.rate.map_or(BATCH, |rate| {
            (start.elapsed().as_secs_f64() * rate) as usize - asked
        }));
        let batch: Vec<&Vec<u8>> = coming
            .by_ref()
            .take(due.min(BATCH).min(plan.open - load.open))
            .collect();
        asked += batch.len();
        load.ask(&batch)?;
        if load.hear()? > 0 {
            heard = Instant::now();
        } else if heard.elapsed() > LOST_AFTER && load.open > 0 {
            load.give_up();
            heard = Instant::now();
        } else {
            std::thread::yield_now();
        }
    }
    load.told.print(start.elapsed());
    Ok(())
}

impl Load {
    fn ask(&mut self, questions: &[&Vec<u8>]) -> Result<()> {
        let now = Instant::now();
        let numbered: Vec<Vec<u8>> = questions
            .iter()
            .map(|question| self.numbered(question, now))
            .collect();
        self.open += numbered.len();
        let mut rest = numbered.as_slice();
        while !rest.is_empty() {
            let slices: Vec<[IoSlice<'_>; 1]> =
                rest.iter().map(|bytes| [IoSlice::new(bytes)]).collect();
            let nowhere = vec![None; slices.len()];
            let sent = sendmmsg(
                self.socket.as_raw_fd(),
                &mut self.headers,
                &slices,
                nowhere,
                [],
                MsgFlags::empty(),
            );
            let sent = match sent {
                Ok(sent) => sent.count(),
                Err(Errno::EINTR | Errno::ENOBUFS | Errno::ECONNREFUSED) => 0,
                Err(error) => return Err(error.into()),
            };
            rest = &rest[sent.max(1)..]; // what could not be sent counts as lost later
        }
        Ok(())
    }

    fn numbered(&mut self, question: &[u8], now: Instant) -> Vec<u8> {
        while self.left_at[usize::from(self.next)].is_some() {
            self.next = self.next.wrapping_add(1);
        }
        self.left_at[usize::from(self.next)] = Some(now);
        let mut bytes = question.to_vec();
        bytes[..2].copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.wrapping_add(1);
        bytes
    }

    fn hear(&mut self) -> Result<usize> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .answers
            .iter_mut()
            .map(|answer| [IoSliceMut::new(answer)])
            .collect();
        let heard = match recvmmsg(
            self.socket.as_raw_fd(),
            &mut self.headers,
            &mut slices,
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            Ok(heard) => heard.count(),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => 0,
            Err(error) => return Err(error.into()),
        };
        let now = Instant::now();
        for answer in &self.answers[..heard] {
            let number = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
            let Some(left_at) = self.left_at[number].take() else {
                continue;
            };
            self.open = self.open.saturating_sub(1);
            self.told.count(answer[3] & 15, now - left_at);
        }
        Ok(heard)
    }

    fn give_up(&mut self) {
        self.told.lost += self.open as u64;
        self.open = 0;
        self.left_at.fill(None);
    }
}

impl Told {
    fn count(&mut self, code: u8, took: Duration) {
        self.answers += 1;
        self.codes[usize::from(code)] += 1;
        self.by_us[(took.as_micros() as usize).min(SLOWEST_US)] += 1;
    }

    /// Microseconds that `share` of the answers did not exceed.
    fn within(&self, share: f64) -> usize {
        let mut seen = 0;
        let wanted = (self.answers as f64 * share) as u64;
        self.by_us
            .iter()
            .position(|count| {
                seen += count;
                seen >= wanted
            })
            .unwrap_or(SLOWEST_US)
    }

    fn print(&self, took: Duration) {
        let [fine, _, failed, absent, ..] = self.codes;
        println!(
            "per_second {:.0} answers {} lost {} p50_us {} p99_us {} slowest_us {} noerror {fine} nxdomain {absent} servfail {failed} other {}",
            self.answers as f64 / took.as_secs_f64(),
            self.answers,
            self.lost,
            self.within(0.5),
            self.within(0.99),
            self.by_us
                .iter()
                .rposition(|count| *count > 0)
                .unwrap_or_default(),
            self.answers - fine - absent - failed,
        );
    }
}
