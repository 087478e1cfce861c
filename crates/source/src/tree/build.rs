//! Building a tree front to back, within the limits.

use std::sync::Arc;

use crate::{FileId, Limits, ParseError, ParseReason, Span};

use super::Tree;
use super::slot::{PAYLOAD_MAX, Slot, Store, Tag, offset_of, widen};

/// Objects up to this size are checked for equal keys pair by pair, larger ones by sorting.
const PAIRWISE_MAX: usize = 48;
/// The most bytes of a key that a message repeats.
pub(super) const QUOTE_BYTES_MAX: usize = 60;
/// Compact bodies have about one slot for each 12 bytes; what this reserves too much is given back.
const BYTES_A_SLOT: usize = 10;

/// A tree under construction.
pub(super) struct Builder<'s> {
    pub(super) file: FileId,
    text: &'s str,
    slots: Vec<Slot>,
    pub(super) decoded: String,
    frames: Vec<Frame>,
    keys: Vec<KeyMark>,
    nodes: u64,
    pub(super) nodes_max: u64,
    depth_max: usize,
    pub(super) string_bytes_max: u32,
    /// Keys that are there a second time, where all of them are looked for; else the first ends the reading.
    repeated: Option<Repeated>,
}

struct Repeated {
    errors: Vec<ParseError>,
    /// How many there may be, and how many errors were before them.
    errors_max: usize,
    before: usize,
}

/// An array or object that is still open.
struct Frame {
    slot: u32,
    count: u32,
    keys_from: usize,
    is_object: bool,
}

/// A key of an open object: two marks that differ belong to different keys.
#[derive(Clone, Copy)]
struct KeyMark {
    fingerprint: u32,
    slot: u32,
}

impl<'s> Builder<'s> {
    /// An empty tree over `text`; `nodes` values count against the limit already.
    pub(super) fn new(file: FileId, text: &'s str, limits: &Limits, nodes: u64) -> Self {
        Self {
            file,
            text,
            slots: Vec::new(),
            decoded: String::new(),
            frames: Vec::new(),
            keys: Vec::new(),
            nodes,
            nodes_max: limits.nodes_max.min(u64::from(PAYLOAD_MAX)),
            depth_max: widen(limits.depth_max),
            // Room for two quotes within the payload.
            string_bytes_max: limits.string_bytes_max.min(PAYLOAD_MAX - 2),
            repeated: None,
        }
    }

    /// Goes on behind keys that are there a second time, until there are `errors_max` errors, of which so many
    /// were `before`.
    pub(super) fn going_on(mut self, errors_max: usize, before: usize) -> Self {
        let errors_max = errors_max.saturating_sub(before);
        self.repeated = Some(Repeated { errors: Vec::new(), errors_max, before });
        self
    }

    /// The keys that were there a second time, in the order of the text.
    pub(super) fn take_repeated(&mut self) -> Vec<ParseError> {
        let repeated = self.repeated.as_mut().map(|repeated| &mut repeated.errors);
        let mut errors = repeated.map(std::mem::take).unwrap_or_default();
        // An object is looked at when it ends, behind those inside it.
        errors.sort_by_key(|error| error.span);
        errors
    }

    /// Makes room for the slots of a text of this many bytes.
    pub(super) fn reserve_for(&mut self, bytes: usize) {
        self.slots.reserve(bytes / BYTES_A_SLOT);
    }

    pub(super) const fn nodes(&self) -> u64 {
        self.nodes
    }

    /// The tree, with the values that it has beyond the `nodes_before` it started with.
    pub(super) fn finish(mut self, text: Arc<String>, nodes_before: u64) -> Tree {
        self.slots.shrink_to_fit();
        self.decoded.shrink_to_fit();
        Tree {
            file: self.file,
            text,
            slots: self.slots,
            decoded: self.decoded,
            nodes: self.nodes.saturating_sub(nodes_before),
        }
    }

