//! What strangers can send, fed to what reads it. Each target takes any bytes; it panics only when
//! a promise of the reader is broken. The fuzzer and the ordinary tests call the same functions:
//! this file is also compiled into the test `crates/testkit/tests/replay.rs`.

use std::sync::{Arc, OnceLock};

use pharos_casework::{Change, Procedure};
use pharos_catalogue::{Address, Catalogue, Format, Host, PATH_MAX, Parser, parse};
use pharos_directory::leases::{LEASES_MAX, LeaseFormat, read_leases};
use pharos_directory::{FileSet, Limits};
use pharos_governance::Control;
use pharos_monitor::firewall::{self, Cut, TEXT_MAX, cut};
use pharos_scan::tools::{
    EXCERPT_BYTES_MAX, Exchange, PROMPT_BYTES_MAX, SocketScan, Tool, ToolScan, Tools, excerpt,
};
use pharos_scan::{
    AgeBand, BodyScan, CODINGS, Dictionaries, Dictionary, ENTRIES_MAX, Kind, MATCHES_MAX, Media,
    PageScan, PhraseList, Report, Sets, TERMS_MAX, UNPACKED_MAX, WatchList,
};

/// A target: its name, which is also its folder of the corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("dns_message", dns_message),
    ("dns_query", dns_query),
    ("host_and_address", host_and_address),
    ("list_formats", list_formats),
    ("catalogue_file", catalogue_file),
    ("sealed_bundle", sealed_bundle),
    ("archive", archive),
    ("list_address", list_address),
    ("http_head", http_head),
    ("http2", http2),
    ("client_hello", client_hello),
    ("oneroster", oneroster),
    ("pack", pack),
    ("procedure_toml", procedure_toml),
    ("search_terms", search_terms),
    ("control_text", control_text),
    ("page_html", page_html),
    ("page_json", page_json),
    ("page_packed", page_packed),
    ("dictionaries", dictionaries),
    ("leases", leases),
    ("radius", radius),
    ("firewall", firewall),
    ("syslog_stream", syslog_stream),
    ("ai_tools", ai_tools),
    ("floor", floor),
];

/// `www.example.test A?`, id 0x1234, as a client asks it.
const QUESTION: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x04test\x00\x00\x01\x00\x01";

/// [`QUESTION`] as a browser asks it over HTTPS.
const QUERY: &str = "dns=EjQBAAABAAAAAAAAA3d3dwdleGFtcGxlBHRlc3QAAAEAAQ";

/// Settings, and `GET https://a.test/` as HTTP/2 frames it.
const REQUEST: &[u8] =
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x0b\x01\x05\x00\x00\x00\x01\x82\x87\x84\x41\x06a.test";

/// A datagram from a client, and the same from an upstream that answers [`QUESTION`].
pub fn dns_message(data: &[u8]) {
    pharos_dns::fuzzing::question(data);
    pharos_dns::fuzzing::answer(QUESTION, data);
    assert!(
        pharos_dns::fuzzing::question(QUESTION),
        "the question itself is well formed"
    );
}

/// The query of a request over HTTPS, and how an upstream is written.
pub fn dns_query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    pharos_dns::fuzzing::query(&text);
    if let Ok(upstream) = text.parse::<pharos_dns::Upstream>() {
        assert_eq!(
            upstream.to_string().parse(),
            Ok(upstream),
            "an upstream is read back as it is written"
        );
    }
    assert!(
        pharos_dns::fuzzing::query(QUERY),
        "the query itself is well formed"
    );
}

/// An address as typed, requested or listed. What is canonical stays as it is when read again.
pub fn host_and_address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(host) = Host::parse(&text) {
        assert!(
            host.as_str().len() <= 253,
            "a host is a name of the DNS: {host:?}"
        );
        assert_eq!(
            Host::parse(host.as_str()).as_ref(),
            Ok(&host),
            "a canonical host is read as itself"
        );
        assert!(host.parents().count() <= 128);
    }
    if let Ok(address) = Address::parse(&text) {
        assert!(
            address.path().is_none_or(|path| path.len() <= PATH_MAX),
            "a path is bounded"
        );
        assert!(
            address.covers(&Address::parse(&text).unwrap_or(address.clone())),
            "an address covers itself"
        );
    }
}

/// A publisher's list in every format, whole and in pieces: the same entries, and never more
/// entries than bytes.
pub fn list_formats(data: &[u8]) {
    for format in Format::ALL {
        let mut entries = 0_usize;
        let whole = parse(format, data, &mut |_| entries += 1);
        assert!(entries <= data.len());
        let mut parser = Parser::new(format);
        for piece in data.chunks(7) {
            parser.feed(piece, &mut |_| {});
        }
        assert_eq!(
            parser.finish(&mut |_| {}),
            whole,
            "{} reads the same in pieces",
            format.name()
        );
    }
}

