//! `watertight explain`: what the code of a diagnostic means.

use clap::Args;
use watertight_source::{Code, CodeLine};

use crate::exit::{Failure, Outcome};
use crate::gate::findings::{BROKEN, CUT, LOOSENED, NEW_CHAIN, OVER_BUDGET, UNTOLD};
use crate::output;

/// The codes of this crate.
const OWN: &[CodeLine] = &[
    CodeLine {
        code: Code("WT0900"),
        meaning: "a file of the estate's folder is not read, because it is no JSON",
    },
    CodeLine {
        code: Code("WT0902"),
        meaning: "the estate's description names a body that is not there",
    },
    CodeLine { code: Code("WT0903"), meaning: "bodies of a provider that is not read" },
    CodeLine { code: Code("WT0904"), meaning: "a file cannot be taken as input" },
    CodeLine { code: Code("WT0905"), meaning: "answers were kept from an earlier collection" },
    CodeLine {
        code: NEW_CHAIN,
        meaning: "a change makes a breach chain possible that there was none of",
    },
    CodeLine { code: BROKEN, meaning: "an assertion of the policy does not hold" },
    CodeLine { code: OVER_BUDGET, meaning: "more is reachable than the budget allows" },
    CodeLine { code: UNTOLD, meaning: "what a planned change does is not known" },
    CodeLine {
        code: LOOSENED,
        meaning: "a planned change loosens what a group or network ACL of Watertight enforces",
    },
    CodeLine {
        code: CUT,
        meaning: "a planned change cuts what a platform needs, or what is listed as failsafe",
    },
];

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The code, as in `WT0309`; all codes when it is left out
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// Prints what a code means, or all of them.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let wanted = arguments.code.as_deref().map(str::to_ascii_uppercase);
    let of = |line: &&CodeLine| wanted.as_deref().is_none_or(|code| code == line.code.as_str());
    let found: Vec<String> =
        all().filter(of).map(|line| format!("{}: {}\n", line.code, line.meaning)).collect();
    if found.is_empty() {
        return Err(Failure::Estate(format!(
            "there is no code `{}`; `watertight explain` lists all",
            arguments.code.as_deref().unwrap_or_default()
        )));
    }
    output::write(None, &found.concat())?;
    Ok(Outcome::Fine)
}

/// What a code means, for reports that say so beside each finding.
pub(crate) fn meaning(code: Code) -> Option<&'static str> {
    all().find(|line| line.code == code).map(|line| line.meaning)
}

/// Every code of every crate, in order.
fn all() -> impl Iterator<Item = &'static CodeLine> {
    [
        watertight_source::CODES,
        watertight_aws::CODES,
        watertight_kubernetes::CODES,
        watertight_policy::CODES,
        OWN,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_all_crates_ascend_and_no_two_are_the_same() {
        let codes: Vec<&str> = all().map(|line| line.code.as_str()).collect();
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
        assert!(codes.iter().all(|code| code.len() == 6 && code.starts_with("WT")), "{codes:?}");
    }
}
