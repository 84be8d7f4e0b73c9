//! What can be wrong with a scenario file, and where.

use std::fmt;

use forkful_core::NodeId;
use forkful_core::difficulty::DifficultyError;

use crate::quantity::shortened;
use crate::topology::TooManyLinks;
use crate::world::World;

/// What is wrong with a scenario, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct ScenarioError {
    /// Where it was said, if not in the scenario itself: another file, or the command line.
    pub source_name: Option<Box<str>>,
    /// The key, such as `network.link.latency` or `events[2].node`; lists count from 0.
    /// Empty when the trouble is with the file as a whole.
    pub path: String,
    /// The line, from 1; `None` when it is not in the file.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.source_name {
            write!(f, "{name}: ")?;
        }
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ => {}
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is larger than any scenario.
    #[error("the file has {bytes} bytes; a scenario has at most {most}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The greatest length.
        most: usize,
    },
    /// A further file is larger than any of its kind.
    #[error("the file has {bytes} bytes; it may have {most}")]
    FileTooLarge {
        /// Its length.
        bytes: usize,
        /// The greatest length.
        most: usize,
    },
    /// It is not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// A key that there is not.
    #[error("there is no such key{}; known here: {}", did_you_mean(.nearest), .known.join(", "))]
    UnknownKey {
        /// The known key that is most like it.
        nearest: Option<String>,
        /// Every key that there is in this place.
        known: Vec<String>,
    },
    /// A word that means nothing here.
    #[error("{found:?} means nothing here{}; known: {}", did_you_mean(.nearest), .known.join(", "))]
    UnknownWord {
        /// The word.
        found: Box<str>,
        /// The known word that is most like it.
        nearest: Option<String>,
        /// Every word that there is in this place.
        known: Vec<String>,
    },
    /// A value of the wrong type or form.
    #[error("{0}")]
    Form(String),
    /// A number out of its range.
    #[error("{found} is out of range: from {least} to {most}")]
    OutOfRange {
        /// The number.
        found: Box<str>,
        /// The least value, with its unit.
        least: Box<str>,
        /// The greatest value, with its unit.
        most: Box<str>,
    },
    /// A node that the network does not have.
    #[error("there is no node {node}: the network has {nodes}, numbered from 0")]
    NoSuchNode {
        /// The node.
        node: i64,
        /// How many nodes there are.
        nodes: u32,
    },
    /// Something that is not a pair of two different nodes.
    #[error("expected two different nodes such as [0, 1], not {0}")]
    NotAPair(String),
    /// A link that the topology does not have.
    #[error("the topology has no link between {0} and {1}")]
    NoSuchLink(NodeId, NodeId),
    /// The same link twice.
    #[error("the link between {0} and {1} was given before")]
    LinkTwice(NodeId, NodeId),
    /// A node in two groups of one split.
    #[error("node {} is in group {} too: groups of a split must not overlap", .node.0, .group)]
    Overlap {
        /// The node.
        node: NodeId,
        /// The earlier group, from 0.
        group: usize,
    },
    /// A key that is needed.
    #[error("missing: {0}")]
    Missing(&'static str),
    /// A key that does not belong to this kind of thing.
    #[error("{owner} takes no such key{}", it_takes(.takes))]
    NotTaken {
        /// The kind of thing, such as `heal`.
        owner: String,
        /// What it takes.
        takes: &'static str,
    },
    /// Two keys of which only one may be given.
    #[error("only one of {0} can be given")]
    OnlyOne(&'static str),
    /// Tables that name the same nodes over and over.
    #[error("these tables name {named} nodes in all; at most {most}")]
    TooManyNamed {
        /// Nodes named, each as often as it is.
        named: u64,
        /// The greatest sum.
        most: u64,
    },
    /// All hash shares are zero but the network is to mine.
    #[error("the hash shares sum to 0, so nobody would mine")]
    NobodyMines,
    /// Every node attacks.
    #[error("every node attacks: at least one must be honest, for attackers to have a victim")]
    NobodyHonest,
    /// A difficulty rule that cannot work with its parameters.
    #[error("{0}")]
    Difficulty(#[from] DifficultyError),
    /// Something at a moment that the run does not reach.
    #[error("this is later than stop.time_limit, which is {0:?}")]
    AfterTimeLimit(std::time::Duration),
    /// Something that must not be more than something else.
    #[error("must not be more than {0}")]
    MoreThan(&'static str),
    /// More data than a run is given.
    #[error("{bytes} bytes of data in all; at most {most}")]
    TooMuchData {
        /// Bytes asked for.
        bytes: u64,
        /// The greatest sum.
        most: u64,
    },
    /// More nodes than the world can play.
    #[error("{nodes} nodes, but {most} is the most that the world {world} plays")]
    TooManyNodes {
        /// Nodes asked for.
        nodes: u32,
        /// Nodes there may be.
        most: u32,
        /// The world.
        world: World,
    },
    /// More links than the world can play.
    #[error("{0} in the world {1}")]
    TooManyLinks(TooManyLinks, World),
    /// A minimum above its maximum.
    #[error("min is {min}, max is {max}: nothing lies between them")]
    EmptyBounds {
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(word) => format!("; did you mean {word}?"),
        None => String::new(),
    }
}

fn it_takes(takes: &str) -> String {
    match takes {
        "" => String::new(),
        takes => format!("; it takes {takes}"),
    }
}

/// A problem and the key that has it: what the checks return.
#[derive(Debug)]
pub(crate) struct Fault {
    pub path: String,
    pub problem: Problem,
    /// Where it is, if not in the text of the scenario.
    pub place: Option<Box<Place>>,
}

/// A place in another text than the scenario's.
#[derive(Debug)]
pub(crate) struct Place {
    /// What the text is called.
    pub name: String,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

impl Problem {
    /// The problem, at a key.
    pub(crate) fn at(self, path: impl Into<String>) -> Fault {
        Fault {
            path: path.into(),
            problem: self,
            place: None,
        }
    }
}

impl Fault {
    /// The fault, on a line of another file.
    pub(crate) fn on_line(self, name: &str, line: u32) -> Fault {
        let place = Place {
            name: shortened(&name.escape_debug().to_string()),
            line: Some(line),
            column: None,
        };
        Fault {
            place: Some(Box::new(place)),
            ..self
        }
    }

    /// An error about something that the text of the scenario does not say.
    pub(crate) fn without_place(self) -> ScenarioError {
        let (name, line, column) = match self.place {
            Some(place) => (Some(place.name.into()), place.line, place.column),
            None => (None, None, None),
        };
        ScenarioError {
            source_name: name,
            path: self.path,
            line,
            column,
            problem: self.problem,
        }
    }
}

impl ScenarioError {
    /// The fault that it was made from; of another text than the scenario's.
    pub(crate) fn into_fault(self, name: &str) -> Fault {
        let place = Place {
            name: shortened(&name.escape_debug().to_string()),
            line: self.line,
            column: self.column,
        };
        Fault {
            path: self.path,
            problem: self.problem,
            place: Some(Box::new(place)),
        }
    }
}
