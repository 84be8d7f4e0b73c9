//! The node and its API themselves.

use serde_json::Value;

use crate::api::Api;
use crate::api::error::quoted;
use crate::api::params::Args;
use crate::api::table::{self, Answer, Kind, Method, Run, optional};

/// This file's part of the table.
pub const METHODS: &[Method] = &[
    Method {
        name: "help",
        section: "Control",
        params: &[optional(
            "command",
            Kind::Text,
            "all",
            "The method to tell about.",
        )],
        about: "Lists all methods, or tells about one.",
        result: "a text",
        changes: false,
        waits: false,
        run: Run::Now(help),
    },
    Method {
        name: "rpc.discover",
        section: "Control",
        params: &[],
        about: "The OpenRPC document of this API, the same as GET /openrpc.json.",
        result: "an object",
        changes: false,
        waits: false,
        run: Run::Now(|_, _| Ok(table::open_rpc())),
    },
    Method {
        name: "stop",
        section: "Control",
        params: &[],
        about: "Ends the node, cleanly.",
        result: "a text",
        changes: true,
        waits: false,
        run: Run::Now(stop),
    },
    Method {
        name: "uptime",
        section: "Control",
        params: &[],
        about: "How long the node has been running.",
        result: "seconds",
        changes: false,
        waits: false,
        run: Run::Now(uptime),
    },
];

fn help(_: &Api, args: &Args) -> Answer {
    let Some(name) = args.text(0) else {
        return Ok(list().into());
    };
    Ok(match table::find(name) {
        Some(method) => method.manual().into(),
        // No error, as in Bitcoin Core.
        None => format!("help: unknown command: {}", quoted(name)).into(),
    })
}

fn list() -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut section = "";
    for method in table::methods() {
        if method.section != section {
            if !section.is_empty() {
                lines.push(String::new());
            }
            section = method.section;
            lines.push(format!("== {section} =="));
        }
        lines.push(method.usage());
    }
    lines.join("\n")
}

fn stop(api: &Api, _: &Args) -> Answer {
    // The answer still goes out: connections end after the request that they are in.
    api.handle.shutdown.cancel();
    Ok("forkful stopping".into())
}

fn uptime(api: &Api, _: &Args) -> Answer {
    Ok(Value::from(api.handle.about.started.elapsed().as_secs()))
}
