//! AWS bodies into the model: pure convert.
