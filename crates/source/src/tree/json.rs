//! Reading JSON (RFC 8259), front to back without recursion.

use crate::{ParseError, ParseReason, Span};

use super::build::Builder;
use super::slot::{Tag, offset_of, widen};

#[cfg(test)]
mod tests;

const BYTE_ORDER_MARK: &str = "\u{feff}";
const KEY: &str = "a key in double quotes";
const KEY_OR_END: &str = "a key in double quotes or `}`";
const COMMA_OR_BRACE: &str = "`,` or `}`";
const COMMA_OR_BRACKET: &str = "`,` or `]`";
const CLOSING_QUOTE: &str = "the closing quote of the string";
const HEX_DIGIT: &str = "a hexadecimal digit";

type Step = Result<(), ParseError>;

/// Reads the one value of `text` into `builder`.
pub(super) fn parse<'s>(text: &'s str, builder: &mut Builder<'s>) -> Step {
    builder.reserve_for(text.len());
    let position = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut parser = Parser { text, bytes: text.as_bytes(), position, builder };
    parser.document()
}

struct Parser<'p, 's> {
    text: &'s str,
    bytes: &'s [u8],
    position: usize,
    builder: &'p mut Builder<'s>,
}

/// A string token: its span with quotes, and where its decoded text starts if it has escapes.
struct Token {
    start: u32,
    end: u32,
    decoded_from: Option<usize>,
}

impl Parser<'_, '_> {
    fn document(&mut self) -> Step {
        self.skip_whitespace();
        if self.character().is_none() {
            return Err(self.error_here(ParseReason::Empty));
        }
        self.value("a value")?;
        while let Some((is_object, count)) = self.builder.innermost() {
            self.skip_whitespace();
            if is_object {
                self.object_step(count == 0)?;
            } else {
                self.array_step(count == 0)?;
            }
        }
        self.skip_whitespace();
        match self.character() {
            None => Ok(()),
            Some(found) => Err(self.error_here(ParseReason::Trailing { found })),
        }
    }

    /// One entry of the innermost object, or its end.
    fn object_step(&mut self, is_first: bool) -> Step {
        match self.byte() {
            Some(b'}') => return self.close(),
            Some(b',') if !is_first => {
                self.position += 1;
                self.skip_whitespace();
                if self.byte() != Some(b'"') {
                    return Err(self.unexpected(KEY));
                }
            }
            Some(b'"') if is_first => {}
            _ => return Err(self.unexpected(if is_first { KEY_OR_END } else { COMMA_OR_BRACE })),
        }
        let key = self.string()?;
        match key.decoded_from {
            None => self.builder.key(Tag::Quoted, key.start, key.end),
            Some(decoded_from) => self.builder.decoded_key(key.start, key.end, decoded_from),
        }
        self.skip_whitespace();
        if self.byte() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.position += 1;
        self.skip_whitespace();
        self.value("a value")
    }

    /// One item of the innermost array, or its end.
    fn array_step(&mut self, is_first: bool) -> Step {
        match self.byte() {
            Some(b']') => self.close(),
            Some(b',') if !is_first => {
                self.position += 1;
                self.skip_whitespace();
                self.value("a value")
            }
            _ if is_first => self.value("a value or `]`"),
            _ => Err(self.unexpected(COMMA_OR_BRACKET)),
        }
    }

    /// A scalar, or the start of a container.
    fn value(&mut self, expected: &'static str) -> Step {
        match self.byte() {
            Some(b'"') => self.string_value(),
            Some(b'{') => self.open(Tag::Object),
            Some(b'[') => self.open(Tag::Array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(Tag::True, b"true", "`true`"),
            Some(b'f') => self.word(Tag::False, b"false", "`false`"),
            Some(b'n') => self.word(Tag::Null, b"null", "`null`"),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn open(&mut self, tag: Tag) -> Step {
        let start = offset_of(self.position);
        self.position += 1;
        self.builder.open(tag, start, offset_of(self.position))
    }

    fn close(&mut self) -> Step {
        self.position += 1;
        self.builder.close(offset_of(self.position))
    }

    fn word(&mut self, tag: Tag, word: &[u8], expected: &'static str) -> Step {
        let start = self.position;
        for byte in word {
            if self.byte() != Some(*byte) {
                return Err(self.unexpected(expected));
            }
            self.position += 1;
        }
        self.builder.scalar(tag, offset_of(start), offset_of(self.position))
    }

    fn number(&mut self) -> Step {
        let start = self.position;
        if self.byte() == Some(b'-') {
            self.position += 1;
        }
        let zero = self.position;
        self.digits()?;
        if self.bytes.get(zero) == Some(&b'0') && self.position > zero + 1 {
            let why = "a leading zero is not allowed";
            return Err(self.error(start, self.position, ParseReason::Number { why }));
        }
        if self.byte() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.position += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.position += 1;
            }
            self.digits()?;
        }
        self.check_length(start, self.position, self.position - start)?;
        self.builder.scalar(Tag::Number, offset_of(start), offset_of(self.position))
    }

    fn digits(&mut self) -> Step {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a digit"));
        }
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        Ok(())
    }

    fn string_value(&mut self) -> Step {
        let token = self.string()?;
        match token.decoded_from {
            None => self.builder.scalar(Tag::Quoted, token.start, token.end),
            Some(decoded_from) => self.builder.decoded_scalar(token.start, token.end, decoded_from),
        }
    }

