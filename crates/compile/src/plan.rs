//! A plan: what will be written, what it means, and in which steps.

mod pieces;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use watertight_net::FlowSet;

use crate::artifact::{Artifacts, Group, GroupName, GroupRule, RulePeer, Through};
use crate::compiler::Compiled;
use crate::edge::{Edge, EdgeList, OwnEdge, PlannedEdge};
use crate::gap::{Gap, Unheld};
use crate::lines::{text_in_lines_to, write_lines_to};
use crate::owner::PlannedOwner;
use crate::plane::{Limits, Plane};
use crate::read::Read;
use crate::shared::Shared;
use crate::step::{Step, by_name, edge_steps, named, steps};
use crate::validate::{AtOnce, Proof, both};
use pieces::Last;
pub use pieces::Pieces;

/// The name and version of the format; `docs/reference/plan.md` describes it.
pub const FORMAT: &str = "watertight.plan/v1alpha1";

/// How deep its text begins lines: a rule has one, and so has each field of a gap, an end of it, and each action of a step.
const LINES: usize = 4;

/// An immutable change of enforcement points, with its proof.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: String,
    /// The id of the estate that it was made from.
    pub estate: String,
    /// The mode assignment that it enforces: `enforced`, `promote:SEGMENT` or `promote-all`.
    pub under: String,
    /// The instant at which the policy was asked (RFC 3339).
    pub made: String,
    /// The instant from which it is refused: the next expiry of a policy that takes part.
    pub valid_until: Option<String>,
    /// How many workloads the estate has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<u64>,
    /// How many of them no segment but the built-in one holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estate_only: Option<u64>,
    /// What is written to.
    pub plane: String,
    /// The limits that it keeps.
    pub limits: PlannedLimits,
    /// The groups, by name.
    pub groups: Vec<Arc<PlannedGroup>>,
    /// Who carries them, by endpoint.
    pub attachments: Shared<PlannedAttachment>,
    /// The lists at the edges of subnets, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<PlannedEdge>,
    /// Governed workloads on which no group can be put.
    pub unheld: Vec<Unheld>,
    /// What makes replicas of those who carry groups, and whether new ones will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<PlannedOwner>,
    /// The assertions of the policy that do not hold, or are not known to, once it is in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<PlannedAssertion>,
    /// Where the network will permit more or less than intended.
    pub gaps: Vec<Gap>,
    /// What becomes possible that no allow rule asks for.
    pub surprises: Vec<Gap>,
    /// How many pairs of classes were compared for that.
    pub compared: u64,
    /// What must be as it was read when the first step is taken.
    pub reads: Shared<Read>,
    /// The steps, in order.
    pub steps: Shared<Step>,
    /// What the steps do not change, and one must know of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Limits in a [`Plan`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedLimits {
    /// Rules of one group in one direction, each family for itself.
    pub rules_per_direction: u32,
    /// Groups on one endpoint.
    pub groups_per_endpoint: u32,
    /// The most of the product of both.
    pub product: u32,
}

/// An assertion of the policy in a [`Plan`] that does not hold, or is not known to, with the plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedAssertion {
    /// Its name.
    pub name: String,
    /// How it was when the plan was made: `holds`, `fails` or `unknown`.
    pub before: String,
    /// How it is with the plan: `fails` or `unknown`.
    pub after: String,
    /// A way that breaks it, or could, flow by flow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<String>,
    /// What the input lacks to tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Who excuses it until when, where an exception does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
}

/// A group in a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedGroup {
    /// Its name.
    pub name: String,
    /// The realm that it is in.
    pub realm: String,
    /// The realm's account.
    pub account: String,
    /// The realm's region.
    pub region: String,
    /// The segments that hold its members.
    pub segments: Vec<String>,
    /// What may come in.
    pub ingress: Vec<PlannedRule>,
    /// What may go out.
    pub egress: Vec<PlannedRule>,
    /// What is there of it already, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<There>,
    /// How it is made again when a plan that takes it away is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// What a group had that its rules do not tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Again {
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What the provider held of a group when the plan was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct There {
    /// The provider's id of it.
    pub id: String,
    /// What could come in.
    pub ingress: Vec<ThereRule>,
    /// What could go out.
    pub egress: Vec<ThereRule>,
}

/// A rule that the provider held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThereRule {
    /// As in [`PlannedRule`]; every group of ours stands by its name.
    pub peer: String,
    /// As in [`PlannedRule`].
    pub over: String,
    /// The provider's id of it, where the input tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Rules in a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PlannedRules {
    /// What may come in.
    pub ingress: Vec<PlannedRule>,
    /// What may go out.
    pub egress: Vec<PlannedRule>,
}

/// A rule in a [`Plan`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PlannedRule {
    /// A prefix, or the name of a group.
    pub peer: String,
    /// The flows, in the text form of flow sets.
    pub over: String,
}

