//! Functions over numbered positions that change their value seldom, as runs.

/// Consecutive positions, `start` included and `end` excluded, with one value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Run<T> {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) value: T,
}

impl<T> Run<T> {
    /// The same positions with another value.
    pub(crate) fn with<U>(&self, value: U) -> Run<U> {
        Run { start: self.start, end: self.end, value }
    }
}

/// Adds a run behind the others; it grows the last one where it touches it with the same value.
pub(crate) fn push<T: PartialEq>(runs: &mut Vec<Run<T>>, start: u32, end: u32, value: T) {
    if start >= end {
        return;
    }
    if let Some(last) = runs.last_mut()
        && last.end == start
        && last.value == value
    {
        last.end = end;
        return;
    }
    runs.push(Run { start, end, value });
}

/// The run that a position is in.
pub(crate) fn at<T>(runs: &[Run<T>], position: u32) -> Option<&Run<T>> {
    let next = runs.partition_point(|run| run.end <= position);
    runs.get(next).filter(|run| run.start <= position)
}

/// The runs that ascending positions make; `None` values separate.
pub(crate) fn of_ascending(positions: impl IntoIterator<Item = u32>) -> Vec<Run<()>> {
    let mut runs = Vec::new();
    for position in positions {
        push(&mut runs, position, position + 1, ());
    }
    runs
}

/// Splits space wherever one of several functions changes: calls `visit` with every piece in which
/// at least one has a value, and with the values there, in the order of the functions.
pub(crate) fn overlay<T: Copy>(functions: &[&[Run<T>]], mut visit: impl FnMut(u32, u32, &[T])) {
    let mut edges: Vec<(u32, bool, usize, T)> = Vec::new();
    for (number, runs) in functions.iter().enumerate() {
        for run in *runs {
            edges.push((run.start, true, number, run.value));
            edges.push((run.end, false, number, run.value));
        }
    }
    // Ends come before starts, so that a function never has two values.
    edges.sort_by_key(|(position, starts, number, _)| (*position, *starts, *number));
    let mut active: Vec<Option<T>> = vec![None; functions.len()];
    let mut values: Vec<T> = Vec::new();
    let mut from = 0;
    for (position, starts, number, value) in edges {
        if position > from {
            values.clear();
            values.extend(active.iter().flatten());
            if !values.is_empty() {
                visit(from, position, &values);
            }
            from = position;
        }
        if let Some(slot) = active.get_mut(number) {
            *slot = starts.then_some(value);
        }
    }
}

/// Exceptions, which hold where they have a value, and what holds elsewhere.
pub(crate) type Two<'r, T> = (&'r [Run<T>], &'r [Run<T>]);

/// Calls `visit` for every piece of a range, with the value of each function there, if it has one.
pub(crate) fn sweep<T: Copy>(
    functions: &[Two<'_, T>],
    (start, end): (u32, u32),
    mut visit: impl FnMut(u32, u32, &[Option<T>]),
) {
    let mut cursors: Vec<(usize, usize)> = vec![(0, 0); functions.len()];
    let mut values: Vec<Option<T>> = Vec::with_capacity(functions.len());
    let mut from = start;
    while from < end {
        let mut to = end;
        values.clear();
        for ((over, base), (in_over, in_base)) in functions.iter().zip(&mut cursors) {
            let exception = value_at(over, in_over, from, &mut to);
            values.push(match exception {
                Some(value) => Some(value),
                None => value_at(base, in_base, from, &mut to),
            });
        }
        visit(from, to, &values);
        from = to;
    }
}

/// The value at a position, if there is one; `until` becomes where that ends, if it is nearer.
fn value_at<T: Copy>(
    runs: &[Run<T>],
    cursor: &mut usize,
    position: u32,
    until: &mut u32,
) -> Option<T> {
    let run = advance(runs, cursor, position)?;
    let within = run.start <= position;
    *until = (*until).min(if within { run.end } else { run.start });
    within.then_some(run.value)
}

/// Moves a cursor to the first run that ends behind a position: by steps that double, because it is
/// often near.
pub(crate) fn advance<'r, T>(
    runs: &'r [Run<T>],
    cursor: &mut usize,
    position: u32,
) -> Option<&'r Run<T>> {
    let mut step = 1;
    while runs.get(*cursor + step - 1).is_some_and(|run| run.end <= position) {
        *cursor += step;
        step *= 2;
    }
    let rest = runs.get(*cursor..).unwrap_or_default();
    let near = rest.get(..step.min(rest.len())).unwrap_or_default();
    *cursor += near.partition_point(|run| run.end <= position);
    runs.get(*cursor)
}

/// What a function is within ranges.
pub(crate) fn within<T: Copy + PartialEq>(function: &[Run<T>], ranges: &[Run<()>]) -> Vec<Run<T>> {
    let mut found = Vec::new();
    for range in ranges {
        let first = function.partition_point(|run| run.end <= range.start);
        let runs = function.get(first..).unwrap_or_default().iter();
        for run in runs.take_while(|run| run.start < range.end) {
            push(&mut found, run.start.max(range.start), run.end.min(range.end), run.value);
        }
    }
    found
}