/// A compiled catalogue of whatever origin: refused, or usable without a panic.
pub fn catalogue_file(data: &[u8]) {
    let Ok(catalogue) = Catalogue::open(data) else {
        return;
    };
    assert!(catalogue.names().len() <= 256);
    for address in ["example.org", "a.b.gaming.pharos.test/x/y", "10.0.0.1"] {
        let Ok(address) = Address::parse(address) else {
            continue;
        };
        let found = catalogue.lookup(&address);
        assert!(catalogue.matched(&address, &found).count() <= 256);
    }
}

/// A bundle of a sealed list as it arrives, and one whose signature holds.
pub fn sealed_bundle(data: &[u8]) {
    assert!(
        pharos_lists::fuzzing::bundle(data).is_none(),
        "nobody but the publisher signs"
    );
    if let Some(entries) = pharos_lists::fuzzing::signed(data) {
        assert!(entries <= data.len() as u64);
    }
}

/// An archive from a publisher: refused, or unpacked within its bounds and its folder.
pub fn archive(data: &[u8]) {
    if let Some(bytes) = pharos_lists::fuzzing::archive(data) {
        assert!(bytes <= pharos_lists::fuzzing::ARCHIVE_BYTES_MAX);
    }
}

/// Where a list is fetched from, a redirect from there, and a file of checksums.
pub fn list_address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(
        pharos_lists::fuzzing::address(&text),
        "no redirect leads from https to http, and no file name leads out of its folder"
    );
}

/// The head of a request to the proxy, a chunked body, and the frames of a WebSocket.
pub fn http_head(data: &[u8]) {
    match pharos_proxy::fuzzing::head(data) {
        Ok(Some(length)) => assert!(length <= data.len()),
        Ok(None) => {}
        Err(status) => assert!(
            (400..=505).contains(&status),
            "a refusal has a status: {status}"
        ),
    }
    if let Some(length) = pharos_proxy::fuzzing::chunks(data) {
        assert!(length <= data.len());
    }
    for client in [false, true] {
        assert!(pharos_proxy::fuzzing::frames(data, client) <= data.len());
    }
}

/// The frames of a client that speaks HTTP/2: it always comes to an end, and no request is understood
/// in fewer bytes than a frame has.
pub fn http2(data: &[u8]) {
    let asked = |bytes| pharos_proxy::fuzzing::http2(bytes).unwrap_or(0);
    assert!(asked(data) <= data.len() / 9);
    assert_eq!(asked(REQUEST), 1, "a request itself is understood");
}

/// What a client says first inside a tunnel.
pub fn client_hello(data: &[u8]) {
    if let Some(name) = pharos_proxy::fuzzing::hello(data) {
        assert!(name.len() <= 255, "a server name is a name of the DNS");
    }
}

/// A roll: a zip, one CSV, or a set of files written as `=== NAME` and their text.
pub fn oneroster(data: &[u8]) {
    let limits = Limits {
        file_bytes_max: 1 << 20,
        total_bytes_max: 1 << 21,
        rows_max: 10_000,
        ..Limits::default()
    };
    if let Ok(parsed) = pharos_directory::parse_bytes(data, &limits) {
        assert!(parsed.problems.iter().count() <= pharos_directory::PROBLEMS_MAX);
    }
    let files = FileSet::from_files(files_of(data));
    let parsed = pharos_directory::parse(&files, &limits, &mut |_| {});
    assert!(parsed.problems.iter().count() <= pharos_directory::PROBLEMS_MAX);
}

/// A policy pack as files written as `=== NAME` and their text, and as a stored archive.
pub fn pack(data: &[u8]) {
    let loaded = pharos_pack::load(&files_of(data).into_iter().collect());
    assert!(loaded.problems.len() <= pharos_pack::PROBLEMS_MAX + 1);
    if let Ok(files) = pharos_pack::unpack(data) {
        assert_eq!(
            pharos_pack::unpack(&pharos_pack::to_archive(&files))
                .as_ref()
                .ok(),
            Some(&files)
        );
    }
}

/// A trust's floor as it arrives: nothing of it counts before its signature holds, and a signature is a
/// remark to whoever reads the rest.
pub fn floor(data: &[u8]) {
    // Larger ones are refused before anything is looked at.
    let text = String::from_utf8_lossy(data.get(..1 << 17).unwrap_or(data));
    let behind = pharos_lists::fuzzing::floor(&text);
    assert!(
        behind.is_some(),
        "a signature holds for what was signed alone"
    );
    let loaded = pharos_pack::load_floor(&text);
    assert!(loaded.problems.len() <= pharos_pack::PROBLEMS_MAX + 1);
    let again = pharos_pack::load_floor(&behind.unwrap_or_default());
    assert_eq!(loaded.floor, again.floor, "signed or not, it says the same");
    if let Some(floor) = loaded.floor {
        assert!(floor.version > 0 && !floor.trust.is_empty());
        assert_eq!(floor.version, floor.spec.version);
    }
}

