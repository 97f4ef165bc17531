//! The commands of `tring-lab`: one JSON object a line, one JSON line as the answer.

use crate::lab::Lab;
use crate::shape::Shape;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// A change of the network.
#[derive(Debug, Clone)]
pub enum Change {
    /// What a host's link does from now on. A shape replaces the one before as a whole.
    Set(Set),
    /// A host's new address.
    Address(Address),
}

/// See [`Change::Set`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The host.
    pub set: String,
    /// What it sends; as it was if left out.
    pub up: Option<Box<Shape>>,
    /// What it receives; as it was if left out.
    pub down: Option<Box<Shape>>,
}

/// See [`Change::Address`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The host.
    pub address: String,
    /// Its new address, in the place of those of the same family.
    pub new: IpAddr,
}

/// A change at its time.
#[derive(Debug, Clone)]
pub struct Step {
    /// When, from the start of the script.
    pub at: Duration,
    /// What.
    pub change: Change,
}

/// A line of input.
#[derive(Debug, Clone)]
pub enum Command {
    /// Change something now.
    Change(Change),
    /// Change things at their times, counted from now. A script that still runs is given up.
    Script(Vec<Step>),
    /// The figures of all links.
    Stats,
}

/// What a command looks like.
const FORMS: &str = r#"{"set":HOST,"up":{…},"down":{…}}, {"address":HOST,"new":ADDRESS}, {"script":[{"at_ms":N,…}]} or {"stats":true}"#;

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(line: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("not JSON ({error}): send one of {FORMS}"))?;
        let Value::Object(fields) = &value else { return Err(format!("not an object: send one of {FORMS}")) };
        match &fields.get("script") {
            Some(Value::Array(steps)) if fields.len() == 1 => {
                return Ok(Self::Script(steps.iter().map(step).collect::<Result<_, _>>()?));
            }
            Some(_) => return Err(r#"a script is {"script":[{"at_ms":N, …}, …]}"#.into()),
            None => {}
        }
        if fields.contains_key("stats") && fields.len() == 1 {
            return Ok(Self::Stats);
        }
        change(value).map(Self::Change)
    }
}

fn change(value: Value) -> Result<Change, String> {
    // By its own name, since an untagged enum would not say what is wrong.
    if value.get("set").is_some() {
        serde_json::from_value(value).map(Change::Set).map_err(|error| format!("set: {error}"))
    } else if value.get("address").is_some() {
        serde_json::from_value(value).map(Change::Address).map_err(|error| format!("address: {error}"))
    } else {
        Err(format!("no such command: send one of {FORMS}"))
    }
}

/// A step of a script.
fn step(value: &Value) -> Result<Step, String> {
    let mut value = value.clone();
    let at = value.as_object_mut().and_then(|fields| fields.remove("at_ms")).and_then(|at| at.as_u64());
    let at = at.ok_or("a step of a script needs at_ms, whole milliseconds from its start")?;
    Ok(Step { at: Duration::from_millis(at), change: change(value)? })
}

/// Carries out a change.
///
/// # Errors
/// Why it could not be done, as a sentence.
pub fn apply(lab: &mut Lab, change: Change) -> Result<Value, String> {
    match change {
        Change::Set(Set { set, up, down }) => {
            lab.set(&set, up.map(|shape| *shape), down.map(|shape| *shape))
                .map_err(|error| error.to_string())?;
            Ok(json!({ "ok": true }))
        }
        Change::Address(Address { address, new }) => {
            lab.readdress(&address, new).map_err(|error| error.to_string())?;
            Ok(json!({ "ok": true, "addresses": lab.info()[&address].addresses }))
        }
    }
}

/// The figures of all links.
pub fn stats(lab: &Lab) -> Value {
    json!({ "hosts": lab.stats(), "refused": lab.refused() })
}
