//! Every client over every backend: text, calls and their results, plain and streamed, with the same usage everywhere.

use ditto_tests::harness::config;
use serde_json::json;

use super::clients::Dialect;
use super::rig;

#[tokio::test]
async fn every_client_gets_text_from_every_backend() {
    let simulator = rig::simulator();
    let gateway = rig::start_everywhere(&simulator).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for backend in rig::EVERYWHERE {
        for dialect in Dialect::ALL {
            for stream in [false, true] {
                let case = format!("{dialect:?} over {backend}, stream {stream}");
                let asked = dialect.ask(&client, &format!("on-{backend}"), "[[say Good morning, “Zoë”!]]", stream);
                let asked = asked.header("x-ditto-virtual-key", config::TOKEN);
                let mut reply = asked.send().await;
                let status = reply.status;
                if status != 200 {
                    panic!("{case}: {status} {}", reply.text().await);
                }
                assert_eq!(reply.header("x-ditto-backend"), Some(backend), "{case}");
                let understood = dialect.understand(&mut reply, stream).await;
                assert_eq!(understood.text, "Good morning, “Zoë”!", "{case}");
                assert!(understood.input > 0 && understood.output > 0, "{case}: {understood:?}");
                let delivered = simulator.deliveries().pop().expect("a delivery");
                let counted = (delivered.prompt_tokens, delivered.generated_tokens);
                assert_eq!((understood.input, understood.output), counted, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn every_client_gets_calls_from_every_backend() {
    let simulator = rig::simulator();
    let gateway = rig::start_everywhere(&simulator).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for backend in rig::EVERYWHERE {
        for dialect in Dialect::ALL {
            for stream in [false, true] {
                let case = format!("{dialect:?} over {backend}, stream {stream}");
                let text = r#"[[call weather {"city": "Köln"}]] [[call weather {"city": "Rome"}]]"#;
                let asked = dialect.ask(&client, &format!("on-{backend}"), text, stream);
                let mut reply = asked.header("x-ditto-virtual-key", config::TOKEN).send().await;
                let status = reply.status;
                if status != 200 {
                    panic!("{case}: {status} {}", reply.text().await);
                }
                let understood = dialect.understand(&mut reply, stream).await;
                let call = |city: &str| ("weather".to_owned(), json!({"city": city}));
                assert_eq!(understood.calls, [call("Köln"), call("Rome")], "{case}");
                let finish = match dialect {
                    Dialect::Chat => "tool_calls",
                    Dialect::Responses => "completed",
                    Dialect::Messages => "tool_use",
                    Dialect::Gemini => "STOP",
                };
                assert_eq!(understood.finish, finish, "{case}");
            }
        }
    }
}