/// A procedure, and a school's change to one.
pub fn procedure_toml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(problems) = Procedure::parse(&text) {
        assert!(!problems.is_empty(), "a refusal says why");
    }
    if let Err(problems) = Change::parse(&text) {
        assert!(!problems.is_empty(), "a refusal says why");
    }
}

/// An address with search words in it, and a text that the watch list reads.
pub fn search_terms(data: &[u8]) {
    static WATCH: OnceLock<Option<WatchList>> = OnceLock::new();
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = Address::parse(&text)
        && let Some(found) = pharos_scan::search_terms(&address)
    {
        assert!(found.terms.chars().count() <= TERMS_MAX);
    }
    if let Some(watch) = WATCH.get_or_init(|| WatchList::built_in().ok()) {
        assert!(watch.find(&text).len() <= MATCHES_MAX);
    }
}

/// A control of a policy: what is read is written so that it is read again as the same.
pub fn control_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(control) = Control::parse(&text) {
        let written = control.to_string();
        assert_eq!(
            Control::parse(&written).as_ref().ok(),
            Some(&control),
            "{written:?} reads as the same"
        );
    }
}

fn some_dictionaries() -> Option<Arc<Dictionaries>> {
    static DICTIONARIES: OnceLock<Option<Arc<Dictionaries>>> = OnceLock::new();
    let made = DICTIONARIES.get_or_init(|| {
        let text = "dictionary gambling\nversion 1\nthreshold early 9, prep 9, secondary 9, sixth 9, adult 9\n\
            10 lucky clam\n5 shell + game\n5 clam*\n-3 lesson\n\
            set claw = claw*, two pins, lucky\n7 @claw ~3 clam*\n-2 @claw >2 @teach !2 shell\n";
        let dictionary = Dictionary::parse(text).ok()?;
        let sets = Sets::parse("set teach = lesson, tide").ok()?;
        Dictionaries::compile(&[dictionary], &sets).ok().map(Arc::new)
    });
    made.clone()
}

/// A page in one piece and in pieces comes to the same.
fn page(kind: Kind, data: &[u8]) {
    let Some(dictionaries) = some_dictionaries() else {
        return;
    };
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| -> Report {
        let mut scan = PageScan::new(&dictionaries, Media::plain(kind.clone()));
        pieces.for_each(|piece| scan.push(piece));
        scan.finish();
        assert!(scan.over(AgeBand::Early).len() <= 1);
        scan.report()
    };
    let whole = read(&mut std::iter::once(data));
    assert_eq!(read(&mut data.chunks(7)), whole, "{kind:?} in pieces");
    // One character may stand for several words, but not for many.
    assert!(whole.words as usize <= 8 * data.len());
}

/// A page as HTML, as XML, and as what it is taken for.
pub fn page_html(data: &[u8]) {
    page(Kind::Html, data);
    page(Kind::Xml, data);
    page(Kind::Unknown, data);
}

/// A body as JSON, as a stream of events, and as a form.
pub fn page_json(data: &[u8]) {
    page(Kind::Json, data);
    page(Kind::Events, data);
    page(Kind::Form, data);
    page(Kind::Multipart("edge".to_owned()), data);
}

/// A compressed body in every coding, alone and twice over: what comes out is bounded.
pub fn page_packed(data: &[u8]) {
    let Some(dictionaries) = some_dictionaries() else {
        return;
    };
    for coding in CODINGS {
        for coding in [coding.to_owned(), format!("{coding}, gzip")] {
            let media = Media::plain(Kind::Html);
            let Ok(mut body) = BodyScan::new(&dictionaries, media, &coding) else {
                continue;
            };
            data.chunks(13).for_each(|piece| body.push(piece));
            body.page().finish();
            assert!(body.page().bytes() <= UNPACKED_MAX);
        }
    }
}

/// A dictionary, and a phrase list of another filter, whose dictionary reads.
pub fn dictionaries(data: &[u8]) {
    match Dictionary::parse(&String::from_utf8_lossy(data)) {
        Ok(dictionary) => {
            assert!(dictionary.entries.len() <= ENTRIES_MAX);
            // It may name sets that are nowhere.
            let _ = Dictionaries::compile(&[dictionary], &Sets::default());
        }
        Err(problems) => assert!(!problems.is_empty(), "a refusal says why"),
    }
    let list = Dictionary::parse(&PhraseList::parse(data).to_dictionary("gambling", "en"));
    assert!(
        list.is_ok_and(|list| Dictionaries::compile(&[list], &Sets::default()).is_ok()),
        "an imported list is of use by itself"
    );
}

