//! Classes between which a matrix shows no difference.

use rustc_hash::FxHashMap;

use crate::matrix::{ClassIndex, Matrix, place};

impl Matrix {
    /// For each class, a number: classes with the same one send the same to every class. What a class
    /// with one member would send to itself counts as well, though it has no cell.
    pub fn senders_alike(&self) -> Vec<u32> {
        let mut starts = vec![false; self.classes.len()];
        for run in self.distinct().flatten() {
            for edge in [run.start, run.end] {
                if let Some(starts) = starts.get_mut(place(edge)) {
                    *starts = true;
                }
            }
        }
        // Neighbours between which no column changes are one block; columns tell blocks apart.
        let mut block = 0_usize;
        let mut blocks = Vec::with_capacity(starts.len());
        for (class, starts) in starts.iter().enumerate() {
            block += usize::from(*starts && class > 0);
            blocks.push(block);
        }
        let mut parts = vec![0_u64; block.saturating_add(1)];
        let mut next = 1_u64;
        let mut moved: FxHashMap<(u64, u32), u64> = FxHashMap::default();
        for column in self.distinct() {
            moved.clear();
            for run in column {
                let ends = [run.start, run.end.saturating_sub(1)].map(|one| blocks.get(place(one)));
                let [Some(first), Some(last)] = ends else { continue };
                let mut before = None;
                for part in parts.get_mut(*first..=*last).into_iter().flatten() {
                    // Neighbours are alike more often than not.
                    let after = match before {
                        Some((known, after)) if known == *part => after,
                        _ => *moved.entry((*part, run.value)).or_insert_with(|| {
                            next += 1;
                            next
                        }),
                    };
                    before = Some((*part, after));
                    *part = after;
                }
            }
        }
        let mut numbers: FxHashMap<u64, u32> = FxHashMap::default();
        let numbered = blocks.iter().map(|block| {
            let part = parts.get(*block).copied().unwrap_or_default();
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(part).or_insert(next)
        });
        numbered.collect()
    }

    /// The number of what is sent to a class: classes with the same one are sent the same by every class.
    /// What a class with one member would be sent by itself counts as well, though it has no cell.
    pub fn receivers_alike(&self, to: ClassIndex) -> Option<u32> {
        self.column_number(to).and_then(|number| u32::try_from(number).ok())
    }
}