/// An endpoint in a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedAttachment {
    /// The endpoint, by the provider's id.
    pub endpoint: String,
    /// The workload.
    pub workload: String,
    /// The groups of ours that it will carry.
    pub groups: Vec<String>,
    /// The resource that sets its groups; nothing where they are set at the endpoint itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
    /// The groups of others that it keeps.
    pub others: Vec<String>,
    /// What it carries now.
    pub before: Vec<String>,
}

/// What a plan is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// See [`Plan::estate`].
    pub estate: String,
    /// See [`Plan::under`].
    pub under: String,
    /// See [`Plan::made`].
    pub made: String,
    /// See [`Plan::valid_until`].
    pub valid_until: Option<String>,
}

/// Why a text is no [`Plan`].
#[derive(Debug, Error)]
pub enum PlanError {
    /// It is of another format or version.
    #[error("`{0}` is not `{FORMAT}`")]
    Format(String),
    /// It does not have the fields of a plan.
    #[error("it is no plan: {0}")]
    Shape(#[from] serde_json::Error),
}

impl Plan {
    /// A plan of what was compiled and proved; `at_once` is how two halves of the work are done.
    pub fn new(
        occasion: Occasion,
        plane: &dyn Plane,
        compiled: (&Compiled, &Proof),
        at_once: &dyn AtOnce,
    ) -> Self {
        Self::after(occasion, plane, compiled, (&mut Pieces::default(), at_once))
    }

    /// The same after other plans on the same plane: what is the same as in the last one is shared with it.
    pub fn after(
        occasion: Occasion,
        plane: &dyn Plane,
        (compiled, proof): (&Compiled, &Proof),
        (pieces, at_once): (&mut Pieces, &dyn AtOnce),
    ) -> Self {
        let Occasion { estate, under, made, valid_until } = occasion;
        let Artifacts { attachments, edges, .. } = &compiled.artifacts;
        let limits = plane.limits();
        let held = plane.held();
        let known = by_name(&held);
        let lists = if edges.is_some() { plane.edges() } else { Vec::new() };
        let edges: Vec<PlannedEdge> =
            edges.iter().flatten().map(|edge| planned(plane, &lists, edge)).collect();
        let there = edges.iter().filter(|edge| edge.there.is_some());
        let there = there.map(|edge| edge.name.as_str()).collect();
        let wanted = compiled.artifacts.edges.as_deref();
        let (first, last) = edge_steps(wanted, &lists, &there);
        let there = |name: &str| known.get(name).map(|one| one.there());
        // What is opened in between is told at a step.
        let is_plain = proof.between.is_empty() && compiled.artifacts.edges.is_none();
        let rest = pieces.rest(&compiled.artifacts).filter(|_| is_plain);
        let written = || {
            let is_held = |group: &Group| known.contains_key(group.name.0.as_str());
            let stay =
                rest.as_ref().filter(|rest| !rest.changed.iter().any(|[_, now]| is_held(now)));
            let anew = || {
                let steps = named(steps(&compiled.artifacts, &held, &limits), &proof.between);
                first.iter().cloned().chain(steps).chain(last.iter().cloned()).collect()
            };
            let steps: Shared<Step> = stay.map_or_else(anew, |rest| rest.of.steps.clone());
            (steps, pieces.groups(&compiled.artifacts, there))
        };
        let read = || {
            let stay =
                rest.as_ref().filter(|rest| plane.reads_alike(&compiled.artifacts, &rest.changed));
            let anew = || Shared::from(plane.reads(&compiled.artifacts));
            stay.map_or_else(anew, |rest| rest.of.reads.clone())
        };
        let ((steps, groups), reads) = both(at_once, written, read);
        let carried = rest.as_ref().map_or_else(
            || attachments.iter().map(PlannedAttachment::of).collect(),
            |rest| rest.of.attachments.clone(),
        );
        let last = is_plain.then(|| Last {
            artifacts: compiled.artifacts.clone(),
            groups: groups.clone(),
            attachments: carried.clone(),
            reads: reads.clone(),
            steps: steps.clone(),
        });
        pieces.last = last;
        Self {
            format: FORMAT.to_owned(),
            estate,
            under,
            made,
            valid_until,
            workloads: None,
            estate_only: None,
            plane: plane.name().to_owned(),
            limits: PlannedLimits::of(&limits),
            groups,
            attachments: carried,
            edges,
            unheld: compiled.unheld.clone(),
            owners: Vec::new(),
            assertions: Vec::new(),
            gaps: proof.gaps.clone(),
            surprises: proof.surprises.clone(),
            compared: proof.compared,
            reads,
            steps,
            notes: Vec::new(),
        }
    }

