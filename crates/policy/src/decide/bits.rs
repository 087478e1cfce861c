/// A set of small numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    pub(super) fn insert(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(super) fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// The numbers in all three sets, ascending.
    pub(super) fn common<'b>(
        &'b self,
        second: &'b Self,
        third: &'b Self,
    ) -> impl Iterator<Item = usize> + 'b {
        let words = self.0.iter().zip(&second.0).zip(&third.0).enumerate();
        words.flat_map(|(index, ((a, b), c))| Ones { rest: a & b & c, offset: index * 64 })
    }
}

/// The bits of one word, ascending.
struct Ones {
    rest: u64,
    offset: usize,
}

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.rest == 0 {
            return None;
        }
        let place = self.rest.trailing_zeros() as usize;
        self.rest &= self.rest - 1;
        Some(self.offset + place)
    }
}
