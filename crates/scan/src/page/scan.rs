//! One page, read as it streams past.

use std::sync::Arc;

use super::charset::{Charset, Read};
use super::compiled::{Dictionaries, Theme};
use super::decode::{DecodeError, Decoder};
use super::dictionary::AgeBand;
use super::events::Events;
use super::forms::{Form, Multipart};
use super::html::Html;
use super::json::Json;
use super::media::{Kind, Media};
use super::page::Page;
use super::tally::Report;

/// The most of one body that is read, in bytes as unpacked; what follows is not looked at.
pub const PAGE_BYTES_MAX: u64 = 16 << 20;

/// Reads one page against dictionaries. Nothing is kept from page to page: each has a scan of its
/// own.
#[derive(Debug)]
pub struct PageScan {
    dictionaries: Arc<Dictionaries>,
    charset: Charset,
    text: Text,
    page: Page,
    read: u64,
}

#[derive(Debug)]
enum Text {
    /// Not known yet, or no text.
    None,
    Html(Box<Html>),
    Json(Json),
    Plain,
    Events(Events),
    Form(Form),
    Multipart(Multipart),
}

/// A category whose threshold a page reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The category.
    pub category: Arc<str>,
    /// The page's score for it.
    pub score: i32,
    /// The threshold of the reader's band.
    pub threshold: i32,
    /// Whether the reader may be in distress.
    pub distress: bool,
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "page text: {} {} of {}",
            self.category, self.score, self.threshold
        )
    }
}

impl PageScan {
    /// A scan of one page.
    pub fn new(dictionaries: &Arc<Dictionaries>, media: Media) -> Self {
        Self {
            dictionaries: Arc::clone(dictionaries),
            charset: Charset::new(media),
            text: Text::None,
            page: Page::new(),
            read: 0,
        }
    }

    /// Reads on. The same comes out however the page is cut.
    pub fn push(&mut self, bytes: &[u8]) {
        let left = usize::try_from(PAGE_BYTES_MAX.saturating_sub(self.read)).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(left)];
        self.read += bytes.len() as u64;
        let (text, page, dictionaries) = (&mut self.text, &mut self.page, &self.dictionaries);
        self.charset.push(bytes, &mut |read| match read {
            Read::Kind(kind) => *text = Text::of(kind),
            Read::Text(piece) => {
                text.push(piece, page);
                page.settle_if_full(dictionaries);
            }
        });
    }

    /// Ends the page.
    pub fn finish(&mut self) {
        let (text, page, dictionaries) = (&mut self.text, &mut self.page, &self.dictionaries);
        self.charset.finish(&mut |read| match read {
            Read::Kind(kind) => *text = Text::of(kind),
            Read::Text(piece) => {
                text.push(piece, page);
                page.settle_if_full(dictionaries);
            }
        });
        text.finish(page);
        page.finish(dictionaries);
    }

    /// The folded words of a whole page, as they are searched: what is read from top to bottom, and
    /// what stands beside it. One blank stands between words; a line feed is a word of its own, where
    /// no phrase goes on. Weights of words are fitted to these.
    pub fn folded(media: Media, bytes: &[u8]) -> [String; 2] {
        let (mut charset, mut text, mut page) = (Charset::new(media), Text::None, Page::new());
        let mut read = |read: Read<'_>| match read {
            Read::Kind(kind) => text = Text::of(kind),
            Read::Text(piece) => text.push(piece, &mut page),
        };
        charset.push(bytes, &mut read);
        charset.finish(&mut read);
        text.finish(&mut page);
        [page.body, page.aside].map(|mut folder| {
            let mut all = String::new();
            folder.stop();
            folder.settle(|text| all = String::from_utf8_lossy(text).into_owned());
            all
        })
    }

    /// How many bytes were read, as unpacked.
    pub fn bytes(&self) -> u64 {
        self.read
    }

    /// The categories that what was read so far is over in, the furthest over first.
    pub fn over(&mut self, band: AgeBand) -> Vec<Over> {
        self.page.settle(&self.dictionaries);
        let scores = self
            .page
            .tally
            .scores(&self.dictionaries, self.page.words());
        let over = |(theme, score): (usize, i32)| {
            let theme: &Theme = self.dictionaries.themes().get(theme)?;
            let threshold = theme.threshold(band);
            (score >= threshold).then(|| Over {
                category: Arc::clone(&theme.category),
                score,
                threshold,
                distress: theme.distress,
            })
        };
        let mut all: Vec<Over> = scores.into_iter().filter_map(over).collect();
        all.sort_by_key(|over| {
            let share = i64::from(over.score) * 1000 / i64::from(over.threshold.max(1));
            (std::cmp::Reverse(share), Arc::clone(&over.category))
        });
        all
    }

    /// What was found so far, phrase by phrase.
    pub fn report(&mut self) -> Report {
        self.page.settle(&self.dictionaries);
        self.page
            .tally
            .report(&self.dictionaries, self.page.words())
    }
}