    /// The same with how much of the estate is in no segment that somebody wrote.
    #[must_use]
    pub const fn with_workloads(mut self, workloads: u64, estate_only: u64) -> Self {
        self.workloads = Some(workloads);
        self.estate_only = Some(estate_only);
        self
    }

    /// The plan, with the assertions that do not hold with it.
    #[must_use]
    pub fn with_assertions(self, assertions: Vec<PlannedAssertion>) -> Self {
        Self { assertions, ..self }
    }

    /// The plan as text: the same plan gives the same bytes.
    ///
    /// # Errors
    /// Never for a plan that [`new`](Self::new) made.
    pub fn text(&self) -> Result<String, PlanError> {
        let mut text = text_in_lines_to(LINES, self)?;
        text.push('\n');
        Ok(text)
    }

    /// Writes [`text`](Self::text) piece by piece: that of a large estate has hundreds of megabytes.
    ///
    /// # Errors
    /// When writing fails; never for a plan that [`new`](Self::new) made.
    pub fn write(&self, mut out: impl io::Write) -> io::Result<()> {
        write_lines_to(LINES, &mut out, self)?;
        out.write_all(b"\n")
    }

    /// Reads a plan from a value that was parsed within limits.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn of_value(value: serde_json::Value) -> Result<Self, PlanError> {
        let format = value.get("format").and_then(serde_json::Value::as_str).unwrap_or_default();
        if format != FORMAT {
            return Err(PlanError::Format(format.to_owned()));
        }
        Ok(serde_json::from_value(value)?)
    }

    /// Whether anything is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A list for edges as a plan tells it.
fn planned(plane: &dyn Plane, lists: &[EdgeList], edge: &Edge) -> PlannedEdge {
    let held = lists.iter().filter_map(|list| list.ours.as_ref());
    let there = held.filter(|held| held.edge.name == edge.name).map(|held| held.id.clone());
    let entries = plane.entries(edge);
    // One that was given back and is as it is to be is used again.
    let is_it = |own: &OwnEdge| {
        own.edge.name == edge.name.0 && own.edge.realm == *edge.realm && own.edge.entries == entries
    };
    let idle = || plane.idle_edges().into_iter().filter(is_it).find_map(|own| own.edge.there);
    let there = there.min().or_else(idle);
    PlannedEdge::of(edge, entries, there)
}

impl PlannedLimits {
    pub(crate) const fn of(limits: &Limits) -> Self {
        Self {
            rules_per_direction: limits.rules_per_direction,
            groups_per_endpoint: limits.groups_per_endpoint,
            product: limits.product,
        }
    }
}

impl PlannedRules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ingress.is_empty() && self.egress.is_empty()
    }
}

impl PlannedGroup {
    /// Its rules.
    pub fn rules(&self) -> PlannedRules {
        PlannedRules { ingress: self.ingress.clone(), egress: self.egress.clone() }
    }

    pub(crate) fn of(group: &Group) -> Self {
        Self {
            name: group.name.to_string(),
            realm: group.realm.to_string(),
            account: group.place.0.to_string(),
            region: group.place.1.to_string(),
            segments: group.segments.iter().map(ToString::to_string).collect(),
            ingress: PlannedRule::of_all(&group.ingress),
            egress: PlannedRule::of_all(&group.egress),
            there: None,
            again: None,
        }
    }
}

impl PlannedRule {
    /// The rule as artifacts have it; nothing where its flows cannot be read.
    pub(crate) fn rule(&self) -> Option<GroupRule> {
        let group = || RulePeer::Group(GroupName(self.peer.clone()));
        let peer = self.peer.parse().map_or_else(|_| group(), RulePeer::Prefix);
        let flows: FlowSet = self.over.parse().ok()?;
        Some(GroupRule { peer, flows: Arc::new(flows) })
    }

    fn of_all(rules: &[GroupRule]) -> Vec<Self> {
        // Few flows are in many rules.
        let mut texts: BTreeMap<&FlowSet, String> = BTreeMap::new();
        let mut found = Vec::with_capacity(rules.len());
        for rule in rules {
            let peer = match &rule.peer {
                RulePeer::Group(name) => name.to_string(),
                RulePeer::Prefix(prefix) => prefix.to_string(),
            };
            let over = texts.entry(&rule.flows).or_insert_with(|| rule.flows.to_string()).clone();
            found.push(Self { peer, over });
        }
        found
    }
}

impl PlannedAttachment {
    fn of(one: &crate::artifact::Attachment) -> Self {
        Self {
            endpoint: one.endpoint.to_string(),
            workload: one.workload.to_string(),
            groups: one.groups.iter().map(ToString::to_string).collect(),
            through: one.through.clone(),
            others: one.others.iter().map(ToString::to_string).collect(),
            before: one.before.iter().map(ToString::to_string).collect(),
        }
    }
}
