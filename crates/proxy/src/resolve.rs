//! Names to addresses, remembered for as long as their answers say.
//!
//! Whoever was told to find names ([`Names`]) is asked, as the school said names are to be asked; then
//! nobody beside it, or names would go out another way. Where nobody was told, the system's resolvers
//! (`/etc/resolv.conf`) are asked directly, without a thread for each question, and what they do not
//! answer the system's own look-up finds out. Names without a dot are the system's in any case.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use quick_cache::sync::Cache;
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// Names remembered.
const KEPT_MOST: usize = 16_384;
/// Addresses of one name that are remembered.
const ADDRESSES_MOST: usize = 16;
/// Resolvers that are asked, one after the other.
const SERVERS_MOST: usize = 3;
/// Shortest and longest time that an answer is remembered.
const KEPT_FOR: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How long it is remembered that there is no such name.
const NOTHING_FOR: Duration = Duration::from_secs(5);
/// How long one resolver may take.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// How long the second kind of address is waited for once the first is there.
const SECOND: Duration = Duration::from_millis(150);
/// Most bytes of an answer.
const ANSWER_MOST: usize = 4_096;

/// Finds the addresses of origins in place of the system's resolvers.
#[async_trait]
pub trait Names: std::fmt::Debug + Send + Sync + 'static {
    /// The addresses of a name, none where it has none.
    ///
    /// # Errors
    /// When nobody could be asked.
    async fn look_up(&self, name: &str) -> io::Result<Addresses>;
}

/// What a name leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4 addresses.
    pub v4: Vec<IpAddr>,
    /// IPv6 addresses.
    pub v6: Vec<IpAddr>,
    /// How long they may be remembered; `None` where nothing says so.
    pub life: Option<Duration>,
}

/// Looks names up and remembers.
pub(crate) struct Resolver {
    /// Who was told to find names.
    told: ArcSwapOption<Arc<dyn Names>>,
    /// The system's resolvers.
    servers: Vec<SocketAddr>,
    hosts: HashMap<Box<str>, Vec<IpAddr>>,
    kept: Cache<Box<str>, Kept>,
}

#[derive(Clone)]
struct Kept {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl Resolver {
    /// Asks this one, or the system's resolvers where none is given.
    pub(crate) fn new(told: Option<Arc<dyn Names>>) -> Self {
        Self {
            told: ArcSwapOption::from(told.map(Arc::new)),
            servers: name_servers(&read("/etc/resolv.conf")),
            hosts: hosts(&read("/etc/hosts")),
            kept: Cache::new(KEPT_MOST),
        }
    }

    /// Asks this one from now on, or the system's resolvers where none is given. What is remembered stays.
    pub(crate) fn ask_another(&self, told: Option<Arc<dyn Names>>) {
        self.told.store(told.map(Arc::new));
    }

    /// The addresses of a name, none where it has none.
    ///
    /// # Errors
    /// When nobody could be asked.
    pub(crate) async fn look_up(&self, name: &str) -> io::Result<Arc<[IpAddr]>> {
        if let Some(addresses) = self.hosts.get(name) {
            return Ok(addresses.as_slice().into());
        }
        if let Some(kept) = self.kept.get(name)
            && kept.until > Instant::now()
        {
            return Ok(kept.addresses);
        }
        let (addresses, life) = self.ask(name).await?;
        let kept = Kept {
            addresses: Arc::clone(&addresses),
            until: Instant::now() + life,
        };
        self.kept.insert(name.into(), kept);
        Ok(addresses)
    }

