//! Two-dimensional sets: destination x source ports, or ICMP type x code.

use std::borrow::Cow;
use std::sync::Arc;

use crate::interval::{Interval, IntervalSet, Scalar};

/// A set of pairs `(outer, inner)` in canonical form. Cloning costs at most a reference count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Grid<T> {
    Empty,
    Full,
    /// INVARIANT: ascending and disjoint in `outer`; no `inner` is empty; slabs that touch have
    /// different `inner`; neither empty nor full, which have their own variants.
    Slabs(Arc<[Slab<T>]>),
}

/// The pairs of an interval of outer values and one set of inner values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slab<T> {
    pub(crate) outer: Interval<T>,
    pub(crate) inner: IntervalSet<T>,
}

impl<T: Scalar> Grid<T> {
    pub(crate) fn rectangle(outer: &IntervalSet<T>, inner: &IntervalSet<T>) -> Self {
        if outer.is_empty() || inner.is_empty() {
            return Self::Empty;
        }
        if outer.is_full() && inner.is_full() {
            return Self::Full;
        }
        let slabs = outer.intervals().iter();
        Self::Slabs(slabs.map(|outer| Slab { outer: *outer, inner: inner.clone() }).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    pub(crate) fn slabs(&self) -> Cow<'_, [Slab<T>]> {
        match self {
            Self::Empty => Cow::Borrowed(&[]),
            Self::Full => {
                Cow::Owned(vec![Slab { outer: Interval::FULL, inner: IntervalSet::full() }])
            }
            Self::Slabs(slabs) => Cow::Borrowed(slabs),
        }
    }

    pub(crate) fn contains(&self, outer: T, inner: T) -> bool {
        match self {
            Self::Empty => false,
            Self::Full => true,
            Self::Slabs(slabs) => {
                slab_at(slabs, outer).is_some_and(|slab| slab.inner.contains(inner))
            }
        }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Full, _) | (_, Self::Full) => Self::Full,
            (Self::Empty, grid) | (grid, Self::Empty) => grid.clone(),
            (Self::Slabs(left), Self::Slabs(right)) if Arc::ptr_eq(left, right) => self.clone(),
            (Self::Slabs(left), Self::Slabs(right)) => combine(left, right, IntervalSet::union),
        }
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Empty, _) | (_, Self::Empty) => Self::Empty,
            (Self::Full, grid) | (grid, Self::Full) => grid.clone(),
            (Self::Slabs(left), Self::Slabs(right)) if Arc::ptr_eq(left, right) => self.clone(),
            (Self::Slabs(left), Self::Slabs(right)) => {
                combine(left, right, IntervalSet::intersection)
            }
        }
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Empty, _) | (_, Self::Full) => Self::Empty,
            (_, Self::Empty) => self.clone(),
            _ => combine(&self.slabs(), &other.slabs(), IntervalSet::difference),
        }
    }

    pub(crate) fn contains_grid(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Full, _) | (_, Self::Empty) => true,
            (Self::Empty, _) | (_, Self::Full) => false,
            (Self::Slabs(left), Self::Slabs(right)) => {
                Arc::ptr_eq(left, right) || right.iter().all(|slab| covers(left, slab))
            }
        }
    }

    pub(crate) fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, _) | (_, Self::Empty) => false,
            (Self::Full, _) | (_, Self::Full) => true,
            (Self::Slabs(left), Self::Slabs(right)) => left
                .iter()
                .any(|slab| touching(right, slab).any(|b| slab.inner.intersects(&b.inner))),
        }
    }

    /// The pairs the other way round.
    pub(crate) fn transpose(&self) -> Self {
        let Self::Slabs(slabs) = self else { return self.clone() };
        let mut starts: Vec<T> = Vec::new();
        for interval in slabs.iter().flat_map(|slab| slab.inner.intervals()) {
            starts.push(interval.first());
            starts.extend(interval.last().successor());
        }
        let mut builder = Builder::default();
        for piece in pieces(starts) {
            let there = slabs.iter().filter(|slab| slab.inner.contains(piece.first()));
            builder.push(piece, there.map(|slab| slab.outer).collect());
        }
        builder.finish()
    }

    /// The outer values that occur.
    pub(crate) fn outer(&self) -> IntervalSet<T> {
        self.slabs().iter().map(|slab| slab.outer).collect()
    }

    /// The inner values that occur.
    pub(crate) fn inner(&self) -> IntervalSet<T> {
        self.slabs().iter().flat_map(|slab| slab.inner.intervals().iter().copied()).collect()
    }

    /// The inner values that occur with one outer value.
    pub(crate) fn inner_of(&self, outer: T) -> IntervalSet<T> {
        match self {
            Self::Empty => IntervalSet::none(),
            Self::Full => IntervalSet::full(),
            Self::Slabs(slabs) => {
                slab_at(slabs, outer).map_or_else(IntervalSet::none, |slab| slab.inner.clone())
            }
        }
    }

    /// Disjoint rectangles `(outer, inner)` with different inner sets, by their first outer value.
    pub(crate) fn rectangles(&self) -> Vec<(IntervalSet<T>, IntervalSet<T>)> {
        let slabs = self.slabs();
        let mut order: Vec<usize> = (0..slabs.len()).collect();
        order.sort_by(|a, b| slabs[*a].inner.cmp(&slabs[*b].inner).then(a.cmp(b)));
        let mut groups: Vec<&[usize]> =
            order.chunk_by(|a, b| slabs[*a].inner == slabs[*b].inner).collect();
        groups.sort_unstable();
        groups
            .into_iter()
            .map(|group| {
                let outer = group.iter().map(|index| slabs[*index].outer).collect();
                (outer, slabs[group[0]].inner.clone())
            })
            .collect()
    }
}

