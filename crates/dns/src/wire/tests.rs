//! What a stranger can send, and what is made of it.

use proptest::prelude::*;

use super::message::Asked;
use super::*;

/// `www.example.org` A, id 0x1234, recursion wanted, with these extra bytes and count.
fn question(name: &[u8], kind: u16, extras: u8, extra: &[u8]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, extras];
    message.extend_from_slice(name);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message.extend_from_slice(extra);
    message
}

const NAME: &[u8] = b"\x03wWw\x07example\x03org\0";
const LOWER: &[u8] = b"\x03www\x07example\x03org\0";

fn asked() -> Asked {
    parse(&question(NAME, code::A, 0, &[])).unwrap()
}

/// An answer to [`asked`] with this flags word, these counts and these records.
fn answer(flags: u16, counts: [u16; 3], records: &[u8]) -> Vec<u8> {
    let mut message = 7u16.to_be_bytes().to_vec();
    message.extend_from_slice(&flags.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    message.extend_from_slice(NAME);
    message.extend_from_slice(&[0, 1, 0, 1]);
    message.extend_from_slice(records);
    message
}

fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = owner.to_vec();
    record.extend_from_slice(&kind.to_be_bytes());
    record.extend_from_slice(&[0, 1]);
    record.extend_from_slice(&ttl.to_be_bytes());
    record.extend_from_slice(&(data.len() as u16).to_be_bytes());
    record.extend_from_slice(data);
    record
}

const SELF: &[u8] = &[0xc0, 12];

#[test]
fn a_question_keeps_its_case_and_is_compared_without_it() {
    let asked = asked();
    assert_eq!(asked.name(), LOWER);
    assert_eq!(&asked.question[..NAME.len()], NAME);
    assert!(asked.recurse && asked.edns.is_none());
}

