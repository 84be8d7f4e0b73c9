//! Messages on their way. Most name one block and nothing else, and travel within the
//! event of their arrival; the others stand on a shelf until then.

use std::sync::Arc;

use forkful_core::{BlockId, Message, MessageKind, message::Ids};

/// The block that a message names, if that and its kind are all there is to it.
pub(crate) fn only_block(message: &Message<Ids>) -> Option<BlockId> {
    match message {
        Message::NewBlock(block)
        | Message::Announce(block)
        | Message::RequestBlock(block)
        | Message::NotFound(block)
        | Message::Block(block)
        | Message::RequestCompact(block) => Some(*block),
        // Simulated blocks mostly carry no entries, so that there is nothing to name.
        Message::CompactBlock {
            header,
            nonce: 0,
            short_ids,
        } if short_ids.is_empty() => Some(*header),
        Message::RequestEntries { block, indices } if indices.is_empty() => Some(*block),
        Message::Entries { block, entries } if entries.is_empty() => Some(*block),
        _ => None,
    }
}

/// The message of a kind that names this block and nothing else.
pub(crate) fn naming(kind: MessageKind, block: BlockId) -> Message<Ids> {
    match kind {
        MessageKind::NewBlock => Message::NewBlock(block),
        MessageKind::Announce => Message::Announce(block),
        MessageKind::RequestBlock => Message::RequestBlock(block),
        MessageKind::NotFound => Message::NotFound(block),
        MessageKind::RequestCompact => Message::RequestCompact(block),
        MessageKind::CompactBlock => Message::CompactBlock {
            header: block,
            nonce: 0,
            short_ids: Arc::default(),
        },
        MessageKind::RequestEntries => Message::RequestEntries {
            block,
            indices: Vec::new(),
        },
        MessageKind::Entries => Message::Entries {
            block,
            entries: Vec::new(),
        },
        // `only_block` knows no other kind.
        _ => Message::Block(block),
    }
}

/// Messages that do not fit into an event, by number.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    messages: Vec<Option<Message<Ids>>>,
    free: Vec<u32>,
}

impl Shelf {
    /// Keeps a message; the number is whose it is until it is taken.
    pub fn put(&mut self, message: Message<Ids>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.messages[number as usize] = Some(message);
            return number;
        }
        self.messages.push(Some(message));
        u32::try_from(self.messages.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes a message.
    pub fn take(&mut self, number: u32) -> Option<Message<Ids>> {
        let message = self.messages.get_mut(number as usize)?.take();
        self.free.extend(message.is_some().then_some(number));
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_block_only_comes_back_as_it_was() {
        let block = BlockId::GENESIS;
        let mut packed = 0;
        for kind in MessageKind::ALL {
            let message = naming(kind, block);
            if message.kind() == kind {
                assert_eq!(only_block(&message), Some(block));
                packed += 1;
            }
        }
        assert_eq!(packed, 9);
        let chain = Message::RequestChain(vec![block]);
        assert_eq!(only_block(&chain), None);
    }

    #[test]
    fn a_number_is_used_again_after_its_message_was_taken() {
        let mut shelf = Shelf::default();
        let one = shelf.put(Message::RequestChain(Vec::new()));
        assert!(shelf.take(one).is_some() && shelf.take(one).is_none());
        assert_eq!(shelf.put(Message::RequestHeaders(Vec::new())), one);
    }
}
