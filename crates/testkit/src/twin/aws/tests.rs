//! One small test for each rule.
