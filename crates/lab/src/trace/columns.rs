//! Batches of a trace as columns.
//!
//! A message is a row whose `event` is `message`; every other event has its own name, as in
//! the trace of `--events`, and fills the columns that it has something for.

use std::collections::HashMap;
use std::io::Write;

use bytes::Bytes;
use forkful_core::event::What;
use forkful_core::{BlockRef, Event, Hash, MessageKind, NodeId};
use forkful_sim::Sending;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use crate::metric::kind_name;
use crate::table::{Kind, Schema, column, optional, pq};

/// The form of a trace.
pub fn trace_schema() -> Schema {
    Schema {
        name: "trace",
        columns: vec![
            column("time_ns", Kind::Unsigned),
            column("event", Kind::Text),
            optional("node", Kind::Unsigned),
            optional("peer", Kind::Unsigned),
            optional("arrives_ns", Kind::Unsigned),
            optional("kind", Kind::Text),
            optional("bytes", Kind::Unsigned),
            optional("block", Kind::Hash),
            optional("height", Kind::Unsigned),
            optional("previous", Kind::Hash),
            optional("disconnected", Kind::Unsigned),
            optional("connected", Kind::Unsigned),
            optional("detail", Kind::Text),
        ],
    }
}

/// The rows of one batch. Kept from batch to batch, so that a message allocates nothing.
pub(super) struct Columns {
    time_ns: Vec<i64>,
    event: Vec<ByteArray>,
    node: Cells<i64>,
    peer: Cells<i64>,
    arrives_ns: Cells<i64>,
    kind: Cells<ByteArray>,
    bytes: Cells<i64>,
    block: Cells<ByteArray>,
    height: Cells<i64>,
    previous: Cells<ByteArray>,
    disconnected: Cells<i64>,
    connected: Cells<i64>,
    detail: Cells<ByteArray>,
    words: Words,
}

/// A column that misses values. Missing ones at the end are not written down until there is
/// a value again, or the batch is full: a message does not touch the columns of blocks.
#[derive(Default)]
struct Cells<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

/// Texts that come again and again. A copy of one only counts who shares it.
struct Words {
    /// In the order of [`MessageKind::ALL`].
    kinds: Vec<ByteArray>,
    /// For look-up only; nothing iterates over it. Emptied with every batch.
    hashes: HashMap<Hash, ByteArray>,
}

impl<T> Cells<T> {
    /// The value of the row with this number, counted from 0.
    fn push(&mut self, row: usize, value: T) {
        self.levels.resize(row, 0);
        self.levels.push(1);
        self.values.push(value);
    }

    fn clear(&mut self) {
        self.values.clear();
        self.levels.clear();
    }
}

impl Columns {
    pub fn new() -> Self {
        Columns {
            time_ns: Vec::new(),
            event: Vec::new(),
            node: Cells::default(),
            peer: Cells::default(),
            arrives_ns: Cells::default(),
            kind: Cells::default(),
            bytes: Cells::default(),
            block: Cells::default(),
            height: Cells::default(),
            previous: Cells::default(),
            disconnected: Cells::default(),
            connected: Cells::default(),
            detail: Cells::default(),
            words: Words {
                kinds: MessageKind::ALL.map(|kind| word(kind_name(kind))).to_vec(),
                hashes: HashMap::new(),
            },
        }
    }

    /// Takes in a batch, in the order in which things happened.
    pub fn fill(&mut self, messages: &[Sending], events: &[(usize, Event)]) {
        self.clear();
        let mut next = 0;
        for (place, event) in events {
            messages[next..*place].iter().for_each(|m| self.message(m));
            next = *place;
            self.event(event);
        }
        messages[next..].iter().for_each(|m| self.message(m));
    }

