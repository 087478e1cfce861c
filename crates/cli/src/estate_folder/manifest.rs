//! What `estate.json` adds to an estate: who was asked, when, for what, and what was not answered.

use std::collections::{BTreeMap, BTreeSet};

use watertight_aws::DeniedCall;
use watertight_model::{Coverage, CoverageState, Estate, Name, SourceRecord};
use watertight_source::{
    DescribedSource, Diagnostic, Diagnostics, EstateDescription, KeptAnswer, Timestamp,
    UnansweredCall,
};

use super::{ANSWERS_KEPT, BODY_ABSENT, Found};

/// Says which bodies should be there and are not, and which are older than the rest.
pub(super) fn check(
    description: &EstateDescription,
    bodies: &[Found],
    diagnostics: &mut Diagnostics,
) {
    let mut there: BTreeSet<&str> = BTreeSet::new();
    for body in bodies {
        let stem = body.relative.rsplit_once('.').map_or(body.relative.as_str(), |(stem, _)| stem);
        there.insert(stem);
        // One call with an argument has one body for each argument, in a folder of its own.
        there.extend(body.relative.rsplit_once('/').map(|(folder, _)| folder));
    }
    for call in &description.answered {
        if !there.contains(call.path.as_str()) {
            let message = format!("there is no body `{}.json`", call.path);
            let diagnostic = Diagnostic::warning(BODY_ABSENT, message);
            let help = "collect it again, or take the call out of `coverage`";
            diagnostics.push(diagnostic.with_label(call.span, "").with_help(help));
        }
    }
    tell_of_kept(description, diagnostics);
}

/// Says of each account how many of its answers are older than its collection.
fn tell_of_kept(description: &EstateDescription, diagnostics: &mut Diagnostics) {
    let mut by_account: BTreeMap<Option<&str>, Vec<&KeptAnswer>> = BTreeMap::new();
    for kept in &description.kept {
        by_account.entry(kept.account.as_deref()).or_default().push(kept);
    }
    for (account, kept) in by_account {
        let Some(oldest) =
            kept.iter().min_by_key(|one| (Timestamp::of_rfc3339(&one.collected), &one.collected))
        else {
            continue;
        };
        let of = account.map(|account| format!(" of account `{account}`")).unwrap_or_default();
        let noun = if kept.len() == 1 { "answer" } else { "answers" };
        let message = format!(
            "{} {noun}{of} kept from earlier collections, the oldest of {}",
            kept.len(),
            oldest.collected
        );
        diagnostics.push(Diagnostic::note(ANSWERS_KEPT, message).with_label(oldest.span, ""));
    }
}

/// The time of the oldest answer of a source: it is as old as that.
fn oldest(source: &DescribedSource, kept: &[KeptAnswer]) -> Option<String> {
    let is_its =
        |one: &&KeptAnswer| one.provider == source.provider && one.account == source.account;
    let kept = kept.iter().filter(is_its).map(|one| one.collected.as_str());
    let all = kept.chain(source.collected.as_deref());
    all.min_by_key(|text| (Timestamp::of_rfc3339(text), *text)).map(ToOwned::to_owned)
}

/// The calls of AWS that were not answered, and those whose provider is not told.
pub(super) fn denied(description: &EstateDescription) -> Vec<DeniedCall> {
    let is_read = |call: &&UnansweredCall| call.provider.as_deref().is_none_or(|one| one == "aws");
    let calls = description.unanswered.iter().filter(is_read).cloned();
    let calls = calls.map(|call| DeniedCall {
        account: call.account,
        region: call.region,
        call: call.call,
        argument: call.argument,
        error: call.error,
    });
    calls.collect()
}

/// Adds what only the description knows: times, and what was not answered.
pub(super) fn apply(description: EstateDescription, estate: &mut Estate) {
    for source in description.sources {
        let collected = oldest(&source, &description.kept);
        let source = SourceRecord {
            provider: Name::from(source.provider),
            account: source.account.map(Name::from),
            regions: source.regions.into_iter().map(Name::from).collect(),
            collected: collected.map(Name::from),
        };
        let same = estate
            .sources
            .iter_mut()
            .find(|known| known.provider == source.provider && known.account == source.account);
        match same {
            Some(known) => {
                known.collected = source.collected;
                let regions: BTreeSet<Name> =
                    known.regions.drain(..).chain(source.regions).collect();
                known.regions = regions.into_iter().collect();
            }
            None => estate.sources.push(source),
        }
    }
    estate.sources.sort();
    estate.coverage.extend(description.unanswered.into_iter().map(coverage));
    estate.coverage.sort();
}

fn coverage(call: UnansweredCall) -> Coverage {
    let what = match call.argument {
        Some(argument) => format!("{} {argument}", call.call),
        None => call.call,
    };
    Coverage {
        account: call.account.map(Name::from),
        region: call.region.map(Name::from),
        what: Name::from(what),
        state: CoverageState::Denied,
    }
}
