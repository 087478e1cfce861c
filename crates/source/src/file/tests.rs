use super::*;

#[test]
fn lines_and_columns_count_characters_from_one() {
    let mut sources = Sources::new();
    let file = sources.add("a.json", "ab\n\u{e9}\u{1f600}c\r\n\nx").unwrap();
    let at = |offset| {
        let Position { line, column } = sources.position(file, offset);
        (line, column)
    };
    assert_eq!((at(0), at(1), at(2), at(3)), ((1, 1), (1, 2), (1, 3), (2, 1)));
    assert_eq!((at(5), at(9), at(12), at(13)), ((2, 2), (2, 3), (3, 1), (4, 1)));
    // Past the end is the end; another registry's file is the start.
    assert_eq!((at(14), at(99)), ((4, 2), (4, 2)));
    assert_eq!(sources.position(FileId(7), 5), Position { line: 1, column: 1 });
    assert_eq!((sources.path(FileId(7)), sources.contents(FileId(7)).len()), ("(unknown file)", 0));
}

#[test]
fn the_line_index_agrees_with_counting_from_the_start() {
    let line = "\u{e9}abc, ".repeat(40);
    let mut text = String::new();
    while text.len() < 3 * STRIDE {
        text.push_str(&line);
        if !text.len().is_multiple_of(7) {
            text.push('\n');
        }
    }
    let mut sources = Sources::new();
    let file = sources.add("long", text.as_str()).unwrap();
    for (offset, _) in text.char_indices().step_by(997) {
        let before = text.get(..offset).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let position = sources.position(file, u32::try_from(offset).unwrap());
        let found = (position.line, position.column);
        assert_eq!(found, (u32::try_from(line).unwrap(), u32::try_from(column).unwrap()));
    }
}

#[test]
fn limits_hold_at_the_bound_and_not_past_it() {
    let limits = Limits { file_bytes_max: 3, files_max: 2, ..Limits::default() };
    let mut sources = Sources::with_limits(limits);
    assert_eq!(sources.add("a", "abc"), Ok(FileId(0)));
    let error = sources.add("b", "abcd").unwrap_err();
    assert_eq!(error, SourceError::TooLarge { path: "b".into(), bytes: 4, max: 3 });
    assert_eq!(sources.add("c", ""), Ok(FileId(1)));
    let error = sources.add("d", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`d` is one file too many, the limit `files_max` is 2; read less at once or raise the limit"
    );
    assert_eq!(sources.iter().collect::<Vec<_>>(), [(FileId(0), "a"), (FileId(1), "c")]);
    assert_eq!((sources.find("c"), sources.find("b"), sources.len()), (Some(FileId(1)), None, 2));
}

#[test]
fn contents_know_where_they_stop_being_text() {
    let contents = Contents::from(b"ab\xffc");
    assert_eq!((contents.as_bytes(), contents.as_str()), (&b"ab\xffc"[..], Err(2)));
    assert_eq!(Contents::from(vec![0xc3, 0xa9]).as_str(), Ok("\u{e9}"));
    // Clones share the text, so that a tree costs no second copy of its file.
    let text = Contents::from("abc");
    assert!(std::ptr::eq(text.as_bytes(), Contents::from(&text).as_bytes()));
}
