//! A stand-in resolver: every name has one address, until it is told to go; some are aliases.

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
                drop(socket.send_to(&answer(&query, ttl, aliases), from));
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

fn answer(query: &Message, ttl: u32, aliases: &[(&str, &str)]) -> Vec<u8> {
    let mut reply = query.clone();
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_available = true;
    reply.metadata.response_code = ResponseCode::NoError;
    if let Some(question) = query.queries.first()
        && question.query_type() == RecordType::A
    {
        let mut name = question.name().clone();
        let asked = name.to_lowercase().to_string();
        let alias = aliases
            .iter()
            .find(|(alias, _)| asked.trim_end_matches('.') == *alias);
        if let Some((_, target)) = alias {
            let target = Name::from_ascii(format!("{target}.")).unwrap();
            let leads = RData::CNAME(rdata::CNAME(target.clone()));
            reply.add_answer(Record::from_rdata(name, ttl, leads));
            name = target;
        }
        let address = RData::A(rdata::A(ADDRESS));
        reply.add_answer(Record::from_rdata(name, ttl, address));
    }
    reply.to_vec().unwrap()
}
