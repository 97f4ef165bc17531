//! Single fields of a JSON object, as they are: for messages of which nothing is known yet, or nothing is right.

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// What a field is. Of lists and objects nothing is kept, whatever their size.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Found<'a> {
    /// There is no such field.
    #[default]
    Nothing,
    Null,
    Bool,
    /// None: negative, or a fraction.
    Number(Option<u64>),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "missing",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

/// The fields of these names in a text that must be a JSON object.
///
/// # Errors
/// The text is no JSON object, or has one of the names twice.
pub(super) fn find<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<[Found<'a>; N], serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Names(names).deserialize(&mut json)?;
    json.end()?;
    Ok(found)
}

struct Names<'n, const N: usize>([&'n str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Names<'_, N> {
    type Value = [Found<'de>; N];

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, const N: usize> de::Visitor<'de> for Names<'_, N> {
    type Value = [Found<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { Found::Nothing }; N];
        while let Some(name) = map.next_key_seed(Which(&self.0))? {
            match name {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(at) if found[at] == Found::Nothing => found[at] = map.next_value()?,
                Some(at) => return Err(de::Error::custom(format_args!("duplicate field `{}`", self.0[at]))),
            }
        }
        Ok(found)
    }
}

/// The place of a key among some names.
struct Which<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Which<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Option<usize>, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Which<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> de::Visitor<'de> for Anything {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E>(self) -> Result<Found<'de>, E> {
                Ok(Found::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Found<'de>, E> {
                Ok(Found::Bool)
            }

            fn visit_u64<E>(self, n: u64) -> Result<Found<'de>, E> {
                Ok(Found::Number(Some(n)))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Found<'de>, E> {
                Ok(Found::Number(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Found<'de>, E> {
                Ok(Found::Number(None))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
                Ok(Found::Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
                Ok(Found::Text(text.to_owned().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Found::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Found::Object)
            }
        }
        d.deserialize_any(Anything)
    }
}
