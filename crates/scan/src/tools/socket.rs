//! The text messages of a WebSocket, both ways. Each message that is sent is a page of its own; what
//! is answered is one page until the next prompt, so that what is written out piece by piece is
//! put together.

use std::sync::Arc;

use super::adapter::Exchange;
use super::scan::Words;
use crate::{AgeBand, Dictionaries, Kind, Media, Over};

/// After so many bytes of answers a new page begins.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Reads the messages of one WebSocket. Memory is bounded.
#[derive(Debug)]
pub struct SocketScan {
    exchange: Option<Exchange>,
    dictionaries: Option<Arc<Dictionaries>>,
    sent: Option<Words>,
    got: Words,
    /// Whether a message of the answer is open.
    in_message: bool,
}

impl SocketScan {
    /// For a WebSocket of a tool, or of anybody. Without dictionaries nothing is judged.
    pub fn new(exchange: Option<&Exchange>, dictionaries: Option<&Arc<Dictionaries>>) -> Self {
        Self {
            exchange: exchange.cloned(),
            dictionaries: dictionaries.cloned(),
            sent: None,
            got: Words::socket_answer(exchange, dictionaries),
            in_message: false,
        }
    }

    fn renew(&mut self) {
        self.got = Words::socket_answer(self.exchange.as_ref(), self.dictionaries.as_ref());
    }

    /// A piece of a message that the client sends.
    pub fn sent(&mut self, piece: &[u8]) {
        let (exchange, dictionaries) = (self.exchange.as_ref(), self.dictionaries.as_ref());
        let sent = self.sent.get_or_insert_with(|| {
            Words::prompt(exchange, dictionaries, Media::plain(Kind::Unknown))
        });
        sent.push(piece);
    }

    /// What the open message of the client is over in so far.
    pub fn sent_over(&mut self, band: AgeBand) -> Vec<Over> {
        let sent = self.sent.as_mut();
        sent.map_or_else(Vec::new, |sent| sent.over(band))
    }

    /// The client's message has ended: what it is over in, and the prompt in it.
    pub fn sent_end(&mut self, band: AgeBand) -> (Vec<Over>, Option<String>) {
        let Some(mut sent) = self.sent.take() else {
            return (Vec::new(), None);
        };
        sent.finish();
        let said = sent.said();
        if said.is_some() && !self.in_message {
            self.renew();
        }
        (sent.over(band), said)
    }

    /// A piece of a message that the other side sends.
    pub fn got(&mut self, piece: &[u8]) {
        if !self.in_message {
            self.in_message = true;
            if self.got.bytes() > ANSWER_BYTES_MAX {
                self.renew();
            }
            self.got.push_whole(b"data: ");
        }
        self.got.push_spoken(piece);
        // Read as an event each, so that pieces of an answer are put together: a line of data.
        for part in piece.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            match part.split_last() {
                Some((b'\n' | b'\r', line)) => {
                    self.got.push_whole(line);
                    self.got.push_whole(b" ");
                }
                _ => self.got.push_whole(part),
            }
        }
    }

    /// The other side's message has ended.
    pub fn got_end(&mut self) {
        self.got.push_whole(b"\n\n");
        self.got.end_answer_message();
        self.in_message = false;
    }

    /// What the answer is over in so far.
    pub fn got_over(&mut self, band: AgeBand) -> Vec<Over> {
        self.got.over(band)
    }
}

#[cfg(test)]
mod tests {
    use pharos_catalogue::Host;

    use super::super::adapter::Way;
    use super::super::set::Tools;
    use super::*;
    use crate::Dictionary;

    fn scan(host: &str, path: &str) -> SocketScan {
        let text = "dictionary gambling\nversion 1\n\
            threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 lucky clam\n";
        let dictionaries =
            Dictionaries::compile(&[Dictionary::parse(text).unwrap()], &crate::Sets::default())
                .unwrap();
        let tools = Tools::built_in().unwrap();
        let found = tools.find(&Host::parse(host).unwrap(), path, Way::Socket);
        SocketScan::new(
            found.as_ref().and_then(|found| found.exchange()),
            Some(&Arc::new(dictionaries)),
        )
    }

