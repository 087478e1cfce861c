//! Lists per row, in one allocation.

/// For each row a list of numbers, in the order in which they were given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Rows {
    /// Gathers (row, item) pairs into `count` rows; pairs of rows beyond that are left out.
    pub(crate) fn gather(count: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_usize; count + 1];
        for (row, _) in pairs {
            if let Some(slot) = starts.get_mut(index(*row) + 1) {
                *slot += 1;
            }
        }
        for row in 0..count {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut items = vec![0; starts[count]];
        for (row, item) in pairs {
            if index(*row) < count {
                items[next[index(*row)]] = *item;
                next[index(*row)] += 1;
            }
        }
        Self { starts, items }
    }

    /// The items of a row.
    pub(crate) fn row(&self, row: u32) -> &[u32] {
        let row = index(row);
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(start), Some(end)) => &self.items[*start..*end],
            _ => &[],
        }
    }
}

/// A row number as an index.
pub(crate) const fn index(number: u32) -> usize {
    number as usize
}

/// An index as a row number; the graph's limits keep it in range.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
