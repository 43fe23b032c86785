//! Reading and writing JSON: errors that name their place, values kept as written, and members nobody knows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor, value};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::loss::Refusal;
use crate::place::place;
use crate::text::Text;

/// A JSON value, kept as it was written.
#[derive(Clone)]
pub struct Raw<'a>(Cow<'a, RawValue>);

impl<'a> Raw<'a> {
    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The JSON text for as long as the body lives, if it stands there.
    pub fn in_body(&self) -> Option<&'a str> {
        match &self.0 {
            Cow::Borrowed(raw) => Some(raw.get()),
            Cow::Owned(_) => None,
        }
    }

    /// This JSON text, if it is one value.
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self(Cow::Borrowed(raw)))
    }

    /// A value that was made here.
    pub fn of(value: &impl Serialize) -> Option<Raw<'static>> {
        serde_json::value::to_raw_value(value).ok().map(|raw| Raw(Cow::Owned(raw)))
    }

    /// The value.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.get()).unwrap_or_default()
    }

    /// The same, borrowed from this one.
    pub fn borrowed(&self) -> Raw<'_> {
        Raw(Cow::Borrowed(&self.0))
    }

    /// The same without a lifetime.
    pub fn into_static(self) -> Raw<'static> {
        Raw(Cow::Owned(self.0.into_owned()))
    }

    /// The JSON text, borrowed where the value is.
    pub fn into_text(self) -> Text<'a> {
        match self.0 {
            Cow::Borrowed(raw) => raw.get().into(),
            Cow::Owned(raw) => raw.get().to_owned().into(),
        }
    }

    /// The same without breaks of lines: the data of an event are one line.
    pub fn on_one_line(self) -> Self {
        if memchr::memchr2(b'\n', b'\r', self.get().as_bytes()).is_none() {
            return self;
        }
        // Breaks stand between values: inside of strings they are escaped.
        let lines = self.get().split(['\n', '\r']).map(|line| line.trim_matches([' ', '\t']));
        RawValue::from_string(lines.collect()).map_or(self, |raw| Self(Cow::Owned(raw)))
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.get().starts_with('{')
    }
}

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Self(Cow::Borrowed(raw)))
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Members that a type does not name, for `#[serde(flatten)]`. A member whose value is `null` is the same as none.
pub type Extra = BTreeMap<String, Value>;

/// Reads a client's body.
///
/// # Errors
/// Names the place of what is wrong, such as `messages[2].content`.
pub fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let said = error.to_string();
        // The place is told by names, which say more than a line and a column.
        let what = said.rsplit_once(" at line ").filter(|_| error.is_data()).map_or(said.as_str(), |(what, _)| what);
        Refusal::new(place(body, error.line(), error.column()), what)
    })
}

/// Reads a backend's body; what is wrong with it is nobody's business but the operator's.
pub fn read_reply<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Writes a body. What this crate writes has string keys and finite numbers only, so that it cannot fail; if it did,
/// the body would be empty.
pub fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Appends a value to a body.
pub fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    let length = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(length);
    }
}

/// A string, or a list of parts: the two forms that most dialects allow for content.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOr<'a, T> {
    /// A string.
    Text(Text<'a>),
    /// A list, or one object, which stands for a list of one.
    List(Vec<T>),
}

impl<T> Default for TextOr<'_, T> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<T: Serialize> Serialize for TextOr<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

struct TextOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrVisitor<T> {
    type Value = TextOr<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of parts")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned().into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(TextOr::List(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(value::SeqAccessDeserializer::new(list)).map(TextOr::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(object)).map(|one| TextOr::List(vec![one]))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for TextOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        inner: TextOr<'a, Inner<'a>>,
        #[serde(flatten)]
        extra: Extra,
    }

    #[derive(Debug, Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        raw: Option<Raw<'a>>,
        #[serde(borrow, default)]
        text: Option<Text<'a>>,
    }

    #[test]
    fn strings_and_values_are_borrowed_from_the_body() {
        let outer: Outer<'_> =
            read(br#"{"inner": [{"raw": {"a": 1.0}, "text": "plain"}, {"text": "e\n"}], "new": [1]}"#).unwrap();
        let TextOr::List(list) = &outer.inner else { panic!("{outer:?}") };
        assert_eq!(list[0].raw.as_ref().map(Raw::get), Some(r#"{"a": 1.0}"#));
        assert!(matches!(list[0].text, Some(Text(Cow::Borrowed("plain")))));
        assert!(matches!(&list[1].text, Some(Text(Cow::Owned(text))) if text == "e\n"));
        assert_eq!(outer.extra["new"], serde_json::json!([1]));
    }

    #[test]
    fn values_of_many_lines_fit_on_one() {
        let raw = Raw::parse("{\"a\": \"x\\n  y\",\r\n\t \"b\": [\n 1,\n  2 ]}").unwrap();
        let line = raw.clone().on_one_line();
        assert_eq!(line.get(), r#"{"a": "x\n  y","b": [1,2 ]}"#);
        assert_eq!(line.value(), raw.value());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let refusal = read::<Outer<'_>>(br#"{"inner": [{"text": "a"}, {"text": 1}]}"#).unwrap_err();
        assert_eq!(refusal.field, "inner[1].text");
        assert!(refusal.message.contains("expected a string"), "{refusal}");
    }
}
