//! One prompt or answer, read as it travels: where its adapter says, and in the generic way.

use std::sync::Arc;

use super::adapter::Exchange;
use super::extract::{Extract, Said};
use crate::{AgeBand, DecodeError, Decoder, Dictionaries, Kind, Media, Over, PageScan};

/// The most of a prompt that is kept in memory, in bytes.
pub const PROMPT_BYTES_MAX: usize = 64 * 1024;

/// The words of one body: those that its adapter finds, and all of them.
#[derive(Debug)]
pub(super) struct Words {
    extract: Extract,
    /// The prompt or answer alone.
    spoken: Option<PageScan>,
    /// The whole body, in the generic way.
    whole: Option<PageScan>,
    dictionaries: Option<Arc<Dictionaries>>,
    /// The text of a prompt.
    prompt: Option<Vec<u8>>,
    /// Bytes of the answer alone at the end of the message before.
    read_before: u64,
}

impl Words {
    /// A prompt.
    pub(super) fn prompt(
        exchange: Option<&Exchange>,
        dictionaries: Option<&Arc<Dictionaries>>,
        media: Media,
    ) -> Self {
        let places = exchange.map(|exchange| Arc::clone(&exchange.prompt));
        let mut words = Self::new(places.as_ref(), dictionaries, media);
        words.prompt = Some(Vec::new());
        words
    }

    /// An answer.
    pub(super) fn answer(
        exchange: Option<&Exchange>,
        dictionaries: Option<&Arc<Dictionaries>>,
        media: Media,
    ) -> Self {
        let places = exchange.map(|exchange| Arc::clone(&exchange.answer));
        Self::new(places.as_ref(), dictionaries, media)
    }

    /// The answers over a WebSocket: each message is read as it is by its adapter, and as the data
    /// of an event in the generic way.
    pub(super) fn socket_answer(
        exchange: Option<&Exchange>,
        dictionaries: Option<&Arc<Dictionaries>>,
    ) -> Self {
        let mut words = Self::answer(exchange, dictionaries, Media::plain(Kind::Json));
        let events = |dictionaries| PageScan::new(dictionaries, Media::plain(Kind::Events));
        words.whole = dictionaries.map(events);
        words
    }