/// Builds the canonical form from slabs that arrive in ascending order.
struct Builder<T> {
    slabs: Vec<Slab<T>>,
}

impl<T> Default for Builder<T> {
    fn default() -> Self {
        Self { slabs: Vec::new() }
    }
}

impl<T: Scalar> Builder<T> {
    fn push(&mut self, outer: Interval<T>, inner: IntervalSet<T>) {
        if inner.is_empty() {
            return;
        }
        match self.slabs.last_mut() {
            Some(end)
                if end.outer.last().successor() == Some(outer.first()) && end.inner == inner =>
            {
                end.outer = Interval::ordered(end.outer.first(), outer.last());
            }
            _ => self.slabs.push(Slab { outer, inner }),
        }
    }

    fn finish(self) -> Grid<T> {
        match self.slabs.as_slice() {
            [] => Grid::Empty,
            [only] if only.outer.is_full() && only.inner.is_full() => Grid::Full,
            _ => Grid::Slabs(self.slabs.into()),
        }
    }
}

/// Applies an operation, which maps two empty sets to the empty set, at every outer value.
fn combine<T: Scalar>(
    left: &[Slab<T>],
    right: &[Slab<T>],
    operation: fn(&IntervalSet<T>, &IntervalSet<T>) -> IntervalSet<T>,
) -> Grid<T> {
    let mut starts: Vec<T> = Vec::with_capacity(2 * (left.len() + right.len()));
    for slab in left.iter().chain(right) {
        starts.push(slab.outer.first());
        starts.extend(slab.outer.last().successor());
    }
    let none = IntervalSet::none();
    let (mut left, mut right) = (left, right);
    let mut builder = Builder::default();
    for piece in pieces(starts) {
        let a = inner_at(&mut left, piece.first()).unwrap_or(&none);
        let b = inner_at(&mut right, piece.first()).unwrap_or(&none);
        builder.push(piece, operation(a, b));
    }
    builder.finish()
}

/// Drops the slabs that end before `outer`, then looks at the next one.
fn inner_at<'a, T: Scalar>(slabs: &mut &'a [Slab<T>], outer: T) -> Option<&'a IntervalSet<T>> {
    while let Some((head, tail)) = slabs.split_first() {
        if head.outer.last() >= outer {
            return (head.outer.first() <= outer).then_some(&head.inner);
        }
        *slabs = tail;
    }
    None
}

/// The intervals from each start to the next one, the last up to the greatest number.
fn pieces<T: Scalar>(mut starts: Vec<T>) -> Vec<Interval<T>> {
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).filter_map(|next| next.predecessor()).chain([T::MAX]);
    starts.iter().zip(ends).map(|(first, last)| Interval::ordered(*first, last)).collect()
}

fn slab_at<T: Scalar>(slabs: &[Slab<T>], outer: T) -> Option<&Slab<T>> {
    let index = slabs.partition_point(|slab| slab.outer.last() < outer);
    slabs.get(index).filter(|slab| slab.outer.first() <= outer)
}

/// The slabs that share an outer value with `slab`.
fn touching<'a, T: Scalar>(
    slabs: &'a [Slab<T>],
    slab: &Slab<T>,
) -> impl Iterator<Item = &'a Slab<T>> + use<'a, T> {
    let outer = slab.outer;
    let start = slabs.partition_point(|other| other.outer.last() < outer.first());
    slabs[start..].iter().take_while(move |other| other.outer.first() <= outer.last())
}

/// Whether the slabs hold every pair of `slab`.
fn covers<T: Scalar>(slabs: &[Slab<T>], slab: &Slab<T>) -> bool {
    let mut next = Some(slab.outer.first());
    for part in touching(slabs, slab) {
        if next.is_none_or(|next| part.outer.first() > next)
            || !part.inner.contains_set(&slab.inner)
        {
            return false;
        }
        next = part.outer.last().successor();
    }
    next.is_none_or(|next| next > slab.outer.last())
}
