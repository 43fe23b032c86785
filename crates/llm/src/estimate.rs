//! Estimates how many tokens a text has, without a tokenizer.
//!
//! Byte-level BPE first cuts a text where its character class changes (letters, digits, punctuation, space) and then
//! merges inside the cuts. So the estimate is a sum over neighbouring bytes: what a byte of this class costs after a
//! byte of that class. A new word costs much, one more letter of it little. It takes half a nanosecond for a byte.
//!
//! The weights were fitted to OpenAI's `o200k_base` and `cl100k_base` over prose, documentation and code, and
//! `tests/estimate.rs` holds them against both. How far off the best estimate is, on texts of 3 kB:
//!
//! | Text | `o200k_base` | `cl100k_base` |
//! | --- | --- | --- |
//! | English prose | +0.2 % | -0.8 % |
//! | Chinese prose | +17 % | -21 % |
//! | Rust, Python, JavaScript and SQL | +5 % | +6 % |
//! | German, French, Russian, Japanese, Korean, Arabic, Hindi, a table and JSON | +13 % | -18 % |
//!
//! The two tokenizers differ by half for Chinese, and one estimate stands between them. Parts of 600 bytes are off by
//! up to 3 % in English, 15 % in code, 27 % in Chinese and 31 % in the mixture. Text that is not language (keys, hashes,
//! base64) is off by up to 30 %.
//!
//! The high estimate ([`TextStats::tokens_high`]) is above both tokenizers for each 150 bytes of these texts, of keys,
//! hashes and base64 as well; it is 21 % above for English, 45 % for code, and 76 % above `o200k_base` for Chinese. It is
//! no proof: a run of random lower-case letters has more tokens than it says.

use crate::endpoint::Endpoint;

/// Tokens are counted in parts of this many.
const UNIT: u64 = 1 << 10;
/// What a chat's template adds to each message, on top of its role and its content.
const MESSAGE_TOKENS: u64 = 3;
/// What a chat's template adds once, to begin the reply.
const REPLY_TOKENS: u64 = 3;
/// What is taken for one image, file or piece of sound. Their size says little about their price.
pub const ATTACHMENT_TOKENS: u64 = 1000;
/// What templates add at most, beside what the body's own syntax is longer than the text that is made of it.
pub const OVERHEAD_TOKENS_MAX: u64 = 512;
/// The same for Anthropic's own API. With tools it adds 290 to 804 tokens, by model:
/// <https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview> (seen 2026-11).
pub const ANTHROPIC_OVERHEAD_TOKENS_MAX: u64 = 1024;

/// Of a long text so many bytes are weighed in any case,
const WHOLE_BYTES: u64 = 8 << 10;
/// and of each further stretch of this length
const STRETCH_BYTES: u64 = 8 << 10;
/// the first so many, which stand for all of it: prompts may be megabytes, and weighing is most of the work for them.
const WEIGHED_BYTES: u64 = 1 << 10;

/// Bytes weighed before the sums are carried over: 2^16 bytes of at most 2^14 parts stay within 32 bits.
const CARRY_BYTES: usize = 1 << 16;

/// The classes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Space,
    Lower,
    Upper,
    Digit,
    Mark,
    Line,
    /// A byte that continues a UTF-8 sequence.
    Rest,
    /// The first of two: Latin with accents, Cyrillic, Greek, Arabic.
    Two,
    /// The first of three, with typographic marks and symbols.
    ThreeMark,
    /// The first of three: Chinese, Japanese, Korean.
    Three,
    /// The first of three: the scripts of India and South East Asia, Georgian, Ethiopic.
    ThreeSouth,
    /// The first of four: emoji and rare characters.
    Four,
}

const CLASSES: [u8; 256] = classes();
const WEIGHTS: [u64; 256] = weights();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    #[allow(clippy::indexing_slicing)]
    while byte < 256 {
        let class = match byte as u8 {
            b' ' => Class::Space,
            0..b' ' => Class::Line,
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            0x80..=0xbf => Class::Rest,
            0xc0..=0xdf => Class::Two,
            0xe0 | 0xe1 => Class::ThreeSouth,
            0xe2 => Class::ThreeMark,
            0xe3..=0xef => Class::Three,
            0xf0.. => Class::Four,
            _ => Class::Mark,
        };
        table[byte] = class as u8;
        byte += 1;
    }
    table
}

/// Parts of a token for each pair of classes: the best estimate in the low half, the high one in the high half.
const fn weights() -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    #[allow(clippy::indexing_slicing)]
    while index < 256 {
        let (best, high) = weight((index >> 4) as u8, (index & 15) as u8);
        table[index] = best | high << 32;
        index += 1;
    }
    table
}

