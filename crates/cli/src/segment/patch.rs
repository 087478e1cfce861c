//! One change of a text as a patch that `git apply` and `patch` take.

/// Lines around the change.
const CONTEXT: usize = 3;

/// A unified diff of two texts that differ in one place; nothing where they are equal.
pub(super) fn unified(path: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let (one, other) = if path.starts_with('/') { ("", "") } else { ("a/", "b/") };
    let (before, after) = (lines(old), lines(new));
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let head = same(&mut before.iter().zip(&after));
    let shorter = before.len().min(after.len()).saturating_sub(head);
    let tail = same(&mut before.iter().rev().zip(after.iter().rev())).min(shorter);
    let first = head.saturating_sub(CONTEXT);
    let until = |count: usize| count.saturating_sub(tail).saturating_add(CONTEXT.min(tail));
    let (old_end, new_end) = (until(before.len()), until(after.len()));
    let range = |end: usize| {
        let count = end.saturating_sub(first);
        let start = if count == 0 { first } else { first.saturating_add(1) };
        if count == 1 { start.to_string() } else { format!("{start},{count}") }
    };
    let mut text = format!(
        "--- {one}{path}\n+++ {other}{path}\n@@ -{} +{} @@\n",
        range(old_end),
        range(new_end)
    );
    let mut put = |sign: char, lines: &[&str], from: usize, to: usize| {
        for line in lines.get(from..to).unwrap_or_default() {
            text.push(sign);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    put(' ', &before, first, head);
    put('-', &before, head, before.len().saturating_sub(tail));
    put('+', &after, head, after.len().saturating_sub(tail));
    put(' ', &after, after.len().saturating_sub(tail), new_end);
    text
}

/// Lines with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_other_stands_between_three_on_each_side() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = old.replace('5', "five");
        let wanted =
            "--- a/x.yaml\n+++ b/x.yaml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(unified("./x.yaml", old, &new), wanted);
        assert_eq!(unified("x.yaml", old, old), "");
    }

    #[test]
    fn a_line_that_comes_is_counted_on_its_side_alone() {
        let wanted = "--- /x\n+++ /x\n@@ -1,2 +1,3 @@\n a\n+b\n c\n";
        assert_eq!(unified("/x", "a\nc\n", "a\nb\nc\n"), wanted);
    }

    #[test]
    fn a_last_line_without_its_end_says_so() {
        let wanted = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\
                      \\ No newline at end of file\n";
        assert_eq!(unified("x", "a", "a\nb"), wanted);
    }
}