/// A file of DHCP leases in every format.
pub fn leases(data: &[u8]) {
    for format in LeaseFormat::ALL {
        let found = read_leases(format, "leases", data);
        assert!(found.leases.len() <= LEASES_MAX);
        assert!(found.problems.len() <= pharos_directory::PROBLEMS_MAX);
        for lease in found.leases {
            assert!(lease.name.is_none_or(|name| name.chars().count() <= 63));
        }
    }
}

/// The secret of the corpus.
const SECRET: &[u8] = b"fuzzing-secret";

/// A datagram on the accounting port, as it is, and with its authenticator put right so that what
/// stands behind the secret is read too. Whatever counts is answered with an answer that fits.
pub fn radius(data: &[u8]) {
    use pharos_directory::radius::{PACKET_MAX, is_answer_to, read, request};
    drop(read(data, SECRET));
    let mut attributes: Vec<(u8, &[u8])> = Vec::new();
    let mut rest = data;
    let mut total = 0;
    while let [kind, length, behind @ ..] = rest {
        let value = behind.get(..usize::from(*length).min(253).min(behind.len()));
        let value = value.unwrap_or_default();
        total += value.len() + 2;
        if total > PACKET_MAX - 20 {
            break;
        }
        // A Message-Authenticator of chance is wrong, and rightly refused.
        if *kind != 80 {
            attributes.push((*kind, value));
        }
        rest = &behind[value.len()..];
    }
    if attributes.len() > 256 {
        return;
    }
    let packet = request(1, &attributes, SECRET);
    match read(&packet, SECRET) {
        Ok((_, answer)) => assert!(is_answer_to(&answer, &packet, SECRET)),
        Err(why) => panic!("a well-formed request is refused: {why}"),
    }
}

/// A message of a firewall by syslog: what is kept is bounded.
pub fn firewall(data: &[u8]) {
    let Some(event) = firewall::read(data) else {
        return;
    };
    for text in [
        event.user.as_ref(),
        event.host.as_ref(),
        event.url.as_ref(),
        event.search.as_ref(),
    ] {
        assert!(text.is_none_or(|text| text.chars().count() <= TEXT_MAX));
    }
    assert!(event.summary.chars().count() <= TEXT_MAX);
    let _ = event.shows();
}

/// An adapter of a tool of generative AI; and a body as every tool that Pharos ships an adapter for
/// reads it: the same in pieces, and bounded.
pub fn ai_tools(data: &[u8]) {
    if let Err(problems) = Tool::parse(&String::from_utf8_lossy(data)) {
        assert!(!problems.is_empty(), "a refusal says why");
    }
    static TOOLS: OnceLock<Vec<Exchange>> = OnceLock::new();
    let exchanges = TOOLS.get_or_init(|| {
        let texts = Tools::built_in_texts().iter();
        let tools = texts.filter_map(|(_, text)| Tool::parse(text).ok());
        tools.flat_map(|tool| tool.exchanges().to_vec()).collect()
    });
    for exchange in exchanges {
        for kind in [Kind::Json, Kind::Events, Kind::Form] {
            let media = Media::plain(kind);
            let read = |pieces: &mut dyn Iterator<Item = &[u8]>| -> Option<String> {
                let mut scan = ToolScan::prompt(exchange, None, Some(media.clone()), "").ok()?;
                pieces.for_each(|piece| scan.push(piece));
                scan.finish();
                scan.said()
            };
            let whole = read(&mut std::iter::once(data));
            assert_eq!(read(&mut data.chunks(7)), whole, "{media:?} in pieces");
            let said = whole.unwrap_or_default();
            assert!(said.len() <= 3 * PROMPT_BYTES_MAX);
            assert!(excerpt(&said, None).len() <= EXCERPT_BYTES_MAX);
        }
    }
    let mut socket = SocketScan::new(exchanges.first(), some_dictionaries().as_ref());
    for piece in data.chunks(13) {
        socket.sent(piece);
        socket.got(piece);
    }
    socket.got_end();
    assert!(socket.sent_end(AgeBand::Early).0.len() <= 1);
    assert!(socket.got_over(AgeBand::Early).len() <= 1);
}

/// Files from one text: a line `=== NAME` begins each. At most 64.
fn files_of(data: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(data);
    let part = |part: &str| {
        let (name, body) = part.split_once('\n').unwrap_or((part, ""));
        (name.trim().to_owned(), body.as_bytes().to_vec())
    };
    text.split("=== ").skip(1).take(64).map(part).collect()
}

/// A stream of messages of a firewall: cut to its end, and never more messages than bytes.
pub fn syslog_stream(data: &[u8]) {
    let (mut held, mut found) = (data, 0);
    while let Cut::Frame { from, to, next } = cut(held, true) {
        assert!(from <= to && to <= next && next <= held.len() && next > 0);
        held = &held[next..];
        found += 1;
    }
    assert!(found <= data.len());
}