/// FIL-01: the questions of stub resolvers, with EDNS and without, go the short way; all else does not.
#[test]
fn fil_01_plain_questions_go_the_short_way() {
    let opt = [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];
    let cookie = [
        0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    let long = [
        [&[30][..], &[b'a'; 30]].concat().repeat(2),
        b"\x05short\0".to_vec(),
    ]
    .concat();
    for (message, goes) in [
        (question(NAME, code::A, 0, &[]), true),
        (question(b"\0", code::NS, 0, &[]), true),
        (question(NAME, code::HTTPS, 1, &opt), true),
        (question(NAME, code::A, 1, &cookie), false),
        (question(NAME, code::A, 1, &opt[..10]), false),
        (question(NAME, code::A, 0, &opt), false),
        (question(NAME, code::A, 2, &[opt, opt].concat()), false),
        (question(&long, code::A, 0, &[]), false),
        (question(SELF, code::A, 0, &[]), false),
        (question(NAME, code::ANY, 0, &[]), false),
        (question(NAME, 252, 0, &[]), false),
    ] {
        let read = Plain::read(&message, &mut [0; PLAIN_NAME_MAX]).is_some();
        assert_eq!(read, goes, "{message:?}");
    }
}

#[test]
fn what_is_no_question_is_answered_as_the_standards_say() {
    let good = question(NAME, code::A, 0, &[]);
    let with = |at: usize, byte: u8| {
        let mut message = good.clone();
        message[at] = byte;
        parse(&message).unwrap_err()
    };
    assert_eq!(
        parse(&good[..11]).unwrap_err(),
        Reject::Silent,
        "a fragment"
    );
    assert_eq!(with(2, 0x81), Reject::Silent, "an answer");
    assert_eq!(with(2, 0x29), Reject::Code(code::NOTIMP), "an update");
    assert_eq!(with(5, 0), Reject::Code(code::FORMERR), "no question");
    assert_eq!(
        with(5, 2),
        Reject::Code(code::FORMERR),
        "two questions (RFC 9619)"
    );
    assert_eq!(with(7, 1), Reject::Code(code::FORMERR), "an answer record");
    assert_eq!(
        with(11, 1),
        Reject::Code(code::FORMERR),
        "an OPT that is not there"
    );
    assert_eq!(
        with(12, 0xc0),
        Reject::Code(code::FORMERR),
        "a pointer to itself"
    );
    assert_eq!(
        with(12, 0x43),
        Reject::Code(code::FORMERR),
        "an unknown label type"
    );
    assert_eq!(
        with(12, 63),
        Reject::Code(code::FORMERR),
        "a label past the end"
    );
    let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
    let long = question(&[&long, &[0][..]].concat(), code::A, 0, &[]);
    assert_eq!(
        parse(&long).unwrap_err(),
        Reject::Code(code::FORMERR),
        "257 bytes of name"
    );
}

#[test]
fn edns_is_read_within_bounds() {
    let opt = |version, size: u16, flags| {
        let [high, low] = size.to_be_bytes();
        vec![0, 0, 41, high, low, 0, version, flags, 0, 0, 0]
    };
    let read = |extra: &[u8], count| parse(&question(NAME, code::A, count, extra));
    let edns = |size| read(&opt(0, size, 0x80), 1).unwrap().edns.unwrap();
    assert_eq!(
        (edns(0).size, edns(900).size, edns(65_535).size),
        (512, 900, 1_232)
    );
    assert!(edns(512).signatures);
    assert_eq!(read(&opt(1, 512, 0), 1).unwrap_err(), Reject::BadVersion);
    let twice = [opt(0, 512, 0), opt(0, 512, 0)].concat();
    assert_eq!(read(&twice, 2).unwrap_err(), Reject::Code(code::FORMERR));
}

/// An answer with another id or another question is somebody else's or a forgery (RFC 5452).
#[test]
fn a_forged_answer_is_not_ours() {
    let key = asked().key;
    let good = answer(
        0x8180,
        [1, 0, 0],
        &record(SELF, code::A, 60, &[192, 0, 2, 1]),
    );
    let made = read(&good, 7, &key).unwrap();
    assert_eq!((made.ttl, made.counts), (Some(60), (1, 0)));
    assert_eq!(read(&good, 8, &key), Err(Bad::NotOurs), "wrong id");
    assert_eq!(
        read(&good, 7, &asked().key_of(LOWER, code::AAAA)),
        Err(Bad::NotOurs)
    );
    assert_eq!(
        read(&good, 7, &asked().key_of(b"\x03www\0", code::A)),
        Err(Bad::NotOurs)
    );
    let mut question_again = good.clone();
    question_again[2] = 1;
    assert_eq!(
        read(&question_again, 7, &key),
        Err(Bad::NotOurs),
        "not an answer"
    );
}

#[test]
fn records_that_were_not_asked_for_are_left_out() {
    let other = record(b"\x04bank\x07example\0", code::A, 60, &[192, 0, 2, 66]);
    let mine = record(SELF, code::A, 60, &[192, 0, 2, 1]);
    let glue = record(b"\x02ns\0", code::A, 60, &[192, 0, 2, 67]);
    let message = answer(0x8180, [2, 0, 1], &[other, mine.clone(), glue].concat());
    let made = read(&message, 7, &asked().key).unwrap();
    assert_eq!(made.body, mine);
}

#[test]
fn aliases_are_followed_and_circles_refused() {
    let b = b"\x01b\x07example\x00";
    let step = record(SELF, code::CNAME, 300, b);
    let end = record(b, code::A, 20, &[192, 0, 2, 1]);
    // The address first: order does not matter.
    let message = answer(0x8180, [2, 0, 0], &[end, step.clone()].concat());
    let made = read(&message, 7, &asked().key).unwrap();
    assert_eq!(
        (made.ttl, made.addresses.len(), made.leads_to.len()),
        (Some(20), 1, 1)
    );
    assert_eq!(made.leads_to[0].as_slice(), b);
    let back = record(b, code::CNAME, 300, SELF);
    let circle = answer(0x8180, [2, 0, 0], &[step, back].concat());
    assert_eq!(read(&circle, 7, &asked().key), Err(Bad::Malformed));
    let itself = answer(0x8180, [1, 0, 0], &record(SELF, code::CNAME, 300, SELF));
    assert_eq!(read(&itself, 7, &asked().key), Err(Bad::Malformed));
}

/// RFC 2308: kept for the lesser of the SOA's time to live and its minimum; without SOA not at all.
#[test]
fn negative_answers_are_kept_as_long_as_the_soa_says() {
    let soa = |ttl: u32, minimum: u32| {
        let mut data = vec![0, 0];
        for field in [1, 2, 3, 4, minimum] {
            data.extend_from_slice(&u32::to_be_bytes(field));
        }
        record(b"\x07example\x03org\0", code::SOA, ttl, &data)
    };
    let ttl = |flags, soa: Option<Vec<u8>>| {
        let count = u16::from(soa.is_some());
        let message = answer(flags, [0, count, 0], &soa.unwrap_or_default());
        read(&message, 7, &asked().key).unwrap().ttl
    };
    assert_eq!(ttl(0x8183, Some(soa(600, 60))), Some(60));
    assert_eq!(ttl(0x8180, Some(soa(30, 60))), Some(30));
    assert_eq!(ttl(0x8183, None), None);
}

/// FIL-16: encrypted-hello keys, HTTP/3 and address hints are taken out of service records.
#[test]
fn fil_16_service_records_lose_what_leads_round_the_filter() {
    let param = |key: u16, value: &[u8]| {
        let mut param = key.to_be_bytes().to_vec();
        param.extend_from_slice(&(value.len() as u16).to_be_bytes());
        param.extend_from_slice(value);
        param
    };
    let rest = [vec![0, 1, 0], param(1, b"\x02h2"), param(3, &[1, 187])].concat();
    let full = [
        vec![0, 1, 0],
        param(0, &[0, 1, 0, 5]),
        param(1, b"\x02h3\x05h3-29\x02h2"),
        param(3, &[1, 187]),
        param(4, &[192, 0, 2, 1]),
        param(5, b"a key"),
        param(6, &[0; 16]),
    ]
    .concat();
    let kept = [vec![0, 1, 0], param(0, &[0, 1]), rest[3..].to_vec()].concat();
    assert_eq!(svcb::narrow(&full), Some(kept));
    assert_eq!(svcb::narrow(&rest), Some(rest));
    let only_http3 = [vec![0, 1, 0], param(1, b"\x02h3"), param(2, b"")].concat();
    assert_eq!(svcb::narrow(&only_http3), None, "nothing is left to offer");
    assert_eq!(svcb::narrow(&[0, 1, 0, 0, 4, 0, 9, 1]), None, "cut short");
    assert_eq!(svcb::narrow(&[0, 1, 0xc0, 12]), None, "a compressed target");
}

#[test]
fn a_name_is_within_a_zone_only_at_a_label() {
    let name = |text| name::from_dotted(text).unwrap();
    assert!(name::is_within(
        &name("a.example.org"),
        &name("example.org")
    ));
    assert!(name::is_within(&name("example.org"), &name("example.org")));
    assert!(!name::is_within(
        &name("badexample.org"),
        &name("example.org")
    ));
    assert!(!name::is_within(&name("org"), &name("example.org")));
}

#[test]
fn a_strange_label_in_front_does_not_hide_the_host_behind() {
    let dotted = |wire: &[u8], underscores| {
        String::from_utf8(name::dotted(wire, underscores).to_vec()).unwrap()
    };
    let wire = b"\x04_443\x04a.bc\x01x\x07example\x03org\0";
    assert_eq!(dotted(wire, true), "x.example.org");
    assert_eq!(dotted(b"\x04_tcp\x01x\x00", true), "_tcp.x");
    assert_eq!(dotted(b"\x04_tcp\x01x\x00", false), "x");
    assert_eq!(dotted(b"\0", true), "");
}

/// A plausible message: a header, then names, pointers and records in any state of disorder.
fn disorder() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(LOWER.to_vec()),
        Just(SELF.to_vec()),
        (0u8..64, 0u8..=255).prop_map(|(high, low)| vec![0xc0 | high, low]),
        Just(vec![0, 5, 0, 1, 0, 0, 0, 60, 0, 2]),
        Just(vec![0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]),
        Just(vec![
            0, 65, 0, 1, 0, 0, 0, 60, 0, 9, 0, 1, 0, 0, 1, 0, 3, 2, 104
        ]),
        Just(vec![0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0]),
        proptest::collection::vec(any::<u8>(), 0..24),
    ];
    let header = (any::<u16>(), any::<u16>(), [0u16..3, 0..4, 0..4, 0..4]);
    (header, proptest::collection::vec(piece, 0..12)).prop_map(|((id, flags, counts), pieces)| {
        let mut message = [id, flags].map(u16::to_be_bytes).concat();
        message.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        message.extend(pieces.concat());
        message
    })
}

