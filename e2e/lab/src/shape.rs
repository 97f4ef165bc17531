//! What one direction of an access link does to packets, as people write it: JSON, or words such as
//! `delay=50ms loss=10% burst=4 rate=1000kbps queue=200ms`.

use serde::de::{Error as _, IntoDeserializer};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::time::Duration;

/// The longest delay, jitter, hold and queue, in milliseconds. Longer ones are a slip of a unit.
pub const MAX_MS: f64 = 60_000.0;
/// The slowest and the fastest line, in kbit/s. A faster one is no bottleneck on any machine that runs this.
pub const RATE_KBPS: (f64, f64) = (1.0, 10_000_000.0);
/// Longest mean of a burst of losses, in packets.
pub const MAX_BURST: f64 = 10_000.0;
/// The smallest queue in bytes: one full packet must fit, or nothing passes.
pub const MIN_QUEUE_BYTES: u64 = 1500;
/// The largest queue in bytes.
pub const MAX_QUEUE_BYTES: u64 = 1 << 30;
/// The queue of a line whose shape names none, in milliseconds: as home routers have it. Shorter loses more at the
/// line's end of capacity, longer delays more.
pub const DEFAULT_QUEUE_MS: f64 = 200.0;
/// How long a packet is held back to come out of order, in milliseconds: longer than the 20 ms between two packets of
/// sound, so that the next one overtakes it.
pub const DEFAULT_REORDER_MS: f64 = 30.0;

/// What one direction of a link does. The default is a perfect line.
///
/// A packet first waits for the line (`rate_kbps`, `queue_ms`, `queue_bytes`), then it may be lost, delayed, held back
/// or repeated. Sizes are those of IP packets, headers included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// Every packet arrives this much later, 0–60,000 ms.
    #[serde(skip_serializing_if = "is_default")]
    pub delay_ms: f64,
    /// And up to this much later again, evenly distributed, 0–60,000 ms. Packets keep their order.
    #[serde(skip_serializing_if = "is_default")]
    pub jitter_ms: f64,
    /// The share of packets that is lost, 0–1.
    #[serde(skip_serializing_if = "is_default")]
    pub loss: f64,
    /// The mean number of packets that are lost in a row, at least 1: the Gilbert–Elliott model with a good state that
    /// loses nothing and a bad one that loses all. Absent: each packet's fate is its own.
    #[serde(skip_serializing_if = "is_default")]
    pub burst: Option<f64>,
    /// What the line carries, 1–10,000,000 kbit/s. Absent: everything at once.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_kbps: Option<f64>,
    /// A packet that would wait longer than this for the line is dropped, up to 60,000 ms; default 200. Needs a rate.
    #[serde(skip_serializing_if = "is_default")]
    pub queue_ms: Option<f64>,
    /// The same in bytes that wait, at least 1,500. With both, either drops.
    #[serde(skip_serializing_if = "is_default")]
    pub queue_bytes: Option<u64>,
    /// The share of packets that is held back for `reorder_ms` while others pass, 0–1.
    #[serde(skip_serializing_if = "is_default")]
    pub reorder: f64,
    /// How long, 0–60,000 ms; default 30.
    #[serde(skip_serializing_if = "is_default")]
    pub reorder_ms: Option<f64>,
    /// The share of packets that arrives twice, 0–1.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: f64,
    /// Nothing that is sent from now on arrives.
    #[serde(skip_serializing_if = "is_default")]
    pub down: bool,
    /// The same for UDP alone, as some firewalls do.
    #[serde(skip_serializing_if = "is_default")]
    pub block_udp: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// [`Fields`] that were checked: every number is in its range, and they fit together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Shape(Fields);

/// A shape that cannot be. Each says what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A number outside its range.
    #[error("{name} is {value}: set it to {low} or more, and to {high} at most")]
    Range {
        /// The field.
        name: &'static str,
        /// What it was set to.
        value: f64,
        /// Its lowest value.
        low: f64,
        /// Its highest value.
        high: f64,
    },
    /// A queue without a line to wait for.
    #[error("a queue needs a rate: set rate_kbps too, or leave {0} out")]
    QueueWithoutRate(&'static str),
    /// A detail of what is not asked for.
    #[error("{detail} does nothing without {of}: set {of} too, or leave {detail} out")]
    DetailOnly {
        /// The detail.
        detail: &'static str,
        /// What it is a detail of.
        of: &'static str,
    },
    /// So much loss leaves less than one good packet between two bursts.
    #[error(
        "a loss of {loss} in bursts of {burst} cannot be: set burst to {least:.1} or more, or leave it out"
    )]
    BurstTooShort {
        /// The share of packets that is lost.
        loss: f64,
        /// Packets of a burst.
        burst: f64,
        /// The shortest burst that goes with this loss.
        least: f64,
    },
    /// Bursts have no end.
    #[error("with a loss of 1 nothing arrives: leave burst out")]
    BurstOfAll,
    /// A word that is none of the text form.
    #[error("`{0}` is no part of a shape: write for example `delay=50ms loss=10% rate=1000kbps down`")]
    Word(String),
    /// A number that cannot be read, or with another unit.
    #[error("`{word}` cannot be read: write {name}=NUMBER{unit}")]
    Number {
        /// What was written.
        word: String,
        /// The word's name.
        name: &'static str,
        /// Its unit.
        unit: &'static str,
    },
}

