//! A disk whose power can be cut.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use redb::StorageBackend;

/// What a disk writes as a whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Length(length) => bytes.resize(*length, 0),
            Change::Write(at, data) => {
                if bytes.len() < at + data.len() {
                    bytes.resize(at + data.len(), 0);
                }
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }

    /// Its sectors, each a change of its own.
    fn sectors(&self) -> Vec<Change> {
        let Change::Write(at, data) = self else {
            return vec![self.clone()];
        };
        let mut sectors = Vec::new();
        let mut from = 0;
        while from < data.len() {
            let until = data.len().min((at + from) / SECTOR * SECTOR + SECTOR - at);
            sectors.push(Change::Write(at + from, data[from..until].to_vec()));
            from = until;
        }
        sectors
    }
}

#[derive(Debug)]
struct State {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What survives a cut for certain.
    durable: Vec<u8>,
    /// What was changed since the last sync.
    unsynced: Vec<Change>,
    /// Operations until the power is cut.
    left: Option<u32>,
    /// Whether a sync only says that it was done.
    lies: bool,
    failing: Option<Failing>,
}

/// When operations fail, and how.
#[derive(Clone, Copy, Debug)]
pub struct Failing {
    /// Operations until then.
    pub left: u32,
    /// The number of the system's error.
    pub errno: i32,
    /// Only one fails, and those after it do not.
    pub once: bool,
    /// Whether reads fail as well.
    pub reads: bool,
}

/// No room on the disk.
pub const ENOSPC: i32 = 28;
/// The disk is broken.
pub const EIO: i32 = 5;

impl State {
    fn works(&mut self, reads: bool) -> io::Result<()> {
        let Some(failing) = &mut self.failing else {
            return Ok(());
        };
        if reads && !failing.reads {
            return Ok(());
        }
        if failing.left > 0 {
            failing.left -= 1;
            return Ok(());
        }
        let error = io::Error::from_raw_os_error(failing.errno);
        if failing.once {
            self.failing = None;
        }
        Err(error)
    }
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A disk with these bytes.
    pub fn new(bytes: Vec<u8>, lies: bool) -> Self {
        Disk(Arc::new(Mutex::new(State {
            seen: bytes.clone(),
            durable: bytes,
            unsynced: Vec::new(),
            left: None,
            lies,
            failing: None,
        })))
    }

    /// Cuts the power after so many more operations.
    pub fn cut_after(&self, operations: u32) {
        self.state().left = Some(operations);
    }

    /// What a reader sees.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    /// The disk as it is when the power is back: of what was not synced some is lost, some is
    /// torn, and the order is another one, all by this seed.
    pub fn after_the_cut(&self, seed: u64) -> Disk {
        let state = self.state();
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut below =
            |most: usize| usize::try_from(chance.next_u64() % most.max(1) as u64).unwrap();
        let mut bytes = state.durable.clone();
        let mut reached = Vec::new();
        // Sometimes nearly all reaches the disk, sometimes nearly nothing.
        let lost_in_eight = below(9);
        for change in &state.unsynced {
            match below(3) {
                0 => reached.extend(change.sectors()),
                _ => reached.push(change.clone()),
            }
        }
        reached.retain(|_| below(8) >= lost_in_eight);
        if below(2) == 0 {
            for at in (1..reached.len()).rev() {
                reached.swap(at, below(at + 1));
            }
        }
        for change in &reached {
            change.apply(&mut bytes);
        }
        Disk::new(bytes, state.lies)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn powered(&self) -> Result<MutexGuard<'_, State>, io::Error> {
        let mut state = self.state();
        match &mut state.left {
            Some(0) => return Err(io::Error::other("the power is cut")),
            Some(left) => *left -= 1,
            None => {}
        }
        state.works(false)?;
        Ok(state)
    }

    /// Fails from now on.
    pub fn fail(&self, failing: Failing) {
        self.state().failing = Some(failing);
    }

    /// What the next process finds, without a cut of the power: all that was written.
    pub fn after_the_end(&self) -> Disk {
        Disk::new(self.bytes(), false)
    }

    fn change(&self, change: Change) -> Result<(), io::Error> {
        let powered = self.powered();
        if let (Err(_), Change::Write(at, data)) = (&powered, &change) {
            // Half of it may be there.
            let half = Change::Write(*at, data[..data.len() / 2].to_vec());
            let mut state = self.state();
            if state.left.is_none() {
                half.apply(&mut state.seen);
                state.unsynced.push(half);
            }
        }
        let mut state = powered?;
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        state.works(true)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = from
            .checked_add(out.len())
            .and_then(|until| state.seen.get(from..until));
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        out.copy_from_slice(bytes.ok_or_else(end)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.change(Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.powered()?;
        if !state.lies {
            state.durable = state.seen.clone();
            state.unsynced.clear();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let at = usize::try_from(offset).unwrap();
        self.change(Change::Write(at, data.to_vec()))
    }
}
