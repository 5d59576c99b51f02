//! Names: what the resolver's answers say.

use std::io;
use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::{Name, RData, RecordType};
use pharos_service::{Ask, Asking, Seen};

use super::carry::Line;
use super::not_tried;

/// Extended DNS Errors that say "blocked by the operator" (RFC 8914: 15 Blocked, 16 Censored, 17 Filtered).
const BLOCKED: [u16; 3] = [15, 16, 17];
/// Nothing is in force yet.
const NOT_READY: u16 = 14;
/// Whoever asks is not served.
const PROHIBITED: u16 = 18;

/// Asks what is wanted of a name.
pub(super) async fn look_up(line: &Line<'_>, asking: &Asking) -> io::Result<Seen> {
    let ask = async |kind| line.ask(&question(&asking.host, kind)?).await;
    match asking.ask {
        Ask::Open => Ok(told(&ask(RecordType::A).await?)),
        Ask::EveryRecord => {
            let seen = told(&ask(RecordType::A).await?);
            let Seen::Answered {
                alias,
                mut addresses,
                ..
            } = seen
            else {
                return Ok(seen);
            };
            let other = ask(RecordType::AAAA).await?;
            let leak = match (&alias, alias_of(&other)) {
                (Some(alias), _)
                    if other.answers.is_empty() || alias_of(&other).as_ref() == Some(alias) =>
                {
                    None
                }
                (None, None) => {
                    addresses.extend(addresses_of(&other));
                    None
                }
                (_, Some(elsewhere)) => Some(format!(
                    "asked for its IPv6 address it leads to {elsewhere}"
                )),
                (Some(_), None) => Some("asked for its IPv6 address it gives its own".to_owned()),
            };
            let hints = ask(RecordType::HTTPS).await?;
            let leak = leak.or_else(|| {
                let own = services(&hints).next().is_some();
                own.then(|| "its HTTPS record is its own".to_owned())
            });
            Ok(Seen::Answered {
                alias,
                addresses,
                leak,
            })
        }
        Ask::Resolver => Ok(resolvers(&ask(RecordType::SVCB).await?, line.name)),
        Ask::Hints => Ok(hints(&ask(RecordType::HTTPS).await?)),
        Ask::Port(_) | Ask::Within(_) => Ok(not_tried("a resolver opens no tunnels")),
    }
}

fn question(host: &str, kind: RecordType) -> io::Result<Message> {
    let name = Name::from_ascii(format!("{host}.")).map_err(io::Error::other)?;
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name, kind));
    query.set_edns(Edns::new());
    Ok(query)
}

/// What an answer comes to for a device.
fn told(answer: &Message) -> Seen {
    match extended_error(answer) {
        Some(code) if BLOCKED.contains(&code) => {
            return match answer.answers.is_empty() {
                true => Seen::Nothing,
                false => Seen::Blocked(None),
            };
        }
        Some(NOT_READY) => return not_tried("the filter has nothing in force yet"),
        Some(PROHIBITED) => return not_tried("the resolver does not serve this machine"),
        _ => {}
    }
    match answer.metadata.response_code {
        ResponseCode::NoError => Seen::Answered {
            alias: alias_of(answer),
            addresses: addresses_of(answer).collect(),
            leak: None,
        },
        ResponseCode::Refused => not_tried("the resolver refused the question"),
        ResponseCode::NXDomain => Seen::Through("the name does not exist outside".to_owned()),
        ResponseCode::ServFail => Seen::Through("no resolver outside answered".to_owned()),
        other => Seen::Through(format!("answered {other}")),
    }
}

/// The name that the answer puts in place of the one that was asked for.
fn alias_of(answer: &Message) -> Option<String> {
    let asked = answer.queries.first()?.name();
    answer.answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == *asked => {
            Some(target.0.to_ascii().trim_end_matches('.').to_owned())
        }
        _ => None,
    })
}

fn addresses_of(answer: &Message) -> impl Iterator<Item = IpAddr> {
    answer
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(ip) => Some(IpAddr::V4(ip.0)),
            RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
            _ => None,
        })
}

/// Service records of either type.
fn services(answer: &Message) -> impl Iterator<Item = &SVCB> {
    answer
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::HTTPS(https) => Some(&https.0),
            RData::SVCB(svcb) => Some(svcb),
            _ => None,
        })
}

/// Which encrypted resolvers a device is told of: none, or the school's own.
fn resolvers(answer: &Message, own: Option<&str>) -> Seen {
    let target = |service: &SVCB| {
        service
            .target_name
            .to_ascii()
            .trim_end_matches('.')
            .to_owned()
    };
    let targets: Vec<String> = services(answer).map(target).collect();
    if targets.is_empty() {
        return match told(answer) {
            Seen::NotTried(why) => Seen::NotTried(why),
            _ => Seen::Nothing,
        };
    }
    let foreign = targets
        .iter()
        .find(|target| own.is_none_or(|own| !own.eq_ignore_ascii_case(target)));
    Seen::Answered {
        alias: targets.first().cloned(),
        addresses: Vec::new(),
        leak: foreign.map(|foreign| format!("tells of the resolver {foreign}")),
    }
}

