use super::{Layout, Table, wrap};
use crate::text::columns;

fn sample() -> Table {
    let mut table = Table::new(&["FROM", "TO", "OVER"]);
    let ports: Vec<String> = (0..40).map(|port| (8000 + port * 2).to_string()).collect();
    table.push(vec!["web".to_owned(), "orders-db".to_owned(), "tcp/5432".to_owned()]);
    table.push(vec!["web".to_owned(), "search".to_owned(), format!("tcp/{}", ports.join(","))]);
    table
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
    for width in [40, 60, 80, 200] {
        let text = sample().render(&Layout { width, colour: false });
        assert!(text.lines().all(|line| columns(line) <= width), "{width}:\n{text}");
        let squeezed: String = text.split_whitespace().collect();
        assert!(squeezed.contains("8078"), "{text}");
    }
}

#[test]
fn what_repeats_is_left_blank() {
    let text = sample().render(&Layout { width: 400, colour: false });
    assert_eq!(text.matches("web").count(), 1, "{text}");
}

#[test]
fn colour_codes_come_on_demand_only() {
    assert!(!sample().render(&Layout::default()).contains('\u{1b}'));
    let coloured = sample().render(&Layout { colour: true, ..Layout::default() });
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn long_words_are_broken() {
    assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
}
