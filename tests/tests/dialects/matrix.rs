//! Every client over every backend: text and calls, plain and streaming, with the same usage everywhere.

use ditto_tests::backends;
use serde_json::json;

use super::clients::{Dialect, Understood};
use super::rig::{Site, ok};

/// What each client understands of each backend's reply to this text.
async fn ask_all(site: &Site, dialects: &[Dialect], text: &str, check: impl Fn(Dialect, &str, Understood)) {
    let client = site.client();
    for backend in backends::NAMES {
        for &dialect in dialects {
            for stream in [false, true] {
                let case = format!("{dialect:?} over {backend}, stream {stream}");
                let asked = dialect.ask(&client, &format!("on-{backend}"), text, stream);
                let mut reply = ok(asked.send().await, &case).await;
                assert_eq!(reply.header("x-ditto-backend"), Some(backend), "{case}");
                let understood = dialect.understand(&mut reply, stream).await;
                let delivered = site.simulator.deliveries().pop().expect("a delivery");
                let counted = (delivered.prompt_tokens, delivered.generated_tokens);
                assert_eq!((understood.input, understood.output), counted, "{case}");
                assert!(understood.input > 0 && understood.output > 0, "{case}: {understood:?}");
                check(dialect, &case, understood);
            }
        }
    }
}

pub(super) async fn every_client_gets_text(site: &Site) {
    let check = |_: Dialect, case: &str, understood: Understood| {
        assert_eq!(understood.text, "Good morning, “Zoë”!", "{case}");
    };
    ask_all(site, &Dialect::EVERY, "[[say Good morning, “Zoë”!]]", check).await;
}

pub(super) async fn every_client_gets_calls(site: &Site) {
    let check = |dialect: Dialect, case: &str, understood: Understood| {
        let call = |city: &str| ("weather".to_owned(), json!({"city": city}));
        assert_eq!(understood.calls, [call("Köln"), call("Rome")], "{case}");
        let finish = match dialect {
            Dialect::Chat => "tool_calls",
            Dialect::Responses => "completed",
            Dialect::Messages => "tool_use",
            Dialect::Gemini | Dialect::Envelope => "STOP",
            Dialect::Completions => unreachable!("they know no tools"),
        };
        assert_eq!(understood.finish, finish, "{case}");
    };
    let tooled: Vec<_> = Dialect::EVERY.into_iter().filter(|dialect| *dialect != Dialect::Completions).collect();
    ask_all(site, &tooled, r#"[[call weather {"city": "Köln"}]] [[call weather {"city": "Rome"}]]"#, check).await;
}