    /// A string; the position is at its opening quote.
    fn string(&mut self) -> Result<Token, ParseError> {
        let start = self.position;
        self.position += 1;
        let mut decoded_from = None;
        loop {
            let run = self.position;
            self.position = special(self.bytes, run);
            match self.byte() {
                Some(b'"') => {
                    if decoded_from.is_some() {
                        self.push_run(run);
                    }
                    break;
                }
                Some(b'\\') => {
                    let _ = decoded_from.get_or_insert(self.builder.decoded.len());
                    self.push_run(run);
                    self.escape()?;
                }
                Some(code) => return Err(self.error_here(ParseReason::ControlCharacter { code })),
                None => return Err(self.unexpected(CLOSING_QUOTE)),
            }
        }
        self.check_length(start, self.position + 1, self.position - start - 1)?;
        self.position += 1;
        Ok(Token { start: offset_of(start), end: offset_of(self.position), decoded_from })
    }

    fn push_run(&mut self, from: usize) {
        let run = self.text.get(from..self.position).unwrap_or_default();
        self.builder.decoded.push_str(run);
    }

    /// An escape; the position is at its backslash.
    fn escape(&mut self) -> Step {
        let start = self.position;
        self.position += 1;
        let character = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            None => return Err(self.unexpected("the rest of the escape")),
            Some(_) => {
                let end = self.position + self.character().map_or(0, char::len_utf8);
                let text = self.text.get(start..end).unwrap_or_default();
                let text = text.escape_debug().to_string().replacen("\\\\", "\\", 1);
                return Err(self.error(start, end, ParseReason::BadEscape { text }));
            }
        };
        self.position += 1;
        self.builder.decoded.push(character);
        Ok(())
    }

    /// The rest of an escape that starts at `start`; the position is at its `u`.
    fn unicode_escape(&mut self, start: usize) -> Step {
        let mut code = self.code_unit()?;
        if let 0xD800..=0xDBFF = code {
            let high = code;
            let end = self.position;
            // What follows the first half must be a second escape, as far as the text goes.
            for expected in [b'\\', b'u'] {
                match self.bytes.get(self.position + usize::from(expected == b'u')) {
                    Some(byte) if *byte == expected => {}
                    Some(_) => return Err(self.error(start, end, ParseReason::LoneSurrogate)),
                    None => {
                        self.position = self.bytes.len();
                        return Err(self.unexpected("the other half of the surrogate pair"));
                    }
                }
            }
            self.position += 1;
            let low = self.code_unit()?;
            if !(0xDC00..=0xDFFF).contains(&low) {
                return Err(self.error(start, end, ParseReason::LoneSurrogate));
            }
            code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        }
        match char::from_u32(code) {
            Some(character) => {
                self.builder.decoded.push(character);
                Ok(())
            }
            None => Err(self.error(start, self.position, ParseReason::LoneSurrogate)),
        }
    }

    /// Four hexadecimal digits; the position is at the `u` before them.
    fn code_unit(&mut self) -> Result<u32, ParseError> {
        let mut code = 0;
        for _ in 0..4 {
            self.position += 1;
            match self.byte().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return Err(self.unexpected(HEX_DIGIT)),
            }
        }
        self.position += 1;
        Ok(code)
    }

    fn check_length(&self, start: usize, end: usize, length: usize) -> Step {
        let max = self.builder.string_bytes_max;
        if length <= widen(max) {
            return Ok(());
        }
        let max = u64::from(max);
        Err(self.builder.limit("string_bytes_max", max, offset_of(start), offset_of(end)))
    }

    fn skip_whitespace(&mut self) {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.position += 1,
                _ => return,
            }
            // Indentation comes in runs.
            while let Some(b"        ") = chunk(self.bytes, self.position) {
                self.position += 8;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn character(&self) -> Option<char> {
        self.text.get(self.position..).and_then(|rest| rest.chars().next())
    }

    /// The error that what stands here, if anything, is not what was expected.
    #[cold]
    fn unexpected(&self, expected: &'static str) -> ParseError {
        match self.character() {
            Some(found) => self.error_here(ParseReason::Unexpected { found, expected }),
            None => self.error_here(ParseReason::Truncated { expected }),
        }
    }

    fn error_here(&self, reason: ParseReason) -> ParseError {
        let end = self.position + self.character().map_or(0, char::len_utf8);
        self.error(self.position, end, reason)
    }

    fn error(&self, start: usize, end: usize, reason: ParseReason) -> ParseError {
        let span = Span::new(self.builder.file, offset_of(start), offset_of(end));
        ParseError::new(span, reason)
    }
}

fn chunk(bytes: &[u8], position: usize) -> Option<&[u8; 8]> {
    bytes.get(position..).and_then(|rest| rest.first_chunk::<8>())
}

/// The first place from `position` on with a quote, a backslash or a control character, or the end.
fn special(bytes: &[u8], mut position: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = chunk(bytes, position) {
        // Eight bytes at once. Subtraction sets the high bit of the first byte that matches; bytes
        // after it may be wrong, but only the first is used. Bytes of 0x80 and more never match.
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        let found = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGHS;
        if found != 0 {
            return position + widen(found.trailing_zeros() / 8);
        }
        position += 8;
    }
    let rest = bytes.get(position..).unwrap_or_default();
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
    found.map_or(bytes.len(), |found| position + found)
}