    async fn ask(&self, name: &str) -> io::Result<(Arc<[IpAddr]>, Duration)> {
        let told = self.told.load_full().filter(|_| name.contains('.'));
        if let Some(told) = told {
            return told.look_up(name).await.map(Addresses::into_parts);
        }
        if name.contains('.')
            && let Ok(full) = Name::from_ascii(format!("{name}."))
        {
            for server in &self.servers {
                match tokio::time::timeout(PATIENCE, ask_one(*server, &full)).await {
                    Ok(Ok(found)) => return Ok(found.into_parts()),
                    Ok(Err(error)) => tracing::debug!(%error, "a resolver gave no answer"),
                    Err(_) => tracing::debug!("a resolver did not answer in time"),
                }
            }
        }
        let found = tokio::net::lookup_host((name, 0)).await?;
        let addresses: Vec<IpAddr> = found.map(|found| found.ip()).take(ADDRESSES_MOST).collect();
        Ok((addresses.into(), KEPT_FOR.0))
    }
}

impl Addresses {
    /// The addresses, both kinds in turn so that a dead one costs one try, and how long they last.
    fn into_parts(self) -> (Arc<[IpAddr]>, Duration) {
        let mut all = Vec::with_capacity(self.v4.len() + self.v6.len());
        let (mut first, mut second) = (self.v4.into_iter(), self.v6.into_iter());
        loop {
            let (one, two) = (first.next(), second.next());
            if one.is_none() && two.is_none() {
                break;
            }
            all.extend(one);
            all.extend(two);
        }
        all.truncate(ADDRESSES_MOST);
        let life = match self.life {
            Some(life) if !all.is_empty() => life.clamp(KEPT_FOR.0, KEPT_FOR.1),
            _ => NOTHING_FOR,
        };
        (all.into(), life)
    }
}

/// Asks for both kinds of address over one socket.
async fn ask_one(server: SocketAddr, name: &Name) -> io::Result<Addresses> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let mut waiting = Vec::with_capacity(2);
    for kind in [RecordType::A, RecordType::AAAA] {
        let mut query = Message::query();
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(name.clone(), kind));
        waiting.push((query.metadata.id, kind));
        let bytes = query.to_vec().map_err(io::Error::other)?;
        socket.send(&bytes).await?;
    }
    let mut found = Addresses::default();
    let mut buffer = vec![0; ANSWER_MOST];
    let mut answered = false;
    while !waiting.is_empty() {
        let length = if answered && !found.v4.is_empty() {
            match tokio::time::timeout(SECOND, socket.recv(&mut buffer)).await {
                Ok(length) => length?,
                Err(_) => {
                    // Known in part: not for long.
                    found.life = None;
                    break;
                }
            }
        } else {
            socket.recv(&mut buffer).await?
        };
        let Ok(answer) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        // From another question, or forged: as if it had not come.
        let asked = waiting
            .iter()
            .position(|(id, kind)| answers(&answer, *id, name, *kind));
        if let Some(asked) = asked {
            waiting.swap_remove(asked);
            take(&answer, &mut found)?;
            answered = true;
        }
    }
    Ok(found)
}

fn answers(answer: &Message, id: u16, name: &Name, kind: RecordType) -> bool {
    answer.metadata.id == id
        && answer
            .queries
            .first()
            .is_some_and(|query| query.query_type() == kind && query.name() == name)
}

fn take(answer: &Message, found: &mut Addresses) -> io::Result<()> {
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        other => return Err(io::Error::other(format!("the resolver answered {other}"))),
    }
    for record in &answer.answers {
        let life = Duration::from_secs(u64::from(record.ttl));
        match &record.data {
            RData::A(ip) if found.v4.len() < ADDRESSES_MOST => found.v4.push(ip.0.into()),
            RData::AAAA(ip) if found.v6.len() < ADDRESSES_MOST => found.v6.push(ip.0.into()),
            RData::CNAME(_) => {}
            _ => continue,
        }
        found.life = Some(found.life.map_or(life, |shortest| shortest.min(life)));
    }
    if answer.metadata.truncation && found.v4.is_empty() && found.v6.is_empty() {
        return Err(io::Error::other("the answer was cut"));
    }
    Ok(())
}

/// A file of the system's; empty where it cannot be read.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The `nameserver` lines of `resolv.conf`.
fn name_servers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("nameserver"), Some(ip)) => ip.parse::<IpAddr>().ok(),
                _ => None,
            }
        })
        .map(|ip| SocketAddr::new(ip, 53))
        .take(SERVERS_MOST)
        .collect()
}

