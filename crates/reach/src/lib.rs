//! Dispositions, connectivity, explanations, exposure, diffs, coverage, layers.