    pub(super) fn store(&self) -> Store<'_> {
        Store { text: self.text, slots: &self.slots, decoded: &self.decoded }
    }

    /// The innermost open container: whether it is an object, and how many children it has.
    pub(super) fn innermost(&self) -> Option<(bool, u32)> {
        self.frames.last().map(|frame| (frame.is_object, frame.count))
    }

    /// The index that the next slot gets.
    pub(super) fn next_slot(&self) -> u32 {
        // Two slots a value and two a key stay below 2^32 because values stay below 2^28.
        offset_of(self.slots.len())
    }

    /// Adds a scalar other than a decoded string.
    pub(super) fn scalar(&mut self, tag: Tag, start: u32, end: u32) -> Result<(), ParseError> {
        self.count_value(start, end)?;
        self.slots.push(Slot::head(tag, start, end.saturating_sub(start)));
        Ok(())
    }

    /// Adds a string whose value is what was added to `decoded` since it was `decoded_from` long.
    pub(super) fn decoded_scalar(
        &mut self,
        start: u32,
        end: u32,
        decoded_from: usize,
    ) -> Result<(), ParseError> {
        self.count_value(start, end)?;
        self.push_decoded(start, end, decoded_from);
        Ok(())
    }

    /// Adds a key other than a decoded one.
    pub(super) fn key(&mut self, tag: Tag, start: u32, end: u32) {
        let slot = self.next_slot();
        self.slots.push(Slot::head(tag, start, end.saturating_sub(start)));
        self.mark_key(slot);
    }

    /// Adds a key whose value is what was added to `decoded` since it was `decoded_from` long.
    pub(super) fn decoded_key(&mut self, start: u32, end: u32, decoded_from: usize) {
        let slot = self.next_slot();
        self.push_decoded(start, end, decoded_from);
        self.mark_key(slot);
    }

    /// Opens an array or object whose text starts at `start` with a token that ends at `end`.
    pub(super) fn open(&mut self, tag: Tag, start: u32, end: u32) -> Result<(), ParseError> {
        if self.frames.len() >= self.depth_max {
            return Err(self.depth_error(start, end));
        }
        self.count_value(start, end)?;
        self.frames.push(Frame {
            slot: self.next_slot(),
            count: 0,
            keys_from: self.keys.len(),
            is_object: tag == Tag::Object,
        });
        self.slots.push(Slot::head(tag, start, 0));
        self.slots.push(Slot { offset: start, word: 2 });
        Ok(())
    }

    /// Closes the innermost array or object, whose text ends before `end`.
    pub(super) fn close(&mut self, end: u32) -> Result<(), ParseError> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let slots = self.next_slot().saturating_sub(frame.slot);
        let index = widen(frame.slot);
        let tag = if frame.is_object { Tag::Object } else { Tag::Array };
        if let Some([head, tail]) = self.slots.get_mut(index..index.saturating_add(2)) {
            *head = Slot::head(tag, head.offset, frame.count);
            *tail = Slot { offset: end, word: slots };
        }
        if frame.is_object {
            self.check_keys(frame.keys_from)?;
            self.keys.truncate(frame.keys_from);
        }
        Ok(())
    }

    /// Adds a copy of finished slots as a value; `nodes` and `height` are what [`measure`] found.
    pub(super) fn copy_value(
        &mut self,
        from: u32,
        (nodes, height): (u64, usize),
        place: Span,
    ) -> Result<(), ParseError> {
        if self.frames.len().saturating_add(height) > self.depth_max {
            return Err(self.depth_error(place.start, place.end));
        }
        self.count_value(place.start, place.end)?;
        self.nodes = self.nodes.saturating_add(nodes.saturating_sub(1));
        if self.nodes > self.nodes_max {
            return Err(self.limit("nodes_max", self.nodes_max, place.start, place.end));
        }
        self.copy_slots(from);
        Ok(())
    }

    /// Adds a copy of a finished string as a key.
    pub(super) fn copy_key(&mut self, from: u32) {
        let slot = self.next_slot();
        self.copy_slots(from);
        self.mark_key(slot);
    }

    /// The error for a limit that is exceeded at a place.
    pub(super) const fn limit(
        &self,
        name: &'static str,
        max: u64,
        start: u32,
        end: u32,
    ) -> ParseError {
        let span = Span::new(self.file, start, end);
        ParseError::new(span, ParseReason::Limit { name, max })
    }

    fn depth_error(&self, start: u32, end: u32) -> ParseError {
        let max = u64::try_from(self.depth_max).unwrap_or(u64::MAX);
        self.limit("depth_max", max, start, end)
    }

    fn count_value(&mut self, start: u32, end: u32) -> Result<(), ParseError> {
        if self.nodes >= self.nodes_max {
            return Err(self.limit("nodes_max", self.nodes_max, start, end));
        }
        self.nodes += 1;
        if let Some(frame) = self.frames.last_mut()
            && !frame.is_object
        {
            frame.count += 1;
        }
        Ok(())
    }

    fn push_decoded(&mut self, start: u32, end: u32, decoded_from: usize) {
        let length = self.decoded.len().saturating_sub(decoded_from);
        self.slots.push(Slot::head(Tag::Decoded, start, end.saturating_sub(start)));
        self.slots.push(Slot { offset: offset_of(decoded_from), word: offset_of(length) });
    }

    fn copy_slots(&mut self, from: u32) {
        let width = self.store().width(from);
        let range = widen(from)..widen(from.saturating_add(width)).min(self.slots.len());
        if range.start <= range.end {
            self.slots.extend_from_within(range);
        }
    }

    fn mark_key(&mut self, slot: u32) {
        let fingerprint = fingerprint(self.store().key_bytes(slot));
        self.keys.push(KeyMark { fingerprint, slot });
        if let Some(frame) = self.frames.last_mut() {
            frame.count += 1;
        }
    }

    fn check_keys(&mut self, keys_from: usize) -> Result<(), ParseError> {
        let (text, slots, decoded) = (self.text, &self.slots, &self.decoded);
        let store = Store { text, slots, decoded };
        let keys = self.keys.get_mut(keys_from..).unwrap_or_default();
        let found = if keys.len() <= PAIRWISE_MAX {
            pairwise_repeated(store, keys)
        } else {
            sorted_repeated(store, keys)
        };
        let span = |slot| Span::new(self.file, store.slot(slot).offset, store.end(slot));
        let error = |(first, again)| ParseError {
            span: span(again),
            reason: ParseReason::DuplicateKey {
                key: shortened(store.string(again).unwrap_or_default()),
            },
            related: Some(span(first)),
        };
        let mut errors = found.into_iter().map(error);
        let Some(repeated) = &mut self.repeated else { return errors.next().map_or(Ok(()), Err) };
        for error in errors {
            let count = repeated.errors.len();
            if count >= repeated.errors_max {
                // An object inside this one may have had them further on.
                let last = repeated.errors.iter().map(|error| error.span).max();
                let place = last.map_or(error.span, |last| last.max(error.span));
                let errors = count.saturating_add(repeated.before);
                return Err(ParseError::new(place, ParseReason::Unread { errors }));
            }
            repeated.errors.push(error);
        }
        Ok(())
    }
}

