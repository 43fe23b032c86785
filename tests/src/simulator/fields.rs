//! Tables of the fields a dialect knows, and the reading of a JSON value by them.
//!
//! What is read comes back with one spelling of each name and without nulls; what does not fit is told as a list of
//! [`Misfit`]s, which each dialect words in its own way.

use serde_json::{Map, Value};

/// What a field can hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    Integer,
    Number,
    /// Base64, in either alphabet.
    Bytes,
    Any,
    /// An object of any content.
    Struct,
    /// One of these words.
    Word(&'static [&'static str]),
    List(&'static Self),
    Map(&'static Self),
    Message(&'static Message),
    /// Text, or something else.
    TextOr(&'static Self),
}

/// An object with known fields.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Kind)],
    /// Names that must be there.
    pub(super) required: &'static [&'static str],
    /// Names of which exactly one must be there; empty where there is no such choice.
    pub(super) one_of: &'static [&'static str],
}

impl Message {
    pub(super) const fn new(name: &'static str, fields: &'static [(&'static str, Kind)]) -> Self {
        Self { name, fields, required: &[], one_of: &[] }
    }

    pub(super) const fn required(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    pub(super) const fn one_of(self, one_of: &'static [&'static str]) -> Self {
        Self { one_of, ..self }
    }
}

/// How names and values may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As in the table, and nothing else.
    Exact,
    /// Protobuf's JSON: tables are in `snake_case`, requests may be in `camelCase` too, numbers may be in quotes, words
    /// in any case, and a single value may stand for a list of one. What is read comes back in `camelCase`.
    Proto,
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    At(usize),
}

/// Something that does not fit.
#[derive(Debug, Clone)]
pub(super) struct Misfit {
    /// Where; of an unknown or missing field, the object that it is in.
    pub(super) path: Vec<Step>,
    pub(super) kind: MisfitKind,
}

#[derive(Debug, Clone)]
pub(super) enum MisfitKind {
    /// A name that the message does not have.
    Unknown(String, &'static str),
    Missing(&'static str),
    /// The value, and what was wanted.
    Wrong(Value, Kind),
    /// A list where one value belongs.
    NotRepeated(String),
    /// A second member of a choice, or none.
    Choice,
}

/// Reads `value` as a `message`.
pub(super) fn read(value: &Value, message: &'static Message, spelling: Spelling) -> (Value, Vec<Misfit>) {
    let mut reader = Reader { spelling, path: Vec::new(), misfits: Vec::new() };
    let read = reader.message(value, message);
    (read, reader.misfits)
}

/// `camelCase` of `snake_case`.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

struct Reader {
    spelling: Spelling,
    path: Vec<Step>,
    misfits: Vec<Misfit>,
}

impl Reader {
    fn misfit(&mut self, kind: MisfitKind) {
        self.misfits.push(Misfit { path: self.path.clone(), kind });
    }

    fn within<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let value = read(self);
        self.path.pop();
        value
    }

    fn message(&mut self, value: &Value, message: &'static Message) -> Value {
        let Value::Object(object) = value else {
            self.misfit(MisfitKind::Wrong(value.clone(), Kind::Message(message)));
            return Value::Null;
        };
        let mut read = Map::new();
        for (name, value) in object {
            let Some((known, kind)) = message.fields.iter().find(|(known, _)| self.spells(name, known)) else {
                self.misfit(MisfitKind::Unknown(name.clone(), message.name));
                continue;
            };
            if value.is_null() && !matches!(kind, Kind::Any) {
                continue;
            }
            let value = self.within(Step::Field((*known).to_owned()), |reader| reader.value(value, *kind));
            read.insert(self.spelled(known), value);
        }
        for name in message.required {
            if !read.contains_key(&self.spelled(name)) {
                self.misfit(MisfitKind::Missing(name));
            }
        }
        let chosen = message.one_of.iter().filter(|name| read.contains_key(&self.spelled(name))).count();
        if !message.one_of.is_empty() && chosen != 1 {
            self.misfit(MisfitKind::Choice);
        }
        Value::Object(read)
    }

    fn spells(&self, name: &str, known: &str) -> bool {
        name == known || self.spelling == Spelling::Proto && name == camel(known)
    }

    fn spelled(&self, known: &str) -> String {
        match self.spelling {
            Spelling::Exact => known.to_owned(),
            Spelling::Proto => camel(known),
        }
    }

    fn value(&mut self, value: &Value, kind: Kind) -> Value {
        match (kind, value) {
            (Kind::TextOr(_), Value::String(_)) => value.clone(),
            (Kind::TextOr(other), _) => self.value(value, *other),
            (Kind::Any, _) | (Kind::Struct, Value::Object(_)) => value.clone(),
            (Kind::Message(message), Value::Object(_)) => self.message(value, message),
            (Kind::List(inner), Value::Array(items)) => {
                let read = items.iter().enumerate();
                read.map(|(at, item)| self.within(Step::At(at), |reader| reader.value(item, *inner))).collect()
            }
            (Kind::List(inner), single) if self.spelling == Spelling::Proto => {
                Value::Array(vec![self.value(single, *inner)])
            }
            (Kind::Map(inner), Value::Object(entries)) => {
                let mut read = Map::new();
                for (at, (name, entry)) in entries.iter().enumerate() {
                    let step = match self.spelling {
                        Spelling::Exact => Step::Field(name.clone()),
                        Spelling::Proto => Step::At(at),
                    };
                    let entry = self.within(step, |reader| match reader.spelling {
                        Spelling::Exact => reader.value(entry, *inner),
                        // Protobuf's maps are lists of entries, and errors show them so.
                        Spelling::Proto => {
                            reader.within(Step::Field("value".to_owned()), |reader| reader.value(entry, *inner))
                        }
                    });
                    read.insert(name.clone(), entry);
                }
                Value::Object(read)
            }
            (_, Value::Array(_)) if self.spelling == Spelling::Proto => {
                let Some(Step::Field(name)) = self.path.last().cloned() else {
                    self.misfit(MisfitKind::Wrong(value.clone(), kind));
                    return Value::Null;
                };
                self.misfit(MisfitKind::NotRepeated(name));
                Value::Null
            }
            _ => self.scalar(value, kind).unwrap_or_else(|| {
                self.misfit(MisfitKind::Wrong(value.clone(), kind));
                Value::Null
            }),
        }
    }

    /// A value without parts, if it is of the kind.
    fn scalar(&self, value: &Value, kind: Kind) -> Option<Value> {
        let lenient = self.spelling == Spelling::Proto;
        match (kind, value) {
            (Kind::Text, Value::String(_)) | (Kind::Flag, Value::Bool(_)) | (Kind::Number, Value::Number(_)) => {
                Some(value.clone())
            }
            (Kind::Bytes, Value::String(text)) => decode(text).map(|_| value.clone()),
            (Kind::Word(words), Value::String(word)) => {
                let same = |known: &&&str| **known == word || lenient && known.eq_ignore_ascii_case(word);
                words.iter().find(same).map(|known| Value::from(*known))
            }
            (Kind::Integer, Value::Number(number)) => {
                let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                whole.then(|| number.as_i64().map_or_else(|| value.clone(), Value::from))
            }
            (Kind::Integer, Value::String(text)) if lenient => text.parse::<i64>().ok().map(Value::from),
            (Kind::Number, Value::String(text)) if lenient => text.parse::<f64>().ok().map(Value::from),
            _ => None,
        }
    }
}

/// What base64 in either alphabet, with or without padding, stands for.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    let standard = text.replace('-', "+").replace('_', "/");
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static INNER: Message =
        Message::new("Inner", &[("big_name", Kind::Integer), ("again", Kind::List(&Kind::Message(&INNER)))]);
    static OUTER: Message = Message::new(
        "Outer",
        &[("inner", Kind::Message(&INNER)), ("word", Kind::Word(&["YES", "NO"])), ("table", Kind::Map(&Kind::Flag))],
    );