    fn new(
        places: Option<&Arc<super::place::Places>>,
        dictionaries: Option<&Arc<Dictionaries>>,
        media: Media,
    ) -> Self {
        let places = places.cloned().unwrap_or_default();
        Self {
            extract: Extract::new(&places, &media.kind),
            spoken: None,
            whole: dictionaries.map(|dictionaries| PageScan::new(dictionaries, media)),
            dictionaries: dictionaries.cloned(),
            prompt: None,
            read_before: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.push_spoken(bytes);
        self.push_whole(bytes);
    }

    pub(super) fn push_whole(&mut self, bytes: &[u8]) {
        if let Some(whole) = &mut self.whole {
            whole.push(bytes);
        }
    }

    pub(super) fn push_spoken(&mut self, bytes: &[u8]) {
        let (spoken, prompt) = (&mut self.spoken, &mut self.prompt);
        let dictionaries = self.dictionaries.as_ref();
        self.extract
            .push(bytes, &mut |said| hear(said, spoken, prompt, dictionaries));
    }

    /// Ends a body, or a message of several.
    pub(super) fn end_message(&mut self) {
        let (spoken, prompt) = (&mut self.spoken, &mut self.prompt);
        let dictionaries = self.dictionaries.as_ref();
        self.extract
            .finish(&mut |said| hear(said, spoken, prompt, dictionaries));
    }

    /// Ends a message of an answer. One that says nothing ends the word before it, such as the last
    /// of all: what could go on is not judged before.
    pub(super) fn end_answer_message(&mut self) {
        self.end_message();
        let read = self.spoken.as_ref().map_or(0, PageScan::bytes);
        if read == self.read_before
            && let Some(spoken) = &mut self.spoken
        {
            spoken.push(b"\n");
        }
        self.read_before = self.spoken.as_ref().map_or(0, PageScan::bytes);
    }

    pub(super) fn finish(&mut self) {
        self.end_message();
        for page in self.spoken.iter_mut().chain(&mut self.whole) {
            page.finish();
        }
    }

    /// The categories that either reading is over in, the furthest over first.
    pub(super) fn over(&mut self, band: AgeBand) -> Vec<Over> {
        let mut all: Vec<Over> = Vec::new();
        for page in self.spoken.iter_mut().chain(&mut self.whole) {
            for over in page.over(band) {
                match all.iter_mut().find(|known| known.category == over.category) {
                    Some(known) if known.score < over.score => *known = over,
                    Some(_) => {}
                    None => all.push(over),
                }
            }
        }
        all.sort_by_key(|over| {
            let share = i64::from(over.score) * 1000 / i64::from(over.threshold.max(1));
            (std::cmp::Reverse(share), Arc::clone(&over.category))
        });
        all
    }

    /// The text of the prompt, where one was found; at most [`PROMPT_BYTES_MAX`].
    pub(super) fn said(&self) -> Option<String> {
        let prompt = self.prompt.as_ref()?;
        let text = String::from_utf8_lossy(prompt);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(super) fn bytes(&self) -> u64 {
        let pages = self.spoken.iter().chain(&self.whole);
        pages.map(PageScan::bytes).max().unwrap_or(0)
    }
}

fn hear(
    said: Said<'_>,
    spoken: &mut Option<PageScan>,
    prompt: &mut Option<Vec<u8>>,
    dictionaries: Option<&Arc<Dictionaries>>,
) {
    match said {
        Said::Text(text) => {
            if let Some(dictionaries) = dictionaries {
                spoken.get_or_insert_with(|| page(dictionaries)).push(text);
            }
            if let Some(prompt) = prompt {
                let room = PROMPT_BYTES_MAX.saturating_sub(prompt.len());
                prompt.extend_from_slice(&text[..text.len().min(room)]);
            }
        }
        // The pieces of an answer follow each other without a gap; those of a prompt do not.
        Said::End => {
            if let Some(prompt) = prompt {
                if prompt.len() < PROMPT_BYTES_MAX {
                    prompt.push(b'\n');
                }
                if let Some(spoken) = spoken {
                    spoken.push(b"\n\n");
                }
            }
        }
        Said::Again => {
            *spoken = None;
            if let Some(prompt) = prompt {
                prompt.clear();
            }
        }
    }
}

/// A page of plain text in UTF-8.
fn page(dictionaries: &Arc<Dictionaries>) -> PageScan {
    let media = Media {
        kind: Kind::Text,
        charset: Some("utf-8".to_owned()),
    };
    PageScan::new(dictionaries, media)
}

/// A body of an exchange as it travels, perhaps compressed. Memory is bounded; the same comes out
/// however the body is cut.
#[derive(Debug)]
pub struct ToolScan {
    decoder: Decoder,
    words: Words,
    failed: Option<DecodeError>,
}

impl ToolScan {
    /// Reads what somebody sends to a tool. Without dictionaries it is not judged, only found.
    /// `content_encoding` is the header's text, empty where there is none.
    ///
    /// # Errors
    /// A coding that cannot be read.
    pub fn prompt(
        exchange: &Exchange,
        dictionaries: Option<&Arc<Dictionaries>>,
        media: Option<Media>,
        content_encoding: &str,
    ) -> Result<Self, DecodeError> {
        let words = Words::prompt(Some(exchange), dictionaries, known(media));
        Self::of(words, content_encoding)
    }

    /// Reads what a tool answers.
    ///
    /// # Errors
    /// A coding that cannot be read.
    pub fn answer(
        exchange: &Exchange,
        dictionaries: &Arc<Dictionaries>,
        media: Option<Media>,
        content_encoding: &str,
    ) -> Result<Self, DecodeError> {
        let words = Words::answer(Some(exchange), Some(dictionaries), known(media));
        Self::of(words, content_encoding)
    }

    fn of(words: Words, content_encoding: &str) -> Result<Self, DecodeError> {
        Ok(Self {
            decoder: Decoder::new(content_encoding)?,
            words,
            failed: None,
        })
    }

    /// Reads on. Once the body has turned out to be broken or too much, nothing more is read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let words = &mut self.words;
        if let Err(error) = self.decoder.push(bytes, &mut |piece| words.push(piece)) {
            self.failed = Some(error);
        }
    }

    /// Ends the body.
    pub fn finish(&mut self) {
        self.words.finish();
    }

    /// Why nothing more is read.
    pub fn failed(&self) -> Option<DecodeError> {
        self.failed
    }

    /// The categories that what was read so far is over in, the furthest over first.
    pub fn over(&mut self, band: AgeBand) -> Vec<Over> {
        self.words.over(band)
    }

    /// The prompt, as far as it was read; at most [`PROMPT_BYTES_MAX`].
    pub fn said(&self) -> Option<String> {
        self.words.said()
    }
}

/// What says nothing of what it is may be JSON all the same.
fn known(media: Option<Media>) -> Media {
    media.unwrap_or_else(|| Media::plain(Kind::Unknown))
}

#[cfg(test)]
mod tests {
    use super::super::adapter::Way;
    use super::super::set::Tools;
    use super::*;
    use crate::Dictionary;