impl Fields {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range, or that does not fit the others.
    pub fn check(self) -> Result<Shape, ShapeError> {
        let range = |name, value: f64, low, high| {
            // A number that is none is in no range.
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ShapeError::Range { name, value, low, high })
            }
        };
        range("delay_ms", self.delay_ms, 0.0, MAX_MS)?;
        range("jitter_ms", self.jitter_ms, 0.0, MAX_MS)?;
        range("loss", self.loss, 0.0, 1.0)?;
        range("reorder", self.reorder, 0.0, 1.0)?;
        range("duplicate", self.duplicate, 0.0, 1.0)?;
        if let Some(rate) = self.rate_kbps {
            range("rate_kbps", rate, RATE_KBPS.0, RATE_KBPS.1)?;
        }
        if let Some(ms) = self.queue_ms {
            range("queue_ms", ms, 0.0, MAX_MS)?;
        }
        if let Some(bytes) = self.queue_bytes {
            range("queue_bytes", bytes as f64, MIN_QUEUE_BYTES as f64, MAX_QUEUE_BYTES as f64)?;
        }
        if self.rate_kbps.is_none() {
            for (name, set) in
                [("queue_ms", self.queue_ms.is_some()), ("queue_bytes", self.queue_bytes.is_some())]
            {
                if set {
                    return Err(ShapeError::QueueWithoutRate(name));
                }
            }
        }
        if let Some(ms) = self.reorder_ms {
            range("reorder_ms", ms, 0.0, MAX_MS)?;
            if self.reorder == 0.0 {
                return Err(ShapeError::DetailOnly { detail: "reorder_ms", of: "reorder" });
            }
        }
        if let Some(burst) = self.burst {
            range("burst", burst, 1.0, MAX_BURST)?;
            if self.loss == 0.0 {
                return Err(ShapeError::DetailOnly { detail: "burst", of: "loss" });
            }
            if self.loss == 1.0 {
                return Err(ShapeError::BurstOfAll);
            }
            let least = self.loss / (1.0 - self.loss);
            if burst < least {
                return Err(ShapeError::BurstTooShort { loss: self.loss, burst, least });
            }
        }
        Ok(Shape(self))
    }
}

/// A number of milliseconds that was checked.
fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}

impl Shape {
    /// What it was made of.
    pub fn fields(&self) -> &Fields {
        &self.0
    }

    pub(crate) fn delay(&self) -> Duration {
        ms(self.0.delay_ms)
    }

    pub(crate) fn jitter(&self) -> Duration {
        ms(self.0.jitter_ms)
    }

    pub(crate) fn hold(&self) -> Duration {
        ms(self.0.reorder_ms.unwrap_or(DEFAULT_REORDER_MS))
    }

