//! The cursor over a tree.

use std::fmt;

use crate::Span;

use super::Tree;
use super::build::shortened;
use super::slot::{Slot, Store, Tag};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `null`, or an empty value in YAML.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number of any size.
    Number,
    /// A string.
    String,
    /// An array; YAML calls it a sequence.
    Array,
    /// An object; YAML calls it a mapping.
    Object,
}

impl Kind {
    /// The name with its article, for messages.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.with_article())
    }
}

/// One value of a tree. Two nodes are equal when they are the same place of the same tree.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    slot: u32,
}

/// A key of an object with its value.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// The key.
    pub key: &'t str,
    /// Where the key stands, its quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node<'t>,
}

impl<'t> Node<'t> {
    pub(super) const fn new(tree: &'t Tree, slot: u32) -> Self {
        Self { tree, slot }
    }

    /// The type of the value.
    pub fn kind(self) -> Kind {
        match self.head().tag() {
            Tag::Null => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::Number => Kind::Number,
            Tag::Quoted | Tag::Plain | Tag::Decoded => Kind::String,
            Tag::Array => Kind::Array,
            Tag::Object => Kind::Object,
        }
    }

    /// Where the value stands: quotes, brackets and braces included.
    pub fn span(self) -> Span {
        Span::new(self.tree.file, self.head().offset, self.store().end(self.slot))
    }

    /// The text of the value as the file has it.
    pub fn raw(self) -> &'t str {
        self.store().raw(self.slot)
    }

    /// The value of a key of an object; `None` when the key is absent or this is no object.
    ///
    /// A null value is `Some`: use the `_field` methods to treat null as absent. The search is
    /// linear, which is fastest for the objects that occur in practice.
    pub fn get(self, key: &str) -> Option<Self> {
        let (store, head) = (self.store(), self.head());
        if head.tag() != Tag::Object {
            return None;
        }
        let mut slot = self.slot.saturating_add(2);
        for _ in 0..head.payload() {
            let value = slot.saturating_add(store.width(slot));
            if store.is_string(slot, key) {
                return Some(Self { tree: self.tree, slot: value });
            }
            slot = value.saturating_add(store.width(value));
        }
        None
    }

    /// The keys and values of an object in the order of the text; nothing for anything else (see
    /// [`object_field`](Self::object_field) for an error instead).
    pub fn entries(self) -> Entries<'t> {
        Entries { cursor: self.cursor(Tag::Object) }
    }

    /// The values of an array in the order of the text; nothing for anything else (see
    /// [`array_field`](Self::array_field) for an error instead).
    pub fn items(self) -> Items<'t> {
        Items { cursor: self.cursor(Tag::Array) }
    }

    /// The number of values in an array or object; 0 for anything else.
    pub fn len(self) -> usize {
        match self.head().tag() {
            Tag::Array | Tag::Object => super::slot::widen(self.head().payload()),
            _ => 0,
        }
    }

    /// Whether there is no value inside; true for scalars.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The string, decoded; `None` for anything else.
    pub fn as_str(self) -> Option<&'t str> {
        self.store().string(self.slot)
    }

    /// The boolean; `None` for anything else.
    pub fn as_bool(self) -> Option<bool> {
        match self.head().tag() {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// The number as the file writes it; `None` for anything else.
    pub fn number_text(self) -> Option<&'t str> {
        (self.head().tag() == Tag::Number).then(|| self.raw())
    }

    /// The integer; `None` for anything else, a fraction or exponent (`5.0`, `1e3`), or an integer
    /// outside of 64 bits with sign. [`number_text`](Self::number_text) has those.
    ///
    /// YAML also writes integers as `0x1f` and `0o17`. A YAML integer with a needless leading zero
    /// (`0644`) is `None`, because YAML 1.1 reads it as octal and YAML 1.2 as decimal.
    pub fn as_i64(self) -> Option<i64> {
        let text = self.number_text()?;
        match text.strip_prefix('-') {
            Some(digits) => 0i64.checked_sub_unsigned(unsigned(digits)?),
            None => i64::try_from(unsigned(text.strip_prefix('+').unwrap_or(text))?).ok(),
        }
    }

    /// The integer; as [`as_i64`](Self::as_i64), for 64 bits without sign.
    pub fn as_u64(self) -> Option<u64> {
        let text = self.number_text()?;
        match text.strip_prefix('-') {
            Some(digits) => unsigned(digits).filter(|value| *value == 0),
            None => unsigned(text.strip_prefix('+').unwrap_or(text)),
        }
    }

    /// The nearest number of 64 bits; `None` for anything else and for a number that is too large.
    /// YAML's `.inf` and `.nan` are numbers; `0644` is `None` as for [`as_i64`](Self::as_i64).
    pub fn as_f64(self) -> Option<f64> {
        let text = self.number_text()?;
        let digits = text.trim_start_matches(['-', '+']);
        let negative = text.starts_with('-');
        let value = match digits {
            ".inf" | ".Inf" | ".INF" => f64::INFINITY,
            ".nan" | ".NaN" | ".NAN" => f64::NAN,
            _ if radix(digits).is_some() => {
                #[expect(clippy::cast_precision_loss, reason = "nearest is what is asked for")]
                let value = unsigned(digits)? as f64;
                value
            }
            _ if is_ambiguous(digits) => return None,
            _ => digits.parse().ok().filter(|value: &f64| value.is_finite())?,
        };
        Some(if negative { -value } else { value })
    }

    /// Whether the value is null.
    pub fn is_null(self) -> bool {
        self.head().tag() == Tag::Null
    }

    /// The way from the top of the document to this value: `$.Vpcs[3].CidrBlock`, with keys that
    /// are no plain words in quotes: `$.tags["aws:name"]`. Takes time; meant for messages.
    pub fn path(self) -> String {
        let mut path = String::from("$");
        let mut at = Self { tree: self.tree, slot: 0 };
        while at.slot != self.slot {
            let inside = at.entries().find(|entry| entry.value.holds(self));
            if let Some(entry) = inside {
                push_key(&mut path, entry.key);
                at = entry.value;
            } else if let Some((index, item)) =
                at.items().enumerate().find(|(_, item)| item.holds(self))
            {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
                at = item;
            } else {
                break;
            }
        }
        path
    }

    /// The value in a few words for messages: its type, and a scalar's text.
    pub fn describe(self) -> String {
        match self.kind() {
            Kind::Null => String::from("null"),
            Kind::Bool => format!("the boolean `{}`", shortened(self.raw())),
            Kind::Number => format!("the number `{}`", shortened(self.raw())),
            Kind::String => {
                format!("the string `{}`", shortened(self.as_str().unwrap_or_default()))
            }
            kind @ (Kind::Array | Kind::Object) => String::from(kind.with_article()),
        }
    }

    fn holds(self, other: Self) -> bool {
        let end = self.slot.saturating_add(self.store().width(self.slot));
        (self.slot..end).contains(&other.slot)
    }

    fn head(self) -> Slot {
        self.store().slot(self.slot)
    }

    fn store(self) -> Store<'t> {
        self.tree.store()
    }

    fn cursor(self, tag: Tag) -> Cursor<'t> {
        let left = if self.head().tag() == tag { self.head().payload() } else { 0 };
        Cursor { tree: self.tree, slot: self.slot.saturating_add(2), left }
    }
}