impl Text {
    fn of(kind: Option<Kind>) -> Self {
        match kind {
            None | Some(Kind::Unknown) => Text::None,
            Some(Kind::Html) => Text::Html(Box::new(Html::new(false))),
            Some(Kind::Xml) => Text::Html(Box::new(Html::new(true))),
            Some(Kind::Json) => Text::Json(Json::new()),
            Some(Kind::Text) => Text::Plain,
            Some(Kind::Events) => Text::Events(Events::new()),
            Some(Kind::Form) => Text::Form(Form::default()),
            Some(Kind::Multipart(boundary)) => Text::Multipart(Multipart::new(&boundary)),
        }
    }

    fn push(&mut self, piece: &[u8], page: &mut Page) {
        match self {
            Text::None => {}
            Text::Html(html) => html.push(piece, page),
            Text::Json(json) => json.push(piece, &mut page.body),
            Text::Plain => page.body.push(piece),
            Text::Events(events) => events.push(piece, page),
            Text::Form(form) => form.push(piece, &mut page.body),
            Text::Multipart(parts) => parts.push(piece, &mut page.body),
        }
    }

    fn finish(&mut self, page: &mut Page) {
        match self {
            Text::Html(html) => html.finish(page),
            Text::Form(form) => form.finish(&mut page.body),
            Text::Multipart(parts) => parts.finish(&mut page.body),
            _ => {}
        }
    }
}

/// A body as it travels, perhaps compressed, read against dictionaries.
#[derive(Debug)]
pub struct BodyScan {
    decoder: Decoder,
    page: PageScan,
    failed: Option<DecodeError>,
}

impl BodyScan {
    /// A scan of one body. `content_encoding` is the header's text, empty where there is none.
    ///
    /// # Errors
    /// A coding that cannot be read.
    pub fn new(
        dictionaries: &Arc<Dictionaries>,
        media: Media,
        content_encoding: &str,
    ) -> Result<Self, DecodeError> {
        Ok(Self {
            decoder: Decoder::new(content_encoding)?,
            page: PageScan::new(dictionaries, media),
            failed: None,
        })
    }

