//! Questions over one TCP or TLS connection, as many at once as there are (RFC 7766, RFC 7858).

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dice::Dice;
use super::open::{Open, Ticket};
use crate::counts::Tally;

/// Questions waiting to be written.
const QUEUE: usize = 256;
/// A connection without a question or answer for so long is closed.
const QUIET: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) at: SocketAddr,
    /// The name that the certificate must carry, and how it is checked.
    pub(super) tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

/// The connection to one upstream; opened when there is a question.
pub(super) struct Stream {
    way: Way,
    line: RefCell<Option<Line>>,
}

struct Line {
    queue: mpsc::Sender<Vec<u8>>,
    open: Rc<RefCell<Open>>,
}

impl Stream {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            line: RefCell::default(),
        }
    }

    /// Sends a question; where its answer will come.
    pub(super) fn send(
        &self,
        message: &mut [u8],
        dice: &mut Dice,
        tally: &Arc<Tally>,
    ) -> io::Result<Ticket> {
        let mut line = self.line.borrow_mut();
        let line = match &mut *line {
            Some(line) if !line.open.borrow().is_closed() => line,
            line => line.insert(self.connect(tally)),
        };
        Open::send(&line.open, message, dice, |message| {
            let mut framed = (message.len() as u16).to_be_bytes().to_vec();
            framed.extend_from_slice(message);
            let queued = line.queue.try_send(framed);
            queued.map_err(|_| io::ErrorKind::ConnectionReset.into())
        })
    }

    fn connect(&self, tally: &Arc<Tally>) -> Line {
        let (queue, questions) = mpsc::channel(QUEUE);
        let open = Rc::<RefCell<Open>>::default();
        let (way, mine, tally) = (self.way.clone(), Rc::clone(&open), Arc::clone(tally));
        tokio::task::spawn_local(async move {
            let talked = match &way.tls {
                None => match timeout(QUIET, tcp(way.at)).await {
                    Ok(Ok(stream)) => {
                        let (reader, writer) = stream.into_split();
                        talk(reader, writer, questions, &mine, &tally).await
                    }
                    _ => Err(io::ErrorKind::TimedOut.into()),
                },
                Some(_) => match timeout(QUIET, tls(&way)).await {
                    Ok(Ok(stream)) => {
                        let (reader, writer) = tokio::io::split(stream);
                        talk(reader, writer, questions, &mine, &tally).await
                    }
                    Ok(Err(error)) => Err(error),
                    Err(_) => Err(io::ErrorKind::TimedOut.into()),
                },
            };
            mine.borrow_mut().close();
            if let Err(error) = talked {
                tracing::debug!(%error, upstream = %way.at, "a connection to a DNS upstream ended");
            }
        });
        Line { queue, open }
    }
}

async fn tcp(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects and shakes hands.
pub(super) async fn tls(way: &Way) -> io::Result<TlsStream<TcpStream>> {
    let Some((name, config)) = &way.tls else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let stream = tcp(way.at).await?;
    TlsConnector::from(Arc::clone(config))
        .connect(name.clone(), stream)
        .await
}

/// Writes questions and hears answers until one side is done or nothing happens any more.
async fn talk(
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    mut questions: mpsc::Receiver<Vec<u8>>,
    open: &RefCell<Open>,
    tally: &Tally,
) -> io::Result<()> {
    let writing = async {
        while let Some(framed) = questions.recv().await {
            writer.write_all(&framed).await?;
            writer.flush().await?;
        }
        writer.shutdown().await
    };
    tokio::select! {
        read = hear(reader, open, tally) => read,
        written = writing => written,
    }
}

async fn hear(
    mut reader: impl AsyncRead + Unpin,
    open: &RefCell<Open>,
    tally: &Tally,
) -> io::Result<()> {
    let mut answer = Vec::new();
    loop {
        let next = async {
            let length = reader.read_u16().await?;
            answer.resize(usize::from(length), 0);
            reader.read_exact(&mut answer).await
        };
        match timeout(QUIET, next).await {
            Ok(read) => read?,
            Err(_) => return Ok(()),
        };
        open.borrow_mut().hear(&answer, tally)?;
    }
}
