//! The estimates against real tokenizers, on samples in English, Chinese, code, and a mixture of everything.

use ditto_llm::estimate::{ATTACHMENT_TOKENS, TextStats, input_tokens_bound, input_tokens_of_bytes};
use ditto_llm::scan::{Scanned, Scanner};
use proptest::prelude::*;
use serde_json::{Value, json};
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

const ENGLISH: &str = include_str!("samples/english.txt");
const CHINESE: &str = include_str!("samples/chinese.txt");
const CODE: &str = include_str!("samples/code.txt");
const MIXED: &str = include_str!("samples/mixed.txt");

fn stats(text: &str) -> TextStats {
    let mut stats = TextStats::default();
    stats.add(text.as_bytes());
    stats
}

fn count(tokenizer: &CoreBPE, text: &str) -> u64 {
    tokenizer.encode_ordinary(text).len() as u64
}

fn most(text: &str) -> u64 {
    count(o200k_base_singleton(), text).max(count(cl100k_base_singleton(), text))
}

fn scan(body: &Value) -> (Scanned, usize) {
    let body = serde_json::to_vec(body).unwrap();
    let mut scanner = Scanner::default();
    scanner.feed(&body).unwrap();
    (scanner.finish().unwrap(), body.len())
}

/// The documentation of the estimate and the README state these.
#[test]
fn the_best_estimate_is_as_far_off_as_stated() {
    for (name, text, o200k, cl100k) in [
        ("English", ENGLISH, 0.2, -0.8),
        ("Chinese", CHINESE, 16.6, -21.0),
        ("code", CODE, 4.9, 5.7),
        ("mixed", MIXED, 13.2, -18.3),
    ] {
        let estimate = stats(text).tokens() as f64;
        for (tokenizer, stated) in [(o200k_base_singleton(), o200k), (cl100k_base_singleton(), cl100k)] {
            let off = (estimate / count(tokenizer, text) as f64 - 1.0) * 100.0;
            assert!((off - stated).abs() < 1.0, "{name}: {off:.1} % off where {stated} % is stated");
        }
    }
}

/// Parts of a text that are as long as this, cut where characters end.
fn parts(text: &str, bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (bytes.min(rest.len())..=rest.len()).find(|&at| rest.is_char_boundary(at))?;
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part).filter(|part| !part.is_empty())
    })
}

/// The README states these, for parts of the length of a short message.
#[test]
fn the_best_estimate_of_a_part_is_no_further_off_than_stated() {
    for (name, text, tokenizer, stated) in [
        ("English", ENGLISH, o200k_base_singleton(), -3.0..=3.0),
        ("English", ENGLISH, cl100k_base_singleton(), -3.0..=3.0),
        ("code", CODE, o200k_base_singleton(), 0.0..=15.0),
        ("code", CODE, cl100k_base_singleton(), 0.0..=15.0),
        ("Chinese", CHINESE, o200k_base_singleton(), 14.0..=20.1),
        ("Chinese", CHINESE, cl100k_base_singleton(), -27.0..=-16.0),
        ("mixed", MIXED, o200k_base_singleton(), -31.0..=31.0),
        ("mixed", MIXED, cl100k_base_singleton(), -31.0..=31.0),
    ] {
        for part in parts(text, 600) {
            let off = (stats(part).tokens() as f64 / count(tokenizer, part) as f64 - 1.0) * 100.0;
            assert!(stated.contains(&off), "{name}: {off:.1} % off where {stated:?} % is stated for {part:?}");
        }
    }
}

/// The README states this of what strict mode reserves.
#[test]
fn the_bound_of_a_text_is_three_to_six_times_its_tokens() {
    for (name, text) in [("English", ENGLISH), ("Chinese", CHINESE), ("code", CODE), ("mixed", MIXED)] {
        for tokenizer in [o200k_base_singleton(), cl100k_base_singleton()] {
            let times = input_tokens_bound(text.len()) as f64 / count(tokenizer, text) as f64;
            assert!((2.9..=6.0).contains(&times), "{name}: {times:.1}");
        }
    }
}

#[test]
fn the_high_estimate_is_above_every_part_of_every_sample() {
    for (name, text, percent) in
        [("English", ENGLISH, 25), ("Chinese", CHINESE, 80), ("code", CODE, 50), ("mixed", MIXED, 90)]
    {
        for part in parts(text, 150) {
            let (high, most) = (stats(part).tokens_high(), most(part));
            assert!(high >= most, "{name}: {high} for {most} tokens of {part:?}");
        }
        let least = count(o200k_base_singleton(), text).min(count(cl100k_base_singleton(), text));
        let high = stats(text).tokens_high();
        assert!(high * 100 <= least * (100 + percent), "{name}: {high} for {least}");
    }
}

/// Characters drawn by a generator that is always the same: keys, hashes and base64 look like this.
fn drawn(alphabet: &[u8], length: usize) -> String {
    let mut state = 7_u64;
    let draw = |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length).map(draw).collect()
}

