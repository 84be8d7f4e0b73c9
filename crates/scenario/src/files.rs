//! Files that a scenario names. This crate opens none: its caller reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{Document, RegionsValue, TopologyValue};
use crate::error::{Fault, Problem};
use crate::network::Network;
use crate::quantity::shortened;
use crate::topology::{EdgeList, Topology};

/// Why a file that a scenario names cannot be read, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(pub String);

/// Reads a file that a scenario names: its name, as it is written there, and the most bytes that
/// it may have.
pub type ReadFile<'a> = dyn Fn(&str, usize) -> Result<String, FileError> + 'a;

/// The largest region table: 1 MiB.
const TABLE_BYTES_MAX: usize = 1 << 20;
/// The largest list of links: 64 MiB.
const LINKS_BYTES_MAX: usize = 64 << 20;

/// The texts of the files that a scenario names, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    texts: BTreeMap<String, Arc<str>>,
    /// What was made of one of them before.
    links: Option<FileLinks>,
}

/// The links of a file, for a network of so many nodes.
#[derive(Clone, Debug)]
struct FileLinks {
    name: String,
    nodes: u32,
    list: Arc<EdgeList>,
}

impl Files {
    /// Reads what `document` names and is not here yet.
    pub fn read(&mut self, document: &Document, read: &ReadFile<'_>) -> Result<(), Fault> {
        if let Some(RegionsValue::Name(name)) = &document.network.regions
            && is_path(name)
        {
            self.add("network.regions", name, TABLE_BYTES_MAX, read)?;
        }
        if let Some(TopologyValue::Table(table)) = &document.network.topology
            && let Some(name) = &table.file
        {
            self.add("network.topology.file", name, LINKS_BYTES_MAX, read)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        key: &str,
        name: &str,
        bytes_max: usize,
        read: &ReadFile<'_>,
    ) -> Result<(), Fault> {
        if self.texts.contains_key(name) {
            return Ok(());
        }
        let text = read(name, bytes_max).map_err(|error| {
            let name = shortened(&name.escape_debug().to_string());
            Problem::Form(format!("cannot read \"{name}\": {error}")).at(key)
        })?;
        if text.len() > bytes_max {
            let (bytes, most) = (text.len(), bytes_max);
            return Err(Problem::FileTooLarge { bytes, most }.at(key));
        }
        self.texts.insert(name.to_owned(), text.into());
        Ok(())
    }

    /// Keeps the list of links of a scenario that was checked, if it is from a file.
    pub fn keep_links(&mut self, document: &Document, network: &Network) {
        if let Some(TopologyValue::Table(table)) = &document.network.topology
            && let Some(name) = &table.file
            && let Topology::Edges(list) = &network.topology
        {
            self.links = Some(FileLinks {
                name: name.clone(),
                nodes: network.nodes,
                list: Arc::clone(list),
            });
        }
    }

    /// The links of the file with this name, if they were read for so many nodes before.
    pub fn links(&self, name: &str, nodes: u32) -> Option<Arc<EdgeList>> {
        let links = self.links.as_ref()?;
        let is_it = links.name == name && links.nodes == nodes;
        is_it.then(|| Arc::clone(&links.list))
    }

    /// The text of a file that was read.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(|text| &**text)
    }
}

/// Whether a name is that of a file, and not that of a table that comes with forkful.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".toml")
}

/// For scenarios from text alone.
pub(crate) fn no_files(_: &str, _: usize) -> Result<String, FileError> {
    Err(FileError("no further files are read here".to_owned()))
}
