//! Errors of a call, with the codes of Bitcoin Core (`src/rpc/protocol.h`) and of JSON-RPC 2.0.

use serde_json::{Value, json};

/// Why a call has no result.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct RpcError {
    /// Which kind of error, for programs.
    pub code: i64,
    /// What is wrong, for people.
    pub message: String,
}

/// The codes that are used here.
pub mod code {
    /// The body is no JSON.
    pub const PARSE: i64 = -32_700;
    /// The JSON is no request.
    pub const INVALID_REQUEST: i64 = -32_600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i64 = -32_601;
    /// Arguments that do not go together.
    pub const INVALID_PARAMS: i64 = -32_602;
    /// The node has ended, or the request took too long.
    pub const INTERNAL: i64 = -32_603;
    /// `RPC_MISC_ERROR`: everything that has no code of its own; usage too.
    pub const MISC: i64 = -1;
    /// `RPC_TYPE_ERROR`: an argument of another JSON type.
    pub const TYPE: i64 = -3;
    /// `RPC_INVALID_ADDRESS_OR_KEY`: there is no such block or entry.
    pub const NOT_FOUND: i64 = -5;
    /// `RPC_INVALID_PARAMETER`: an argument with a value that cannot be.
    pub const INVALID_PARAMETER: i64 = -8;
    /// `RPC_DESERIALIZATION_ERROR`: hex that is no block.
    pub const DESERIALIZATION: i64 = -22;
    /// `RPC_CLIENT_NODE_ALREADY_ADDED`: added, or banned, already.
    pub const ALREADY_ADDED: i64 = -23;
    /// `RPC_CLIENT_NODE_NOT_ADDED`: it was not added.
    pub const NOT_ADDED: i64 = -24;
    /// `RPC_VERIFY_REJECTED`: data that is not taken.
    pub const REJECTED: i64 = -26;
    /// `RPC_VERIFY_ALREADY_IN_UTXO_SET`: data that is on the chain already.
    pub const ON_CHAIN: i64 = -27;
    /// `RPC_CLIENT_NODE_NOT_CONNECTED`: there is no such peer.
    pub const NOT_CONNECTED: i64 = -29;
    /// `RPC_CLIENT_INVALID_IP_OR_SUBNET`: no address, or one that is not banned.
    pub const INVALID_IP: i64 = -30;
    /// `RPC_CLIENT_NODE_CAPACITY_REACHED`: a table of the node is full.
    pub const CAPACITY: i64 = -34;
}

impl RpcError {
    /// An error with this code and text.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        RpcError {
            code,
            message: message.into(),
        }
    }

    /// A value that cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        RpcError::new(code::INVALID_PARAMETER, message)
    }

    /// The node does not answer: it has ended, or is about to.
    pub fn ended() -> Self {
        RpcError::new(code::INTERNAL, "the node is shutting down")
    }

    /// As it stands in an answer.
    pub fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

/// What somebody sent, short enough and tame enough to be repeated in an error.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short.escape_debug().to_string()
}
