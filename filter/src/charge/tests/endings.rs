//! What is charged, by how a request ended.

use super::*;

const CHAT_KIND: Kind = Kind::Tokens(Endpoint::ChatCompletions);

/// Ten tokens in and at most fifty out were reserved.
fn reserved(strict: bool) -> Need {
    let amounts = Amounts { tokens: 60, window_tokens: 60, window_requests: 1, pico_usd: 110_000_000 };
    Need { amounts, input: 10, output: 50, strict, ..Need::default() }
}

/// The charge for a reply of this status that ends with these bytes, at a micro-dollar a token in and two out.
fn charged(strict: bool, status: u16, reply: &[u8]) -> Charge {
    let prices = prices();
    let metered = metered(Endpoint::ChatCompletions, reply);
    charge(&reserved(strict), CHAT_KIND, prices.get("small"), &Ended { status, metered })
}

fn usage_reply(prompt: u64, completion: u64) -> String {
    serde_json::json!({
        "choices": [{"index": 0, "message": {"content": "A"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    })
    .to_string()
}

/// A stream that delivered so many words, and its end.
fn stream(words: usize, done: bool) -> String {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n";
    format!("{}{}", chunk.repeat(words), if done { "data: [DONE]\n\n" } else { "" })
}

#[test]
fn what_the_provider_counted_is_charged_whatever_was_reserved() {
    for (prompt, completion) in [(7, 3), (7, 0), (500, 900)] {
        let charge = charged(false, 200, usage_reply(prompt, completion).as_bytes());
        let total = prompt + completion;
        assert_eq!((charge.amounts.tokens, charge.amounts.window_tokens), (total, total));
        assert_eq!(charge.amounts.pico_usd, (prompt + 2 * completion) * 1_000_000);
        assert_eq!(charge.amounts.window_requests, 1);
        assert_eq!(charge.counts, Counts { requests: 1, input_tokens: prompt, output_tokens: completion });
        assert_eq!(charge.overrun, 0);
    }
}

#[test]
fn strict_mode_charges_no_more_than_was_reserved_and_says_what_was_beyond() {
    let charge = charged(true, 200, usage_reply(500, 900).as_bytes());
    assert_eq!((charge.amounts.tokens, charge.amounts.pico_usd), (60, 110_000_000));
    assert_eq!(charge.overrun, 1_340);
    // What is shown to people is what really was.
    assert_eq!((charge.counts.input_tokens, charge.counts.output_tokens), (500, 900));
    assert_eq!(charged(true, 200, usage_reply(10, 50).as_bytes()).overrun, 0);
}

#[test]
fn without_a_count_what_was_delivered_is_charged_and_in_strict_mode_what_was_reserved() {
    let charge = charged(false, 200, stream(12, true).as_bytes());
    assert_eq!(charge.counts.input_tokens, 10);
    assert!((12..=24).contains(&charge.counts.output_tokens), "{}", charge.counts.output_tokens);
    assert_eq!(charge.amounts.tokens, 10 + charge.counts.output_tokens);
    // The reply is whole, but reasoning that it does not show may have been made for it.
    assert_eq!(charged(true, 200, stream(12, true).as_bytes()).amounts.tokens, 60);
}

#[test]
fn a_stream_that_breaks_off_is_charged_what_was_delivered_and_in_strict_mode_what_was_reserved() {
    let estimated = charged(false, 200, stream(12, false).as_bytes());
    assert!((12..=24).contains(&estimated.counts.output_tokens));
    assert_eq!(charged(true, 200, stream(12, false).as_bytes()).amounts.tokens, 60);
    // A provider says what was used so far and then breaks off: what it made since is not in that count.
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12}}\n\n";
    let counted = format!("{}{usage}", stream(12, false));
    assert_eq!([false, true].map(|strict| charged(strict, 200, counted.as_bytes()).amounts.tokens), [21, 59]);
    // What is said after the last word is all, though the stream does not end properly.
    let last = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let counted = format!("{}{last}{usage}", stream(12, false));
    assert_eq!([false, true].map(|strict| charged(strict, 200, counted.as_bytes()).amounts.tokens), [21, 21]);
}

#[test]
fn a_client_that_left_before_the_reply_is_charged_its_input_and_in_strict_mode_what_was_reserved() {
    // No reply at all; its head without a body; the beginning of a JSON reply.
    for (status, reply) in [(0, &b""[..]), (200, b""), (200, br#"{"choices":[{"index":0,"message":{"content":""#)] {
        assert_eq!(charged(false, status, reply).amounts.tokens, 10, "{status}");
        assert_eq!(charged(true, status, reply).amounts.tokens, 60, "{status}");
        assert_eq!(charged(false, status, reply).counts.requests, 1);
    }
}

#[test]
fn a_failed_call_that_produced_nothing_is_free_and_counts_as_a_request_if_a_backend_refused_it() {
    let error = br#"{"error":{"message":"no","type":"invalid_request_error"}}"#;
    for strict in [false, true] {
        for (status, requests) in [(400, 1), (401, 1), (404, 1), (429, 1), (499, 1), (500, 0), (502, 0), (503, 0)] {
            for reply in [&error[..], b"", b"<html>"] {
                let charge = charged(strict, status, reply);
                let expected = Amounts { window_requests: requests, ..Amounts::default() };
                assert_eq!((charge.amounts, charge.counts), (expected, Counts::default()), "{status}");
            }
        }
        // An error in place of a stream's first event.
        let charge = charged(strict, 200, b"data: {\"error\":{\"message\":\"no\"}}\n\n");
        assert_eq!(charge.amounts.without_window(), Amounts::default());
    }
}

#[test]
fn a_failed_call_that_delivered_something_is_not_free() {
    let broken = format!("{}data: {{\"error\":{{\"message\":\"no\"}}}}\n\n", stream(12, false));
    for strict in [false, true] {
        assert!(charged(strict, 200, broken.as_bytes()).amounts.tokens >= 22);
        let counted = br#"{"error":{"message":"filtered"},"usage":{"prompt_tokens":8,"completion_tokens":5}}"#;
        assert_eq!(charged(strict, 400, counted).amounts.tokens, 13);
    }
}

#[test]
fn a_count_that_came_before_the_words_does_not_stand_for_them() {
    let early = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}\n\n";
    let broken = format!("{early}{}", stream(12, false));
    assert!(charged(false, 200, broken.as_bytes()).counts.output_tokens >= 12);
    assert_eq!(charged(true, 200, broken.as_bytes()).counts.output_tokens, 50, "strict mode takes no chance");
    // A stream that came whole meant what it said, and one that counts as it goes is believed.
    let whole = format!("{early}{}", stream(12, true));
    assert_eq!(charged(false, 200, whole.as_bytes()).amounts.tokens, 8);
    let late = format!("{}{early}", stream(1, false));
    assert_eq!(charged(false, 200, late.as_bytes()).amounts.tokens, 8);
}

#[test]
fn a_timeout_is_charged_since_the_backend_may_have_worked_all_the_time() {
    for reply in [&b""[..], br#"{"error":{"message":"The backend did not answer in time."}}"#] {
        assert_eq!(charged(false, 504, reply).amounts.tokens, 10);
        assert_eq!(charged(true, 504, reply).amounts.tokens, 60);
    }
}

#[test]
fn a_reply_that_could_not_be_read_is_charged_what_was_reserved_or_what_its_bytes_may_be() {
    let unread = |bytes: u64, strict| {
        let metered = Metered { bytes, unread_bytes: bytes, ..Metered::default() };
        charge(&reserved(strict), CHAT_KIND, None, &Ended { status: 200, metered }).amounts.tokens
    };
    assert_eq!([unread(30, false), unread(30, true)], [60, 60]);
    assert_eq!([unread(3_000, false), unread(3_000, true)], [10 + 1_000, 60]);
    // Compressed, although it was asked not to be.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 6, 0, 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0];
    assert_eq!(charged(true, 200, &gzip).amounts.tokens, 60);
    assert!(charged(false, 200, &gzip).amounts.tokens >= 10);
}

#[test]
fn what_is_free_stays_free_whatever_comes_back() {
    let metered = metered(Endpoint::Other, usage_reply(7, 3).as_bytes());
    let charge = charge(&Need::default(), Kind::Free, prices().get("small"), &Ended { status: 200, metered });
    assert_eq!(charge.amounts, Amounts { window_requests: 1, ..Amounts::default() });
    assert_eq!(charge.counts.requests, 1);
}

#[test]
fn the_class_of_service_that_served_is_charged_else_the_one_that_was_asked_for() {
    let prices = prices();
    let need = Need { tier: ServiceTier::Priority, ..reserved(false) };
    let of = |tier| {
        let metered =
            Metered { service_tier: tier, ..metered(Endpoint::ChatCompletions, usage_reply(1, 0).as_bytes()) };
        charge(&need, CHAT_KIND, prices.get("large"), &Ended { status: 200, metered }).amounts.pico_usd
    };
    assert_eq!(of(Some(ServiceTier::Standard)), 10_000_000);
    assert_eq!([of(Some(ServiceTier::Priority)), of(None), of(Some(ServiceTier::Auto))], [20_000_000; 3]);
}