/// The keys that were there before, each with the place where it was there first.
fn pairwise_repeated(store: Store<'_>, keys: &[KeyMark]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for (index, again) in keys.iter().enumerate() {
        let is_same = |first: &&KeyMark| {
            first.fingerprint == again.fingerprint
                && store.string(first.slot) == store.string(again.slot)
        };
        let first = keys.iter().take(index).find(is_same);
        found.extend(first.map(|first| (first.slot, again.slot)));
    }
    found
}

/// The same as [`pairwise_repeated`], in time that input cannot make quadratic.
fn sorted_repeated(store: Store<'_>, keys: &mut [KeyMark]) -> Vec<(u32, u32)> {
    keys.sort_unstable_by_key(|key| (key.fingerprint, store.string(key.slot), key.slot));
    let equal = keys.chunk_by(|one, next| {
        one.fingerprint == next.fingerprint && store.string(one.slot) == store.string(next.slot)
    });
    let mut found = Vec::new();
    for run in equal {
        let Some((first, more)) = run.split_first() else { continue };
        found.extend(more.iter().map(|again| (first.slot, again.slot)));
    }
    found.sort_unstable_by_key(|(_, again)| *again);
    found
}

/// A number that equal keys share and different keys seldom do: length, head and tail of the key.
fn fingerprint(key: &[u8]) -> u32 {
    let head = key.first_chunk::<4>().map_or_else(
        || key.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
        |head| u32::from_le_bytes(*head),
    );
    let tail = key.last_chunk::<4>().map_or(0, |tail| u32::from_le_bytes(*tail));
    let middle = key.get(key.len() / 2).copied().unwrap_or_default();
    let length = offset_of(key.len());
    head.wrapping_mul(0x9E37_79B1)
        ^ tail.rotate_left(13).wrapping_mul(0x85EB_CA77)
        ^ length.wrapping_mul(0xC2B2_AE3D)
        ^ u32::from(middle) << 11
}

/// The values in the finished value at `from`, and the arrays and objects inside each other.
pub(super) fn measure(store: Store<'_>, from: u32) -> (u64, usize) {
    let end = from.saturating_add(store.width(from));
    let (mut nodes, mut height, mut index) = (1, 0, from);
    let mut open: Vec<u32> = Vec::new();
    while index < end {
        while open.last().is_some_and(|end| *end <= index) {
            open.pop();
        }
        let slot = store.slot(index);
        match slot.tag() {
            Tag::Array | Tag::Object => {
                nodes += u64::from(slot.payload());
                open.push(index.saturating_add(store.width(index)));
                height = height.max(open.len());
                index = index.saturating_add(2);
            }
            _ => index = index.saturating_add(store.width(index)),
        }
    }
    (nodes, height)
}

/// The start of a text, cut at a character when it is too long for a message.
pub(super) fn shortened(text: &str) -> String {
    if text.len() <= QUOTE_BYTES_MAX {
        return text.escape_debug().to_string();
    }
    let end = (0..=QUOTE_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default().escape_debug())
}