impl Tree {
    fn store(&self) -> Store<'_> {
        Store { text: &self.text, slots: &self.slots, decoded: &self.decoded }
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.tree, other.tree) && self.slot == other.slot
    }
}

impl Eq for Node<'_> {}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Node({}: {})", self.path(), self.describe())
    }
}

/// A place between the children of a container.
#[derive(Clone)]
struct Cursor<'t> {
    tree: &'t Tree,
    slot: u32,
    left: u32,
}

impl Cursor<'_> {
    /// The slot here; moves behind it.
    fn step(&mut self) -> u32 {
        let slot = self.slot;
        self.slot = slot.saturating_add(self.tree.store().width(slot));
        slot
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = super::slot::widen(self.left);
        (left, Some(left))
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} left", self.left)
    }
}

/// The keys and values of an object.
#[derive(Debug, Clone)]
pub struct Entries<'t> {
    cursor: Cursor<'t>,
}

impl<'t> Iterator for Entries<'t> {
    type Item = Entry<'t>;

    fn next(&mut self) -> Option<Entry<'t>> {
        self.cursor.left = self.cursor.left.checked_sub(1)?;
        let (key, tree) = (self.cursor.step(), self.cursor.tree);
        let store = tree.store();
        Some(Entry {
            key: store.string(key).unwrap_or_default(),
            key_span: Span::new(tree.file, store.slot(key).offset, store.end(key)),
            value: Node { tree, slot: self.cursor.step() },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cursor.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// The values of an array.
#[derive(Debug, Clone)]
pub struct Items<'t> {
    cursor: Cursor<'t>,
}

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.cursor.left = self.cursor.left.checked_sub(1)?;
        Some(Node { tree: self.cursor.tree, slot: self.cursor.step() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cursor.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

pub(super) fn push_key(path: &mut String, key: &str) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.len() <= super::build::QUOTE_BYTES_MAX && key.bytes().all(is_word) {
        path.push('.');
        path.push_str(key);
    } else {
        path.push_str("[\"");
        path.push_str(&shortened(key));
        path.push_str("\"]");
    }
}

/// The base of an integer with a prefix, and its digits.
fn radix(digits: &str) -> Option<(u32, &str)> {
    let hexadecimal = digits.strip_prefix("0x").map(|digits| (16, digits));
    hexadecimal.or_else(|| digits.strip_prefix("0o").map(|digits| (8, digits)))
}

/// An integer without a sign, unless readers disagree about its base.
fn unsigned(digits: &str) -> Option<u64> {
    if let Some((base, digits)) = radix(digits) {
        return u64::from_str_radix(digits, base).ok();
    }
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits && !is_ambiguous(digits)).then(|| digits.parse().ok())?
}

/// Whether digits are octal for YAML 1.1 and decimal for YAML 1.2.
fn is_ambiguous(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}
