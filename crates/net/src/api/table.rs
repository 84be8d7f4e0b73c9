//! The table of methods: the one source of names, parameters, words and rights. Dispatch, `help`,
//! the OpenRPC document and the reference in docs/node/api.md come from it.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::Api;
use crate::api::error::RpcError;
use crate::api::methods;
use crate::api::params::Args;

/// What a call comes to.
pub type Answer = Result<Value, RpcError>;

/// A call under way.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What carries a method out.
#[derive(Clone, Copy)]
pub enum Run {
    /// At once.
    Now(fn(&Api, &Args) -> Answer),
    /// It has to wait for the node, or for the network.
    Later(fn(Arc<Api>, Args) -> Answering),
}

/// The JSON type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A string of 64 hex digits.
    Hash,
    /// A string of hex digits.
    Hex,
    /// A whole number.
    Number,
    /// A yes or no.
    Bool,
    /// A whole number, or a yes or no.
    NumberOrBool,
    /// An object.
    Object,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name, for calls by name.
    pub name: &'static str,
    /// Its JSON type.
    pub kind: Kind,
    /// What it is when it is left out; `None` if it cannot be.
    pub default: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
}

/// One method.
#[derive(Clone, Copy)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Under which heading it stands.
    pub section: &'static str,
    /// Its parameters, in the order of calls by position.
    pub params: &'static [Param],
    /// What it does.
    pub about: &'static str,
    /// What it answers.
    pub result: &'static str,
    /// Whether it changes the node, so that it needs the cookie.
    pub changes: bool,
    /// Whether it waits for a block, with a time-out of its own.
    pub waits: bool,
    /// What carries it out.
    pub run: Run,
}

/// A parameter that has to be there.
pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Param {
    Param {
        name,
        kind,
        default: None,
        about,
    }
}

/// A parameter that may be left out.
pub const fn optional(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Param {
    Param {
        name,
        kind,
        default: Some(default),
        about,
    }
}

/// Every method, by section.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    let sections: [&'static [Method]; 6] = [
        methods::chain::METHODS,
        methods::control::METHODS,
        methods::data::METHODS,
        methods::mining::METHODS,
        methods::network::METHODS,
        methods::wait::METHODS,
    ];
    sections.into_iter().flatten()
}

/// The method of this name.
pub fn find(name: &str) -> Option<&'static Method> {
    methods().find(|method| method.name == name)
}

impl Kind {
    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "string",
            Kind::Hash => "hash",
            Kind::Hex => "hex",
            Kind::Number => "number",
            Kind::Bool => "bool",
            Kind::NumberOrBool => "number or bool",
            Kind::Object => "object",
        }
    }

    fn schema(self) -> Value {
        match self {
            Kind::Text => json!({ "type": "string" }),
            Kind::Hash => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }),
            Kind::Hex => json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$" }),
            Kind::Number => json!({ "type": "integer" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::NumberOrBool => json!({ "type": ["integer", "boolean"] }),
            Kind::Object => json!({ "type": "object" }),
        }
    }
}

impl Method {
    /// How it is called, as `help` lists it: parameters that may be left out in brackets.
    pub fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for param in self.params {
            // Writing to a String cannot fail.
            let _ = match param.default {
                None => write!(usage, " {}", param.name),
                Some(_) => write!(usage, " [{}]", param.name),
            };
        }
        usage
    }

    /// Everything about it, as `help METHOD` prints it.
    pub fn manual(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.usage(), self.about);
        if self.changes {
            text.push_str("It changes the node: it needs the cookie.\n");
        }
        if !self.params.is_empty() {
            text.push_str("\nArguments:\n");
        }
        for (number, param) in (1..).zip(self.params) {
            let default = match param.default {
                None => "required".to_owned(),
                Some(default) => format!("default: {default}"),
            };
            let (name, kind) = (param.name, param.kind.name());
            let _ = writeln!(text, "{number}. {name} ({kind}, {default}) {}", param.about);
        }
        let _ = write!(text, "\nResult:\n{}", self.result);
        text
    }

    fn open_rpc(&self) -> Value {
        let param = |param: &Param| {
            json!({
                "name": param.name,
                "description": param.about,
                "required": param.default.is_none(),
                "schema": param.kind.schema(),
            })
        };
        json!({
            "name": self.name,
            "summary": self.about,
            "tags": [{ "name": self.section }],
            "params": self.params.iter().map(param).collect::<Vec<_>>(),
            "paramStructure": "either",
            "result": { "name": "result", "description": self.result, "schema": true },
            "x-needs-cookie": self.changes,
        })
    }
}

/// The OpenRPC document of this API.
pub fn open_rpc() -> Value {
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "forkful", "version": env!("CARGO_PKG_VERSION") },
        "methods": methods().map(Method::open_rpc).collect::<Vec<_>>(),
    })
}

/// The reference of all methods as Markdown. docs/node/api.md holds it; a test compares.
pub fn reference() -> String {
    let mut text = String::new();
    let mut section = "";
    for method in methods() {
        if method.section != section {
            if !section.is_empty() {
                text.push('\n');
            }
            section = method.section;
            let _ = writeln!(text, "### {section}\n\n| call | | answers |\n|---|---|---|");
        }
        let mark = if method.changes { " **cookie**" } else { "" };
        let about = format!("{}{mark}", method.about);
        let (about, result) = (about.replace('|', "\\|"), method.result.replace('|', "\\|"));
        let _ = writeln!(text, "| `{}` | {about} | {result} |", method.usage());
        let next = methods()
            .skip_while(|other| other.name != method.name)
            .nth(1);
        if next.is_none_or(|next| next.section != section) {
            text.push('\n');
        }
    }
    text
}
