//! What a tape remembers of former recordings.

use super::recording::Recording;
use super::{Inner, Tape};
use crate::Var;
use crate::program::NodeId;

/// The most former recordings that a tape remembers.
const FORMER: usize = 16;

/// The recording in the making, and others that were made before.
///
/// The one in the making is the last one again, for as long as that goes; then it becomes the first of the others
/// that begins in the same way and goes on as asked for. If there is none it goes on as a new one.
#[derive(Default)]
pub(super) struct Memory {
    pub now: Recording,
    /// The one used last stands first.
    others: Vec<Recording>,
    /// Whether none of the others begins as this one does.
    is_new: bool,
}

impl Memory {
    /// Begins a recording.
    pub fn rewind(&mut self) {
        self.now.rewind();
        self.is_new = false;
    }

    /// What `again` finds in the recording, or in another one that begins in the same way. If it finds nothing,
    /// nothing more is expected.
    pub fn recall<R>(&mut self, again: impl Fn(&mut Recording) -> Option<R>) -> Option<R> {
        if self.is_new {
            return None;
        }
        if let Some(found) = again(&mut self.now) {
            return Some(found);
        }
        for number in 0..self.others.len() {
            let other = &mut self.others[number];
            if other.begins_as(&self.now)
                && let Some(found) = again(other)
            {
                std::mem::swap(&mut self.now, other);
                self.others[..=number].rotate_right(1);
                return Some(found);
            }
        }
        self.is_new = true;
        if self.now.expects_more() {
            let beginning = self.now.beginning();
            self.others.truncate(FORMER - 1);
            self.others.insert(0, std::mem::replace(&mut self.now, beginning));
        }
        None
    }
}

/// How much was on a tape at some point.
pub(crate) struct Mark {
    len: usize,
    declared: usize,
    watched: usize,
}

impl Inner {
    fn mark(&self) -> Mark {
        let now = &self.memory.now;
        Mark { len: now.entries().len(), declared: now.declared(), watched: self.watched.len() }
    }
}

impl Tape {
    /// The results of a transform, if it was asked the same at this point before: with them, all that it recorded
    /// then is recorded again. Otherwise the point from which on it records, for [`Tape::derived`].
    pub(crate) fn derived_before(
        &self,
        transform: &'static str,
        asked: impl Iterator<Item = NodeId> + Clone,
    ) -> Result<Vec<Var<'_>>, Mark> {
        let mut inner = self.inner.borrow_mut();
        let Inner { memory, streams, .. } = &mut *inner;
        if let Some((results, after)) = memory.now.transform_again(transform, asked) {
            *streams = after;
            return Ok(results.iter().map(|id| Var::new(self, *id)).collect());
        }
        Err(inner.mark())
    }

    /// Notes the results of a transform, if it has recorded values and nothing else since `mark`.
    pub(crate) fn derived(
        &self,
        transform: &'static str,
        asked: impl Iterator<Item = NodeId>,
        results: &[Var<'_>],
        mark: Mark,
    ) {
        let mut inner = self.inner.borrow_mut();
        let now = inner.mark();
        if inner.error.is_none() && (now.watched, now.declared) == (mark.watched, mark.declared) {
            let streams = inner.streams;
            inner.memory.now.note_transform(transform, asked, results, mark.len, streams);
        }
    }
}
