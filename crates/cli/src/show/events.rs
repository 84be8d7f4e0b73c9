//! What happens, as it happens, in words.

use std::collections::{HashMap, HashSet};

use forkful_core::event::What;
use forkful_core::{BlockRef, Event, Hash, NodeId, Time};

use crate::show::style::{
    BAD, DIM, GOOD, LOST, block_name, count, left, node_list, node_name, node_style, number, paint,
    plain_line,
};

/// Where the words of a line begin, for what does not fit in one.
pub const LINE_INDENT: usize = 14;

/// Ranges of nodes that one line names.
const NODES_SHOWN: usize = 6;

/// Turns headlines into lines. Nodes that make the same reorg share one.
pub struct Teller {
    /// Who found which block.
    miners: HashMap<Hash, NodeId>,
    /// Every block that was found.
    seen: HashSet<Hash>,
    /// How many blocks there are at a height.
    at_height: HashMap<u64, u32>,
    /// How many blocks there are on a block.
    on_parent: HashMap<Hash, u32>,
    /// A reorg that other nodes may be about to make too.
    reorg: Option<Reorg>,
    /// Blocks found, heights with more than one, and reorgs, so far.
    pub tally: Tally,
}

/// How a run stands.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub height: u64,
    pub mined: u64,
    pub forks: u64,
    pub reorgs: u64,
}

struct Reorg {
    time: Time,
    nodes: Vec<NodeId>,
    old: BlockRef,
    new: BlockRef,
    depth: u32,
}

/// Tells which events are worth a line: messages and arrivals are not.
#[derive(Default)]
pub struct Headlines {
    /// The greatest height so far.
    height: u64,
    /// Nodes that restarted and have not reached it yet.
    behind: Vec<NodeId>,
}

impl Headlines {
    /// Whether an event is worth a line. Called under the network's lock.
    pub fn is_one(&mut self, event: &Event) -> bool {
        match &event.what {
            What::TipChanged {
                new, disconnected, ..
            } => {
                let reaches = new.height >= self.height;
                self.height = self.height.max(new.height);
                let place = self
                    .behind
                    .iter()
                    .position(|node| Some(*node) == event.node);
                let caught_up = match place {
                    Some(place) if reaches => {
                        self.behind.swap_remove(place);
                        true
                    }
                    _ => false,
                };
                caught_up || *disconnected > 0
            }
            What::Restarted { .. } => {
                self.behind.extend(event.node);
                true
            }
            What::Mined { .. }
            | What::Refused { .. }
            | What::Crashed
            | What::HashRate { .. }
            | What::Published { .. }
            | What::AttemptEnded { .. }
            | What::LinkCut { .. }
            | What::LinkHealed { .. }
            | What::Split { .. }
            | What::Healed => true,
            What::Received { .. }
            | What::Unconnected { .. }
            | What::Rejected { .. }
            | What::Submitted { .. }
            | What::Sent { .. }
            | What::Delivered { .. }
            | What::Dropped { .. }
            | What::PeerUp { .. }
            | What::PeerDown { .. } => false,
        }
    }
}

impl Teller {
    pub fn new() -> Teller {
        Teller {
            miners: HashMap::new(),
            seen: HashSet::new(),
            at_height: HashMap::new(),
            on_parent: HashMap::new(),
            reorg: None,
            tally: Tally::default(),
        }
    }

    /// The lines that a headline makes: none if it may still have company.
    pub fn tell(&mut self, event: &Event) -> Vec<String> {
        if let (Some(node), What::TipChanged { .. }) = (event.node, &event.what)
            && self.reorg_of(node, &event.what)
        {
            return Vec::new();
        }
        let mut lines: Vec<String> = self.flush().into_iter().collect();
        if let (
            Some(node),
            What::TipChanged {
                old,
                new,
                disconnected,
                ..
            },
        ) = (event.node, &event.what)
            && *disconnected > 0
        {
            self.tally.reorgs += 1;
            self.reorg = Some(Reorg {
                time: event.time,
                nodes: vec![node],
                old: *old,
                new: *new,
                depth: *disconnected,
            });
            return lines;
        }
        if let Some((mark, text)) = self.text(event) {
            let who = event.node.map(node_name).unwrap_or_default();
            lines.push(line(event.time, &mark, &who, &text));
        }
        lines
    }

    /// The line that was held back.
    pub fn flush(&mut self) -> Option<String> {
        let reorg = self.reorg.take()?;
        let new = self.block(reorg.new);
        let old = self.block(reorg.old);
        let depth = format!("reorg, {} deep:", reorg.depth);
        let text = format!("{} {old} → {new}", paint(LOST.bold(), depth));
        let mark = paint(LOST.bold(), "↺");
        Some(line(
            reorg.time,
            &mark,
            &node_list(&reorg.nodes, NODES_SHOWN),
            &text,
        ))
    }

    /// Adds the node to the reorg that is held back, if it makes the same.
    fn reorg_of(&mut self, node: NodeId, what: &What) -> bool {
        let (Some(reorg), What::TipChanged { old, new, .. }) = (&mut self.reorg, what) else {
            return false;
        };
        let same = reorg.old == *old && reorg.new == *new;
        if same {
            self.tally.reorgs += 1;
            reorg.nodes.push(node);
        }
        same
    }

