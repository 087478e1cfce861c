//! Connectivity and explanations of dumps that hold no routes.

mod compare;
mod dump;
mod explain;
mod flows;
mod listing;
mod rules;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Case, Options, Suite, estate};
use crate::workspace::Error;
use dump::{Dump, Probe};
use explain::Explanation;
use listing::Listing;

/// What a published file tells, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// What endpoints reach.
    Endpoints,
    /// What subnets let through, by their ACLs and routes alone.
    Subnets,
    /// Why one end reaches another or not. The file names no dump.
    Explanation,
}

/// The ends of names, without `.txt`; longer ones first.
const ANSWERS: [(&str, Answer); 3] = [
    ("_all_vpcs_subnetsBased_withPGW", Answer::Subnets),
    ("_all_vpcs_explain_detail", Answer::Explanation),
    ("_all_vpcs_", Answer::Endpoints),
];

/// Runs every published file.
pub(super) fn run(folder: &Path, options: &Options) -> Result<Suite, Error> {
    let folder = folder.join("np-guard");
    let mut suite = Suite { name: "aws/np-guard", held: 0, cases: Vec::new(), broken: Vec::new() };
    if !folder.is_dir() {
        return Ok(suite);
    }
    let mut dumps = Dumps { texts: BTreeMap::new() };
    for (name, text) in estate::read_folder(&folder.join("input"))? {
        let name = name.trim_start_matches("input_").trim_end_matches(".json");
        dumps.texts.insert(name.to_owned(), text);
    }
    for kind in estate::entries(&folder.join("out"))? {
        let files = folder.join("out").join(kind);
        for file in estate::entries(&files)? {
            let id = file.strip_suffix(".txt").unwrap_or(&file);
            if !options.wants(id) {
                continue;
            }
            suite.held += 1;
            let Some((dump, answer)) = answer_of(id) else {
                suite.broken.push(format!("{id}: the name tells no kind of answer"));
                continue;
            };
            let text = estate::read(&files.join(&file))?;
            let differences = match answer {
                Answer::Endpoints => dumps.listing(dump, &text, Probe::None),
                Answer::Subnets => dumps.listing(dump, &text, Probe::EverySubnet),
                Answer::Explanation => dumps.explanation(&text),
            };
            let differences = differences.unwrap_or_else(|error| vec![error]);
            suite.cases.push(Case { id: id.to_owned(), differences });
        }
    }
    Ok(suite)
}

/// The dump that a file is about, and what it tells.
fn answer_of(id: &str) -> Option<(&str, Answer)> {
    ANSWERS.iter().find_map(|(end, answer)| Some((id.strip_suffix(end)?, *answer)))
}

/// The dumps by name.
#[derive(Debug)]
struct Dumps {
    texts: BTreeMap<String, String>,
}

impl Dumps {
    fn listing(&self, name: &str, text: &str, probe: Probe) -> Result<Vec<String>, String> {
        let listing = Listing::parse(text)?;
        let dump = self.texts.get(name).ok_or_else(|| format!("there is no dump `{name}`"))?;
        let dump = Dump::read(name, dump, probe)?;
        compare::differences(&listing, &dump)
    }

    /// The file names a VPC and addresses only: a dump that has them and agrees is the one.
    fn explanation(&self, text: &str) -> Result<Vec<String>, String> {
        let explanation = Explanation::parse(text)?;
        let mut found: Vec<String> = Vec::new();
        for (name, text) in &self.texts {
            let dump = Dump::read(name, text, Probe::None)?;
            if !rules::fits(&explanation, &dump) {
                continue;
            }
            let differences = rules::differences(&explanation, &dump)?;
            if differences.is_empty() {
                return Ok(differences);
            }
            found.extend(differences.iter().map(|difference| format!("{name}: {difference}")));
        }
        if found.is_empty() {
            found.push("no dump has the VPC and the ends that it names".to_owned());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer_of};

    #[test]
    fn the_name_tells_the_dump_and_the_kind() {
        assert_eq!(answer_of("a_all_vpcs_"), Some(("a", Answer::Endpoints)));
        let subnets = Some(("a_b", Answer::Subnets));
        assert_eq!(answer_of("a_b_all_vpcs_subnetsBased_withPGW"), subnets);
        assert_eq!(answer_of("a_all_vpcs_explain_detail"), Some(("a", Answer::Explanation)));
        assert_eq!(answer_of("a_all_vpcs_lint"), None);
    }
}
