//! Connectivity by classes that something tells apart, read by classes that are made of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::classes::Class;
use crate::connect::Column;
use crate::matrix::{ClassIndex, Matrix, place};
use crate::path::OutsideBy;
use crate::runs::{Run, at, push};

/// For each class the finer ones that it is made of: one, and another where there are several.
struct Parts(Vec<(ClassIndex, Option<ClassIndex>)>);

/// Stands for nobody: no cell has this number.
const NOTHING: u32 = u32::MAX;

impl Matrix {
    /// The same connectivity by classes of which each is made of whole classes of this, and between whose
    /// parts nothing in the network differs. None where some class is made of none.
    pub(crate) fn coarser(&self, classes: Vec<Class>) -> Option<Self> {
        if classes == *self.classes {
            return Some(self.clone());
        }
        let parts = Parts::new(self, &classes)?;
        let mut columns: Vec<Column> = Vec::new();
        let mut column_of: Vec<u32> = Vec::with_capacity(classes.len());
        let mut known: HashMap<Option<usize>, u32> = HashMap::new();
        let mut dense: Vec<u32> = vec![NOTHING; self.classes.len()];
        for (own, (part, other)) in (0_u32..).zip(&parts.0) {
            let column = self.column_number(*part);
            let id = *known.entry(column).or_insert_with(|| {
                columns.push(parts.column(self.runs(*part), &mut dense));
                number(columns.len() - 1)
            });
            // Members of several parts send to each other as one part does to another.
            let among = other.map(|other| at(self.runs(*part), number(other)).map(|run| run.value));
            let shared = columns.get(place(id)).map_or(&[][..], |column| &**column);
            let is_other = |among: &Option<u32>| *among != at(shared, own).map(|run| run.value);
            column_of.push(match among.filter(is_other) {
                Some(among) => {
                    let column = with(shared, own, among);
                    columns.push(column);
                    number(columns.len() - 1)
                }
                None => id,
            });
        }
        Some(self.with_columns(classes, (column_of, columns)))
    }
}

impl Parts {
    fn new(fine: &Matrix, classes: &[Class]) -> Option<Self> {
        let mut outside: HashMap<(Option<OutsideBy>, IpAddr), ClassIndex> = HashMap::new();
        for (index, class) in fine.classes.iter().enumerate() {
            match class {
                Class::Endpoints(_) => {}
                Class::Internet(atom) => {
                    outside.insert((None, atom.representative), index);
                }
                Class::Outside(by, atom) => {
                    outside.insert((Some(*by), atom.representative), index);
                }
            }
        }
        let of = |class: &Class| match class {
            Class::Endpoints(members) => {
                let mut parts = members.iter().filter_map(|member| fine.class_of(*member));
                let first = parts.next()?;
                Some((first, parts.find(|part| *part != first)))
            }
            // The least address of an atom is the least of one of its parts.
            Class::Internet(atom) => Some((*outside.get(&(None, atom.representative))?, None)),
            Class::Outside(by, atom) => {
                Some((*outside.get(&(Some(*by), atom.representative))?, None))
            }
        };
        classes.iter().map(of).collect::<Option<Vec<_>>>().map(Self)
    }

    /// A column by these classes; `dense` has room for all finer ones, and is left as it was.
    fn column(&self, runs: &[Run<u32>], dense: &mut [u32]) -> Column {
        for run in runs {
            if let Some(part) = dense.get_mut(place(run.start)..place(run.end)) {
                part.fill(run.value);
            }
        }
        let mut column = Vec::new();
        for (class, (part, _)) in (0_u32..).zip(&self.0) {
            let value = dense.get(*part).copied().filter(|value| *value != NOTHING);
            if let Some(value) = value {
                push(&mut column, class, class + 1, value);
            }
        }
        for run in runs {
            if let Some(part) = dense.get_mut(place(run.start)..place(run.end)) {
                part.fill(NOTHING);
            }
        }
        column.into()
    }
}

/// A column with another value, or none, at one place.
fn with(column: &[Run<u32>], own: u32, value: Option<u32>) -> Column {
    let mut changed = Vec::with_capacity(column.len() + 2);
    let before = column.iter().map(|run| Run { end: run.end.min(own), ..*run });
    for run in before {
        push(&mut changed, run.start, run.end, run.value);
    }
    if let Some(value) = value {
        push(&mut changed, own, own + 1, value);
    }
    let behind = column.iter().map(|run| Run { start: run.start.max(own + 1), ..*run });
    for run in behind {
        push(&mut changed, run.start, run.end, run.value);
    }
    Arc::from(changed)
}

fn number(class: ClassIndex) -> u32 {
    u32::try_from(class).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_into_a_column_and_taken_out_of_it() {
        let run = |start, end, value| Run { start, end, value };
        let column = [run(0, 4, 1), run(6, 8, 2)];
        let of = |own, value| with(&column, own, value).to_vec();
        assert_eq!(of(2, None), [run(0, 2, 1), run(3, 4, 1), run(6, 8, 2)]);
        assert_eq!(of(4, Some(1)), [run(0, 5, 1), run(6, 8, 2)]);
        assert_eq!(of(5, Some(3)), [run(0, 4, 1), run(5, 6, 3), run(6, 8, 2)]);
        assert_eq!(of(7, Some(2)), column);
        assert_eq!(of(0, Some(2)), [run(0, 1, 2), run(1, 4, 1), run(6, 8, 2)]);
    }
}