/// Plain questions as clients send them, some with a byte or two amiss.
fn plain() -> impl Strategy<Value = Vec<u8>> {
    let label = proptest::collection::vec(prop_oneof![9 => b'A'..=b'z', 1 => any::<u8>()], 1..24);
    let opt = (
        any::<u16>(),
        prop_oneof![4 => Just(0u8), 1 => any::<u8>()],
        any::<[u8; 2]>(),
    );
    let amiss = (0usize..60, any::<u8>());
    (
        (
            any::<u16>(),
            prop_oneof![Just(0u8), Just(0x10), Just(0x20), any::<u8>()],
        ),
        proptest::collection::vec(label, 0..5),
        prop_oneof![Just(1u16), Just(28), Just(65), any::<u16>()],
        proptest::option::of(opt),
        proptest::option::weighted(0.3, amiss),
    )
        .prop_map(|((id, low), labels, kind, opt, amiss)| {
            let mut message = id.to_be_bytes().to_vec();
            message.extend_from_slice(&[1, low, 0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())]);
            for label in labels {
                message.push(label.len() as u8);
                message.extend_from_slice(&label);
            }
            message.push(0);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            if let Some((size, version, [extended, bits])) = opt {
                let [high, low] = size.to_be_bytes();
                message.extend_from_slice(&[0, 0, 41, high, low, extended, version, bits, 0, 0, 0]);
            }
            if let Some((at, byte)) = amiss {
                let at = at % message.len();
                message[at] = byte;
            }
            message
        })
}

