//! Files, spans, diagnostics, limits; JSON and YAML trees that keep positions.
