//! Several matrices by the same classes, laid over each other.

use std::ops::Range;

use crate::matrix::{ClassIndex, Matrix, place};
use crate::runs::Run;

impl Matrix {
    /// The number of what is sent to a class: classes with the same one are sent the same by every class.
    /// What a class with one member would be sent by itself counts as well, though it has no cell.
    pub fn receivers_alike(&self, to: ClassIndex) -> Option<u32> {
        self.column_number(to).and_then(|number| u32::try_from(number).ok())
    }

    /// The number that [`Matrix::alongside`] gives where nothing could be allowed.
    pub const NOTHING: u32 = u32::MAX;

    /// What consecutive classes may send to one in each of several matrices by the same classes, as numbers: where
    /// it is the same, so is the cell of that matrix. Calls `visit` for every stretch in which nothing changes, in
    /// order, where anything may be sent in one of them, and `also` within ascending ranges of classes; it is told
    /// whether the stretch is in one of these.
    ///
    /// For what a class with one member would send to itself there may be a number, though there is no cell.
    pub fn alongside<const N: usize>(
        matrices: [&Self; N],
        to: ClassIndex,
        also: &[Range<u32>],
        mut visit: impl FnMut(Range<ClassIndex>, [u32; N], bool),
    ) {
        let mut columns = matrices.map(|matrix| matrix.runs(to));
        let mut also = also;
        let mut from = 0;
        loop {
            let mut until = u32::MAX;
            let values = columns.each_mut().map(|rest| value(rest, from, &mut until));
            let is_within = is_within(&mut also, from, &mut until);
            if until == u32::MAX {
                break;
            }
            if is_within || values.iter().any(|one| *one != Self::NOTHING) {
                visit(place(from)..place(until), values, is_within);
            }
            from = until;
        }
    }
}

/// The value at a position, behind those that were asked for; `until` becomes where it ends, if that is nearer.
fn value(rest: &mut &[Run<u32>], from: u32, until: &mut u32) -> u32 {
    while let [run, behind @ ..] = rest {
        if run.end > from {
            let is_in = run.start <= from;
            *until = (*until).min(if is_in { run.end } else { run.start });
            return if is_in { run.value } else { Matrix::NOTHING };
        }
        *rest = behind;
    }
    Matrix::NOTHING
}

/// Whether a position is in a range; the same for the rest.
fn is_within(rest: &mut &[Range<u32>], from: u32, until: &mut u32) -> bool {
    while let [range, behind @ ..] = rest {
        if range.end > from {
            let is_in = range.start <= from;
            *until = (*until).min(if is_in { range.end } else { range.start });
            return is_in;
        }
        *rest = behind;
    }
    false
}
