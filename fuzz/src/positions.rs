//! Lines and columns of any bytes.

use watertight_source::{Position, Sources};

/// The position of every offset is the one that counting from the start gives.
///
/// # Panics
///
/// When the property does not hold.
pub fn positions(data: &[u8]) {
    let mut sources = Sources::new();
    let Ok(file) = sources.add("input", data) else { return };
    let (mut line, mut column) = (1, 1);
    for (offset, byte) in (0u32..).zip(data) {
        // Places inside of a character belong to nobody.
        if byte & 0xC0 != 0x80 {
            let expected = Position { line, column };
            assert_eq!(sources.position(file, offset), expected, "offset {offset}");
        }
        match byte {
            b'\n' => (line, column) = (line + 1, 1),
            0x80..=0xBF => {}
            _ => column += 1,
        }
    }
}
