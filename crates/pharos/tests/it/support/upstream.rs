//! A stand-in resolver: every name has one address, is an alias, or is what a test makes it, until it is
//! told to go.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};

/// What it says of every name.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

/// The resolver; gone when dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Answers with the given time to live.
    pub(crate) fn start(ttl: u32) -> Self {
        Self::start_with(ttl, &[])
    }

    /// The same, with names that are aliases of others.
    pub(crate) fn start_with(ttl: u32, aliases: &'static [(&str, &str)]) -> Self {
        Self::saying(ttl, move |name, kind| {
            let alias = aliases.iter().find(|(alias, _)| name == *alias);
            let alias = alias.map(|(_, target)| {
                let target = Name::from_ascii(format!("{target}.")).unwrap();
                RData::CNAME(rdata::CNAME(target))
            });
            let address = RData::A(rdata::A(ADDRESS));
            let records = alias.into_iter().chain([address]);
            records.filter(|_| kind == RecordType::A).collect()
        })
    }

    /// Answers what a test says of a name, written without its last dot.
    pub(crate) fn saying(
        ttl: u32,
        say: impl Fn(&str, RecordType) -> Vec<RData> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let (asked, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, until) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !until.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let Ok(query) = Message::from_vec(&buffer[..length]) else {
                    continue;
                };
                count.fetch_add(1, Ordering::Relaxed);
                drop(socket.send_to(&answer(&query, ttl, &say), from));
            }
        });
        Self {
            address,
            asked,
            stop,
            thread: Some(thread),
        }
    }

    /// Questions so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn answer(query: &Message, ttl: u32, say: &impl Fn(&str, RecordType) -> Vec<RData>) -> Vec<u8> {
    let mut reply = query.clone();
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_available = true;
    reply.metadata.response_code = ResponseCode::NoError;
    if let Some(question) = query.queries.first() {
        let name = question.name().to_ascii().to_lowercase();
        let mut owner = question.name().clone();
        for data in say(name.trim_end_matches('.'), question.query_type()) {
            // What follows an alias belongs to where it leads.
            let next = match &data {
                RData::CNAME(target) => target.0.clone(),
                _ => owner.clone(),
            };
            reply.add_answer(Record::from_rdata(owner, ttl, data));
            owner = next;
        }
    }
    reply.to_vec().unwrap()
}
