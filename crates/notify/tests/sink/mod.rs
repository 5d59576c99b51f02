//! A tiny SMTP server on loopback that can misbehave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How the server behaves.
#[derive(Clone)]
pub enum Manner {
    /// Takes everything.
    Takes,
    /// Answers the recipient with this line.
    Refuses(&'static str),
    /// Closes the connection after the message's last line, before answering.
    Drops,
    /// Says nothing at all.
    Silent,
    /// Offers STARTTLS and takes everything after it.
    StartTls(TlsAcceptor),
}

pub struct Sink {
    pub address: SocketAddr,
    pub mails: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn start(manner: Manner) -> Sink {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (manner, kept) = (manner.clone(), Arc::clone(&kept));
            // A client that hangs up is no failure of the server.
            tokio::spawn(async move { drop(talk(stream, manner, kept).await) });
        }
    });
    Sink {
        address,
        mails,
        task,
    }
}

async fn talk(
    stream: tokio::net::TcpStream,
    manner: Manner,
    mails: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    if matches!(manner, Manner::Silent) {
        std::future::pending::<()>().await;
    }
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink.test ESMTP\r\n").await?;
    if let Some(acceptor) = session(&mut stream, &manner, &mails, false).await? {
        let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
        session(&mut stream, &manner, &mails, true).await?;
    }
    Ok(())
}

async fn session<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manner: &Manner,
    mails: &Mutex<Vec<String>>,
    secure: bool,
) -> std::io::Result<Option<TlsAcceptor>> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match (word.as_str(), manner) {
            ("EHLO", Manner::StartTls(_)) if !secure => {
                stream
                    .write_all(b"250-sink.test\r\n250 STARTTLS\r\n")
                    .await?;
            }
            ("EHLO", _) => {
                stream
                    .write_all(b"250-sink.test\r\n250 8BITMIME\r\n")
                    .await?
            }
            ("STAR", Manner::StartTls(acceptor)) if !secure => {
                stream.write_all(b"220 go\r\n").await?;
                return Ok(Some(acceptor.clone()));
            }
            ("RCPT", Manner::Refuses(answer)) => {
                stream.write_all(answer.as_bytes()).await?;
                stream.write_all(b"\r\n").await?;
            }
            ("DATA", _) => {
                stream.write_all(b"354 go on\r\n").await?;
                let mail = data(stream).await?;
                if matches!(manner, Manner::Drops) {
                    return Ok(None);
                }
                mails.lock().unwrap().push(mail);
                stream.write_all(b"250 taken\r\n").await?;
            }
            ("QUIT", _) => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => stream.write_all(b"250 ok\r\n").await?,
        }
    }
}

async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(&line);
    }
}