/// A function with other values within ranges.
pub(crate) fn replaced<T: Copy + PartialEq>(
    function: &[Run<T>],
    ranges: &[Run<()>],
    values: &[Run<T>],
) -> Vec<Run<T>> {
    let mut pieces: Vec<Run<T>> = Vec::with_capacity(function.len() + values.len());
    let mut ranges = ranges.iter().peekable();
    for run in function {
        let mut from = run.start;
        while ranges.next_if(|range| range.end <= from).is_some() {}
        while let Some(range) = ranges.peek().filter(|range| range.start < run.end) {
            push(&mut pieces, from, range.start, run.value);
            from = range.end;
            if range.end > run.end {
                break;
            }
            ranges.next();
        }
        push(&mut pieces, from, run.end, run.value);
    }
    let mut found = Vec::with_capacity(pieces.len() + values.len());
    let mut values = values.iter().peekable();
    for piece in pieces {
        while let Some(value) = values.next_if(|value| value.start < piece.start) {
            push(&mut found, value.start, value.end, value.value);
        }
        push(&mut found, piece.start, piece.end, piece.value);
    }
    for value in values {
        push(&mut found, value.start, value.end, value.value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: u32, end: u32, value: char) -> Run<char> {
        Run { start, end, value }
    }

    #[test]
    fn runs_that_touch_with_one_value_grow_together() {
        let mut runs = Vec::new();
        push(&mut runs, 0, 2, 'a');
        push(&mut runs, 2, 3, 'a');
        push(&mut runs, 3, 3, 'b');
        push(&mut runs, 4, 5, 'a');
        assert_eq!(runs, [run(0, 3, 'a'), run(4, 5, 'a')]);
        assert_eq!(at(&runs, 2), Some(&run(0, 3, 'a')));
        assert_eq!(at(&runs, 3), None);
    }

    #[test]
    fn an_overlay_splits_wherever_a_function_changes() {
        let (a, b) = ([run(0, 4, 'a'), run(4, 6, 'A')], [run(2, 5, 'b'), run(8, 9, 'b')]);
        let mut seen = Vec::new();
        overlay(&[&a, &b], |start, end, values| {
            seen.push((start, end, values.iter().collect::<String>()));
        });
        let expected = [(0, 2, "a"), (2, 4, "ab"), (4, 5, "Ab"), (5, 6, "A"), (8, 9, "b")];
        assert_eq!(seen, expected.map(|(start, end, text)| (start, end, text.to_owned())));
    }

    #[test]
    fn a_sweep_visits_what_has_no_value_and_prefers_exceptions() {
        let (base, over) = ([run(0, 4, 'a'), run(6, 9, 'b')], [run(3, 7, 'X')]);
        let mut seen = Vec::new();
        sweep(&[(&over, &base), (&[], &[])], (1, 10), |start, end, values| {
            assert_eq!(values.get(1), Some(&None));
            seen.push((start, end, values.first().copied().flatten()));
        });
        let expected = [(1, 3, Some('a')), (3, 7, Some('X')), (7, 9, Some('b')), (9, 10, None)];
        assert_eq!(seen, expected);
    }

    /// The value at each of the first places.
    fn values(runs: &[Run<char>]) -> String {
        (0..12).map(|place| at(runs, place).map_or('.', |run| run.value)).collect()
    }

    fn function(text: &str) -> Vec<Run<char>> {
        let mut runs = Vec::new();
        for (place, value) in (0..).zip(text.chars()).filter(|(_, value)| *value != '.') {
            push(&mut runs, place, place + 1, value);
        }
        runs
    }

    #[test]
    fn a_function_gets_other_values_within_ranges_and_keeps_the_rest() {
        let before = function("aaaabb..ccc.");
        let texts =
            ["aaaabb..ccc.", "..xx....y...", "............", "xxxxxxxxxxxx", "aa.ab..ycc.z"];
        let places =
            ["............", "..rr....r...", "rrrrrrrrrrrr", "r..r..rr...r", "...rr.rr...."];
        for (text, place) in texts.into_iter().flat_map(|text| places.map(|place| (text, place))) {
            let ranges: Vec<u32> =
                (0..).zip(place.chars()).filter(|(_, one)| *one == 'r').map(|(at, _)| at).collect();
            let ranges = of_ascending(ranges);
            let inside = within(&function(text), &ranges);
            let found = replaced(&before, &ranges, &inside);
            let before = values(&before);
            let mixed = before
                .chars()
                .zip(text.chars())
                .zip(place.chars())
                .map(|((old, new), place)| if place == 'r' { new } else { old });
            let expected: String = mixed.collect();
            assert_eq!(values(&found), expected);
            assert_eq!(found, function(&expected), "it is as short as it can be");
        }
    }
}
