use super::*;
use crate::content::{Part, TextPart, ToolCall};
use crate::fold::Fold;
use crate::reply::Reply;

const fn at(part: u32) -> At {
    At { choice: 0, part }
}

fn folded(run: impl FnOnce(&mut Sequencer<Fold>)) -> Reply<'static> {
    let mut sequencer = Sequencer::new(Fold::default());
    run(&mut sequencer);
    std::mem::take(sequencer.inner()).finish().unwrap()
}

fn texts(reply: &Reply<'_>) -> Vec<String> {
    let part = |part: &Part<'_>| match part {
        Part::Text(TextPart { text, .. }) => text.to_string(),
        Part::ToolCall(ToolCall { id, arguments, .. }) => format!("{id}{arguments}"),
        other => panic!("{other:?}"),
    };
    reply.choices[0].parts.iter().map(part).collect()
}

#[test]
fn calls_that_overlap_come_one_after_the_other() {
    let reply = folded(|sink| {
        sink.open(at(8), &call("a", "f"));
        sink.open(at(9), &call("b", "g"));
        sink.delta(at(9), "[1");
        sink.delta(at(8), "{}");
        sink.delta(at(9), "]");
        sink.finish(0, &Finish::ToolCalls);
        sink.usage(&Usage { input: 2, output: 1, ..Usage::default() });
        sink.usage(&Usage { input: 1, output: 3, ..Usage::default() });
        sink.end();
    });
    assert_eq!(texts(&reply), ["a{}", "b[1]"]);
    assert_eq!(reply.usage.map(|usage| (usage.input, usage.output)), Some((2, 3)));
    assert_eq!(reply.choices[0].finish, Finish::ToolCalls);
}

#[test]
fn what_a_backend_leaves_out_is_made_up_for() {
    let reply = folded(|sink| {
        sink.open(at(0), &Opening::Text);
        sink.delta(at(0), "a");
        sink.open(at(8), &call("c", "f"));
        sink.close(at(8));
        sink.delta(at(0), "b");
        sink.end();
        sink.delta(at(0), "late");
        sink.end();
    });
    assert_eq!(texts(&reply), ["a", "c", "b"]);
}

#[test]
fn nothing_comes_after_a_failure() {
    let mut sequencer = Sequencer::new(Fold::default());
    sequencer.failure(&Failure::new(529, "busy"));
    sequencer.failure(&Failure::new(500, "other"));
    sequencer.end();
    assert!(sequencer.is_over());
    assert_eq!(std::mem::take(sequencer.inner()).finish().unwrap_err().status, 529);
}

#[test]
fn what_waits_is_bounded() {
    let mut sequencer = Sequencer::new(Fold::default());
    sequencer.open(at(8), &call("a", "f"));
    sequencer.open(at(9), &call("b", "g"));
    let piece = "x".repeat(1 << 16);
    for _ in 0..32 {
        sequencer.delta(at(9), &piece);
    }
    assert!(sequencer.is_over());
}