    fn send(scan: &mut SocketScan, message: &str) -> (usize, Option<String>) {
        message
            .as_bytes()
            .chunks(5)
            .for_each(|piece| scan.sent(piece));
        let (over, said) = scan.sent_end(AgeBand::Secondary);
        (over.len(), said)
    }

    fn get(scan: &mut SocketScan, message: &str) -> usize {
        message
            .as_bytes()
            .chunks(5)
            .for_each(|piece| scan.got(piece));
        scan.got_end();
        scan.got_over(AgeBand::Secondary).len()
    }

    /// FIL-02: prompts over a WebSocket are found, and an answer is put together from its pieces.
    #[test]
    fn fil_02_prompts_and_answers_over_a_websocket_are_found() {
        let mut copilot = scan("copilot.microsoft.com", "/c/api/chat");
        assert_eq!(
            send(
                &mut copilot,
                r#"{"event":"send","conversationId":"c","content":[{"type":"text","text":"tide times"}],"mode":"chat"}"#
            ),
            (0, Some("tide times".to_owned()))
        );
        assert_eq!(
            get(&mut copilot, r#"{"event":"startMessage","messageId":"m"}"#),
            0
        );
        assert_eq!(
            get(
                &mut copilot,
                r#"{"event":"appendText","messageId":"m","text":"a lucky"}"#
            ),
            0
        );
        assert_eq!(
            get(
                &mut copilot,
                r#"{"event":"appendText","messageId":"m","text":" clam"}"#
            ),
            0,
            "it may go on"
        );
        assert_eq!(get(&mut copilot, r#"{"event":"done","messageId":"m"}"#), 1);
        let (over, said) = send(
            &mut copilot,
            r#"{"event":"send","content":[{"type":"text","text":"my lucky clam"}]}"#,
        );
        assert_eq!((over, said.as_deref()), (1, Some("my lucky clam")));
        assert_eq!(
            get(&mut copilot, r#"{"event":"appendText","text":"calm"}"#),
            0,
            "the next answer is a new page"
        );
        let (_, said) = send(&mut copilot, r#"{"event":"ping"}"#);
        assert_eq!(said, None);
    }

    /// FIL-02: of a tool that sends the whole answer again and again, it is read once.
    #[test]
    fn fil_02_an_answer_that_is_repeated_is_read_once() {
        let mut tool = scan("neo.character.ai", "/ws/");
        let (_, said) = send(
            &mut tool,
            r#"{"command":"create_and_generate_turn","payload":{"turn":{"candidates":[{"raw_content":"hello there"}]}}}"#,
        );
        assert_eq!(said.as_deref(), Some("hello there"));
        for text in ["a lu", "a lucky"] {
            let message = format!(
                r#"{{"command":"update_turn","turn":{{"candidates":[{{"raw_content":"{text}"}}]}}}}"#
            );
            assert_eq!(get(&mut tool, &message), 0);
        }
        let last =
            r#"{"command":"update_turn","turn":{"candidates":[{"raw_content":"a lucky clam"}]}}"#;
        assert_eq!(get(&mut tool, last), 1);
    }

    /// FIL-02: a WebSocket that no adapter knows is read in the generic way.
    #[test]
    fn fil_02_other_websockets_are_read_too() {
        let mut any = scan("sea.test", "/live");
        assert_eq!(send(&mut any, "my lucky clam"), (1, None));
        assert_eq!(send(&mut any, r#"{"msg":"my lucky clam"}"#), (1, None));
        assert_eq!(get(&mut any, "{\n\"text\": \"a lucky\"\n}"), 0);
        assert_eq!(get(&mut any, r#"{"text":" clam is"}"#), 1);
    }

    #[test]
    fn a_long_life_does_not_fill_the_memory_nor_stop_the_reading() {
        let mut any = scan("sea.test", "/live");
        let long = format!(r#"{{"x":"{}"}}"#, "calm sea ".repeat(20_000));
        for _ in 0..150 {
            assert_eq!(get(&mut any, &long), 0);
        }
        assert_eq!(
            get(&mut any, r#"{"x":"lucky clam lucky clam lucky clam"}"#),
            1
        );
    }
}