#[test]
fn the_high_estimate_is_above_text_that_is_no_language() {
    let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for alphabet in
        [base64.as_slice(), b"0123456789abcdef", b"0123456789", b"0123456789ABCDEF-", b"{}[]()<>,.;:!?\"'=+-*/ "]
    {
        let text = drawn(alphabet, 3000);
        for part in parts(&text, 150) {
            assert!(stats(part).tokens_high() >= most(part), "{part}");
        }
    }
}

/// A chat as OpenAI counts it: <https://developers.openai.com/cookbook/examples/how_to_count_tokens_with_tiktoken>.
fn chat_tokens(messages: &[(&str, &str)]) -> u64 {
    let tokens = |text| count(o200k_base_singleton(), text);
    messages.iter().map(|(role, content)| 3 + tokens(role) + tokens(content)).sum::<u64>() + 3
}

#[test]
fn a_chats_estimate_is_near_and_its_bound_is_above() {
    for content in ["Hi", "What is the tide in Kiel today?", ENGLISH, CODE] {
        let messages = [("system", "You are a helpful assistant."), ("user", content)];
        let listed: Vec<_> = messages.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        let (found, length) = scan(&json!({"model": "gpt-4o-mini", "messages": listed, "temperature": 0.5}));
        let (estimate, tokens) = (found.text.input_tokens(length), chat_tokens(&messages));
        assert!(estimate.abs_diff(tokens) * 100 <= 12 * tokens, "{estimate} for {tokens}");
        assert!(input_tokens_bound(length) >= tokens);
    }
}

#[test]
fn what_is_no_text_is_estimated_by_its_length_or_number() {
    let (found, length) = scan(&json!({"model": "m"}));
    assert_eq!(found.text.input_tokens(length), input_tokens_of_bytes(length));
    assert_eq!(input_tokens_of_bytes(9), 3);
    let (tokens, length) = scan(&json!({"input": [[15339, 1917], [3]]}));
    assert_eq!(tokens.text.input_tokens(length), 3 + 3);
    let picture = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(1000));
    let part = json!({"type": "image_url", "image_url": {"url": picture}});
    let (found, length) = scan(&json!({"messages": [{"role": "user", "content": [part]}]}));
    assert!(found.text.input_tokens(length) < ATTACHMENT_TOKENS + 20);
    assert!(found.unbounded);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_has_more_tokens_than_the_bound_of_its_body(text in "(\\PC|[\\x00-\\x7f]|[一-鿿]){0,200}") {
        let (_, length) = scan(&json!({"input": text}));
        prop_assert!(most(&text) <= input_tokens_bound(length));
        prop_assert!(most(&text) <= length as u64);
    }

    #[test]
    fn how_a_text_is_cut_does_not_matter(text in ".{0,60}", at in any::<prop::sample::Index>()) {
        let (head, tail) = text.as_bytes().split_at(at.index(text.len() + 1));
        let mut cut = TextStats::default();
        cut.add(head);
        cut.add(tail);
        prop_assert_eq!(cut, stats(&text));
    }

    /// Escapes count as what they stand for, whichever of the ways JSON has is used.
    #[test]
    fn an_escaped_text_counts_like_a_plain_one(text in "([a-z \"\\\\\n\t/]|[À-ÿ]|[一-鿿]|🚢){0,40}") {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
        let escaped = format!("{{\"prompt\":\"{units}\"}}");
        let mut scanner = Scanner::default();
        scanner.feed(escaped.as_bytes()).unwrap();
        let (plain, _) = scan(&json!({"prompt": text}));
        prop_assert_eq!(scanner.finish().unwrap().text.tokens_high(), plain.text.tokens_high());
    }
}

/// Long prompts are weighed in part.
#[test]
fn of_a_long_text_a_part_stands_for_the_rest() {
    for (name, sample) in [("English", ENGLISH), ("Chinese", CHINESE), ("code", CODE), ("mixed", MIXED)] {
        let long: String = sample.repeat(300_000 / sample.len());
        let mut sampled = TextStats::default();
        sampled.add_sampled(long.as_bytes());
        let (whole, sampled) = (stats(&long).tokens() as f64, sampled.tokens() as f64);
        assert!((sampled / whole - 1.0).abs() < 0.08, "{name}: {sampled} for {whole}");
    }
}

proptest! {
    #[test]
    fn how_a_long_text_is_cut_does_not_matter(seed in "[a-z A-Z0-9,.]{40}", cuts in prop::collection::vec(0_usize..40_000, 0..6)) {
        let text = seed.repeat(1_000);
        let mut whole = TextStats::default();
        whole.add_sampled(text.as_bytes());
        let mut cut = TextStats::default();
        let mut places = cuts;
        places.sort_unstable();
        let mut from = 0;
        for place in places.into_iter().chain([text.len()]) {
            cut.add_sampled(&text.as_bytes()[from..place]);
            from = place;
        }
        prop_assert_eq!(cut, whole);
        let mut short = TextStats::default();
        short.add_sampled(&text.as_bytes()[..8_192]);
        prop_assert_eq!(short, stats(&text[..8_192]));
    }
}
