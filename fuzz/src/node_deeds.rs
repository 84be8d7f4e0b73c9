//! What can be done to the node, and how a choice is read from the bytes.

use std::sync::Arc;

use forkful_core::{Entry, Input as NodeInput, Message, PeerId, ShortId, Wire, limits, sha256};

use super::Play;
use super::forge::{compact, id_of, work_on};
use super::input::Input;

impl Play {
    /// The next deed.
    pub fn deed(&mut self, input: &mut Input) {
        match input.byte() % 24 {
            0..3 => self.forge.make(input, self.now().clock),
            3..9 => self.say(input),
            9..13 => self.answer(input),
            13..15 => self.wait(u64::from(input.byte()) * 8),
            15 => self.connect(peer(input)),
            16 => {
                let peer = peer(input);
                self.disconnect(peer);
            }
            17..19 => self.mine(input),
            19 => self.input(NodeInput::Mine(entry(input))),
            20 => self.judge(input),
            21 => self.begin(),
            22 => {
                let peer = peer(input);
                if let Ok(message) = Message::decode(input.bytes()) {
                    self.hear(peer, &message);
                }
            }
            _ => {
                self.forge.make(input, self.now().clock);
                let block = Arc::clone(self.forge.pick(&mut Input::new(&[])));
                self.hear(peer(input), &Message::NewBlock(block));
            }
        }
    }

    /// A peer says something about a block that was made.
    fn say(&mut self, input: &mut Input) {
        let from = peer(input);
        let kind = input.byte() % 14;
        let message = match kind {
            6 => Message::Headers {
                headers: self
                    .forge
                    .row(input)
                    .iter()
                    .map(|block| block.header)
                    .collect(),
                more: input.byte() & 1 == 1,
            },
            8 => Message::Chain {
                blocks: self.forge.row(input),
                more: input.byte() & 1 == 1,
            },
            5 | 7 => {
                let row = self.forge.row(input);
                let names = row.iter().rev().map(|block| block.header.hash());
                let locator = names.take(limits::LOCATOR_HASHES_MAX).collect();
                match kind {
                    5 => Message::RequestHeaders(locator),
                    _ => Message::RequestChain(locator),
                }
            }
            9 => Message::NewData(entry(input)),
            _ => self.say_of_one(kind, input),
        };
        self.hear(from, &message);
    }

    fn say_of_one(&mut self, kind: u8, input: &mut Input) -> Message<Wire> {
        let block = Arc::clone(self.forge.pick(input));
        let hash = block.header.hash();
        match kind {
            0 => Message::NewBlock(block),
            1 => Message::Announce(block.header),
            2 => Message::RequestBlock(hash),
            3 => Message::Block(block),
            4 => Message::NotFound(hash),
            10 => Message::RequestCompact(hash),
            11 => match input.byte() {
                0..128 => compact(&block, u64::from(input.byte())),
                _ => Message::CompactBlock {
                    header: block.header,
                    nonce: 0,
                    short_ids: [ShortId(input.array())].into(),
                },
            },
            12 => Message::RequestEntries {
                block: hash,
                indices: vec![u32::from(input.byte()), u32::from(input.byte())],
            },
            _ => Message::Entries {
                block: hash,
                entries: vec![entry(input); input.below(4)],
            },
        }
    }

    /// Somebody whom the node asked answers, as an honest peer would that has every block.
    fn answer(&mut self, input: &mut Input) {
        if self.said.is_empty() {
            return;
        }
        let at = input.below(self.said.len());
        let Some((peer, asked)) = self.said.remove(at) else {
            return;
        };
        let tip = Arc::clone(self.forge.pick(input));
        if let Some(answer) = self.forge.answer(&asked, &tip) {
            self.hear(peer, &answer);
        }
    }

    /// The node finds a block on what it searches on.
    fn mine(&mut self, input: &mut Input) {
        let template = self.node.template(self.now(), &self.tree);
        let target = template.target;
        let timestamp = template.header.timestamp;
        let mut block = template.into_block(timestamp, u64::from(input.byte()) << 32);
        work_on(&mut block.header, target, true);
        let clock = self.now().clock;
        // It may be found again, or be too hard to find.
        let known = self.tree.find(&block.header.hash()).is_some();
        if let Ok(id) = self.tree.insert_block(Arc::new(block), clock)
            && !known
        {
            self.input(NodeInput::Mined(id));
        }
    }

    /// The operator has something against a block, or nothing any more.
    fn judge(&mut self, input: &mut Input) {
        let refuses = input.byte() & 1 == 0;
        let Some(id) = id_of(&self.tree, self.forge.pick(input)) else {
            return;
        };
        self.was_refused = true;
        self.input(match refuses {
            true => NodeInput::Refuse(id),
            false => NodeInput::Reconsider(id),
        });
    }
}

/// One of four peers, or now and then one beyond the bound.
fn peer(input: &mut Input) -> PeerId {
    match input.byte() {
        0xff => PeerId(u32::try_from(limits::PEERS_MAX).expect("peers are few")),
        byte => PeerId(u32::from(byte & 3)),
    }
}

/// Some data. Few are different, so that they meet again.
fn entry(input: &mut Input) -> Entry {
    match input.byte() {
        0xff => Entry::from(sha256(&[1]).0.repeat(3)),
        byte => Entry::from([byte & 15].as_slice()),
    }
}