    fn dictionaries() -> Arc<Dictionaries> {
        let text = "dictionary self-harm\nversion 1\ndistress yes\n\
            threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 sad otter\n";
        Arc::new(
            Dictionaries::compile(&[Dictionary::parse(text).unwrap()], &crate::Sets::default())
                .unwrap(),
        )
    }

    fn exchange(host: &str, path: &str, way: Way) -> Exchange {
        let tools = Tools::built_in().unwrap();
        let found = tools.find(&pharos_catalogue::Host::parse(host).unwrap(), path, way);
        found.unwrap().exchange().unwrap().clone()
    }

    /// Every documented shape: where it is spoken, what is sent, and what is answered, with the
    /// theme split over its pieces.
    fn shapes() -> Vec<(
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    )> {
        let (json, events) = ("application/json", "text/event-stream");
        vec![
            (
                "chatgpt.com",
                "/backend-api/f/conversation",
                json,
                r#"{"action":"next","messages":[{"id":"m","author":{"role":"user"},"content":{"content_type":"text","parts":["why is the sad otter"]}}],"model":"auto"}"#,
                events,
                "event: delta_encoding\ndata: \"v1\"\n\nevent: delta\ndata: {\"p\":\"\",\"o\":\"add\",\"v\":{\"message\":{\"id\":\"a\",\"author\":{\"role\":\"assistant\"},\"content\":{\"content_type\":\"text\",\"parts\":[\"\"]}}},\"c\":0}\n\n\
                 event: delta\ndata: {\"p\":\"/message/content/parts/0\",\"o\":\"append\",\"v\":\"a s\"}\n\nevent: delta\ndata: {\"v\":\"ad ot\"}\n\nevent: delta\ndata: {\"p\":\"\",\"o\":\"patch\",\"v\":[{\"p\":\"/message/content/parts/0\",\"o\":\"append\",\"v\":\"ter\"},{\"p\":\"/message/status\",\"o\":\"replace\",\"v\":\"finished_successfully\"}]}\n\ndata: [DONE]\n\n",
            ),
            (
                "api.openai.com",
                "/v1/chat/completions",
                json,
                r#"{"model":"m","stream":true,"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"why is the sad otter"}]}"#,
                events,
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a sad o\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"tter\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n",
            ),
            (
                "api.openai.com",
                "/v1/responses",
                json,
                r#"{"model":"m","input":"why is the sad otter"}"#,
                events,
                "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a sad o\"}\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"tter\"}\n\n",
            ),
            (
                "claude.ai",
                "/api/organizations/o/chat_conversations/c/completion",
                json,
                r#"{"prompt":"why is the sad otter","parent_message_uuid":"0","timezone":"Europe/London","attachments":[]}"#,
                events,
                "event: completion\ndata: {\"type\":\"completion\",\"completion\":\" a sad\",\"stop_reason\":null}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" ott\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"er\"}}\n\n",
            ),
            (
                "api.anthropic.com",
                "/v1/messages",
                json,
                r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"why is the sad otter"}]}]}"#,
                json,
                r#"{"id":"x","role":"assistant","content":[{"type":"text","text":"a sad otter"}]}"#,
            ),
            (
                "gemini.google.com",
                "/_/BardChatUi/data/assistant.lamda.BardFrontendService/StreamGenerate",
                "application/x-www-form-urlencoded;charset=UTF-8",
                "f.req=%5Bnull%2C%22%5B%5B%5C%22why%20is%20the%20sad%20otter%5C%22%2C0%2Cnull%5D%2C%5B%5C%22en-GB%5C%22%5D%5D%22%5D&at=token&",
                json,
                ")]}'\n\n75\n[[\"wrb.fr\",null,\"[null,[\\\"c_1\\\",\\\"r_1\\\"],null,null,[[\\\"rc_1\\\",[\\\"a sad\\\"]]]]\"]]\n90\n[[\"wrb.fr\",null,\"[null,[\\\"c_1\\\",\\\"r_1\\\"],null,null,[[\\\"rc_1\\\",[\\\"a sad otter\\\"]]]]\"]]\n25\n[[\"di\",59]]\n",
            ),
            (
                "generativelanguage.googleapis.com",
                "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
                json,
                r#"{"contents":[{"role":"user","parts":[{"text":"why is the sad otter"}]}]}"#,
                json,
                "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a sad o\"}],\"role\":\"model\"}}]}\n,\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"tter\"}]}}]}]",
            ),
            (
                "www.meta.ai",
                "/api/graphql/",
                "application/x-www-form-urlencoded",
                "access_token=t&variables=%7B%22message%22%3A%7B%22sensitive_string_value%22%3A%22why+is+the+sad+otter%22%7D%7D&doc_id=1",
                "text/event-stream",
                "data: {\"data\":{\"node\":{\"bot_response_message\":{\"streaming_state\":\"STREAMING\",\"snippet\":\"a sad\"}}}}\n\ndata: {\"data\":{\"node\":{\"bot_response_message\":{\"streaming_state\":\"OVERALL_DONE\",\"snippet\":\"a sad otter\"}}}}\n\n",
            ),
            (
                "llm.harbour.test",
                "/api/generate",
                json,
                r#"{"model":"m","prompt":"why is the sad otter"}"#,
                "application/x-ndjson",
                "{\"model\":\"m\",\"response\":\"a sad o\",\"done\":false}\n{\"model\":\"m\",\"response\":\"tter\",\"done\":true}\n",
            ),
            (
                "llm.harbour.test",
                "/api/chat",
                json,
                r#"{"model":"m","messages":[{"role":"user","content":"old"},{"role":"user","content":"why is the sad otter"}]}"#,
                "application/x-ndjson",
                "{\"message\":{\"role\":\"assistant\",\"content\":\"a sad o\"}}\n{\"message\":{\"content\":\"tter\"},\"done\":true}\n",
            ),
        ]
    }

    /// FIL-02: prompts and answers of every documented shape are found, whole and in any pieces,
    /// with the theme split over the pieces of the answer.
    #[test]
    fn fil_02_prompts_and_answers_of_every_shape_are_found() {
        let dictionaries = dictionaries();
        for (host, path, sent_as, sent, answered_as, answered) in shapes() {
            let exchange = exchange(host, path, Way::Post);
            for size in [1, 7, 10_000] {
                let media = Media::of(Some(sent_as));
                let mut prompt =
                    ToolScan::prompt(&exchange, Some(&dictionaries), media, "").unwrap();
                sent.as_bytes()
                    .chunks(size)
                    .for_each(|piece| prompt.push(piece));
                prompt.finish();
                assert_eq!(
                    prompt.said().as_deref(),
                    Some("why is the sad otter"),
                    "{host}{path} by {size}"
                );
                assert_eq!(&*prompt.over(AgeBand::Secondary)[0].category, "self-harm");
                let media = Media::of(Some(answered_as));
                let mut answer = ToolScan::answer(&exchange, &dictionaries, media, "").unwrap();
                answered
                    .as_bytes()
                    .chunks(size)
                    .for_each(|piece| answer.push(piece));
                // Alone, without the generic reading.
                answer.words.whole = None;
                answer.finish();
                let over = answer.over(AgeBand::Secondary);
                assert_eq!(over.len(), 1, "{host}{path} by {size}");
                assert_eq!(over[0].score, 95, "{host}{path} by {size}: read once");
                assert_eq!(answer.said(), None);
            }
        }
    }

    /// FIL-02: much else around a prompt does not thin it out, and what an adapter does not know
    /// is read all the same.
    #[test]
    fn fil_02_a_prompt_is_not_thinned_out_and_other_shapes_are_read() {
        let dictionaries = dictionaries();
        let exchange = exchange("chatgpt.com", "/backend-api/conversation", Way::Post);
        let over = |body: &str| {
            let media = Media::of(Some("application/json"));
            let mut prompt = ToolScan::prompt(&exchange, Some(&dictionaries), media, "").unwrap();
            prompt.push(body.as_bytes());
            prompt.finish();
            (prompt.over(AgeBand::Secondary).len(), prompt.said())
        };
        let much = "calm sea ".repeat(5_000);
        let body = format!(
            r#"{{"context":"{much}","messages":[{{"content":{{"parts":["sad otter"]}}}}]}}"#
        );
        assert_eq!(over(&body), (1, Some("sad otter".to_owned())));
        assert_eq!(over(r#"{"newField":{"words":"sad otter"}}"#), (1, None));
        assert_eq!(over(r#"{"messages":[]}"#), (0, None));
    }

    /// MON-03: the prompt is found for the watch where no text is judged, and is bounded.
    #[test]
    fn mon_03_prompts_are_found_without_dictionaries_and_bounded() {
        let exchange = exchange("chatgpt.com", "/backend-api/conversation", Way::Post);
        let mut prompt = ToolScan::prompt(&exchange, None, None, "").unwrap();
        prompt.push(br#"{"messages":[{"content":{"parts":["tide times"#);
        for _ in 0..10_000 {
            prompt.push(b" and so on and so on");
        }
        prompt.push(br#""]}}]}"#);
        prompt.finish();
        let said = prompt.said().unwrap();
        assert!(said.starts_with("tide times and") && said.len() <= PROMPT_BYTES_MAX);
        assert_eq!(prompt.over(AgeBand::Early), []);
    }
}
