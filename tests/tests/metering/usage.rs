//! Streams are made to tell usage, and a client sees of that what it asked for.

use ditto_tests::sse::Event;
use serde_json::{Value, json};

use super::rig::{CHAT, COMPLETIONS, PLENTY, RESPONSES, Rig, key, prompt, streamed, with};

async fn events(rig: &Rig, path: &str, request: &Value) -> Vec<Event> {
    let mut reply = rig.post("a", path, request, "chunks=3,100,1;tokens=9").send().await.expect_status(200).await;
    reply.events().await.into_iter().map(|timed| timed.event).collect()
}

/// The data of all events but the marker at the end, which must be there.
fn data(events: &[Event]) -> Vec<Value> {
    let (done, events) = events.split_last().expect("there are events");
    assert!(done.is_done(), "{done:?}");
    events.iter().map(Event::json).collect()
}

fn tells_usage(event: &Value) -> bool {
    event["usage"].is_object() || event["choices"] == json!([])
}

#[tokio::test]
async fn a_stream_is_made_to_tell_usage_and_shows_it_to_clients_that_asked() {
    let rig = Rig::start([key("a", PLENTY)], &[]).await;
    for path in [CHAT, COMPLETIONS] {
        for options in [json!({}), json!({"stream_options": null}), json!({"stream_options": {"include_usage": false}})]
        {
            let request = with(streamed(prompt(path)), options.clone());
            let seen = data(&events(&rig, path, &request).await);
            assert!(seen.len() >= 9 && !seen.iter().any(tells_usage), "{path} {options}: {seen:?}");
            let sent = rig.simulator.last_request();
            assert_eq!(sent.json()["stream_options"]["include_usage"], true, "{path} {options}");
            assert_eq!(sent.header("accept-encoding"), Some("identity"), "else usage could not be read");
            assert_eq!(
                with(sent.json(), json!({"stream_options": null})),
                with(request, json!({"stream_options": null}))
            );
        }
        let request = with(streamed(prompt(path)), json!({"stream_options": {"include_usage": true}}));
        let seen = data(&events(&rig, path, &request).await);
        assert_eq!(seen.iter().filter(|event| tells_usage(event)).count(), 1, "{path}: {seen:?}");
        assert!(tells_usage(seen.last().expect("events")), "{path}: {seen:?}");
        assert_eq!(rig.simulator.last_request().json(), request, "{path}: nothing is to be changed");
    }
    // Responses always tell usage, in their last event; there is nothing to ask for and nothing to take out.
    let request = streamed(prompt(RESPONSES));
    let seen = events(&rig, RESPONSES, &request).await;
    assert_eq!(rig.simulator.last_request().json(), request);
    assert_eq!(seen.last().expect("events").json()["response"]["usage"]["output_tokens"], 9);
    // A plain request is not touched either.
    rig.post("a", CHAT, &prompt(CHAT), "").send().await.expect_status(200).await.bytes().await;
    assert_eq!(rig.simulator.last_request().json(), prompt(CHAT));
    rig.books.booked("a", 10).await;
}

/// What a client of the gateway reads is, byte for byte, what the provider would have sent it.
#[tokio::test]
async fn without_the_added_usage_a_stream_is_as_it_would_have_been() {
    let rig = Rig::start([key("a", PLENTY)], &[]).await;
    let request = with(streamed(prompt(COMPLETIONS)), json!({"max_tokens": 40}));
    let through = data(&events(&rig, COMPLETIONS, &request).await);
    let direct = ditto_tests::client::Client::new(&rig.simulator.url()).post(COMPLETIONS, &request);
    let mut direct = direct.header("x-simulator-fault", "tokens=9").send().await;
    let direct: Vec<Event> = direct.events().await.into_iter().map(|timed| timed.event).collect();
    // The ids differ with each request.
    let bare = |mut event: Value| {
        event
            .as_object_mut()
            .expect("an object")
            .retain(|name, value| name != "id" && !(name == "usage" && value.is_null()));
        event
    };
    let direct: Vec<Value> = data(&direct).into_iter().map(bare).collect();
    assert_eq!(through.into_iter().map(bare).collect::<Vec<_>>(), direct);
}
