//! Tables of a scenario as the program's types. Serde's structs also take their fields from a list,
//! by position; whoever writes one where a table belongs is told, and not taken at a guess.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::Error;
use toml::{Table, Value};

/// Gives a table its meaning; the error has the path of the key within the table.
///
/// # Errors
/// An unknown key, a value of the wrong type, or a list in place of a table.
pub fn read_table<T: DeserializeOwned>(
    table: Table,
) -> Result<T, serde_path_to_error::Error<Error>> {
    serde_path_to_error::deserialize(Written(Value::Table(table)))
}

/// A value that is read as [`Value`] would be, but for lists in place of tables.
struct Written(Value);

impl Written {
    /// The keys of a table with their values.
    fn keys<'de>(
        table: Table,
    ) -> MapDeserializer<'de, impl Iterator<Item = (String, Written)>, Error> {
        MapDeserializer::new(table.into_iter().map(|(key, value)| (key, Written(value))))
    }
}

impl IntoDeserializer<'_, Error> for Written {
    type Deserializer = Written;

    fn into_deserializer(self) -> Written {
        self
    }
}

impl<'de> Deserializer<'de> for Written {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::<_, Error>::new(items.into_iter().map(Written));
                let read = visitor.visit_seq(&mut items)?;
                items.end().map(|()| read)
            }
            Value::Table(table) => {
                let mut keys = Written::keys(table);
                let read = visitor.visit_map(&mut keys)?;
                keys.end().map(|()| read)
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    /// Also the fields of an enum's variant.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_array() {
            return Err(Error::custom("a list; write a table"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Table(table) if table.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Written::keys(table)))
            }
            name_of_variant @ Value::String(_) => {
                name_of_variant.deserialize_enum(name, variants, visitor)
            }
            other => {
                let names: Vec<String> = variants.iter().map(|one| format!("\"{one}\"")).collect();
                let what = match other {
                    Value::Array(_) => "a list".to_owned(),
                    Value::Table(table) => format!("a table of {} keys", table.len()),
                    plain => plain.to_string(),
                };
                Err(Error::custom(format!("{what}; write one of {}", names.join(", "))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant without fields may have an empty table.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::Table(table) if table.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct unit_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        inner: Option<Inner>,
        #[serde(default)]
        named: BTreeMap<String, Inner>,
        #[serde(default)]
        list: Vec<Inner>,
        choice: Option<Choice>,
        pair: Option<[u32; 2]>,
        any: Option<Value>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        number: u32,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        Plain,
        Table { number: u32 },
        Held(Inner),
    }

    fn read(text: &str) -> Result<Whole, String> {
        let whole = read_table(text.parse().unwrap());
        whole.map_err(|why: serde_path_to_error::Error<Error>| {
            format!("{}: {}", why.path(), why.inner().message())
        })
    }

    #[test]
    fn lists_in_place_of_tables_are_refused_at_every_depth() {
        for (text, key) in [
            ("inner = [1]", "inner"),
            ("named = [[1]]", "named"),
            ("named = { a = [1] }", "named.a"),
            ("list = [{ number = 1 }, [1]]", "list[1]"),
            ("choice = { table = [1] }", "choice.table"),
            ("choice = { held = [1] }", "choice.held"),
        ] {
            assert_eq!(read(text).unwrap_err(), format!("{key}: a list; write a table"), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_told_the_names() {
        let names = "write one of \"plain\", \"table\", \"held\"";
        for (text, what) in
            [("choice = 3", "3"), ("choice = []", "a list"), ("choice = {}", "a table of 0 keys")]
        {
            assert_eq!(read(text).unwrap_err(), format!("choice: {what}; {names}"), "{text}");
        }
    }

    #[test]
    fn all_else_is_read_as_toml_itself_reads_it() {
        for text in [
            "",
            "inner = { number = 1 }\nlist = []\nnamed = { a = { number = 2 } }",
            "list = [{ number = 1 }, { number = 2 }]\npair = [1, 2]",
            "choice = 'plain'",
            "choice = { plain = {} }",
            "choice = { table = { number = 3 } }",
            "choice = { held = { number = 3 } }",
            "any = [[1, 2.5], { a = 1979-05-27 }, true, 'x']",
        ] {
            let plain: Whole = text.parse::<Table>().unwrap().try_into().unwrap();
            assert_eq!(read(text).unwrap(), plain, "{text}");
        }
        for text in [
            "inner = 1",
            "inner = { number = -1 }",
            "inner = {}",
            "pair = [1, 2, 3]",
            "choice = 'x'",
            "choice = 1",
            "choice = {}",
            "choice = { plain = {}, table = {} }",
            "unknown = 1",
        ] {
            assert!(text.parse::<Table>().unwrap().try_into::<Whole>().is_err(), "{text}");
            assert!(read(text).is_err(), "{text}");
        }
    }
}
