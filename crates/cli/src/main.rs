//! The `watertight` binary: wiring only.

fn main() {}