    #[test]
    fn protobufs_json_is_read_in_either_spelling() {
        let request = json!({"inner": {"bigName": "5", "again": {"big_name": 6}}, "word": "yes", "table": {"a": true}});
        let (read, misfits) = super::read(&request, &OUTER, Spelling::Proto);
        assert!(misfits.is_empty(), "{misfits:?}");
        let expected = json!({"inner": {"bigName": 5, "again": [{"bigName": 6}]}, "word": "YES", "table": {"a": true}});
        assert_eq!(read, expected);
    }

    #[test]
    fn every_misfit_is_told() {
        let request = json!({"x": 1, "inner": {"big_name": [1], "again": [{}, {"y": 2}]}, "word": "MAYBE"});
        let (_, misfits) = super::read(&request, &OUTER, Spelling::Proto);
        let kinds: Vec<_> = misfits.iter().map(|misfit| std::mem::discriminant(&misfit.kind)).collect();
        assert_eq!(kinds.len(), 4);
        assert!(matches!(&misfits[0].kind, MisfitKind::Unknown(name, _) if name == "x"));
        assert!(matches!(&misfits[1].kind, MisfitKind::NotRepeated(name) if name == "big_name"));
        let inner = [Step::Field("inner".to_owned()), Step::Field("again".to_owned()), Step::At(1)];
        assert_eq!(misfits[2].path, inner);
        assert!(matches!(misfits[3].kind, MisfitKind::Wrong(_, Kind::Word(_))));
    }

    #[test]
    fn exact_spelling_takes_no_other() {
        let (_, misfits) = super::read(&json!({"word": "yes", "inner": {"bigName": 1}}), &OUTER, Spelling::Exact);
        assert_eq!(misfits.len(), 2);
    }
}
