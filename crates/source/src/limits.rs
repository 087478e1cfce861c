//! Bounds on what is read.

/// Bounds on what is read from one file, so that no input can exhaust memory or stack.
///
/// Each bound is inclusive: a value at the bound is read, one past it is an error that names the
/// bound. Build one from the default: `Limits { depth_max: 64, ..Limits::default() }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file. Offsets are 32 bits wide, so values above 4 GiB - 1 act as 4 GiB - 1.
    /// Default 2 GiB: a region of more than a million network interfaces in one body.
    pub file_bytes_max: u64,
    /// Arrays and objects inside each other; a scalar at the top has depth 0, `[]` has depth 1.
    /// Default 128. Bodies of cloud interfaces stay below 20.
    pub depth_max: u32,
    /// Values (scalars, arrays and objects; keys do not count) of one file, all documents and
    /// expanded aliases included. Values above 2^28 - 1 act as 2^28 - 1. Default 200 million.
    pub nodes_max: u64,
    /// Values that YAML aliases may add to one file when they are expanded. Default 100 000.
    pub alias_expansion_max: u64,
    /// Bytes of one string, key or number as the file writes it, without quotes, and after
    /// decoding. Values above 2^28 - 3 act as 2^28 - 3. Default 64 MiB.
    pub string_bytes_max: u32,
    /// Documents of one YAML file. Default 100 000.
    pub documents_max: u32,
    /// Files of one [`Sources`](crate::Sources). Default 1 million.
    pub files_max: u32,
    /// Diagnostics that one [`Diagnostics`](crate::Diagnostics) keeps; the rest is counted.
    /// Default 10 000.
    pub diagnostics_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 2 << 30,
            depth_max: 128,
            nodes_max: 200_000_000,
            alias_expansion_max: 100_000,
            string_bytes_max: 64 << 20,
            documents_max: 100_000,
            files_max: 1_000_000,
            diagnostics_max: 10_000,
        }
    }
}
