//! What the questions came to: a test that only ever sees one answer shows nothing.

use std::collections::BTreeMap;

use watertight_policy::syntax::Object;
use watertight_testkit::policy::generate::Generated;
use watertight_testkit::policy::{Answer, Case, Modes, Who};

/// What must be represented, and by how many of a thousand questions.
const SHARES: [(&str, u32); 24] = [
    ("allow", 200),
    ("deny", 200),
    ("inspect", 40),
    ("guardrail", 50),
    ("standard", 50),
    ("baseline", 20),
    ("default", 50),
    ("ungoverned", 30),
    ("essential", 10),
    ("quarantine", 20),
    ("front", 5),
    ("enforced", 250),
    ("pending", 200),
    ("promote segment", 100),
    ("promote policy", 50),
    ("assumed", 50),
    ("with a request", 150),
    ("candidates", 50),
    ("outside", 100),
    ("unknown", 30),
    ("enforced: deny", 50),
    ("pending: deny", 50),
    ("promote segment: deny", 30),
    ("promote policy: deny", 10),
];

#[derive(Default)]
pub(crate) struct Statistics {
    questions: u32,
    counts: BTreeMap<&'static str, u32>,
}

impl Statistics {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, case: &Case, answer: &Answer, generated: &Generated) {
        self.questions += 1;
        self.count(answer.outcome);
        let (mode, denied) = match case.modes {
            Modes::Enforced => ("enforced", "enforced: deny"),
            Modes::Pending => ("pending", "pending: deny"),
            Modes::PromoteSegment(_) => ("promote segment", "promote segment: deny"),
            Modes::PromotePolicy(_) => ("promote policy", "promote policy: deny"),
        };
        self.count(mode);
        if answer.outcome == "deny" {
            self.count(denied);
        }
        if !answer.assumed.is_empty() {
            self.count("assumed");
        }
        if case.request.is_some() {
            self.count("with a request");
        }
        let ends = [&case.source.who, &case.destination.who];
        if ends.iter().any(|who| matches!(who, Who::Workloads(several) if several.len() > 1)) {
            self.count("candidates");
        }
        if ends.iter().any(|who| matches!(who, Who::Outside(..))) {
            self.count("outside");
        }
        if ends.iter().any(|who| matches!(who, Who::Unknown)) {
            self.count("unknown");
        }
        self.reasons(answer, generated);
    }

    fn reasons(&mut self, answer: &Answer, generated: &Generated) {
        let begins = |start: &str| answer.reasons.iter().any(|reason| reason.starts_with(start));
        for kind in ["default", "ungoverned", "essential", "quarantine"] {
            if begins(kind) {
                self.count(kind);
            }
        }
        if answer.reasons.iter().any(|reason| reason.ends_with(" front")) {
            self.count("front");
        }
        for document in &generated.documents {
            let name = &document.metadata.name.value;
            if let Object::Policy(policy) = &document.object
                && begins(&format!("rule {name}/"))
            {
                self.count(policy.tier().word());
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        let shares = SHARES.iter().map(|(what, _)| format!("{what} {}", self.share(what)));
        let shares: Vec<String> = shares.collect();
        format!("decisions: {} questions; of a thousand: {}", self.questions, shares.join(", "))
    }

    fn share(&self, what: &str) -> u32 {
        let count = self.counts.get(what).copied().unwrap_or_default();
        (count * 1000).checked_div(self.questions).unwrap_or_default()
    }

    pub(crate) fn assert_represented(&self) {
        for (what, least) in SHARES {
            let share = self.share(what);
            assert!(share >= least, "{what}: {share} of a thousand questions, not {least}");
        }
    }
}
