//! What ends a command early, and with which exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use forkful_lab::LabError;
use forkful_net::node::NodeError;
use forkful_net::play;
use forkful_scenario::ScenarioError;

use crate::chain_file::ChainFault;
use crate::show::style::{BAD, paint, plain_line};

/// The exit code of a run that did not meet its expectations, and of an invalid chain.
pub const NOT_AS_EXPECTED: u8 = 1;

/// The exit code of a run that was ended by Ctrl-C or by SIGTERM: 128 + SIGINT, as shells
/// have it.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a usage or scenario error, which clap uses too.
const USAGE: u8 = 2;

/// What ends a command early. Its text is a sentence that names the place.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// A file that was to be read cannot be.
    #[error("{name}: {error}")]
    Input {
        /// The file as it was named.
        name: String,
        error: io::Error,
    },
    /// The scenario is wrong.
    #[error("{name}: {error}")]
    Scenario {
        /// The file or preset as it was named.
        name: String,
        error: Box<ScenarioError>,
    },
    /// The run came to no end.
    #[error("{name}: {error}")]
    Play {
        /// The file or preset as it was named.
        name: String,
        error: Box<PlayFault>,
    },
    /// A chain is invalid.
    #[error("{name}: {fault}")]
    Chain {
        /// The file as it was named.
        name: String,
        fault: ChainFault,
    },
    /// Many runs could not be played or written.
    #[error("{name}: {error}")]
    Lab {
        /// The file or preset as it was named.
        name: String,
        error: Box<LabError>,
    },
    /// A node's API could not be asked.
    #[error("{0}")]
    Rpc(String),
    /// A node did not start, or had to end.
    #[error(transparent)]
    Node(Box<NodeError>),
    /// What was to be written cannot be.
    #[error("cannot write {name}: {error}")]
    Output {
        /// The file as it was named.
        name: String,
        error: io::Error,
    },
}

/// Why a world could not play a scenario to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayFault {
    /// In real time.
    #[error(transparent)]
    Real(#[from] play::PlayError),
    /// In the simulator.
    #[error(transparent)]
    Sim(#[from] forkful_sim::PlayError),
}

/// The exit code of what was played; says on standard error what was not as expected.
pub fn exit_code(interrupted: bool, unmet: impl Iterator<Item = String>) -> ExitCode {
    if interrupted {
        return ExitCode::from(INTERRUPTED);
    }
    let mut code = ExitCode::SUCCESS;
    for clause in unmet {
        let clause = plain_line(&clause);
        let head = paint(BAD, "not as expected:");
        // If standard error is gone too, there is nobody left to tell.
        let _ = writeln!(anstream::stderr(), "{head} {clause}");
        code = ExitCode::from(NOT_AS_EXPECTED);
    }
    code
}

impl Failure {
    /// For `map_err`: writing to `name` failed.
    pub fn output(name: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let name = name.into();
        |error| Failure::Output { name, error }
    }

    /// For `map_err`: what was named `name` could not be played many times, or written.
    pub fn lab(name: &str) -> impl FnOnce(LabError) -> Failure {
        |error| match error {
            LabError::Output { path, error } => Failure::Output {
                name: path.display().to_string(),
                error,
            },
            error => Failure::Lab {
                name: name.to_owned(),
                error: Box::new(error),
            },
        }
    }

    /// Writing to standard output failed.
    pub fn stdout(error: io::Error) -> Failure {
        Failure::output("to standard output")(error)
    }

    /// Whether the reader of our output went away, as `head` does: no error, but the end.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Output { error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            _ if self.is_broken_pipe() => ExitCode::SUCCESS,
            Failure::Usage(_) | Failure::Input { .. } | Failure::Scenario { .. } => {
                ExitCode::from(USAGE)
            }
            Failure::Play { error, .. } => match **error {
                PlayFault::Real(
                    play::PlayError::Scenario(_)
                    | play::PlayError::NoKernel(_)
                    | play::PlayError::Files(_),
                )
                | PlayFault::Sim(_) => ExitCode::from(USAGE),
                PlayFault::Real(_) => ExitCode::from(NOT_AS_EXPECTED),
            },
            Failure::Lab { error, .. } => match **error {
                LabError::Output { .. } | LabError::Exists(_) | LabError::Threads(_) => {
                    ExitCode::from(NOT_AS_EXPECTED)
                }
                _ => ExitCode::from(USAGE),
            },
            Failure::Chain { .. } | Failure::Rpc(_) | Failure::Node(_) | Failure::Output { .. } => {
                ExitCode::from(NOT_AS_EXPECTED)
            }
        }
    }
}
