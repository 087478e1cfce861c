//! An estate and a policy, compiled and proved.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use watertight_aws::{Body, Options, SecurityGroups, convert};
use watertight_compile::{
    Artifacts, AtOnce, Compiled, Found, InTurn, Intent, Plane, Proof, Proved, Refusal, admit,
    promoted, prove, validate,
};
use watertight_model::Estate;
use watertight_policy::checked::CheckedPolicy;
use watertight_policy::decide::{Decider, Essentials, Modes, World};
use watertight_policy::{Documents, Feeds, Format, Timestamp, check, with_filterable_essentials};
use watertight_source::{Contents, Diagnostics, FileId, Limits, Tree};

pub(crate) const NOW: Timestamp = Timestamp(1_790_000_000);

/// What a case is made of.
pub(crate) struct Lab {
    pub(crate) bodies: Vec<Body>,
    pub(crate) options: Options,
    pub(crate) policy: CheckedPolicy,
    pub(crate) essentials: Essentials,
    pub(crate) documents: Documents,
    pub(crate) modes: Modes,
    pub(crate) estate: Estate,
    pub(crate) limits: watertight_compile::Limits,
}

/// What came of it.
pub(crate) struct Made {
    pub(crate) compiled: Compiled,
    pub(crate) proof: Proof,
    pub(crate) found: Vec<Found>,
    pub(crate) after: Estate,
    /// What could not be written.
    pub(crate) notes: Vec<String>,
}

impl Lab {
    pub(crate) fn new(files: &[(String, Value)], policy: &[(&str, String)], modes: Modes) -> Self {
        let bodies: Vec<Body> = (0_u32..)
            .zip(files)
            .map(|(number, (path, value))| body(number, path, &value.to_string()))
            .collect();
        let (documents, mut policy) = checked(policy);
        let options = Options::default();
        let estate = convert(&bodies, &options).estate;
        let limits = SecurityGroups::QUOTAS;
        let essentials = with_filterable_essentials(&mut policy, &estate);
        Self { bodies, options, policy, essentials, documents, modes, estate, limits }
    }

    /// The shop with the policies of its folder.
    pub(crate) fn shop(modes: Modes) -> Self {
        Self::shop_with(modes, "")
    }

    /// The same with more documents.
    pub(crate) fn shop_with(modes: Modes, more: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
        let mut files = Vec::new();
        read(&root.join("estates/shop/raw/aws"), "raw/aws", &mut files);
        let names = ["assertions.yaml", "rules.yaml", "segments.yaml"];
        let text = |name: &str| {
            std::fs::read_to_string(root.join("policies/shop").join(name)).expect("it is there")
        };
        let mut policy: Vec<(&str, String)> = names.map(|name| (name, text(name))).into();
        policy.push(("more.yaml", more.to_owned()));
        Self::new(&files, &policy, modes)
    }

    /// The shop as it is when everything in mode monitor is enforced.
    pub(crate) fn promoted_shop() -> Self {
        Self::promoted_shop_with("")
    }

    /// The same with more documents.
    pub(crate) fn promoted_shop_with(more: &str) -> Self {
        let mut lab = Self::shop_with(Modes::Enforced, more);
        lab.policy = promoted(lab.policy);
        lab
    }

    /// Runs with the intent of the policy and with the plane.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&Intent<'_>, &SecurityGroups<'_>) -> T) -> T {
        let world = World::of_estate(&self.estate);
        let decider = Decider::new(&self.policy, &world, &self.essentials);
        let intent = Intent::new(&self.estate, &decider, (&self.modes, NOW));
        let complete = |estate: Estate| estate;
        let plane = SecurityGroups::new(&self.bodies, &self.options, &complete);
        let plane = plane.with_limits(self.limits);
        run(&intent, &plane)
    }

    pub(crate) fn make(&self) -> Result<Made, Refusal> {
        self.make_by(&InTurn)
    }

    /// The same where two halves of the proof are worked out in this way.
    pub(crate) fn make_by(&self, at_once: &dyn AtOnce) -> Result<Made, Refusal> {
        self.with(|intent, plane| {
            let mut found = Vec::new();
            let Proved { compiled, rendered, proof, notes } =
                prove(intent, plane, &[], (Some(&mut found), at_once))?;
            admit(&proof, &BTreeSet::new())?;
            let after = plane.convert(&rendered);
            Ok(Made { compiled, proof, found, after, notes })
        })
    }

    /// What other artifacts than the compiled ones mean.
    pub(crate) fn judged(&self, compiled: &Compiled, artifacts: &Artifacts) -> Vec<Found> {
        let mut found = Vec::new();
        self.with(|intent, plane| {
            let rendered = plane.render(artifacts);
            validate(intent, compiled, plane, &rendered, (Some(&mut found), &InTurn))
        });
        found
    }

    /// The estate as it is while the provider holds artifacts.
    pub(crate) fn holding(&self, artifacts: &Artifacts) -> Estate {
        self.with(|_, plane| plane.convert(&plane.render(artifacts)))
    }
}

pub(crate) fn body(number: u32, path: &str, text: &str) -> Body {
    let tree = Tree::parse_json(FileId(number), text, &Limits::default()).expect("it is JSON");
    Body { path: path.to_owned(), tree }
}

fn checked(files: &[(&str, String)]) -> (Documents, CheckedPolicy) {
    let limits = Limits::default();
    let mut diagnostics = Diagnostics::new(&limits);
    let mut documents = Documents::default();
    for (number, (path, text)) in (0_u32..).zip(files) {
        let contents = Contents::from(text.as_str());
        let format = Format::of_path(path);
        documents.read(FileId(number), &contents, format, &limits, &mut diagnostics);
    }
    let policy = check(&documents, &Feeds::new(), &mut diagnostics);
    let policy = policy.unwrap_or_else(|| panic!("{:#?}\n{files:?}", diagnostics.kept()));
    (documents, policy)
}

fn read(folder: &Path, name: &str, files: &mut Vec<(String, Value)>) {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it is listed").path()).collect();
    paths.sort();
    for path in paths {
        let own = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let name = format!("{name}/{own}");
        if path.is_dir() {
            read(&path, &name, files);
        } else {
            let text = std::fs::read_to_string(&path).expect("it can be read");
            files.push((name, serde_json::from_str(&text).expect("it is JSON")));
        }
    }
}
