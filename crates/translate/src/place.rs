//! Where in a JSON body something is wrong, in the words of who wrote the body: `messages[2].content`.

use std::fmt::Write as _;

/// Bytes of a member's name that are shown.
const NAME_BYTES_MAX: usize = 64;
/// Levels that are told; `serde_json` itself reads no deeper.
const DEPTH_MAX: usize = 128;

/// A step from a value to one in it.
enum Step<'a> {
    /// To a member; its name as it is written, empty before it has come.
    Member(&'a [u8]),
    /// To an item, counted from 0.
    Item(usize),
}

/// The path of the value that the reader was in when it gave up, having read up to this line and column, both as
/// `serde_json` counts them. Empty for the body itself.
pub(crate) fn place(body: &[u8], line: usize, column: usize) -> String {
    let before: usize = body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    path(&steps(body.get(..before.saturating_add(column)).unwrap_or(body)))
}

/// The way to the value at the end of what was read.
fn steps(read: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut names = false;
    let mut at = 0;
    while let Some(byte) = read.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'"' => {
                let string = string(read.get(at..).unwrap_or_default());
                at = at.saturating_add(string.len()).saturating_add(1);
                if let (true, Some(Step::Member(name))) = (names, steps.last_mut()) {
                    *name = string;
                }
            }
            b'{' | b'[' if steps.len() >= DEPTH_MAX => break,
            b'{' => steps.push(Step::Member(b"")),
            b'[' => steps.push(Step::Item(0)),
            b'}' | b']' => drop(steps.pop()),
            b',' => match steps.last_mut() {
                Some(Step::Member(name)) => *name = b"",
                Some(Step::Item(number)) => *number = number.saturating_add(1),
                None => {}
            },
            _ => {}
        }
        // A string is a name where no other token has come since the object or its last member.
        names = match byte {
            b'{' => true,
            b',' => matches!(steps.last(), Some(Step::Member(_))),
            b' ' | b'\t' | b'\r' | b'\n' => names,
            _ => false,
        };
    }
    steps
}

/// What stands before the end of a string, escapes and all.
fn string(rest: &[u8]) -> &[u8] {
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Member(b"") => {}
            Step::Member(name) => {
                let name = String::from_utf8_lossy(name.get(..NAME_BYTES_MAX).unwrap_or(name));
                let _ = write!(path, "{}{name}", if path.is_empty() { "" } else { "." });
            }
            Step::Item(number) => {
                let _ = write!(path, "[{number}]");
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the `^`, which stands behind the last byte that was read.
    fn at(marked: &str) -> String {
        let end = marked.find('^').unwrap();
        let body = marked.replace('^', "");
        let line = body[..end].matches('\n').count() + 1;
        let column = end - body[..end].rfind('\n').map_or(0, |newline| newline + 1);
        place(body.as_bytes(), line, column)
    }

    #[test]
    fn a_place_is_told_by_names_and_numbers() {
        assert_eq!(at(r#"{"a": 1^}"#), "a");
        assert_eq!(at(r#"{"a": [{"b": "x"}, {"b": 1^}]}"#), "a[1].b");
        assert_eq!(at(r#"{"a": [1, 2], "c": ^{}}"#), "c");
        assert_eq!(at("{\"a\": 1,\n \"b\": [\n  [1], [1, true^]]}"), "b[1][1]");
        assert_eq!(at(r#"[{"b": 1}, {"b"^: 2}]"#), "[1].b");
    }

    #[test]
    fn what_has_ended_is_no_place() {
        assert_eq!(at(r#"{"a": {"b": 1}^}"#), "a");
        assert_eq!(at(r#"{"a": {"b": 1},^ }"#), "");
        assert_eq!(at(r#"{"a": 1}^"#), "");
        assert_eq!(at("^"), "");
    }

    #[test]
    fn strings_are_no_structure() {
        assert_eq!(at(r#"{"a": "}\"]{", "b\"": "x"^}"#), r#"b\""#);
        assert_eq!(at(r#"{"a": "not ended^"}"#), "a");
        assert_eq!(at(r#"{"a": ["b", "c"^]}"#), "a[1]");
    }

    #[test]
    fn nothing_outgrows_its_bound() {
        let deep = "[".repeat(10_000);
        assert_eq!(place(deep.as_bytes(), 1, deep.len()), "[0]".repeat(DEPTH_MAX));
        let long = format!(r#"{{"{}": 1"#, "é".repeat(10_000));
        assert!(place(long.as_bytes(), 1, long.len()).len() < 2 * NAME_BYTES_MAX);
        assert_eq!(place(b"{\"a\": 1}", 7, 99), "");
    }
}