/// The lines of a hosts file.
fn hosts(text: &str) -> HashMap<Box<str>, Vec<IpAddr>> {
    let mut all: HashMap<Box<str>, Vec<IpAddr>> = HashMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
            continue;
        };
        for name in words {
            all.entry(name.to_ascii_lowercase().into())
                .or_default()
                .push(ip);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::MessageType;
    use hickory_proto::rr::{Record, rdata};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_systems_files_are_read() {
        let servers = name_servers(
            "# x\nsearch a.test\nnameserver 192.0.2.1\nnameserver ::1\nnameserver x\noptions edns0\n",
        );
        assert_eq!(
            servers,
            [
                "192.0.2.1:53".parse().unwrap(),
                "[::1]:53".parse::<SocketAddr>().unwrap()
            ]
        );
        let hosts = hosts("127.0.0.1 localhost Harbour.Test # note\n::1 localhost\n\nx y\n");
        assert_eq!(hosts["localhost"].len(), 2);
        assert_eq!(hosts["harbour.test"], [IpAddr::from([127, 0, 0, 1])]);
    }

    /// A stand-in resolver: what it answers by the first label.
    async fn resolver() -> (SocketAddr, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::SeqCst);
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let mut reply = query.clone();
                reply.metadata.message_type = MessageType::Response;
                let (name, kind) = (
                    query.queries[0].name().clone(),
                    query.queries[0].query_type(),
                );
                let label = name.to_ascii();
                let mut add = |data| {
                    reply.add_answer(Record::from_rdata(name.clone(), 60, data));
                };
                match (label.as_str(), kind) {
                    ("none.test.", _) => reply.metadata.response_code = ResponseCode::NXDomain,
                    ("fails.test.", _) => reply.metadata.response_code = ResponseCode::ServFail,
                    (_, RecordType::A) => {
                        add(RData::A(rdata::A(Ipv4Addr::new(192, 0, 2, 7))));
                    }
                    ("both.test.", RecordType::AAAA) => {
                        add(RData::AAAA(rdata::AAAA(Ipv6Addr::LOCALHOST)));
                    }
                    _ => {}
                }
                // A forged answer first: another id.
                let mut forged = reply.clone();
                forged.metadata.id = forged.metadata.id.wrapping_add(1);
                let _ = socket.send_to(&forged.to_vec().unwrap(), from).await;
                let _ = socket.send_to(b"nonsense", from).await;
                let _ = socket.send_to(&reply.to_vec().unwrap(), from).await;
            }
        });
        (at, asked)
    }

    #[tokio::test]
    async fn answers_are_remembered_and_forgeries_are_not_believed() {
        let (at, asked) = resolver().await;
        let resolver = Resolver {
            hosts: HashMap::new(),
            servers: vec![at],
            ..Resolver::new(None)
        };
        let one = IpAddr::from([192, 0, 2, 7]);
        for _ in 0..3 {
            let both = resolver.look_up("both.test").await.unwrap();
            assert_eq!(*both, [one, Ipv6Addr::LOCALHOST.into()]);
            assert_eq!(*resolver.look_up("one.test").await.unwrap(), [one]);
            assert!(resolver.look_up("none.test").await.unwrap().is_empty());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 6);
        assert!(resolver.look_up("fails.test").await.is_err());
    }

    /// Finds every name at one address, or nothing at all.
    #[derive(Debug)]
    struct One(Option<IpAddr>, Arc<AtomicUsize>);

    #[async_trait]
    impl Names for One {
        async fn look_up(&self, _: &str) -> io::Result<Addresses> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let one = self.0.ok_or_else(|| io::Error::other("nobody answers"))?;
            Ok(Addresses {
                v4: vec![one],
                life: Some(Duration::from_secs(60)),
                ..Addresses::default()
            })
        }
    }

    fn one(at: Option<[u8; 4]>) -> (Arc<dyn Names>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let one = One(at.map(IpAddr::from), Arc::clone(&asked));
        (Arc::new(one), asked)
    }

    /// FIL-16: another one is asked as soon as it is told, and what is known is not forgotten.
    #[tokio::test]
    async fn fil_16_another_resolver_is_asked_from_now_on() {
        let (first, asked_first) = one(Some([192, 0, 2, 1]));
        let (second, asked_second) = one(Some([192, 0, 2, 2]));
        let resolver = Resolver::new(Some(first));
        resolver.look_up("one.test").await.unwrap();
        resolver.ask_another(Some(second));
        let known = resolver.look_up("one.test").await.unwrap();
        assert_eq!(*known, [IpAddr::from([192, 0, 2, 1])]);
        let new = resolver.look_up("two.test").await.unwrap();
        assert_eq!(*new, [IpAddr::from([192, 0, 2, 2])]);
        let counts = [asked_first, asked_second].map(|asked| asked.load(Ordering::SeqCst));
        assert_eq!(counts, [1, 1]);
    }

    /// FIL-16: where whoever was told to find names has no answer, nobody else is asked: no name goes out
    /// in the clear beside an encrypted way.
    #[tokio::test]
    async fn fil_16_nobody_is_asked_beside_who_was_told() {
        let (system, asked_system) = resolver().await;
        let (told, asked_told) = one(None);
        let resolver = Resolver {
            hosts: HashMap::new(),
            servers: vec![system],
            ..Resolver::new(Some(told))
        };
        assert!(resolver.look_up("one.test").await.is_err());
        assert_eq!(asked_told.load(Ordering::SeqCst), 1);
        assert_eq!(asked_system.load(Ordering::SeqCst), 0);
        resolver.ask_another(None);
        resolver.look_up("one.test").await.unwrap();
        assert_eq!(asked_system.load(Ordering::SeqCst), 2);
    }
}
