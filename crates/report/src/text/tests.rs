use super::{clean, columns, count, escape, few, likelihood, percent, points, thousands};

#[test]
fn escaping_leaves_no_mark_up() {
    let hostile = "<script>alert('x')</script>\" onload=&\u{202e}\u{1b}[31m";
    let escaped = escape(hostile);
    assert!(!escaped.contains(['<', '>', '"', '\'', '\u{202e}', '\u{1b}']));
    assert!(escaped.starts_with("&lt;script&gt;"));
}

#[test]
fn a_terminal_is_not_steered() {
    assert_eq!(clean("a\u{1b}[2Jb\u{9b}c\nd"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    assert_eq!(clean("caf\u{e9} \u{65e5}\u{672c}"), "caf\u{e9} \u{65e5}\u{672c}");
}

#[test]
fn widths_count_columns() {
    assert_eq!(columns("abc"), 3);
    assert_eq!(columns("\u{65e5}\u{672c}"), 4);
    assert_eq!(columns("e\u{301}"), 1);
}

#[test]
fn numbers_read_well() {
    assert_eq!(count(1, "workload"), "1 workload");
    assert_eq!(count(2, "policy"), "2 policies");
    assert_eq!(count(3, "class"), "3 classes");
    assert_eq!(thousands(1234), "1234");
    assert_eq!(thousands(1_234_567), "1\u{2009}234\u{2009}567");
    assert_eq!(few(&["a", "b", "c"], 2), "a, b +1");
    assert_eq!(percent(0.0), "0 %");
    assert_eq!(percent(0.0004), "<0.1 %");
    assert_eq!(percent(0.034), "3.4 %");
    assert_eq!(percent(0.34), "34 %");
    assert_eq!([99.99, 64.1, 46.6955, 100.0].map(points), ["99.9", "64.1", "46.6", "100.0"]);
    assert_eq!(likelihood(0.3), "0.30");
    assert_eq!(likelihood(0.0123), "0.012");
    assert_eq!(likelihood(0.000_01), "<0.001");
}
