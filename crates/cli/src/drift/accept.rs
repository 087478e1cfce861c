//! Drift that somebody answers for until a time: exceptions of the policy.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use watertight_compile::{Drift, DriftPair};
use watertight_policy::checked::{CheckedPolicy, Excused};
use watertight_policy::{API_VERSION, Timestamp, TimestampError};

use super::named;
use crate::exit::{Failure, say};
use crate::output;
use crate::suggest::in_form;
use crate::text::{counted, one_line};

/// The most letters of what an exception says about its gap.
const DESCRIPTION_MAX: usize = 240;

/// By the ids of gaps, who answers for them and until when.
pub(crate) fn exceptions(policy: &CheckedPolicy, now: Timestamp) -> BTreeMap<String, String> {
    let open = policy.exceptions.iter().filter(|one| one.expires > now);
    let of_gaps = open.filter_map(|one| match &one.excused {
        Excused::Gap(gap) => {
            Some((gap.to_string(), format!("{} until {} ({})", one.name, one.expires, one.owner)))
        }
        Excused::Assertion(_) => None,
    });
    of_gaps.collect()
}

/// The time until which drift is accepted.
///
/// # Errors
/// When the text is no time, or one that is past.
pub(super) fn until(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let failed = |problem| Failure::Argument { flag: "until", problem };
    let until: Timestamp = text.parse().map_err(|TimestampError| {
        failed(format!("`{text}` is no time: write one as `2027-01-31T00:00:00Z`"))
    })?;
    if until <= now {
        return Err(failed(format!("`{text}` is past at {now}, and would accept nothing")));
    }
    Ok(until)
}

/// Writes an exception for each gap that nobody answers for yet.
///
/// # Errors
/// When the file cannot be written, or an owner's name is none.
pub(super) fn write(
    path: &Path,
    (until, owner): (Timestamp, &str),
    names: &BTreeMap<&str, &str>,
    drift: &Drift,
) -> Result<(), Failure> {
    let mut gaps: BTreeMap<&str, Vec<&DriftPair>> = BTreeMap::new();
    for pair in drift.pairs.iter().filter(|pair| pair.accepted.is_none()) {
        gaps.entry(&pair.gap).or_default().push(pair);
    }
    if gaps.is_empty() {
        say("there is nothing to accept\n");
        return Ok(());
    }
    // The same gap may be accepted anew when an earlier exception has expired, which is still there.
    let time = until.to_string().to_lowercase();
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    let documents = gaps.iter().map(|(gap, pairs)| {
        let mut description = one_line(&words(pairs, names));
        if let Some((end, _)) = description.char_indices().nth(DESCRIPTION_MAX) {
            description.truncate(end);
        }
        let document: Value = json!({
            "apiVersion": API_VERSION,
            "kind": "Exception",
            "metadata": { "name": format!("{gap}-{time}"), "owner": owner, "description": description },
            "spec": { "gap": gap, "expires": until.to_string() },
        });
        document.to_string()
    });
    let documents: Vec<String> = documents.collect();
    let (text, _) = in_form("accepted.yaml", &documents.join("\n---\n"))?;
    output::write(Some(path), &text)?;
    let count = counted(u64::try_from(gaps.len()).unwrap_or(u64::MAX), "gap");
    say(&format!("{count} accepted until {until}, once the file is a part of the policy\n"));
    Ok(())
}

/// What a gap is.
fn words(pairs: &[&DriftPair], names: &BTreeMap<&str, &str>) -> String {
    let Some(pair) = pairs.first() else { return String::new() };
    let (from, to) = (named(&pair.from, names), named(&pair.to, names));
    format!("{}: {from} to {to} over {}", pair.kind.word(), pair.flows)
}
