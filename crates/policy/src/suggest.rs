//! "Did you mean": the known word that is nearest to the one that was written.

/// How many known words a help lists at most.
const LISTED_MAX: usize = 12;

/// The nearest of the known words, when it is near.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(usize, &str)> = None;
    // A word of megabytes is no slip of the pen, and comparing it would take long.
    if word.len() > 100 {
        return None;
    }
    for candidate in known.into_iter().filter(|known| known.len() <= 100) {
        let distance = strsim::damerau_levenshtein(
            &word.to_ascii_lowercase(),
            &candidate.to_ascii_lowercase(),
        );
        let is_near = distance <= candidate.len().min(word.len()).div_ceil(3);
        if is_near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A help text: the nearest word, or the words that there are.
pub(crate) fn help(word: &str, known: &[&str]) -> String {
    if let Some(nearest) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{nearest}`?");
    }
    match known {
        [] => String::from("there is none"),
        [one] => format!("it can only be `{one}`"),
        _ => {
            let shown = known.iter().take(LISTED_MAX);
            let listed: Vec<String> = shown.map(|word| format!("`{word}`")).collect();
            let more = known.len().saturating_sub(LISTED_MAX);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("there are {}{rest}", listed.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