    /// Bits per second of the line.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.0.rate_kbps.map(|kbps| kbps * 1000.0)
    }

    /// The longest wait for the line. A queue that is named in bytes only has none.
    pub(crate) fn queue_time(&self) -> Option<Duration> {
        match (self.0.queue_ms, self.0.queue_bytes) {
            (Some(time), _) => Some(ms(time)),
            (None, Some(_)) => None,
            (None, None) => Some(ms(DEFAULT_QUEUE_MS)),
        }
    }

    /// From the text form: words with their units, in any order. `""` is a perfect line.
    ///
    /// | word | field |
    /// |---|---|
    /// | `delay=50ms` `jitter=5ms` `queue=200ms` `hold=30ms` | `delay_ms` `jitter_ms` `queue_ms` `reorder_ms` |
    /// | `loss=10%` `reorder=1%` `duplicate=1%` | the same, as shares |
    /// | `burst=4` | `burst` |
    /// | `rate=1000kbps` | `rate_kbps` |
    /// | `queue=30000bytes` | `queue_bytes` |
    /// | `down` `block_udp` | the same |
    ///
    /// # Errors
    /// A word that is none of these, a number that cannot be read, or a shape that cannot be.
    pub fn parse(text: &str) -> Result<Self, ShapeError> {
        let mut fields = Fields::default();
        for word in text.split_whitespace() {
            let unknown = || ShapeError::Word(word.to_owned());
            let Some((name, value)) = word.split_once('=') else {
                match word {
                    "down" => fields.down = true,
                    "block_udp" => fields.block_udp = true,
                    _ => return Err(unknown()),
                }
                continue;
            };
            let number = |name, unit| {
                value
                    .strip_suffix(unit)
                    .and_then(|number| number.parse::<f64>().ok())
                    .ok_or_else(|| ShapeError::Number { word: word.to_owned(), name, unit })
            };
            match name {
                "delay" => fields.delay_ms = number("delay", "ms")?,
                "jitter" => fields.jitter_ms = number("jitter", "ms")?,
                "loss" => fields.loss = number("loss", "%")? / 100.0,
                "burst" => fields.burst = Some(number("burst", "")?),
                "rate" => fields.rate_kbps = Some(number("rate", "kbps")?),
                "queue" if value.ends_with("bytes") => {
                    fields.queue_bytes = Some(number("queue", "bytes")? as u64);
                }
                "queue" => fields.queue_ms = Some(number("queue", "ms")?),
                "reorder" => fields.reorder = number("reorder", "%")? / 100.0,
                "hold" => fields.reorder_ms = Some(number("hold", "ms")?),
                "duplicate" => fields.duplicate = number("duplicate", "%")? / 100.0,
                _ => return Err(unknown()),
            }
        }
        fields.check()
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A value first, since an untagged enum would say nothing of what is wrong in it.
        let shape = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Self::parse(&text),
            fields => Fields::deserialize(fields.into_deserializer()).map_err(D::Error::custom)?.check(),
        };
        shape.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let json = r#"{"delay_ms":50,"jitter_ms":5,"loss":0.1,"burst":4,"rate_kbps":1000,"queue_ms":200,
            "reorder":0.01,"reorder_ms":40,"duplicate":0.01,"down":true,"block_udp":true}"#;
        let text = "delay=50ms jitter=5ms loss=10% burst=4 rate=1000kbps queue=200ms reorder=1% hold=40ms \
            duplicate=1% down block_udp";
        let shape: Shape = serde_json::from_str(json).expect("a shape");
        assert_eq!(Shape::parse(text), Ok(shape.clone()));
        assert_eq!(serde_json::from_str::<Shape>(&format!("{text:?}")).expect("text in JSON"), shape);
        let written = serde_json::to_string(&shape).expect("JSON");
        assert_eq!(serde_json::from_str::<Shape>(&written).expect("a shape again"), shape);
        assert_eq!(
            Shape::parse("queue=3000bytes rate=1kbps").expect("bytes").fields().queue_bytes,
            Some(3000)
        );
    }

    #[test]
    fn the_default_is_a_perfect_line() {
        let perfect = Shape::parse("").expect("nothing");
        assert_eq!(perfect, Shape::default());
        assert_eq!(serde_json::to_string(&perfect).expect("JSON"), "{}");
    }

    #[test]
    fn every_wrong_shape_is_refused_with_what_to_do() {
        for (text, says) in [
            ("delay=-1ms", "delay_ms is -1: set it to 0 or more"),
            ("delay=60001ms", "60000 at most"),
            ("delay=NaNms", "delay_ms is NaN"),
            ("jitter=infms", "jitter_ms is inf"),
            ("delay=50", "write delay=NUMBERms"),
            ("delay=ms", "write delay=NUMBERms"),
            ("loss=101%", "loss is 1.01: set it to 0 or more, and to 1 at most"),
            ("loss=0.1", "write loss=NUMBER%"),
            ("burst=4", "burst does nothing without loss"),
            ("loss=10% burst=0.5", "burst is 0.5: set it to 1 or more"),
            ("loss=90% burst=2", "set burst to 9.0 or more"),
            ("loss=100% burst=2", "leave burst out"),
            ("rate=0kbps", "rate_kbps is 0: set it to 1 or more"),
            ("rate=1Mbps", "write rate=NUMBERkbps"),
            ("queue=200ms", "a queue needs a rate"),
            ("queue=3000bytes", "a queue needs a rate"),
            ("rate=100kbps queue=100bytes", "queue_bytes is 100: set it to 1500 or more"),
            ("hold=40ms", "reorder_ms does nothing without reorder"),
            ("reorder=200%", "reorder is 2"),
            ("duplicate=-1%", "duplicate is -0.01"),
            ("up", "`up` is no part of a shape"),
            ("speed=3kbps", "`speed=3kbps` is no part of a shape"),
        ] {
            let error = Shape::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
            let json = serde_json::from_str::<Shape>(&format!("{text:?}")).expect_err(text).to_string();
            assert!(json.contains(says), "{text} in JSON: {json}");
        }
        for (json, says) in [
            (r#"{"delay":50}"#, "unknown field `delay`"),
            (r#"{"loss":"10%"}"#, "invalid type"),
            (r#"{"loss":2}"#, "loss is 2"),
            ("7", "invalid type"),
        ] {
            let error = serde_json::from_str::<Shape>(json).expect_err(json).to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