const fn weight(before: u8, class: u8) -> (u64, u64) {
    const LOWER: u8 = Class::Lower as u8;
    const UPPER: u8 = Class::Upper as u8;
    const DIGIT: u8 = Class::Digit as u8;
    const MARK: u8 = Class::Mark as u8;
    const LINE: u8 = Class::Line as u8;
    const SPACE: u8 = Class::Space as u8;
    const TWO: u8 = Class::Two as u8;
    const THREE_MARK: u8 = Class::ThreeMark as u8;
    const THREE: u8 = Class::Three as u8;
    const THREE_SOUTH: u8 = Class::ThreeSouth as u8;
    const FOUR: u8 = Class::Four as u8;
    match (before, class) {
        // Inside a word.
        (LOWER | UPPER, LOWER) => (88, 138),
        (UPPER, UPPER) => (125, 360),
        // A new word. Where a mark stands before it, the two are often one token.
        (LOWER, UPPER) => (670, 2461),
        (SPACE, LOWER | UPPER) => (778, 831),
        (MARK, LOWER | UPPER) => (251, 197),
        (LINE, LOWER | UPPER) => (741, 690),
        (_, LOWER | UPPER) => (1589, 1109),
        (DIGIT, DIGIT) => (246, 345),
        (SPACE | LINE, DIGIT) => (1962, 1790),
        (_, DIGIT) => (970, 1220),
        (MARK, MARK) => (185, 756),
        (SPACE | LINE, MARK) => (1315, 1179),
        (_, MARK) => (887, 1125),
        // A line's end joins the mark before it and the space after it.
        (MARK, LINE) => (0, 0),
        (LINE, LINE) => (52, 52),
        (_, LINE) => (1517, 2103),
        (LINE, SPACE) => (635, 159),
        (SPACE, SPACE) => (15, 60),
        (_, TWO) => (360, 1200),
        (_, THREE_MARK) => (449, 1536),
        (_, THREE) => (972, 1464),
        (_, THREE_SOUTH) => (700, 1800),
        (_, FOUR) => (2560, 4096),
        _ => (0, 0),
    }
}

/// What was gathered of a text: enough to estimate its tokens, in constant space.
///
/// A text may be given in pieces of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextStats {
    /// The best estimate, in parts of a token.
    best: u64,
    /// The high estimate, in parts of a token.
    high: u64,
    /// Bytes of text, as UTF-8.
    bytes: u64,
    /// The class of the last byte. A text begins as if after a space.
    last: u8,
}

impl TextStats {
    /// Adds a run of text.
    #[inline]
    pub fn add(&mut self, run: &[u8]) {
        for run in run.chunks(CARRY_BYTES) {
            let (mut sum, mut last) = (0_u64, self.last);
            for &byte in run {
                let class = CLASSES.get(usize::from(byte)).copied().unwrap_or_default();
                sum = sum.wrapping_add(WEIGHTS.get(usize::from(last << 4 | class)).copied().unwrap_or_default());
                last = class;
            }
            self.last = last;
            self.best = self.best.saturating_add(sum & 0xffff_ffff);
            self.high = self.high.saturating_add(sum >> 32);
        }
        self.bytes = self.bytes.saturating_add(run.len() as u64);
    }

    /// Adds a run of a text that may be long: beyond its first 8 KiB an eighth is weighed and stands for the rest. For
    /// what may be a little off, and never for what must be a bound.
    pub fn add_sampled(&mut self, mut run: &[u8]) {
        while !run.is_empty() {
            let place = self.bytes.checked_sub(WHOLE_BYTES).map(|beyond| beyond % STRETCH_BYTES);
            let (left, share) = match place {
                None => (WHOLE_BYTES.saturating_sub(self.bytes), 1),
                Some(place) if place < WEIGHED_BYTES => (WEIGHED_BYTES - place, STRETCH_BYTES / WEIGHED_BYTES),
                Some(place) => (STRETCH_BYTES.saturating_sub(place), 0),
            };
            let left = usize::try_from(left).unwrap_or(usize::MAX).min(run.len());
            let Some((part, rest)) = run.split_at_checked(left) else { return };
            self.add_for(part, share);
            run = rest;
        }
    }

    /// Adds a run that stands for as much text as it is, times `share`; for 0 it is only passed over.
    fn add_for(&mut self, run: &[u8], share: u64) {
        let Some(&last) = run.last() else { return };
        if share == 0 {
            self.last = CLASSES.get(usize::from(last)).copied().unwrap_or_default();
            self.bytes = self.bytes.saturating_add(run.len() as u64);
            return;
        }
        let (best, high) = (self.best, self.high);
        self.add(run);
        let more = share.saturating_sub(1);
        self.best = self.best.saturating_add(self.best.saturating_sub(best).saturating_mul(more));
        self.high = self.high.saturating_add(self.high.saturating_sub(high).saturating_mul(more));
    }