/// What an HTTPS record invites to.
fn hints(answer: &Message) -> Seen {
    let seen = told(answer);
    if matches!(seen, Seen::Blocked(_) | Seen::Nothing | Seen::NotTried(_)) {
        return seen;
    }
    if services(answer).next().is_none() {
        return not_tried(
            "no HTTPS record came from outside, so that nothing could be taken out of it",
        );
    }
    let leaks = services(answer)
        .flat_map(|service| &service.svc_params)
        .find_map(|(key, value)| match (key, value) {
            (SvcParamKey::EchConfigList, _) => {
                Some("its HTTPS record tells how to hide the name (ECH)".to_owned())
            }
            (_, SvcParamValue::Alpn(alpn)) => {
                let quic = alpn.0.iter().find(|protocol| protocol.starts_with("h3"));
                quic.map(|_| "its HTTPS record invites to QUIC (h3)".to_owned())
            }
            _ => None,
        });
    Seen::Answered {
        alias: None,
        addresses: Vec::new(),
        leak: leaks,
    }
}

/// The Extended DNS Error of an answer (option 15, RFC 8914).
fn extended_error(answer: &Message) -> Option<u16> {
    let edns = answer.edns.as_ref()?;
    match edns.options().get(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, bytes) => bytes
            .first_chunk::<2>()
            .map(|code| u16::from_be_bytes(*code)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::MessageType;
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::svcb::{Alpn, EchConfigList};
    use hickory_proto::rr::rdata::{A, CNAME, HTTPS};

    use super::*;

    fn answer(host: &str, kind: RecordType, records: Vec<(&str, RData)>) -> Message {
        let mut answer = question(host, kind).unwrap();
        answer.metadata.message_type = MessageType::Response;
        for (owner, data) in records {
            answer.add_answer(Record::from_rdata(
                Name::from_ascii(owner).unwrap(),
                60,
                data,
            ));
        }
        answer
    }

    fn service(target: &str, parameters: Vec<(SvcParamKey, SvcParamValue)>) -> SVCB {
        SVCB::new(1, Name::from_ascii(target).unwrap(), parameters)
    }

    fn leak_of(seen: Seen) -> Option<String> {
        match seen {
            Seen::Answered { leak, .. } => leak,
            other => panic!("{other:?}"),
        }
    }

    /// FIL-16: an HTTPS record that hides names or invites to QUIC is found; one without is not, and no
    /// record at all is no proof.
    #[test]
    fn fil_16_what_an_https_record_gives_away_is_found() {
        let record = |parameters| {
            let data = RData::HTTPS(HTTPS(service(".", parameters)));
            hints(&answer(
                "a.example",
                RecordType::HTTPS,
                vec![("a.example.", data)],
            ))
        };
        let alpn = |protocols: &[&str]| {
            let protocols = protocols.iter().map(ToString::to_string).collect();
            (SvcParamKey::Alpn, SvcParamValue::Alpn(Alpn(protocols)))
        };
        let ech = (
            SvcParamKey::EchConfigList,
            SvcParamValue::EchConfigList(EchConfigList(vec![0])),
        );
        assert_eq!(leak_of(record(vec![alpn(&["h2"])])), None);
        assert!(
            leak_of(record(vec![alpn(&["h3", "h2"])]))
                .unwrap()
                .contains("QUIC")
        );
        assert!(
            leak_of(record(vec![alpn(&["h2"]), ech]))
                .unwrap()
                .contains("ECH")
        );
        let nothing = hints(&answer("a.example", RecordType::HTTPS, Vec::new()));
        assert!(matches!(nothing, Seen::NotTried(_)), "{nothing:?}");
    }

    /// FIL-16: a device is told of no encrypted resolver but the school's own.
    #[test]
    fn fil_16_somebody_elses_resolver_is_found() {
        let told = |target: &str, own| {
            let data = RData::SVCB(service(target, Vec::new()));
            resolvers(
                &answer(
                    "_dns.resolver.arpa",
                    RecordType::SVCB,
                    vec![("_dns.resolver.arpa.", data)],
                ),
                own,
            )
        };
        assert_eq!(
            leak_of(told("dns.school.example.", Some("dns.school.example"))),
            None
        );
        assert!(
            leak_of(told("dns.google.", Some("dns.school.example")))
                .unwrap()
                .contains("dns.google")
        );
        assert!(leak_of(told("dns.google.", None)).is_some());
        let none = resolvers(
            &answer("_dns.resolver.arpa", RecordType::SVCB, Vec::new()),
            None,
        );
        assert_eq!(none, Seen::Nothing);
    }

    /// SRCH-05: only what stands in place of the name that was asked for counts as its alias.
    #[test]
    fn srch_05_an_alias_is_the_names_own() {
        let alias = |owner: &str| {
            let target = Name::from_ascii("strict.bing.com.").unwrap();
            let records = vec![
                (owner, RData::CNAME(CNAME(target))),
                ("strict.bing.com.", RData::A(A::new(192, 0, 2, 1))),
            ];
            alias_of(&answer("www.bing.com", RecordType::A, records))
        };
        assert_eq!(alias("WWW.bing.com.").as_deref(), Some("strict.bing.com"));
        assert_eq!(alias("other.example."), None);
    }
}
