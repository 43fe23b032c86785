//! Why an answer ended: words.

use crate::json::Raw;
use crate::reply::Finish;
use crate::text::Text;

/// The canonical reason of a backend's word, and of the stop text that vLLM tells.
pub(super) fn read<'a>(word: &str, stop: Option<&Raw<'a>>) -> Finish<'a> {
    match word {
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        // GLM says "sensitive".
        "content_filter" | "sensitive" => Finish::ContentFilter,
        _ => match stop.and_then(|stop| serde_json::from_str::<String>(stop.get()).ok()) {
            Some(text) => Finish::StopSequence(Some(Text::from(text))),
            None => Finish::Stop,
        },
    }
}

/// What the reason is once it is known what was said: many servers say `stop` whatever happened, and some speak of
/// calls that never came, which a client would wait for.
pub(super) fn of_content(finish: Finish<'_>, calls_tools: bool, refuses: bool) -> Finish<'_> {
    match finish {
        Finish::Stop if calls_tools => Finish::ToolCalls,
        Finish::ToolCalls if !calls_tools => Finish::Stop,
        Finish::Stop if refuses => Finish::Refusal,
        other => other,
    }
}

/// The client's word. A refusal that has words of its own ended as it should.
pub(crate) fn word(finish: &Finish<'_>, refuses: bool) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Pause => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Refusal if refuses => "stop",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
    }
}
