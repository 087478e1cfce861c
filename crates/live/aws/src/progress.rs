//! What a collection tells while it runs.

/// Hears how far a collection is. Whoever draws it decides how often.
pub trait Progress: Send + Sync {
    /// The accounts are known: there are so many places (an account in a region) to ask.
    fn places(&self, count: usize);
    /// So many more calls are known to be needed.
    fn planned(&self, calls: usize);
    /// A call has its answer, or will have none.
    fn called(&self);
    /// All calls of a place have been made.
    fn place_done(&self);
    /// The service asked for patience.
    fn throttled(&self, service: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn places(&self, _count: usize) {}
    fn planned(&self, _calls: usize) {}
    fn called(&self) {}
    fn place_done(&self) {}
    fn throttled(&self, _service: &str) {}
}