/// Records of an answer with two times to live.
fn made(question: usize, length: usize, rcode: u8) -> Response {
    let mut body = record(SELF, code::A, 300, &[192, 0, 2, 1]);
    body.extend_from_slice(&record(SELF, code::A, 20, &vec![7; length]));
    let first = question + 6;
    Response {
        rcode,
        body,
        counts: (2, 1),
        ttl_at: [first as u16, first as u16 + 16].into_iter().collect(),
        ..Response::default()
    }
}

proptest! {
    /// FIL-01: what the short way reads the long way reads alike, and the answers are the same to the
    /// last byte.
    #[test]
    fn fil_01_the_short_way_answers_as_the_long_way(
        message in prop_oneof![4 => plain(), 1 => disorder()],
        length in 0usize..1_200,
        age in 0u32..400,
        fit in prop_oneof![Just(Fit::Datagram), Just(Fit::Stream), Just(Fit::Encrypted)],
        rcode in prop_oneof![Just(code::NOERROR), Just(code::NXDOMAIN)],
        ede in prop_oneof![Just(None), Just(Some(crate::says::BLOCKED))],
    ) {
        let mut room = [0; PLAIN_NAME_MAX];
        if let Some(short) = Plain::read(&message, &mut room) {
            let long = parse(&message).unwrap();
            prop_assert_eq!((short.name, short.sort), (long.name(), long.sort()));
            let made = made(12 + long.question.len(), length, rcode);
            let (mut one, mut other) = (vec![7; 9], Vec::new());
            let fits = short.write(&mut one, (&made, age), ede, fit);
            let reply = Reply::new(&mut other, &long, rcode)
                .records(&made.body, made.counts, |message| made.grow_older(message, age));
            let cut = match ede {
                Some(ede) => reply.because(ede).finish(fit),
                None => reply.finish(fit),
            };
            // The long way leaves a reason out before it cuts anything.
            prop_assert!(ede.is_some() || fits != cut);
            prop_assert!(!(fits && cut));
            if fits {
                prop_assert_eq!(one, other);
            }
        }
    }

    /// Whatever comes in, nothing panics, and what is accepted has a name within bounds.
    #[test]
    fn any_question_is_read_or_refused(message in disorder()) {
        if let Ok(asked) = parse(&message) {
            prop_assert!(asked.name().len() <= 255);
            prop_assert_eq!(asked.name().last(), Some(&0));
            let mut out = Vec::new();
            let cut = Reply::new(&mut out, &asked, code::NXDOMAIN).negative_for(30).finish(Fit::Datagram);
            prop_assert!(!cut);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&message);
        let _ = read(&message, 0, &asked().key);
    }

    /// Whatever an upstream sends is refused, or becomes an answer that reads back as itself.
    #[test]
    fn any_answer_is_read_or_refused(rest in disorder(), answers in 0u16..4, authority in 0u16..3) {
        let message = answer(0x8180, [answers, authority, 0], rest.get(12..).unwrap_or_default());
        if let Ok(made) = read(&message, 7, &asked().key) {
            let (answers, authority) = made.counts;
            let again = answer(0x8180, [answers, authority, 0], &made.body);
            let again = read(&again, 7, &asked().key);
            prop_assert!(again.is_ok(), "{:?}", again);
            for at in &made.ttl_at {
                prop_assert!(usize::from(*at) + 4 <= message.len().max(12 + 20 + made.body.len()));
            }
        }
    }
}