    /// Reads on. Once the body has turned out to be broken or too much, nothing more is read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let page = &mut self.page;
        if let Err(error) = self.decoder.push(bytes, &mut |piece| page.push(piece)) {
            self.failed = Some(error);
        }
    }

    /// Why nothing more is read.
    pub fn failed(&self) -> Option<DecodeError> {
        self.failed
    }

    /// The page.
    pub fn page(&mut self) -> &mut PageScan {
        &mut self.page
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::dictionary::Dictionary;
    use super::super::sets::Sets;
    use super::*;

    fn dictionaries() -> Arc<Dictionaries> {
        let read = |text: &str| Dictionary::parse(text).unwrap();
        let head = "version 1\nthreshold early 40, prep 60, secondary 90, sixth 120, adult 180\n";
        let all = [
            read(&format!(
                "dictionary self-harm\ndistress yes\n{head}60 sad otter\n50 grey rock + cold wave\n10 weep*\n-80 marine lesson\n"
            )),
            read(&format!(
                "dictionary gambling\n{head}95 lucky clam\n40 shell game\n"
            )),
            read(&format!(
                "dictionary weapons\n{head}set own = claw*, two pins\n30 @own ~3 @pinch\n\
                 20 @own >2 snap !2 never\n"
            )),
        ];
        let sets = Sets::parse("set pinch = pinch*, nip, @grip\nset grip = grip").unwrap();
        Arc::new(Dictionaries::compile(&all, &sets).unwrap())
    }

    fn scan(kind: Kind, pieces: &[&[u8]]) -> Report {
        let dictionaries = dictionaries();
        let mut page = PageScan::new(&dictionaries, Media::plain(kind));
        pieces.iter().for_each(|piece| page.push(piece));
        page.finish();
        page.report()
    }

    fn scores(kind: Kind, text: &str) -> Vec<(String, i32)> {
        let report = scan(kind, &[text.as_bytes()]);
        let categories = report.categories.iter();
        categories
            .map(|found| (found.category.to_string(), found.score))
            .collect()
    }

    /// FIL-02: a page is judged for every category, with phrases far apart and in disguise.
    #[test]
    fn fil_02_a_page_is_judged_for_every_category() {
        let sad = |score| vec![("self-harm".to_owned(), score)];
        let near = |score| vec![("weapons".to_owned(), score)];
        for (html, wanted) in [
            ("<p>A s\u{430}d <b>0tt</b>er</p>", sad(60)),
            ("<p>sad</p><p>otter</p>", vec![]),
            ("<p>grey rock</p> <img alt='cold wave'>", sad(50)),
            ("<p>grey rock, grey rock</p>", vec![]),
            ("weeping, weeps, wept", sad(15)),
            (
                "sad otter sad otter sad otter sad otter sad otter",
                sad(105),
            ),
            ("sad otter in a marine lesson", sad(5)),
            ("a shell game", vec![("gambling".to_owned(), 40)]),
            ("the claws grip you", near(30)),
            ("it nips: a nip, and with two pins", near(30)),
            ("two pins and the other crab can nip", vec![]),
            ("a claw can grip, two claws can nip", near(45)),
            ("claws snap, snap claws", near(20)),
            ("claws never snap", vec![]),
            ("never will the claw snap", near(20)),
            ("it never claws, snap", vec![]),
        ] {
            assert_eq!(scores(Kind::Html, html), wanted, "{html}");
        }
    }

    #[test]
    fn the_words_of_a_page_can_be_had_as_they_are_searched() {
        let html = "<p>A s\u{430}d <b>0tt</b>er</p><p alt=x>w e e p<img alt='Cold'>";
        let [body, aside] = PageScan::folded(Media::plain(Kind::Html), html.as_bytes());
        assert_eq!(body.trim(), "a sad otter \n weep");
        assert_eq!(aside.trim(), "x \n coid");
    }

    /// FIL-02, FIL-14: what is over for a young reader may be open for an older one.
    #[test]
    fn fil_14_thresholds_fit_the_reader() {
        let dictionaries = dictionaries();
        let mut page = PageScan::new(&dictionaries, Media::plain(Kind::Text));
        page.push(b"a sad otter");
        page.finish();
        assert_eq!(
            page.over(AgeBand::Prep)[0].to_string(),
            "page text: self-harm 60 of 60"
        );
        assert!(page.over(AgeBand::Prep)[0].distress);
        assert_eq!(page.over(AgeBand::Secondary), []);
    }

    /// FIL-02: a verdict while the page still streams is that of what has been read.
    #[test]
    fn fil_02_a_verdict_can_be_had_while_the_page_streams() {
        let dictionaries = dictionaries();
        let mut page = PageScan::new(&dictionaries, Media::plain(Kind::Text));
        page.push(b"lucky cl");
        assert_eq!(page.over(AgeBand::Early), []);
        page.push(b"am and so on");
        assert_eq!(page.over(AgeBand::Secondary)[0].score, 95);
        page.push(&b" and so on".repeat(100_000));
        page.finish();
        assert_eq!(page.report().categories[0].score, 14);
    }

    /// FIL-02: compressed or not, a body comes to the same.
    #[test]
    fn fil_02_a_compressed_body_comes_to_the_same() {
        let dictionaries = dictionaries();
        let packed = zstd::stream::encode_all(&b"<p>a sad otter"[..], 3).unwrap();
        let mut body = BodyScan::new(&dictionaries, Media::plain(Kind::Html), "zstd").unwrap();
        body.push(&packed);
        body.page().finish();
        assert_eq!(body.page().report(), scan(Kind::Html, &[b"<p>a sad otter"]));
        let mut broken = BodyScan::new(&dictionaries, Media::plain(Kind::Html), "gzip").unwrap();
        broken.push(b"no gzip at all");
        assert_eq!(broken.failed(), Some(DecodeError::Broken));
    }

    fn pages() -> impl Strategy<Value = (Kind, Vec<u8>)> {
        let kind = prop_oneof![
            Just(Kind::Html),
            Just(Kind::Xml),
            Just(Kind::Json),
            Just(Kind::Text),
            Just(Kind::Events),
            Just(Kind::Form),
            Just(Kind::Multipart("edge".to_owned())),
            Just(Kind::Unknown),
        ];
        let part = prop_oneof![
            Just("sad otter "),
            Just("sad "),
            Just("0tter"),
            Just("<p>"),
            Just("</p"),
            Just("<script>"),
            Just("</script>"),
            Just("\""),
            Just("{\"a\":\""),
            Just("\"}"),
            Just("data: "),
            Just("\n"),
            Just("&"),
            Just("x=%73ad+"),
            Just("--edge\r\n\r\n"),
            Just("s a d "),
            Just("grey rock"),
            Just("cold wave"),
            Just("\u{e9}"),
            Just("lucky "),
            Just("clam"),
            Just("claws "),
            Just("never "),
            Just("nip "),
            Just("<img alt='grip claw'>"),
            Just("snap "),
            Just("<!--"),
            Just("-->"),
            Just("\\u0073ad otter"),
        ];
        let text =
            proptest::collection::vec(part, 0..30).prop_map(|parts| parts.concat().into_bytes());
        let junk = proptest::collection::vec(any::<u8>(), 0..200);
        (kind, prop_oneof![4 => text, 1 => junk])
    }

    proptest! {
        /// FIL-02: cut at any byte, a page comes to the same as in one piece.
        #[test]
        fn fil_02_cut_at_any_byte_a_page_comes_to_the_same((kind, page) in pages(), cuts in proptest::collection::vec(0_usize..300, 0..4)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(page.len())).collect();
            cuts.extend([0, page.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &page[two[0]..two[1]]).collect();
            prop_assert_eq!(scan(kind.clone(), &pieces), scan(kind, &[&page]));
        }

        /// FIL-02: nothing leaks from page to page: read after another, a page comes to the same as
        /// read alone.
        #[test]
        fn fil_02_nothing_leaks_from_page_to_page((kind_a, a) in pages(), (kind_b, b) in pages()) {
            let shared = dictionaries();
            let read = |kind: &Kind, page: &[u8]| {
                let mut scan = PageScan::new(&shared, Media::plain(kind.clone()));
                scan.push(page);
                scan.finish();
                scan.report()
            };
            let alone = read(&kind_b, &b);
            read(&kind_a, &a);
            prop_assert_eq!(read(&kind_b, &b), alone);
        }

        /// FIL-02: text long enough to be searched in several pieces is searched as one.
        #[test]
        fn fil_02_long_pages_are_searched_as_one(before in 0_usize..9000, step in 1_usize..5000) {
            let mut page = "word ".repeat(before / 5).into_bytes();
            page.extend(b"sad otter lucky clam ");
            page.extend("word ".repeat(300).bytes());
            let pieces: Vec<&[u8]> = page.chunks(step).collect();
            let report = scan(Kind::Text, &pieces);
            prop_assert_eq!(report.categories.len(), 2);
            prop_assert_eq!(report, scan(Kind::Text, &[&page]));
        }
    }
}
