//! What reconciling came to, as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use watertight_compile::Membership;

use crate::text::count;

/// What became of those that were to go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// They went over.
    Moved,
    /// Nothing was to be written.
    Only,
    /// Something had changed in between.
    Refused,
}

/// A pass.
#[derive(Debug)]
pub struct Pass<'p> {
    /// When the policy was asked.
    pub at: &'p str,
    /// What was found.
    pub found: &'p Membership,
    /// What became of it.
    pub came: Came,
    /// For how many seconds each endpoint has been seen without its groups, by the provider's id.
    pub seconds: &'p BTreeMap<String, i64>,
    /// How many governed endpoints and workloads can carry no group at all.
    pub unheld: usize,
}

/// A pass as text for people.
pub fn table(pass: &Pass<'_>) -> String {
    let Pass { at, found, came, seconds, unheld } = pass;
    let (word, title) = match came {
        Came::Moved => ("moved", "Moved"),
        Came::Only => ("would move", "Would move"),
        Came::Refused => ("not moved, since something changed in between", "Not moved"),
    };
    let mut text = format!(
        "Reconciled at {at}: {} {word}, {} left, {} as intended; {} compared\n",
        count(found.moved.len(), "endpoint"),
        found.left.len(),
        found.settled,
        count(usize::try_from(found.compared).unwrap_or(usize::MAX), "pair"),
    );
    if *unheld > 0 {
        let _written = writeln!(text, "  {unheld} that can carry no group: the plan says why");
    }
    let without = |endpoint: &str| {
        let known = seconds.get(endpoint).copied().unwrap_or_default();
        format!("seen without its groups for {known} s")
    };
    if !found.moved.is_empty() {
        let _written = write!(text, "\n{title}\n");
        for one in &found.moved {
            let (from, to) = (one.from.join(" "), one.to.join(" "));
            let _written = writeln!(text, "  {} ({}): {from} -> {to}", one.workload, one.endpoint);
            let _written = writeln!(text, "    {}", without(&one.endpoint));
        }
    }
    if !found.left.is_empty() {
        text.push_str("\nLeft as they are\n");
        for one in &found.left {
            let _written = writeln!(text, "  {} ({}): {}", one.workload, one.endpoint, one.why);
            let _written = writeln!(text, "    {}", without(&one.endpoint));
        }
    }
    if !found.needs.is_empty() {
        text.push_str("\nGroups that are not as the policy needs them: `plan`, then `apply`\n");
        for need in &found.needs {
            let _written = writeln!(text, "  {} {}", need.group, need.how);
        }
    }
    text
}
