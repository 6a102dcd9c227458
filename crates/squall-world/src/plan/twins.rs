//! A key that is there twice is an error everywhere in a plan, also in the parts that are maps.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::PlanError;

/// Refuses a text in which an object has a key twice.
pub(super) fn refuse(text: &str) -> Result<(), PlanError> {
    serde_json::from_str(text)
        .map(|Unique| ())
        .map_err(|error| PlanError(format!("the plan cannot be read: {error}")))
}

/// A value without twins.
struct Unique;

impl<'d> Deserialize<'d> for Unique {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'d> Visitor<'d> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Self, M::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let Self = map.next_value()?;
            if keys.contains(&key) {
                return Err(M::Error::custom(format!("the key {key:?} is there twice")));
            }
            keys.insert(key);
        }
        Ok(self)
    }

    fn visit_seq<S: SeqAccess<'d>>(self, mut items: S) -> Result<Self, S::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
