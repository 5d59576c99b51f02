//! One worker's ways to the upstreams: sockets and connections kept open between questions.

use std::cell::{RefCell, RefMut};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::datagram::Datagrams;
use super::dice::Dice;
use super::https::Https;
use super::stream::{Stream, Way};
use super::upstreams::Upstreams;
use pharos_catalogue::Upstream;

/// The way to one upstream.
pub(super) enum Line {
    /// UDP, with TCP for what is too large.
    Plain(Datagrams, Stream),
    /// TCP, with or without TLS.
    Stream(Stream),
    /// HTTPS.
    Https(Https),
}

/// The upstreams and the ways to them, in the same order.
pub(crate) struct Lines {
    upstreams: Arc<Upstreams>,
    lines: Vec<Option<Line>>,
    dice: RefCell<Dice>,
}

impl Lines {
    /// Connects nowhere yet.
    pub(crate) fn new(upstreams: Arc<Upstreams>) -> Self {
        let tls = upstreams.tls();
        let lines = upstreams.all().map(|upstream| line(upstream, tls));
        Self {
            lines: lines.collect(),
            upstreams,
            dice: RefCell::default(),
        }
    }

    /// Those that the ways lead to.
    pub(crate) fn upstreams(&self) -> &Arc<Upstreams> {
        &self.upstreams
    }

    pub(super) fn get(&self, at: usize) -> Option<&Line> {
        self.lines.get(at)?.as_ref()
    }

    pub(super) fn dice(&self) -> RefMut<'_, Dice> {
        self.dice.borrow_mut()
    }

    /// Writes the name in capital and small letters by chance, which the answer has to repeat
    /// (draft-vixie-dnsext-dns0x20).
    pub(super) fn mix_case(&self, message: &mut [u8]) {
        let Some(chance) = self.dice().throw().map(u64::from_le_bytes) else {
            return;
        };
        let end = crate::wire::name::skip(message, 12).unwrap_or(12);
        // The lengths of labels are below any letter.
        let letters = message[12..end]
            .iter_mut()
            .filter(|byte| byte.is_ascii_lowercase());
        for (at, letter) in letters.enumerate() {
            if chance >> (at % 64) & 1 == 1 {
                letter.make_ascii_uppercase();
            }
        }
    }
}

fn line(upstream: &Upstream, tls: Option<&Arc<ClientConfig>>) -> Option<Line> {
    let way = |name: &str, protocol: Option<&[u8]>| {
        let mut config = ClientConfig::clone(tls?);
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        let name = ServerName::try_from(name.to_owned()).ok()?;
        Some(Way {
            at: upstream.at(),
            tls: Some((name, Arc::new(config))),
        })
    };
    let tcp = || {
        Stream::new(Way {
            at: upstream.at(),
            tls: None,
        })
    };
    Some(match upstream {
        Upstream::Plain(at) => Line::Plain(Datagrams::new(*at), tcp()),
        Upstream::Tcp(_) => Line::Stream(tcp()),
        Upstream::Tls(_, name) => Line::Stream(Stream::new(way(name.as_str(), None)?)),
        Upstream::Https(_, name, path) => {
            let way = way(name.as_str(), Some(b"h2"))?;
            Line::Https(Https::new(way, name.as_str(), path)?)
        }
    })
}
