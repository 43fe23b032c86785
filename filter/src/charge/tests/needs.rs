//! What is reserved before a request goes on.

use super::*;

/// A request without a body that was read.
fn unread(kind: Kind, path: &'static str, body_bytes: u64) -> Asked<'static> {
    Asked { kind, path, model: "", body: None, anthropic: false, body_bytes, prices: vec![] }
}

#[test]
fn paths_are_counted_by_what_they_use() {
    use Endpoint::{ChatCompletions, Completions, Embeddings, Other, Responses};
    for (path, kind) in [
        ("/v1/chat/completions", Kind::Tokens(ChatCompletions)),
        ("/v1/chat/completions?model=x", Kind::Tokens(ChatCompletions)),
        ("/v1/completions", Kind::Tokens(Completions)),
        ("/v1/responses", Kind::Tokens(Responses)),
        ("/v1/responses/compact", Kind::Tokens(Other)),
        ("/v1/embeddings", Kind::Tokens(Embeddings)),
        ("/v1/moderations", Kind::Tokens(Other)),
        ("/v1/rerank", Kind::Tokens(Endpoint::Rerank)),
        ("/v1/messages", Kind::Tokens(Endpoint::Messages)),
        ("/v1beta/models/m:streamGenerateContent", Kind::Tokens(Endpoint::StreamGenerateContent)),
        ("/v1beta/models/m:countTokens", Kind::Free),
        ("/v1/files", Kind::Free),
        ("/v1/responses/input_tokens", Kind::Free),
        ("/v1/messages/count_tokens", Kind::Free),
        ("/v1/images/generations", Kind::Other),
        ("/v1/audio/speech", Kind::Other),
        ("/v1/batches", Kind::Other),
        ("/v1/chat/completions/", Kind::Other),
    ] {
        assert_eq!(Kind::of(true, path), kind, "{path}");
        assert_eq!(Kind::of(false, path), Kind::Free, "{path}");
    }
}

#[test]
fn what_is_free_takes_one_request_of_the_minute_whatever_its_size() {
    for strict in [false, true] {
        let asked = unread(Kind::Free, "/v1/files", 1 << 40);
        let need = need(&asked, &[true; 4], strict, &Metering::default()).unwrap();
        assert_eq!(need.amounts, Amounts { window_requests: 1, ..Amounts::default() });
    }
}

#[test]
fn an_estimate_is_the_text_and_as_much_output_as_the_request_allows() {
    let body = r#"{"model":"small","messages":[{"role":"user","content":"Tell me about the harbour."}]}"#;
    let input = need_of(CHAT, body, &["small"], &TOKENS, false).unwrap().input;
    assert!((8..=16).contains(&input), "{input} tokens");
    for (more, output) in [
        (r#""max_tokens":100"#, 100),
        (r#""max_completion_tokens":100,"n":3"#, 300),
        (r#""max_tokens":7,"max_completion_tokens":9"#, 9),
        (r#""max_tokens":null"#, 0),
        (r#""n":5"#, 0),
    ] {
        let need = need_of(CHAT, &body.replacen('{', &format!("{{{more},"), 1), &["small"], &TOKENS, false).unwrap();
        assert_eq!((need.input, need.output, need.cap), (input, output, None), "{more}");
        let tokens = input + output;
        assert_eq!((need.amounts.tokens, need.amounts.window_tokens), (tokens, tokens), "{more}");
        assert_eq!(need.amounts.window_requests, 1);
        assert_eq!(need.amounts.pico_usd, input * 1_000_000 + output * 2_000_000, "{more}");
    }
}

#[test]
fn a_body_that_is_not_read_counts_by_its_length() {
    let asked = unread(Kind::Tokens(Endpoint::ChatCompletions), CHAT, 401);
    let need = need(&asked, &TOKENS, false, &Metering::default()).unwrap();
    assert_eq!((need.input, need.output, need.amounts.tokens), (101, 0, 101));
    let asked = unread(Kind::Other, "/v1/audio/transcriptions", 4_000);
    assert_eq!(super::need(&asked, &TOKENS, false, &Metering::default()).unwrap().amounts.tokens, 1_000);
}

#[test]
fn the_dearest_candidate_is_reserved() {
    let body = r#"{"model":"small","max_tokens":10,"prompt":"a"}"#;
    let of = |models: &[&str]| need_of("/v1/completions", body, models, &COST, false).unwrap().amounts.pico_usd;
    assert_eq!(of(&["small", "large"]), of(&["large"]));
    assert!(of(&["large"]) > of(&["small"]));
}

#[test]
fn a_cost_budget_needs_a_price_of_every_candidate_and_a_model() {
    let body = r#"{"model":"small","max_tokens":10}"#;
    for models in [&["nobody's"][..], &["small", "nobody's"], &[]] {
        for strict in [false, true] {
            let fault = need_of(CHAT, body, models, &COST, strict).unwrap_err();
            assert_eq!(code(&fault), (500, "pricing_not_configured"));
            assert!(fault.message().contains("'small'"));
        }
    }
    for strict in [false, true] {
        let fault = need_of(CHAT, r#"{"messages":[]}"#, &["small"], &COST, strict).unwrap_err();
        assert_eq!(code(&fault), (400, "invalid_request"));
        assert!(fault.message().contains("'model'"));
    }
}

#[test]
fn without_a_cost_budget_a_missing_price_or_model_costs_nothing() {
    for (limited, strict) in [(TOKENS, false), (TOKENS, true), (WINDOWS, false), ([false; 4], true)] {
        let need = need_of(CHAT, r#"{"max_tokens":10}"#, &["nobody's"], &limited, strict).unwrap();
        assert_eq!(need.amounts.pico_usd, 0);
    }
}

#[test]
fn endpoints_whose_cost_nobody_knows_are_refused_under_a_cost_budget_and_in_strict_mode() {
    let asked = unread(Kind::Other, "/v1/images/generations?x=secret", 10);
    for (limited, strict, refused) in
        [(COST, false, true), (COST, true, true), (TOKENS, true, true), (TOKENS, false, false), (WINDOWS, true, false)]
    {
        let need = need(&asked, &limited, strict, &Metering::default());
        assert_eq!(need.is_err(), refused, "{limited:?}, strict: {strict}");
        if let Err(fault) = need {
            assert_eq!(code(&fault), (400, "cost_budget_unsupported_endpoint"));
            assert!(fault.message().contains("/v1/images/generations ") && !fault.message().contains("secret"));
        }
    }
    let compact = |strict| need_of("/v1/responses/compact", r#"{"model":"small"}"#, &["small"], &COST, strict);
    assert!(compact(false).is_ok());
    assert_eq!(code(&compact(true).unwrap_err()), (400, "cost_budget_unsupported_endpoint"));
}

#[test]
fn rate_limits_alone_make_no_request_strict() {
    let need = need_of(CHAT, r#"{"model":"small"}"#, &["small"], &WINDOWS, true).unwrap();
    assert_eq!((need.strict, need.cap), (false, None));
}

#[test]
fn strict_mode_reserves_the_bound_and_caps_what_has_no_cap() {
    let body = r#"{"model":"m","messages":[]}"#;
    let bound = estimate::input_tokens_bound(body.len());
    for (models, cap) in [
        // What the price list says, what the configuration says, and the less of both.
        (&["large"][..], 500),
        (&["small"], 4_096),
        (&["small", "large"], 500),
        (&["nobody's"], 4_096),
    ] {
        let need = need_of(CHAT, body, models, &TOKENS, true).unwrap();
        assert_eq!((need.input, need.output, need.cap), (bound, cap, Some(cap)), "{models:?}");
        assert_eq!(need.amounts.tokens, bound + cap);
    }
    let with = |more: &str| need_of(CHAT, &format!(r#"{{"model":"m",{more}}}"#), &["small"], &TOKENS, true).unwrap();
    for (more, output, cap) in [
        (r#""max_tokens":9"#, 9, None),
        (r#""max_tokens":9,"n":4"#, 36, None),
        (r#""n":4"#, 4 * 4_096, Some(4_096)),
        (r#""max_tokens":1000000"#, 1_000_000, None),
    ] {
        assert_eq!((with(more).output, with(more).cap), (output, cap), "{more}");
    }
}

#[test]
fn strict_mode_needs_no_cap_where_nothing_is_generated() {
    for path in ["/v1/embeddings", "/v1/moderations", "/v1/rerank"] {
        let body = r#"{"model":"small","input":"a"}"#;
        let need = need_of(path, body, &["small"], &TOKENS, true).unwrap();
        assert_eq!((need.output, need.cap), (0, None), "{path}");
        assert_eq!(need.amounts.tokens, estimate::input_tokens_bound(body.len()));
    }
}

#[test]
fn strict_mode_refuses_what_cannot_be_bounded() {
    let asked = unread(Kind::Tokens(Endpoint::ChatCompletions), CHAT, 10);
    let fault = need(&asked, &TOKENS, true, &Metering::default()).unwrap_err();
    assert_eq!(code(&fault), (400, "invalid_request"));

    let refers = r#"{"model":"m","previous_response_id":"r"}"#;
    let fault = need_of("/v1/responses", refers, &["small"], &TOKENS, true).unwrap_err();
    assert_eq!(code(&fault), (400, "invalid_request"));
    // What the model takes at most is a bound as well.
    let need = need_of("/v1/responses", refers, &["large"], &TOKENS, true).unwrap();
    assert_eq!(need.input, 1_000);
}