    /// The mark and the words of an event.
    fn text(&mut self, event: &Event) -> Option<(String, String)> {
        let plain_mark = |mark: &str| mark.to_owned();
        Some(match &event.what {
            What::Mined {
                block,
                parent,
                entries,
            } => {
                let mark = event.node.map_or(anstyle::Style::new(), node_style);
                let text = self.mined(event.node, *block, *parent, *entries);
                (paint(mark, "●"), text)
            }
            // A headline without a reorg is that of a node which restarted.
            What::TipChanged { new, .. } => {
                let caught_up = paint(GOOD, "caught up");
                let text = format!("{caught_up} with the others at {}", self.block(*new));
                (paint(GOOD, "↑"), text)
            }
            What::Refused { why, .. } => (
                plain_mark("!"),
                format!("refused data: {}", plain_line(why)),
            ),
            What::Crashed => {
                let text = format!("{}; its memory is gone", paint(BAD, "crashed"));
                (paint(BAD, "✗"), text)
            }
            What::Restarted { tip } => {
                let restarted = paint(GOOD, "restarted");
                let tip = self.block(*tip);
                let text = format!("{restarted} with what it had stored, up to {tip}");
                (paint(GOOD, "✓"), text)
            }
            What::HashRate { tries_per_second } => (plain_mark("*"), pace(*tries_per_second)),
            What::Published { block } => {
                let text = format!("publishes {}, which it had kept", self.block(*block));
                (plain_mark("○"), text)
            }
            What::AttemptEnded {
                won,
                public_blocks,
                own_blocks,
            } => attempt(*won, *public_blocks, *own_blocks),
            What::LinkCut { to } => {
                let text = format!("{} to {}", paint(BAD, "link cut"), node_name(*to));
                (paint(BAD, "╳"), text)
            }
            What::LinkHealed { to } => {
                let text = format!("{} to {}", paint(GOOD, "link healed"), node_name(*to));
                (paint(GOOD, "═"), text)
            }
            What::Split { groups } => {
                let groups: Vec<_> = groups
                    .iter()
                    .map(|group| node_list(group, NODES_SHOWN))
                    .collect();
                let split = paint(BAD, "the network is split:");
                let text = format!("{split} {}", groups.join(&paint(BAD, " ╫ ")));
                (paint(BAD, "╫"), text)
            }
            What::Healed => {
                let healed = paint(GOOD, "the network is healed:");
                (
                    paint(GOOD, "═"),
                    format!("{healed} messages travel everywhere again"),
                )
            }
            _ => return None,
        })
    }

    fn mined(
        &mut self,
        node: Option<NodeId>,
        block: BlockRef,
        parent: Hash,
        entries: u32,
    ) -> String {
        if let Some(node) = node {
            self.miners.insert(block.hash, node);
        }
        // Two miners with nothing to mine but time can find the very same block.
        let is_new = self.seen.insert(block.hash);
        let at_height = self.at_height.entry(block.height).or_default();
        let on_parent = self.on_parent.entry(parent).or_default();
        if is_new {
            *at_height += 1;
            *on_parent += 1;
            self.tally.mined += 1;
            self.tally.forks += u64::from(*at_height == 2);
        }
        let siblings = *on_parent;
        self.tally.height = self.tally.height.max(block.height);
        let on = match block.height.checked_sub(1) {
            Some(height @ 1..) => self.block(BlockRef {
                hash: parent,
                height,
            }),
            _ => "genesis".to_owned(),
        };
        let mut text = format!("mined {} on {on}", self.block(block));
        if entries > 0 {
            let data = count(entries.into(), "entry", "entries");
            text.push_str(&paint(DIM, format_args!(", {data}")));
        }
        if is_new && siblings > 1 {
            let ways = match siblings {
                2 => String::new(),
                ways => format!("{ways}-way "),
            };
            let on = match block.height {
                0 | 1 => "genesis".to_owned(),
                height => format!("#{}", height - 1),
            };
            let fork = format!("  {ways}fork on {on}");
            text.push_str(&paint(LOST, fork));
        }
        text
    }

    fn block(&self, block: BlockRef) -> String {
        block_name(
            block.height,
            &block.hash,
            self.miners.get(&block.hash).copied(),
        )
    }
}

fn pace(tries_per_second: Option<u64>) -> String {
    match tries_per_second {
        Some(0) => "stops mining".to_owned(),
        Some(rate) => format!("mines with {} tries/s from now on", number(rate)),
        None => "mines as fast as it can from now on".to_owned(),
    }
}

/// The mark and the words of an attempt that ended.
fn attempt(won: bool, public_blocks: u64, own_blocks: u64) -> (String, String) {
    let (mark, end) = match won {
        true => (paint(GOOD, "✓"), "double spend: replaces"),
        false => (paint(BAD, "✗"), "double spend: gives up replacing"),
    };
    let blocks = count(public_blocks, "public block", "public blocks");
    (mark, format!("{end} {blocks} with {own_blocks} of its own"))
}

/// One line: when, a mark, who, what.
fn line(time: Time, mark: &str, who: &str, text: &str) -> String {
    let time = paint(DIM, format_args!("{:>8.3} s", time.as_secs_f64()));
    let who = if who.is_empty() {
        String::new()
    } else {
        format!("{} ", left(who, 2))
    };
    format!("{time}  {mark} {who}{text}")
}

#[cfg(test)]
mod tests;
