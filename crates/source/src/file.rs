//! The files that were read: their paths as the user gave them, and their contents.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::Limits;

#[cfg(test)]
mod tests;

/// Bytes between two checkpoints of the line index.
const STRIDE: usize = 64 << 10;

/// The number of a file in its [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// The contents of one file: text, or bytes that are not UTF-8. Cheap to clone.
///
/// Whether the bytes are UTF-8 is found out once, when the value is made.
#[derive(Clone)]
pub struct Contents(Inner);

#[derive(Clone)]
enum Inner {
    Text(Arc<String>),
    Bytes { bytes: Arc<Vec<u8>>, valid_up_to: usize },
}

impl Contents {
    /// The bytes, whatever they are.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Inner::Text(text) => text.as_bytes(),
            Inner::Bytes { bytes, .. } => bytes,
        }
    }

    /// The text, or the offset of the first byte that is not UTF-8.
    pub fn as_str(&self) -> Result<&str, usize> {
        self.shared_text().map(|text| text.as_str())
    }

    pub(crate) fn shared_text(&self) -> Result<&Arc<String>, usize> {
        match &self.0 {
            Inner::Text(text) => Ok(text),
            Inner::Bytes { valid_up_to, .. } => Err(*valid_up_to),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Contents({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::from(text),
            Err(error) => {
                let valid_up_to = error.utf8_error().valid_up_to();
                Self(Inner::Bytes { bytes: Arc::new(error.into_bytes()), valid_up_to })
            }
        }
    }
}

impl From<String> for Contents {
    fn from(text: String) -> Self {
        Self(Inner::Text(Arc::new(text)))
    }
}

impl From<&str> for Contents {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&String> for Contents {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<&[u8]> for Contents {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Contents {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<&Vec<u8>> for Contents {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::from(bytes.clone())
    }
}

impl From<&Self> for Contents {
    fn from(contents: &Self) -> Self {
        contents.clone()
    }
}

/// A place in a file as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, counted from 1; lines end with a line feed.
    pub line: u32,
    /// The column in characters (not bytes), counted from 1.
    pub column: u32,
}

/// Why a file was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The file is longer than `file_bytes_max` or than 32-bit offsets reach.
    #[error(
        "`{path}` has {bytes} bytes, the limit `file_bytes_max` is {max}; split the file or raise the limit"
    )]
    TooLarge {
        /// The path as given.
        path: String,
        /// The length of the file in bytes.
        bytes: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// There are `files_max` files already.
    #[error(
        "`{path}` is one file too many, the limit `files_max` is {max}; read less at once or raise the limit"
    )]
    TooMany {
        /// The path as given.
        path: String,
        /// The limit.
        max: u32,
    },
}

/// The registry of files. A [`FileId`] is the place in the order of adding, from 0.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<File>,
    limits: Limits,
}

#[derive(Debug)]
struct File {
    path: String,
    contents: Contents,
    checkpoints: OnceLock<Vec<Checkpoint>>,
}

/// What a place at a multiple of `STRIDE` bytes has before it.
#[derive(Debug, Clone, Copy, Default)]
struct Checkpoint {
    line_feeds: u32,
    characters: u32,
}

impl Checkpoint {
    fn advanced(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            if byte == b'\n' {
                self.line_feeds = self.line_feeds.saturating_add(1);
                self.characters = 0;
            } else if byte & 0xC0 != 0x80 {
                // Every byte but the continuation bytes of UTF-8 starts a character.
                self.characters = self.characters.saturating_add(1);
            }
        }
        self
    }
}

impl Sources {
    /// An empty registry with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty registry with `file_bytes_max` and `files_max` of the given limits.
    pub const fn with_limits(limits: Limits) -> Self {
        Self { files: Vec::new(), limits }
    }

    /// Adds a file under the path that the user gave. The same path may be added twice; each gets
    /// an id of its own.
    pub fn add(
        &mut self,
        path: impl Into<String>,
        contents: impl Into<Contents>,
    ) -> Result<FileId, SourceError> {
        let (path, contents) = (path.into(), contents.into());
        let bytes = u64::try_from(contents.len()).unwrap_or(u64::MAX);
        let bytes_max = self.limits.file_bytes_max.min(u64::from(u32::MAX));
        if bytes > bytes_max {
            return Err(SourceError::TooLarge { path, bytes, max: bytes_max });
        }
        let files_max = self.limits.files_max;
        match u32::try_from(self.files.len()) {
            Ok(id) if id < files_max => {
                self.files.push(File { path, contents, checkpoints: OnceLock::new() });
                Ok(FileId(id))
            }
            _ => Err(SourceError::TooMany { path, max: files_max }),
        }
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether no file was added.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The path as the user gave it; `(unknown file)` for an id of another registry.
    pub fn path(&self, file: FileId) -> &str {
        self.file(file).map_or("(unknown file)", |file| &file.path)
    }

    /// The contents; empty for an id of another registry.
    pub fn contents(&self, file: FileId) -> &Contents {
        static EMPTY: OnceLock<Contents> = OnceLock::new();
        match self.file(file) {
            Some(file) => &file.contents,
            None => EMPTY.get_or_init(|| Contents::from(String::new())),
        }
    }

    /// The id of the first file that was added under exactly this path.
    pub fn find(&self, path: &str) -> Option<FileId> {
        let index = self.files.iter().position(|file| file.path == path)?;
        u32::try_from(index).ok().map(FileId)
    }

    /// Every file with its path, in the order of adding.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &str)> {
        (0u32..).map(FileId).zip(self.files.iter().map(|file| file.path.as_str()))
    }

    /// The line and column of a byte offset. An offset past the end is taken as the end; an id of
    /// another registry gives line 1, column 1.
    ///
    /// The first call for a file reads it once; later calls read at most 64 KiB of it.
    pub fn position(&self, file: FileId, offset: u32) -> Position {
        let Some(file) = self.file(file) else { return Position { line: 1, column: 1 } };
        let bytes = file.contents.as_bytes();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let block = offset / STRIDE;
        let before = file.checkpoints().get(block).copied().unwrap_or_default();
        let rest = bytes.get(block * STRIDE..offset).unwrap_or_default();
        let here = before.advanced(rest);
        Position {
            line: here.line_feeds.saturating_add(1),
            column: here.characters.saturating_add(1),
        }
    }

    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(usize::try_from(file.0).ok()?)
    }
}

impl File {
    fn checkpoints(&self) -> &[Checkpoint] {
        self.checkpoints.get_or_init(|| {
            let mut here = Checkpoint::default();
            let mut checkpoints = vec![here];
            for block in self.contents.as_bytes().chunks(STRIDE) {
                here = here.advanced(block);
                checkpoints.push(here);
            }
            checkpoints
        })
    }
}
