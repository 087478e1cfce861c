use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A typed index into an [`Arena`]. Implemented by the ids of this crate.
pub trait ArenaId: Copy + Eq + Ord + fmt::Debug {
    /// The id of the element at `index`.
    fn from_index(index: u32) -> Self;
    /// The position that this id stands for.
    fn index(self) -> usize;
}

/// Declares a typed id: a `u32` that cannot be mistaken for another arena's.
macro_rules! arena_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u32);

        impl $crate::ArenaId for $name {
            fn from_index(index: u32) -> Self {
                Self(index)
            }

            fn index(self) -> usize {
                // A u32 fits a usize on every platform that the standard library supports with
                // 32 bits or more; the workspace builds for no other.
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }
    };
}
pub(crate) use arena_id;

/// A growing list whose elements are named by typed ids, in the order in which they were added.
#[derive(Clone, PartialEq, Eq)]
pub struct Arena<I, T> {
    items: Vec<T>,
    id: PhantomData<I>,
}

impl<I: ArenaId, T> Arena<I, T> {
    /// An empty arena.
    pub const fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }

    /// Adds an element and returns its id.
    ///
    /// # Panics
    /// When the arena already holds `u32::MAX` elements; limits on input keep it far below.
    pub fn push(&mut self, item: T) -> I {
        let id = self.next_id();
        self.items.push(item);
        id
    }

    /// The id that the next [`push`](Self::push) will return.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn next_id(&self) -> I {
        let index = u32::try_from(self.items.len());
        assert!(index.is_ok(), "an arena holds at most u32::MAX elements");
        I::from_index(index.unwrap_or(u32::MAX))
    }

    /// Takes off all elements but the first `len`. What was named by their ids is named no more.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The element with this id, if this arena gave it out.
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.index())
    }

    /// All elements with their ids, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(index, item)| (id_of(index), item))
    }

    /// All elements with their ids, in order, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.items.iter_mut().enumerate().map(|(index, item)| (id_of(index), item))
    }

    /// All elements with their ids, in order.
    pub fn into_entries(self) -> impl Iterator<Item = (I, T)> {
        self.items.into_iter().enumerate().map(|(index, item)| (id_of(index), item))
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(id_of)
    }

    /// All elements, in order.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

fn id_of<I: ArenaId>(index: usize) -> I {
    I::from_index(u32::try_from(index).unwrap_or(u32::MAX))
}

impl<I: ArenaId, T> Default for Arena<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: ArenaId, T> Index<I> for Arena<I, T> {
    type Output = T;

    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: ArenaId, T> IndexMut<I> for Arena<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

impl<I, T: fmt::Debug> fmt::Debug for Arena<I, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(formatter)
    }
}
