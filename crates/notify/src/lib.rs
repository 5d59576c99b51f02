//! E-mail and other notices that carry a link and nothing personal.
//!
//! A [`Notice`] is made of fixed words, ids and the reader's own address: there is no field that
//! a name, an address of a site or a note could be put into. Trying again is the job of the
//! outbox: [`Post::send`] tries once, within a bounded time, and says whether another try makes
//! sense.

mod mail;
mod notice;

pub use mail::{Credentials, MailSettings, Mailer, Security, SettingsError};
pub use notice::{BaseUrl, BaseUrlError, Kind, Notice, Place, Severity};

use async_trait::async_trait;

/// The notice was taken by the next mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The SMTP reply code, such as 250.
    pub code: u16,
}

/// The notice was not taken. The text names neither reader nor subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the notice could not be sent: {what}")]
pub struct SendError {
    /// Whether a later try may succeed; `false` means that a person must mend something first.
    pub retry: bool,
    /// What went wrong and what to do, in words.
    pub what: String,
    /// The SMTP reply code, where there was one.
    pub code: Option<u16>,
}

/// A way to send notices.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Tries once. The same notice sent twice carries the same message id, so that mail systems
    /// can fold the two.
    async fn send(&self, notice: &Notice) -> Result<Sent, SendError>;
}
