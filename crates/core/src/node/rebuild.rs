//! Rebuilding a block from short ids and the data that waits here: relay policy `compact`.
//!
//! The idea, and the order of messages, are those of BIP 152's low-bandwidth mode:
//!
//! ```text
//!   Announce ────▶ RequestCompact ────▶ CompactBlock ──┬─▶ rebuilt
//!                                                      └─▶ RequestEntries ────▶ Entries ─▶ rebuilt
//! ```
//!
//! What cannot be rebuilt is asked for as a whole. That never says anything about the
//! block, and about its sender only if the sender can be seen to be wrong: six bytes may
//! be the name of two entries by chance.

use std::sync::Arc;

use crate::block::{Block, Entry};
use crate::hash::sha256;
use crate::limits;
use crate::merkle::merkle_root;
use crate::message::Message;
use crate::node::in_flight::Ask;
use crate::node::{Effect, Node, PeerId, Relay, Step};
use crate::rules::RuleError;
use crate::short_id::{ShortId, ShortIdKey};
use crate::tree::BlockId;

/// A block of which some entries are still missing.
#[derive(Debug)]
pub(super) struct Rebuild {
    pub block: BlockId,
    pub peer: PeerId,
    entries: Vec<Option<Entry>>,
    key: ShortIdKey,
    /// What the peer was asked for, in the order of the block.
    missing: Vec<(usize, ShortId)>,
}

impl Node {
    /// How a block is asked for that was just announced and connects.
    pub(super) fn ask_for_new(&self) -> Ask {
        match self.config.relay {
            Relay::Compact if self.sync.has_room_to_rebuild() => Ask::Compact,
            _ => Ask::Whole,
        }
    }

    pub(super) fn on_compact_block<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        block: BlockId,
        nonce: u64,
        short_ids: &[ShortId],
    ) {
        // Looking through what waits is work: it is done for whom we asked, and once.
        if !self.sync.is_asked(peer, block, Ask::Compact) {
            return self.on_announce(step, peer, block);
        }
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = 0;
        }
        // A key costs two hashes, and where nothing is named nothing is looked up.
        let key = match short_ids.is_empty() {
            true => ShortIdKey::default(),
            false => ShortIdKey::new(step.tree.header(block), nonce),
        };
        let Some(entries) = self.recognise(step, block, &key, short_ids) else {
            return self.ask_for_whole(step, peer, block);
        };
        let unknown = |(at, entry): (usize, &Option<Entry>)| {
            let is_missing = entry.is_none();
            is_missing.then(|| (at, short_ids[at]))
        };
        let missing: Vec<_> = entries.iter().enumerate().filter_map(unknown).collect();
        let assumed = short_ids.is_empty() && self.assumes_a_failure();
        if missing.is_empty() && !assumed {
            let entries = entries.into_iter().flatten().collect();
            return self.rebuilt(step, peer, block, entries);
        }
        // Places in a list that came in one message fit in 32 bits.
        let indices = missing.iter().filter_map(|(at, _)| u32::try_from(*at).ok());
        let indices = indices.collect();
        self.sync.rebuilds.push(Rebuild {
            block,
            peer,
            entries,
            key,
            missing,
        });
        let deadline = step.now.time + self.config.request_timeout;
        self.sync.go_on_waiting(block, Ask::Entries, deadline);
        let message = Message::RequestEntries { block, indices };
        step.effects.push(Effect::Send(peer, message));
    }

    pub(super) fn on_entries<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        block: BlockId,
        entries: Vec<Entry>,
    ) {
        let Some(rebuild) = self.sync.take_rebuild(peer, block) else {
            return;
        };
        let is_right = rebuild.missing.len() == entries.len()
            && (rebuild.missing.iter().zip(&entries))
                .all(|((_, id), entry)| rebuild.key.id(&sha256(entry)) == *id);
        if !is_right {
            // The peer named them itself, so it knows that these are others.
            self.fetched(block);
            self.ask_another_for(step, block, peer);
            return self.charge(step, peer, RuleError::BodyMismatch.penalty());
        }
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = 0;
        }
        let mut all = rebuild.entries;
        for ((at, _), entry) in rebuild.missing.into_iter().zip(entries) {
            all[at] = Some(entry);
        }
        let all = all.into_iter().flatten().collect();
        self.rebuilt(step, peer, block, all);
    }

    /// The entries of a block as far as they are here. `None` if two have one name.
    fn recognise<P>(
        &self,
        step: &Step<'_, P>,
        block: BlockId,
        key: &ShortIdKey,
        short_ids: &[ShortId],
    ) -> Option<Vec<Option<Entry>>> {
        if short_ids.is_empty() {
            return Some(Vec::new());
        }
        // What the block's rival at the tip carries does not wait any more.
        let rival = (self.tip != step.tree.parent(block)).then_some(self.tip);
        let rival = rival.and_then(|tip| step.tree.block(tip));
        let of_rival = rival.iter().flat_map(|block| &block.entries);
        let of_rival = of_rival.map(|entry| (sha256(entry), entry));
        let here = self.pool.hashed().chain(of_rival);
        match_names(short_ids, here.map(|(hash, entry)| (key.id(&hash), entry)))
    }

    /// Every entry has been found. A driver that shares its tree has the body already.
    fn rebuilt<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        block: BlockId,
        entries: Vec<Entry>,
    ) {
        let header = *step.tree.header(block);
        let known = step.tree.block(block);
        let is_it = match &known {
            Some(known) => known.entries == entries,
            None => merkle_root(&entries) == header.data,
        };
        if !is_it {
            // An entry of ours has the name of another, or the names are wrong: whose
            // fault it is cannot be told.
            self.ask_for_whole(step, peer, block);
        } else if known.is_some() {
            self.on_block(step, peer, block);
        } else {
            let block = Arc::new(Block { header, entries });
            step.effects.push(Effect::Rebuilt(peer, block));
        }
    }

    fn ask_for_whole<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        self.fetched(block);
        self.request_body(step, block, Ask::Whole, Some(peer), None);
    }

    fn assumes_a_failure(&mut self) -> bool {
        let per_million = self.config.compact_failure_per_million;
        per_million > 0 && self.draw(1_000_000) < per_million as usize
    }

    pub(super) fn serve_compact<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        block: BlockId,
    ) {
        let answer = if !self.admits(block) {
            Message::NotFound(block)
        } else if self.config.relay != Relay::Compact || self.is_old(step, block) {
            // Who does not take part in it answers with what it has.
            Message::Block(block)
        } else if let Some(body) = step.tree.block(block) {
            let (nonce, short_ids) = self.names(block, &body);
            Message::CompactBlock {
                header: block,
                nonce,
                short_ids,
            }
        } else {
            Message::NotFound(block)
        };
        step.effects.push(Effect::Send(peer, answer));
    }

    /// The names of a block's entries, and the nonce of their key. Made once while the
    /// same block is asked for, for it costs a hash of each entry.
    fn names(&mut self, block: BlockId, body: &Block) -> (u64, Arc<[ShortId]>) {
        if body.entries.is_empty() {
            // Nothing is named, so no key is needed.
            return (0, Arc::default());
        }
        if let Some((of, nonce, names)) = &self.names
            && *of == block
        {
            return (*nonce, Arc::clone(names));
        }
        let nonce = self.draw_nonce();
        let key = ShortIdKey::new(&body.header, nonce);
        let names = body.entries.iter().map(|entry| key.id(&sha256(entry)));
        let names: Arc<[ShortId]> = names.collect();
        self.names = Some((block, nonce, Arc::clone(&names)));
        (nonce, names)
    }

    pub(super) fn serve_entries<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        block: BlockId,
        indices: &[u32],
    ) {
        if !self.admits(block) {
            let answer = Message::NotFound(block);
            return step.effects.push(Effect::Send(peer, answer));
        }
        // Rising, so that an answer is never longer than the block.
        let is_rising = indices.windows(2).all(|pair| pair[0] < pair[1]);
        let last = indices.last().map(|last| *last as usize);
        if !is_rising || last.is_some_and(|last| last >= step.tree.entries(block)) {
            // Whoever saw the short ids knows how many there are.
            return self.charge(step, peer, RuleError::BodyMismatch.penalty());
        }
        let answer = if indices.is_empty() {
            let entries = Vec::new();
            Message::Entries { block, entries }
        } else if self.is_old(step, block) {
            Message::Block(block)
        } else if let Some(body) = step.tree.block(block) {
            let chosen = indices.iter().map(|index| *index as usize);
            let entries = chosen.map(|index| Arc::clone(&body.entries[index]));
            let entries = entries.collect();
            Message::Entries { block, entries }
        } else {
            Message::NotFound(block)
        };
        step.effects.push(Effect::Send(peer, answer));
    }

    /// Whether nobody who keeps up can be rebuilding the block.
    fn is_old<P>(&self, step: &Step<'_, P>, block: BlockId) -> bool {
        let tip = step.tree.height(self.public_tip);
        tip.saturating_sub(step.tree.height(block)) > limits::COMPACT_DEPTH_MAX
    }
}

