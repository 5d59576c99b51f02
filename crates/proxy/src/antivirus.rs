//! Asking the school's anti-virus engine about a file while it streams past: clamd's `INSTREAM`
//! (clamd(8): four bytes of length, big-endian, before each piece; a length of nought at the end).
//!
//! What the engine says is read within bounds, and every step has its time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Time to reach the engine.
const CONNECT: Duration = Duration::from_secs(5);
/// Time in which it must take one piece.
const TAKE: Duration = Duration::from_secs(30);
/// Time in which it must say what it found, once it has the whole file.
const ANSWER: Duration = Duration::from_secs(120);
/// The longest piece; clamd's own bound is that of the whole stream.
const PIECE: usize = 1 << 20;
/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 4_096;
/// The longest name of a find that is kept, in letters.
const NAME_MAX: usize = 80;

/// What the engine said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing was found.
    Clean,
    /// This was found.
    Found(Box<str>),
    /// The file is larger than the engine takes.
    TooLarge,
}

/// Why the engine gave no finding.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Away {
    /// It cannot be reached, or broke off.
    #[error("the anti-virus engine cannot be reached: {0}")]
    Broken(#[from] io::Error),
    /// It took too long.
    #[error("the anti-virus engine takes too long")]
    Late,
    /// It answered something else.
    #[error("the anti-virus engine answered {0:?}")]
    Strange(String),
}

trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// One file on its way to the engine.
pub(crate) struct Scan {
    pipe: Box<dyn Pipe>,
}

impl Scan {
    /// Reaches the engine at `host:port`, or at the path of a Unix socket.
    ///
    /// # Errors
    /// When it cannot be reached in time.
    pub(crate) async fn open(engine: &str) -> Result<Self, Away> {
        let reaching = async {
            let pipe: Box<dyn Pipe> = if engine.starts_with('/') {
                Box::new(UnixStream::connect(engine).await?)
            } else {
                let stream = TcpStream::connect(engine).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            };
            Ok::<_, io::Error>(pipe)
        };
        let pipe = timeout(CONNECT, reaching).await.map_err(|_| Away::Late)??;
        let mut scan = Self { pipe };
        scan.write(b"zINSTREAM\0").await?;
        Ok(scan)
    }

    /// Hands over what follows.
    ///
    /// # Errors
    /// When the engine does not take it.
    pub(crate) async fn push(&mut self, bytes: &[u8]) -> Result<(), Away> {
        for piece in bytes.chunks(PIECE) {
            // A length of nought would be the end; `chunks` gives no empty piece.
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            self.write(&length.to_be_bytes()).await?;
            self.write(piece).await?;
        }
        Ok(())
    }

    /// Ends the file and waits for what the engine found. Also after [`Scan::push`] has failed: the
    /// engine may have said why before it broke off.
    ///
    /// # Errors
    /// When it says nothing of use in time.
    pub(crate) async fn finish(mut self) -> Result<Finding, Away> {
        let ended = self.write(&0u32.to_be_bytes()).await;
        let mut answer = Vec::new();
        let mut reader = (&mut self.pipe).take(ANSWER_MAX);
        let read = timeout(ANSWER, async {
            // Up to the nought that ends it; the engine may leave the connection open.
            while !answer.contains(&0) && reader.read_buf(&mut answer).await? > 0 {}
            Ok::<_, io::Error>(())
        });
        let read = read.await.map_err(|_| Away::Late)?;
        match finding(&answer) {
            Some(finding) => Ok(finding),
            None => {
                ended?;
                read?;
                let shown = String::from_utf8_lossy(&answer);
                Err(Away::Strange(shown.chars().take(NAME_MAX).collect()))
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Away> {
        let written = timeout(TAKE, self.pipe.write_all(bytes)).await;
        Ok(written.map_err(|_| Away::Late)??)
    }
}

/// Reads `stream: OK`, `stream: NAME FOUND`, `INSTREAM size limit exceeded. ERROR`.
fn finding(answer: &[u8]) -> Option<Finding> {
    let answer = answer.split(|byte| *byte == 0).next()?;
    let text = String::from_utf8_lossy(answer);
    let text = text.trim();
    if text.starts_with("INSTREAM size limit exceeded") {
        return Some(Finding::TooLarge);
    }
    let said = text.strip_prefix("stream: ")?;
    if said == "OK" {
        return Some(Finding::Clean);
    }
    let name = said.strip_suffix(" FOUND")?;
    let letters = name.chars().take(NAME_MAX);
    let name: String = letters
        .map(|letter| {
            if letter.is_ascii_graphic() {
                letter
            } else {
                '?'
            }
        })
        .collect();
    Some(Finding::Found(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-19: what clamd answers is understood, and nothing else is taken for "clean".
    #[test]
    fn fil_19_the_answers_of_the_engine_are_understood() {
        let found = |name: &str| Some(Finding::Found(name.into()));
        for (answer, wanted) in [
            (b"stream: OK\0".as_slice(), Some(Finding::Clean)),
            (b"stream: OK\n", Some(Finding::Clean)),
            (b"stream: Test.File FOUND\0", found("Test.File")),
            (b"stream: a\x1bb FOUND\0", found("a?b")),
            (
                b"INSTREAM size limit exceeded. ERROR\0",
                Some(Finding::TooLarge),
            ),
            (b"stream: Can't allocate memory ERROR\0", None),
            (b"UNKNOWN COMMAND\0", None),
            (b"stream: OK and more\0", None),
            (b"", None),
        ] {
            assert_eq!(finding(answer), wanted, "{answer:?}");
        }
    }
}
