use std::collections::BTreeSet;
use std::sync::Arc;

use watertight_model::network::{EndpointId, GuardId, RealmId};
use watertight_model::{Estate, Name};
use watertight_net::{AddressSet, FlowSet};

use crate::artifact::{Artifacts, Group, GroupName, Through};
use crate::edge::{Edge, EdgeEntry, EdgeList, OwnEdge};
use crate::held::HeldGroup;
use crate::owner::Owner;
use crate::read::Read;
use crate::validate::AtOnce;

/// An enforcement point's kind: what it can hold and express, and how it is written and read back.
pub trait Plane: Sync {
    /// What the plane is called, in one word or a few (`security groups`).
    fn name(&self) -> &'static str;

    /// The most that it holds.
    fn limits(&self) -> Limits;

    /// Tells of each endpoint through what groups can be put on it, or why they cannot.
    fn holding<'p>(&'p self, estate: &'p Estate) -> Box<dyn Fn(EndpointId) -> Holding + 'p>;

    /// Whether a rule at an endpoint in `at`, about what comes in (or else goes out), can name a
    /// group in `of` and match its members.
    fn refers(&self, estate: &Estate, at: RealmId, of: RealmId, ingress: bool) -> bool;

    /// Flows in pieces of which a rule expresses each exactly.
    fn pieces(&self, flows: &FlowSet) -> Pieces;

    /// What the provider would hold, as bodies: the groups, and the interfaces with their groups.
    fn render(&self, artifacts: &Artifacts) -> Vec<RenderedBody>;

    /// [`Plane::render`] of two artifacts, in their order; `at_once` is how two halves of the work are done. What is
    /// the same in both is rendered once.
    fn render_both(
        &self,
        artifacts: [&Artifacts; 2],
        at_once: &dyn AtOnce,
    ) -> [Vec<RenderedBody>; 2];

    /// Rendered bodies with one thing left as the provider holds it: a group by its name, or an
    /// endpoint by its id.
    fn without(&self, rendered: &[RenderedBody], item: &str) -> Vec<RenderedBody>;

    /// The groups of ours that the provider holds already, ordered by name.
    fn held(&self) -> Vec<HeldGroup>;

    /// What of the provider's bodies artifacts rest on, in order: it must be so still when they are
    /// put in place.
    fn reads(&self, artifacts: &Artifacts) -> Vec<Read>;

    /// Whether [`Plane::reads`] are what they were before some groups, which are told as they were and as they are, got
    /// other rules. Where that is not sure they are not.
    fn reads_alike(&self, artifacts: &Artifacts, changed: &[[&Group; 2]]) -> bool;

    /// Lists of addresses that the provider keeps and that rules in a realm can name, ordered by id. Each
    /// counts as one rule.
    fn lists(&self, estate: &Estate, at: RealmId) -> Vec<KeptList>;

    /// What makes replicas, each with what it makes them from, ordered.
    fn owners(&self) -> Vec<Owner>;

    /// What is at the edges of subnets, ordered by subnet; nothing of those of which the input does not
    /// tell it.
    fn edges(&self) -> Vec<EdgeList>;

    /// The lists of ours that are at the edge of no subnet, ordered by id.
    fn idle_edges(&self) -> Vec<OwnEdge>;

    /// The entries of a list for edges, but the last: its denials, and those of the list that it stands in
    /// for.
    fn entries(&self, edge: &Edge) -> Vec<EdgeEntry>;

    /// What one must know of what artifacts do not change, ordered: rules of others that name the address
    /// of an endpoint which gets another one.
    fn notes(&self, _estate: &Estate, _artifacts: &Artifacts) -> Vec<String> {
        Vec::new()
    }

    /// [`Plane::render_both`] of artifacts in which `changed` groups are others than in those of which `before` are the
    /// bodies, and nothing else: bodies without such groups are those of before, and share their texts. What artifacts say
    /// beside groups is not looked at.
    fn render_again(
        &self,
        artifacts: [&Artifacts; 2],
        before: [&[RenderedBody]; 2],
        changed: (&[GroupName], &dyn AtOnce),
    ) -> [Vec<RenderedBody>; 2];

    /// Takes over bodies of [`Plane::render_again`] that are others than before, by which each estate is what
    /// [`Plane::convert`] makes of all bodies. The guards of the groups that `changed`, in each; nothing, where
    /// that cannot be done, and the estates are good for nothing any more.
    fn renew(
        &self,
        estates: [&mut Estate; 2],
        rendered: [Vec<&RenderedBody>; 2],
        changed: (&[GroupName], &dyn AtOnce),
    ) -> Option<[BTreeSet<GuardId>; 2]>;

    /// The estate that the provider would describe if it held `rendered` in place of what it holds.
    fn convert(&self, rendered: &[RenderedBody]) -> Estate;

    /// [`Plane::convert`] of two, in their order; `at_once` is how two halves of the work are done. A text that both
    /// share is read once.
    fn convert_both(&self, rendered: [&[RenderedBody]; 2], at_once: &dyn AtOnce) -> [Estate; 2];
}

/// A list of addresses that the provider keeps: what it holds changes when the provider says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptList {
    /// The provider's id.
    pub id: String,
    /// The service whose addresses it holds, by the word for it in policies.
    pub service: Name,
    /// What it holds now.
    pub addresses: AddressSet,
}

/// How an endpoint can carry groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holding {
    /// The resource that sets its groups, and those of its other endpoints alike; nothing where
    /// they are set at the endpoint itself.
    pub through: Option<Through>,
    /// Why it can carry none.
    pub refused: Option<String>,
    /// Where it may be once its groups were set, where its addresses change with that.
    pub moves: Option<AddressSet>,
}

/// Flows taken apart for rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pieces {
    /// What one rule expresses each.
    pub written: Vec<FlowSet>,
    /// What no rule of this plane expresses.
    pub left: FlowSet,
}

/// A body as the provider would answer with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RenderedBody {
    /// Where it lies, relative to an estate's folder.
    pub path: String,
    /// The text, which several may share.
    pub text: Arc<String>,
}

/// The most that a plane holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Rules of one group in one direction, each family counted for itself.
    pub rules_per_direction: u32,
    /// Groups on one endpoint.
    pub groups_per_endpoint: u32,
    /// Rules of a group in one direction times groups on an endpoint.
    pub product: u32,
}

impl Limits {
    /// Groups that an endpoint can carry when each is as full as it may be.
    pub const fn full_groups(&self) -> u32 {
        let by_product = match self.product.checked_div(self.rules_per_direction) {
            Some(groups) => groups,
            None => self.groups_per_endpoint,
        };
        if by_product < self.groups_per_endpoint { by_product } else { self.groups_per_endpoint }
    }
}