/// Puts what is here in the places of its names. `None` if two places have one name.
fn match_names<'a>(
    names: &[ShortId],
    here: impl Iterator<Item = (ShortId, &'a Entry)>,
) -> Option<Vec<Option<Entry>>> {
    let mut places: Vec<(ShortId, usize)> = names.iter().copied().zip(0..).collect();
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None;
    }
    let mut entries: Vec<Option<Entry>> = vec![None; names.len()];
    let mut ambiguous = Vec::new();
    for (name, entry) in here {
        let Ok(found) = places.binary_search_by_key(&name, |(name, _)| *name) else {
            continue;
        };
        let at = places[found].1;
        if entries[at].replace(Arc::clone(entry)).is_some() {
            ambiguous.push(at);
        }
    }
    // Of two that have the name, the sender has to say which is meant.
    for at in ambiguous {
        entries[at] = None;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u8) -> ShortId {
        ShortId([number; ShortId::LEN])
    }

    fn matched(names: &[u8], here: &[(u8, &str)]) -> Option<Vec<String>> {
        let here: Vec<(ShortId, Entry)> = here
            .iter()
            .map(|(number, text)| (name(*number), Entry::from(text.as_bytes())))
            .collect();
        let names: Vec<ShortId> = names.iter().copied().map(name).collect();
        let entries = match_names(&names, here.iter().map(|(name, entry)| (*name, entry)))?;
        let text = |entry: Option<Entry>| match entry {
            Some(entry) => String::from_utf8_lossy(&entry).into_owned(),
            None => "?".to_owned(),
        };
        Some(entries.into_iter().map(text).collect())
    }

    #[test]
    fn what_is_here_comes_into_the_place_of_its_name() {
        let here = [(1, "one"), (9, "nine"), (3, "three")];
        let found = matched(&[3, 2, 1], &here).unwrap();
        assert_eq!(found, ["three", "?", "one"]);
        assert_eq!(matched(&[], &here).unwrap(), [""; 0]);
    }

    #[test]
    fn of_two_with_one_name_neither_is_taken() {
        let here = [(1, "one"), (2, "two"), (1, "other"), (1, "third")];
        assert_eq!(matched(&[1, 2], &here).unwrap(), ["?", "two"]);
        assert_eq!(matched(&[1, 2, 1], &here), None);
    }
}
