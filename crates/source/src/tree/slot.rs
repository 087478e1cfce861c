//! The 8-byte cells of a tree.
//!
//! | value           | slots                                                                     |
//! |-----------------|---------------------------------------------------------------------------|
//! | scalar, key     | start of the text, length of the text                                     |
//! | decoded string  | the same, then start and length in the decoded text                       |
//! | array, object   | start of the text, number of children; then end of the text, slots in all |
//!
//! The children of an array follow it; an object is followed by key, value, key, value.

/// The most that fits into a payload: 28 bits.
pub(super) const PAYLOAD_MAX: u32 = (1 << 28) - 1;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// An offset in the text (head), or in the decoded text, or the end of a container (tail).
    pub(super) offset: u32,
    /// Tag and payload (head), or a length, or the number of slots of a container (tail).
    pub(super) word: u32,
}

/// What a head slot stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    False,
    True,
    Number,
    /// A string in quotes of one byte each, without escapes.
    Quoted,
    /// A string that stands in the text as it is, without quotes.
    Plain,
    /// A string whose value differs from its text.
    Decoded,
    Array,
    Object,
}

impl Slot {
    /// What an index outside of the tree reads as.
    pub(super) const NULL: Self = Self::head(Tag::Null, 0, 0);

    /// A head slot. The payload must not exceed [`PAYLOAD_MAX`]: the limits see to that.
    pub(super) const fn head(tag: Tag, offset: u32, payload: u32) -> Self {
        let number: u32 = match tag {
            Tag::Null => 0,
            Tag::False => 1,
            Tag::True => 2,
            Tag::Number => 3,
            Tag::Quoted => 4,
            Tag::Plain => 5,
            Tag::Decoded => 6,
            Tag::Array => 7,
            Tag::Object => 8,
        };
        Self { offset, word: number << 28 | payload & PAYLOAD_MAX }
    }

    pub(super) const fn tag(self) -> Tag {
        match self.word >> 28 {
            1 => Tag::False,
            2 => Tag::True,
            3 => Tag::Number,
            4 => Tag::Quoted,
            5 => Tag::Plain,
            6 => Tag::Decoded,
            7 => Tag::Array,
            8 => Tag::Object,
            _ => Tag::Null,
        }
    }

    pub(super) const fn payload(self) -> u32 {
        self.word & PAYLOAD_MAX
    }
}

/// The slots, the text and the decoded text of a tree, finished or not.
#[derive(Clone, Copy)]
pub(super) struct Store<'t> {
    pub(super) text: &'t str,
    pub(super) slots: &'t [Slot],
    pub(super) decoded: &'t str,
}

impl<'t> Store<'t> {
    pub(super) fn slot(self, index: u32) -> Slot {
        self.slots.get(widen(index)).copied().unwrap_or(Slot::NULL)
    }

    /// The number of slots that the value or key at `index` takes.
    pub(super) fn width(self, index: u32) -> u32 {
        match self.slot(index).tag() {
            Tag::Decoded => 2,
            // At least its own two, so that a walk always moves on.
            Tag::Array | Tag::Object => self.slot(index.saturating_add(1)).word.max(2),
            _ => 1,
        }
    }

    /// The offset after the last byte of the value or key at `index`.
    pub(super) fn end(self, index: u32) -> u32 {
        let slot = self.slot(index);
        match slot.tag() {
            Tag::Array | Tag::Object => self.slot(index.saturating_add(1)).offset,
            _ => slot.offset.saturating_add(slot.payload()),
        }
    }

    /// The text of the value or key at `index` as the file has it.
    pub(super) fn raw(self, index: u32) -> &'t str {
        let start = widen(self.slot(index).offset);
        self.text.get(start..widen(self.end(index))).unwrap_or_default()
    }

    /// Whether the string or key at `index` has this value. Most keys are told apart by their length, and
    /// none is looked at letter by letter for where characters end.
    pub(super) fn is_string(self, index: u32, value: &str) -> bool {
        let slot = self.slot(index);
        if slot.tag() != Tag::Quoted {
            return self.string(index) == Some(value);
        }
        let (start, length) = (widen(slot.offset).saturating_add(1), value.len());
        widen(slot.payload()) == length.saturating_add(2)
            && self.text.as_bytes().get(start..start.saturating_add(length))
                == Some(value.as_bytes())
    }

    /// The bytes of the key at `index`.
    pub(super) fn key_bytes(self, index: u32) -> &'t [u8] {
        let slot = self.slot(index);
        if slot.tag() != Tag::Quoted {
            return self.string(index).unwrap_or_default().as_bytes();
        }
        let start = widen(slot.offset);
        let end = start.saturating_add(widen(slot.payload()));
        let bytes = self.text.as_bytes();
        bytes.get(start.saturating_add(1)..end.saturating_sub(1)).unwrap_or_default()
    }

    /// The value of the string or key at `index`; `None` for anything else.
    pub(super) fn string(self, index: u32) -> Option<&'t str> {
        let slot = self.slot(index);
        let start = widen(slot.offset);
        let end = start.saturating_add(widen(slot.payload()));
        match slot.tag() {
            Tag::Quoted => self.text.get(start.saturating_add(1)..end.saturating_sub(1)),
            Tag::Plain => self.text.get(start..end),
            Tag::Decoded => {
                let place = self.slot(index.saturating_add(1));
                let start = widen(place.offset);
                self.decoded.get(start..start.saturating_add(widen(place.word)))
            }
            _ => None,
        }
    }
}

/// A 32-bit index or offset as the machine's own.
pub(super) fn widen(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An offset in a text whose length was checked to fit 32 bits.
pub(super) fn offset_of(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