    /// Writes the rows as one row group.
    pub fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let rows = self.time_ns.len();
        if rows == 0 {
            return Ok(());
        }
        let mut group = file.next_row_group()?;
        pq::write_column::<Int64Type, _>(&mut group, &self.time_ns, None)?;
        pq::write_column::<ByteArrayType, _>(&mut group, &self.event, None)?;
        let mut column = Writer {
            group: &mut group,
            rows,
        };
        column.write::<Int64Type>(&mut self.node)?;
        column.write::<Int64Type>(&mut self.peer)?;
        column.write::<Int64Type>(&mut self.arrives_ns)?;
        column.write::<ByteArrayType>(&mut self.kind)?;
        column.write::<Int64Type>(&mut self.bytes)?;
        column.write::<ByteArrayType>(&mut self.block)?;
        column.write::<Int64Type>(&mut self.height)?;
        column.write::<ByteArrayType>(&mut self.previous)?;
        column.write::<Int64Type>(&mut self.disconnected)?;
        column.write::<Int64Type>(&mut self.connected)?;
        column.write::<ByteArrayType>(&mut self.detail)?;
        group.close()?;
        Ok(())
    }

    fn message(&mut self, message: &Sending) {
        let row = self.time_ns.len();
        self.time_ns.push(message.sent.0.cast_signed());
        self.event.push(word("message"));
        self.node.push(row, message.from.0.into());
        self.peer.push(row, message.to.0.into());
        if let Some(arrives) = message.arrives {
            self.arrives_ns.push(row, arrives.0.cast_signed());
        }
        let kind = self.words.kinds[message.kind as usize].clone();
        self.kind.push(row, kind);
        self.bytes.push(row, message.bytes.into());
    }

    fn event(&mut self, event: &Event) {
        let row = self.time_ns.len();
        self.time_ns.push(event.time.0.cast_signed());
        self.event.push(word(event.what.name()));
        if let Some(node) = event.node {
            self.node.push(row, node.0.into());
        }
        match &event.what {
            What::Mined { block, parent, .. } => self.block(row, block, Some(parent)),
            What::Received { block, from } => {
                self.block(row, block, None);
                self.peer(row, *from);
            }
            What::TipChanged {
                old,
                new,
                disconnected,
                connected,
            } => {
                self.block(row, new, Some(&old.hash));
                self.disconnected.push(row, (*disconnected).into());
                self.connected.push(row, (*connected).into());
            }
            What::Restarted { tip } => self.block(row, tip, None),
            What::Published { block } => self.block(row, block, None),
            What::AttemptEnded {
                won,
                public_blocks,
                own_blocks,
            } => {
                let end = if *won { "won" } else { "given up" };
                let detail = format!("{end}: {own_blocks} own blocks, {public_blocks} public");
                self.detail(row, &detail);
            }
            What::Unconnected { from, hash, parent } => {
                self.block.push(row, self.words.hash(hash));
                self.previous.push(row, self.words.hash(parent));
                self.peer(row, *from);
            }
            What::Rejected { from, why } => {
                self.peer(row, *from);
                self.detail(row, why);
            }
            What::Submitted { entry, bytes } => {
                self.bytes.push(row, (*bytes).into());
                self.detail(row, &const_hex::encode(entry.0));
            }
            What::Refused { why, .. } => self.detail(row, why),
            What::PeerUp { peer } => self.peer(row, *peer),
            What::PeerDown { peer, why } => {
                self.peer(row, *peer);
                self.detail(row, why);
            }
            What::HashRate { tries_per_second } => {
                let rate = tries_per_second.map(|rate| rate.to_string());
                self.detail(row, rate.as_deref().unwrap_or("unlimited"));
            }
            What::LinkCut { to } | What::LinkHealed { to } => self.peer(row, *to),
            What::Split { groups } => {
                let groups = serde_json::to_string(groups).unwrap_or_default();
                self.detail(row, &groups);
            }
            // Of messages a watcher is not told; the others have nothing more to say.
            What::Sent { .. }
            | What::Delivered { .. }
            | What::Dropped { .. }
            | What::Crashed
            | What::Healed => {}
        }
    }

    fn block(&mut self, row: usize, block: &BlockRef, previous: Option<&Hash>) {
        self.block.push(row, self.words.hash(&block.hash));
        self.height.push(row, block.height.cast_signed());
        if let Some(previous) = previous {
            self.previous.push(row, self.words.hash(previous));
        }
    }

    fn peer(&mut self, row: usize, peer: NodeId) {
        self.peer.push(row, peer.0.into());
    }

    fn detail(&mut self, row: usize, text: &str) {
        self.detail.push(row, ByteArray::from(text));
    }

    fn clear(&mut self) {
        self.time_ns.clear();
        self.event.clear();
        let numbers = [
            &mut self.node,
            &mut self.peer,
            &mut self.arrives_ns,
            &mut self.bytes,
            &mut self.height,
            &mut self.disconnected,
            &mut self.connected,
        ];
        numbers.into_iter().for_each(Cells::clear);
        let texts = [
            &mut self.kind,
            &mut self.block,
            &mut self.previous,
            &mut self.detail,
        ];
        texts.into_iter().for_each(Cells::clear);
        self.words.hashes.clear();
    }
}

/// A text of the program itself: its copies are free.
fn word(text: &'static str) -> ByteArray {
    ByteArray::from(Bytes::from_static(text.as_bytes()))
}

impl Words {
    fn hash(&mut self, hash: &Hash) -> ByteArray {
        let text = || ByteArray::from(const_hex::encode(hash.0).into_bytes());
        self.hashes.entry(*hash).or_insert_with(text).clone()
    }
}

/// Writes the columns of one row group, one after the other.
struct Writer<'a, 'b, W: Write> {
    group: &'a mut SerializedRowGroupWriter<'b, W>,
    rows: usize,
}

impl<W: Write + Send> Writer<'_, '_, W> {
    fn write<T: DataType>(&mut self, cells: &mut Cells<T::T>) -> Result<()> {
        cells.levels.resize(self.rows, 0);
        pq::write_column::<T, _>(self.group, &cells.values, Some(&cells.levels))
    }
}
