//! Cuts a backend's stream into frames: the data of its events, whole and one after the other.

pub mod aws;

use ditto_llm::sse::{SseReader, SseSink};

/// A larger event is none that a provider sends; the stream is given up.
pub const EVENT_BYTES_MAX: usize = 8 << 20;

/// A stream of server-sent events, in pieces. Data that lie whole in a piece are handed out without a copy.
#[derive(Debug, Default)]
pub struct SseFrames {
    reader: SseReader,
    /// The data of the event at hand, as far as they are not in one run of the piece.
    held: Vec<u8>,
    too_large: bool,
}

/// What is in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SseItem<'a> {
    /// The data of an event.
    Data(&'a [u8]),
    /// A comment or a blank line: the backend is still there.
    Comment,
}

struct Collect<'f, 'p, F> {
    held: &'f mut Vec<u8>,
    too_large: &'f mut bool,
    /// The run of data in this piece, while there is only one.
    run: Option<&'p [u8]>,
    piece: &'p [u8],
    on: F,
}

impl<'p, F: FnMut(SseItem<'_>)> Collect<'_, 'p, F> {
    fn hold(&mut self, part: &[u8]) {
        if self.held.len().saturating_add(part.len()) > EVENT_BYTES_MAX {
            *self.too_large = true;
        } else {
            self.held.extend_from_slice(part);
        }
    }

    /// The same bytes as part of the piece, which lives longer than the reader's call.
    fn in_piece(&self, part: &[u8]) -> Option<&'p [u8]> {
        let start = (part.as_ptr() as usize).checked_sub(self.piece.as_ptr() as usize)?;
        self.piece.get(start..start.checked_add(part.len())?)
    }
}

impl<F: FnMut(SseItem<'_>)> SseSink for Collect<'_, '_, F> {
    fn data(&mut self, part: &[u8]) {
        if let Some(run) = self.run.take() {
            self.hold(run);
        } else if self.held.is_empty()
            && let Some(run) = self.in_piece(part)
        {
            self.run = Some(run);
            return;
        }
        self.hold(part);
    }

    fn end(&mut self, _end: usize, has_data: bool) -> bool {
        match self.run.take() {
            Some(run) => (self.on)(SseItem::Data(run)),
            None if has_data => (self.on)(SseItem::Data(self.held)),
            None => (self.on)(SseItem::Comment),
        }
        self.held.clear();
        true
    }
}

impl SseFrames {
    /// Reads the next piece, and hands out each event that ends in it.
    ///
    /// # Errors
    /// `TooLarge` when an event is larger than [`EVENT_BYTES_MAX`].
    pub fn feed(&mut self, piece: &[u8], on: impl FnMut(SseItem<'_>)) -> Result<(), TooLarge> {
        let Self { reader, held, too_large } = self;
        let mut collect = Collect { held, too_large, run: None, piece, on };
        reader.feed(piece, &mut collect);
        if let Some(run) = collect.run.take() {
            collect.hold(run);
        }
        if self.too_large { Err(TooLarge) } else { Ok(()) }
    }
}

/// An event is larger than can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too large")]
pub struct TooLarge;

#[cfg(test)]
mod tests {
    use super::*;

    fn items(pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = SseFrames::default();
        let mut items = Vec::new();
        for piece in pieces {
            frames
                .feed(piece, |item| match item {
                    SseItem::Data(data) => items.push(String::from_utf8(data.to_vec()).unwrap()),
                    SseItem::Comment => {}
                })
                .unwrap();
        }
        items
    }

    #[test]
    fn a_cut_changes_nothing() {
        let stream = b": hello\n\nevent: x\ndata: {\"a\":\ndata: 1}\r\n\r\ndata: second\n\ndata:\n\ndata: [DONE]\n\n";
        let whole = items(&[stream]);
        assert_eq!(whole, ["{\"a\":\n1}", "second", "", "[DONE]"]);
        for at in 0..stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(items(&[first, second]), whole, "at {at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(items(&bytes), whole);
    }

    #[test]
    fn an_event_has_a_bound() {
        let mut frames = SseFrames::default();
        let piece = vec![b'x'; 1 << 20];
        frames.feed(b"data: ", |_| {}).unwrap();
        let mut fed = Ok(());
        for _ in 0..9 {
            fed = frames.feed(&piece, |_| panic!("no event has ended"));
        }
        assert_eq!(fed, Err(TooLarge));
    }
}