    /// Adds a character by its UTF-16 unit, as JSON's `\u` writes it. Halves of a pair count half each.
    pub fn add_unit(&mut self, unit: u16) {
        self.add(bytes_of_unit(&mut [0], unit));
    }

    /// As [`TextStats::add_sampled`], for one unit.
    pub fn add_unit_sampled(&mut self, unit: u16) {
        self.add_sampled(bytes_of_unit(&mut [0], unit));
    }

    /// Adds tokens that are known without their text.
    pub fn add_tokens(&mut self, tokens: u64) {
        self.best = self.best.saturating_add(tokens.saturating_mul(UNIT));
        self.high = self.high.saturating_add(tokens.saturating_mul(UNIT));
    }

    /// Begins another text: what comes is not joined to what was.
    pub fn begin(&mut self) {
        self.last = Class::Space as u8;
    }

    /// Adds what a chat's template puts around a message.
    pub fn add_message(&mut self) {
        self.add_tokens(MESSAGE_TOKENS);
    }

    /// Adds all of another text.
    pub fn merge(&mut self, other: &Self) {
        self.best = self.best.saturating_add(other.best);
        self.high = self.high.saturating_add(other.high);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Bytes of text seen, as UTF-8.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The best estimate of the tokens.
    pub fn tokens(&self) -> u64 {
        self.best.div_ceil(UNIT)
    }

    /// An estimate that text as people and models write it stays below. See the module's documentation.
    pub fn tokens_high(&self) -> u64 {
        self.high.div_ceil(UNIT)
    }

    /// The best estimate of a request's input tokens, from the text of its body. A body without text, as far as could
    /// be seen, counts by its length.
    pub fn input_tokens(&self, body_bytes: usize) -> u64 {
        if *self == Self::default() {
            input_tokens_of_bytes(body_bytes)
        } else {
            self.tokens().saturating_add(REPLY_TOKENS)
        }
    }
}

/// UTF-8 of the class that a UTF-16 unit belongs to. `ascii` has room for a character that stands for itself.
fn bytes_of_unit(ascii: &mut [u8; 1], unit: u16) -> &[u8] {
    match unit {
        0..0x80 => {
            *ascii = [u8::try_from(unit).unwrap_or_default()];
            ascii
        }
        0x80..0x800 => &[0xc3, 0x80],
        0x800..0x2000 => &[0xe0, 0x80, 0x80],
        0x2000..0x3000 => &[0xe2, 0x80, 0x80],
        0xd800..0xdc00 => &[0xf0, 0x80],
        0xdc00..0xe000 => &[0x80, 0x80],
        _ => &[0xe4, 0x80, 0x80],
    }
}

/// The estimate of the input tokens of a body that was not read: a quarter of its bytes.
pub fn input_tokens_of_bytes(body_bytes: usize) -> u64 {
    (body_bytes as u64).div_ceil(4)
}

/// How many input tokens a request for text can have at most, by the length of its JSON body.
///
/// It is not below what any byte-level BPE makes of the request:
/// - A token covers at least one byte of the text that it is made of.
/// - JSON writes no character in fewer bytes than UTF-8 has for it: `\n` takes two for one, `\u4e2d` six for three, a
///   pair of surrogates twelve for four. What is not valid UTF-8 is refused, or replaced by a character which is one
///   token in the vocabularies of today.
/// - What a template puts around a message (some 5 tokens, and its role) is fewer tokens than the body has bytes around
///   its content: `{"role":"user","content":""}` is 28. The same goes for tools: what describes a function in the prompt
///   is made of the names, types and descriptions that are in the body, and is written with less around them.
/// - What templates add once (the date, how to call tools) is in no byte of the body: [`OVERHEAD_TOKENS_MAX`] is
///   for that. The largest known among models that are not Anthropic's is some 350 tokens; [`input_tokens_bound_for`]
///   has room for theirs.
/// - Token ids in place of text take at least two bytes each, digit and comma.
///
/// It says nothing about requests with [`Scanned::unbounded`](crate::scan::Scanned::unbounded) set.
pub fn input_tokens_bound(body_bytes: usize) -> u64 {
    (body_bytes as u64).saturating_add(OVERHEAD_TOKENS_MAX)
}

/// The same bound for a request to this endpoint, whose dialect tells what may be added.
pub fn input_tokens_bound_for(endpoint: Endpoint, body_bytes: usize) -> u64 {
    let overhead = if endpoint.is_anthropic() { ANTHROPIC_OVERHEAD_TOKENS_MAX } else { OVERHEAD_TOKENS_MAX };
    (body_bytes as u64).saturating_add(overhead)
}

/// The best estimate of the tokens of delivered text.
pub fn output_tokens(delivered: &TextStats) -> u64 {
    delivered.tokens()
}
