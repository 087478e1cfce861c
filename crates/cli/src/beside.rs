//! Two things worked out at the same time.

use std::thread;

use watertight_compile::AtOnce;

/// What both come to. Neither sees the other, so that the results are what they would be one after the
/// other.
pub(crate) fn both<A, B: Send>(
    here: impl FnOnce() -> A,
    beside: impl FnOnce() -> B + Send,
) -> (A, B) {
    thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        match beside.join() {
            Ok(beside) => (here, beside),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Two halves of a proof beside each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads;

impl AtOnce for Threads {
    fn both(&self, here: &mut dyn FnMut(), beside: &mut (dyn FnMut() + Send)) {
        both(here, beside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_given_in_their_order() {
        let words = ["first", "second"];
        assert_eq!(both(|| words[0].len(), || words[1].to_owned()), (5, "second".to_owned()));
    }
}
