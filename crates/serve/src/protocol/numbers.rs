//! Numbers of a JSON tensor, flat or nested as its shape is, read into memory of a size that is known before.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Reads the elements of a tensor.
///
/// # Errors
/// In words, if there are fewer or more, or one is no finite float.
pub(super) fn read(json: &str, count: usize) -> Result<Vec<f32>, String> {
    let mut numbers = Vec::with_capacity(count);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let seed = Level { out: &mut numbers, count, depth: 0 };
    seed.deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    match numbers.len() == count {
        true => Ok(numbers),
        false => Err(format!("it has {} elements, expected {count}", numbers.len())),
    }
}

/// Dimensions of a nested tensor, at most.
const DEEPEST: usize = 8;

/// A number, or an array of these.
struct Level<'a> {
    out: &'a mut Vec<f32>,
    count: usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    fn push<E: Error>(self, number: f64) -> Result<(), E> {
        if self.depth == 0 {
            return Err(E::custom("expected an array of numbers"));
        }
        if self.out.len() == self.count {
            return Err(E::custom(format_args!("it has more than the {} elements of its shape", self.count)));
        }
        let float = number as f32;
        if !float.is_finite() {
            return Err(E::custom(format_args!("{number:e} is no finite float of 32 bits")));
        }
        self.out.push(float);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, or arrays of numbers")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.push(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.push(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.push(number as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        if self.depth == DEEPEST {
            return Err(A::Error::custom(format_args!("it is nested more than {DEEPEST} deep")));
        }
        let Self { out, count, depth } = self;
        while sequence.next_element_seed(Level { out: &mut *out, count, depth: depth + 1 })?.is_some() {}
        Ok(())
    }
}
