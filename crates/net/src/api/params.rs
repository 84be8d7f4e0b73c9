//! The arguments of one call, by position or by name, each read as its JSON type.

use forkful_core::Hash;
use serde_json::{Map, Value};

use crate::api::error::{RpcError, code, quoted};
use crate::api::table::{Kind, Method};

/// The arguments of one call, in the order of its method's parameters.
pub struct Args {
    method: &'static Method,
    /// One for each parameter; null where it was left out.
    values: Vec<Value>,
}

impl Args {
    /// Puts the arguments of a call in order, and checks the JSON type of each.
    ///
    /// # Errors
    /// As Bitcoin Core: too many, or one that is missing, are answered with the usage
    /// (code -1), an unknown name with -8, another JSON type with -3.
    pub fn new(method: &'static Method, params: Value) -> Result<Self, RpcError> {
        let mut values = match params {
            Value::Null => Vec::new(),
            Value::Array(values) => values,
            Value::Object(named) => by_name(method, named)?,
            _ => {
                let text = "Params must be an array or an object";
                return Err(RpcError::new(code::INVALID_REQUEST, text));
            }
        };
        if values.len() > method.params.len() {
            return Err(RpcError::new(code::MISC, method.manual()));
        }
        values.resize(method.params.len(), Value::Null);
        for (param, value) in method.params.iter().zip(&values) {
            if value.is_null() {
                if param.default.is_none() {
                    return Err(RpcError::new(code::MISC, method.manual()));
                }
            } else if !fits(param.kind, value) {
                let (found, name) = (type_name(value), param.name);
                // JSON has no other word for hashes and bytes.
                let wanted = match param.kind {
                    Kind::Hash | Kind::Hex => Kind::Text.name(),
                    kind => kind.name(),
                };
                let text = format!(
                    "JSON value of type {found} for {name} is not of expected type {wanted}"
                );
                return Err(RpcError::new(code::TYPE, text));
            }
        }
        Ok(Args { method, values })
    }

    /// The argument, if it was given.
    pub fn get(&self, at: usize) -> Option<&Value> {
        self.values.get(at).filter(|value| !value.is_null())
    }

    /// A string, if it was given.
    pub fn text(&self, at: usize) -> Option<&str> {
        self.get(at).and_then(Value::as_str)
    }

    /// A yes or no, if it was given.
    pub fn bool(&self, at: usize) -> Option<bool> {
        self.get(at).and_then(Value::as_bool)
    }

    /// A whole number, if it was given.
    ///
    /// # Errors
    /// It is none, or does not fit in 64 bits.
    pub fn number(&self, at: usize) -> Result<Option<i64>, RpcError> {
        let Some(value) = self.get(at) else {
            return Ok(None);
        };
        value.as_i64().map(Some).ok_or_else(|| {
            let name = self.name(at);
            RpcError::new(code::MISC, format!("{name}: JSON integer out of range"))
        })
    }

    /// A whole number that is zero at least, if it was given.
    ///
    /// # Errors
    /// It is none, or does not fit.
    pub fn count(&self, at: usize) -> Result<Option<u64>, RpcError> {
        let Some(number) = self.number(at)? else {
            return Ok(None);
        };
        let count = u64::try_from(number);
        count
            .map(Some)
            .map_err(|_| RpcError::invalid(format!("{} must not be negative", self.name(at))))
    }

    /// A hash.
    ///
    /// # Errors
    /// It is none (code -8, as Bitcoin Core's `ParseHashV`).
    pub fn hash(&self, at: usize) -> Result<Hash, RpcError> {
        let text = self.text(at).unwrap_or_default();
        parse_hash(self.name(at), text)
    }

    /// The bytes that hex digits spell.
    ///
    /// # Errors
    /// It is no hex: the code that the caller gives.
    pub fn hex(&self, at: usize, code: i64) -> Result<Vec<u8>, RpcError> {
        decode_hex(self.text(at).unwrap_or_default())
            .ok_or_else(|| RpcError::new(code, format!("{} must be hexadecimal", self.name(at))))
    }

    fn name(&self, at: usize) -> &'static str {
        self.method.params.get(at).map_or("", |param| param.name)
    }
}

/// The bytes that hex digits spell, two digits a byte, without a prefix.
pub fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let plain = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    const_hex::decode(text).ok().filter(|_| plain)
}

/// A hash that somebody named `name`.
///
/// # Errors
/// It is none.
pub fn parse_hash(name: &str, text: &str) -> Result<Hash, RpcError> {
    text.parse().map_err(|_| {
        let found = quoted(text);
        let length = text.chars().count();
        RpcError::invalid(match length {
            64 => format!("{name} must be hexadecimal string (not '{found}')"),
            _ => format!("{name} must be of length 64 (not {length}, for '{found}')"),
        })
    })
}

/// By name; `args` holds those by position that come before them, as in Bitcoin Core.
fn by_name(method: &Method, mut named: Map<String, Value>) -> Result<Vec<Value>, RpcError> {
    let mut values = match named.remove("args") {
        None => Vec::new(),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(RpcError::invalid("args must be an array")),
    };
    let given = values.len();
    for (name, value) in named {
        let place = method.params.iter().position(|param| param.name == name);
        let Some(place) = place else {
            let text = format!("Unknown named parameter {}", quoted(&name));
            return Err(RpcError::invalid(text));
        };
        if place < given {
            let text = format!("Parameter {name} specified twice both as positional and named");
            return Err(RpcError::invalid(text));
        }
        if values.len() <= place {
            values.resize(place + 1, Value::Null);
        }
        values[place] = value;
    }
    Ok(values)
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Text | Kind::Hash | Kind::Hex => value.is_string(),
        Kind::Number => value.is_number(),
        Kind::Bool => value.is_boolean(),
        Kind::NumberOrBool => value.is_number() || value.is_boolean(),
        Kind::Object => value.is_object(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
