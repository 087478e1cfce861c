//! The list of cases in which the other side is believed to be wrong or to know more.

#[cfg(test)]
mod tests;

/// The list: a heading `## suite id` for each case, then lines `Ours:`, `Differs:` and `Reason:`.
pub(super) const LISTED: &str = include_str!("deviations.md");

/// One case of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deviation {
    /// The suite's name.
    pub(super) suite: String,
    /// The case's id.
    pub(super) id: String,
    /// What the difference must say, so that a listed case cannot go wrong in another way unseen.
    pub(super) ours: String,
    /// The first line of the reason.
    pub(super) reason: String,
}

/// Reads the list; an entry without one of its lines is an error.
pub(super) fn parse(text: &str) -> Result<Vec<Deviation>, String> {
    let mut found = Vec::new();
    for entry in text.split("\n## ").skip(1) {
        let mut lines = entry.lines();
        let heading = lines.next().unwrap_or_default().trim();
        let (suite, id) = heading
            .split_once(' ')
            .ok_or_else(|| format!("`## {heading}` names no suite and case"))?;
        let rest: Vec<&str> = lines.collect();
        let field = |name: &str| {
            let line = rest.iter().find_map(|line| line.strip_prefix(name));
            let text = line.map(|line| line.trim().to_owned());
            text.filter(|text| !text.is_empty())
                .ok_or_else(|| format!("`{heading}` has no line `{name}`"))
        };
        field("Differs:")?;
        found.push(Deviation {
            suite: suite.to_owned(),
            id: id.to_owned(),
            ours: field("Ours:")?.trim_matches('`').to_owned(),
            reason: field("Reason:")?,
        });
    }
    Ok(found)
}
