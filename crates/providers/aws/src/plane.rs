//! Security groups as an enforcement point: what they can hold and express.
//!
//! Sources: Amazon VPC user guide, "Security group rules" and "Amazon VPC quotas".

mod aspects;
mod cut;
mod domains;
mod edges;
mod facts;
mod functions;
mod lists;
mod moving;
mod network;
mod once;
mod own;
mod render;
mod rewrite;
mod services;
mod tasks;
mod templates;
mod terraform;
mod units;
mod value;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use watertight_compile::{
    Artifacts, AtOnce, Edge, EdgeEntry, EdgeList, Group, GroupName, HeldGroup, Holding, KeptList,
    Limits, OwnEdge, OwnGroup, Owner, Pieces, Plane, Read, RenderedBody, Through, both,
};
use watertight_model::network::{
    Attached, EndpointId, EndpointRole, GatewayKind, GuardId, RealmId,
};
use watertight_model::{Estate, WorkloadKind};
use watertight_net::{ByteSet, FlowPart, FlowSet, PortRange, PortSet, Protocol};

use self::once::once;
use crate::{Body, Options, convert};

pub use aspects::{ASPECTS, Asked, Aspect};
pub use edges::{BASE, entry_of, is_last};
pub use facts::{Facts, group_facts, interface_facts, is_managed};
pub use network::told as network_facts;
pub use render::{MANAGED, description_of};
pub use services::{
    Service, service_facts, service_groups, service_settings, service_subnets, service_trouble,
};
pub use templates::{SCALING_GROUP, template_groups, template_of, version_of};
pub use terraform::{TerraformError, TerraformFile, terraform_file};
pub use units::{RuleUnit, UnitError, UnitPeer};
pub use value::value_of;
pub use ways::Found;

/// The security groups of the accounts that bodies describe.
pub struct SecurityGroups<'b> {
    bodies: &'b [Body],
    options: &'b Options,
    complete: &'b (dyn Fn(Estate) -> Estate + Sync),
    limits: Limits,
    /// What the bodies say of groups and of who carries them, read once.
    described: facts::Described<'b>,
    /// What they say of what makes replicas, read when it is asked for.
    owners: OnceLock<Vec<Owner>>,
}

impl<'b> SecurityGroups<'b> {
    /// What an account has without asking for more.
    pub const QUOTAS: Limits =
        Limits { rules_per_direction: 60, groups_per_endpoint: 5, product: 1000 };

    /// The groups of what `bodies` say that the provider holds now, read as `options` say. `complete` adds
    /// what else makes up an estate beside these bodies: clusters that are joined to it.
    pub fn new(
        bodies: &'b [Body],
        options: &'b Options,
        complete: &'b (dyn Fn(Estate) -> Estate + Sync),
    ) -> Self {
        let (limits, described) = (Self::QUOTAS, facts::Described::new(bodies));
        let owners = OnceLock::new();
        Self { bodies, options, complete, limits, described, owners }
    }

    /// The same where a group and an interface hold no more than this, in the place of
    /// [`SecurityGroups::QUOTAS`].
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What the provider holds now.
    pub const fn bodies(&self) -> &'b [Body] {
        self.bodies
    }

    /// How bodies are read.
    pub const fn options(&self) -> &'b Options {
        self.options
    }

    /// The ids of the groups of ours that are there, by name.
    fn ids(&self) -> BTreeMap<String, String> {
        self.held().into_iter().map(|held| (held.name, held.id)).collect()
    }

    /// The estate if the provider held what these bodies say.
    fn converted<'r>(&self, rendered: impl IntoIterator<Item = &'r Body>) -> Estate
    where
        'b: 'r,
    {
        let rewritten = rewrite::bodies(self.bodies, rendered, &self.options.limits);
        let converted = convert::convert(rewritten.all(), self.options);
        (self.complete)(converted.estate)
    }

    const fn described(&self) -> &facts::Described<'b> {
        &self.described
    }

    /// What goes on at an interface after its groups changed, and what would cut that, at which price.
    pub fn cutting(&self, interface: &str) -> Vec<String> {
        cut::told(self.bodies, self.described(), interface)
    }

    /// The groups of ours that are there, ordered by name, each with what holds it beside rules of ours.
    pub fn own(&self, estate: &Estate) -> Vec<OwnGroup> {
        own::groups(self.bodies, self.described(), estate)
    }
}

impl fmt::Debug for SecurityGroups<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("SecurityGroups");
        debug.field("bodies", &self.bodies.len()).field("limits", &self.limits);
        debug.finish_non_exhaustive()
    }
}

impl Plane for SecurityGroups<'_> {
    fn name(&self) -> &'static str {
        "security groups"
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn holding<'p>(&'p self, estate: &'p Estate) -> Box<dyn Fn(EndpointId) -> Holding + 'p> {
        let described = self.described();
        Box::new(move |endpoint| match holding(estate, described, endpoint) {
            Ok(through) => match moving::space(estate, described, through.as_ref()) {
                Ok(moves) => Holding { through, refused: None, moves },
                Err(why) => Holding { through, refused: Some(why), moves: None },
            },
            Err((through, why)) => Holding { through, refused: Some(why), moves: None },
        })
    }

    fn refers(&self, estate: &Estate, at: RealmId, of: RealmId, ingress: bool) -> bool {
        if at == of {
            return true;
        }
        let network = &estate.network;
        let is_peered = network.gateways.values().any(|gateway| match &gateway.kind {
            GatewayKind::Peering { sides, references } => {
                let both = sides.contains(&Some(at)) && sides.contains(&Some(of));
                both && *references && gateway.available
            }
            _ => false,
        });
        let refers_by_transit = |realm: RealmId| {
            let mut attachments = network.attachments.values();
            attachments.any(|one| {
                let is_there =
                    matches!(one.attached, Attached::Realm { realm: Some(to), .. } if to == realm);
                is_there && one.available && one.references
            })
        };
        // Over a transit gateway rules about what comes in may name groups of the other side.
        let by_transit = ingress && refers_by_transit(at) && refers_by_transit(of);
        by_transit || (is_peered && !is_connected_by_transit(estate, at, of))
    }

    fn pieces(&self, flows: &FlowSet) -> Pieces {
        if flows.is_all() {
            return Pieces { written: vec![FlowSet::all()], left: FlowSet::none() };
        }
        let mut pieces = Pieces { written: Vec::new(), left: FlowSet::none() };
        for part in flows.parts() {
            match written(&part) {
                Some(written) => pieces.written.extend(written),
                None => pieces.left = pieces.left.union(&FlowSet::from(part)),
            }
        }
        pieces
    }

    fn render(&self, artifacts: &Artifacts) -> Vec<RenderedBody> {
        let mut bodies = render::bodies(artifacts, &self.ids());
        bodies.extend(edges::bodies(self.bodies, artifacts));
        bodies
    }

    fn render_both(
        &self,
        artifacts: [&Artifacts; 2],
        at_once: &dyn AtOnce,
    ) -> [Vec<RenderedBody>; 2] {
        let mut each = render::bodies_of_both(artifacts, &self.ids(), at_once);
        for (bodies, artifacts) in each.iter_mut().zip(artifacts) {
            bodies.extend(edges::bodies(self.bodies, artifacts));
        }
        each
    }

    fn render_again(
        &self,
        artifacts: [&Artifacts; 2],
        before: [&[RenderedBody]; 2],
        changed: (&[GroupName], &dyn AtOnce),
    ) -> [Vec<RenderedBody>; 2] {
        render::bodies_again(artifacts, before, &self.ids(), changed)
    }

    fn renew(
        &self,
        estates: [&mut Estate; 2],
        rendered: [Vec<&RenderedBody>; 2],
        (changed, at_once): (&[GroupName], &dyn AtOnce),
    ) -> Option<[BTreeSet<GuardId>; 2]> {
        let key = |_, one: &&RenderedBody| (one.path.clone(), Arc::as_ptr(&one.text));
        let read = |_, one: &&RenderedBody| rewrite::read(one, &self.options.limits).map(Arc::new);
        let [one, other] = &rendered;
        let read = once([one.as_slice(), other.as_slice()], key, read, at_once);
        // Bodies of the provider may tell the ids of rules.
        let listed = self.bodies.iter().filter(|body| has_listed_rules(body));
        let listed: Vec<&Body> = listed.collect();
        let taken = estates.into_iter().zip(&read).map(|(estate, bodies)| {
            let bodies = bodies.iter().flatten().map(Arc::as_ref);
            let bodies = bodies.chain(listed.iter().copied()).collect();
            convert::convert_again(bodies, self.options, &mut estate.network, changed)
        });
        let taken: Vec<BTreeSet<GuardId>> = taken.collect::<Option<_>>()?;
        taken.try_into().ok()
    }

    fn without(&self, rendered: &[RenderedBody], item: &str) -> Vec<RenderedBody> {
        let items = render::together(rendered, item);
        rendered.iter().map(|body| render::without(body, &items)).collect()
    }

    fn held(&self) -> Vec<HeldGroup> {
        self.described().held()
    }

    fn reads(&self, artifacts: &Artifacts) -> Vec<Read> {
        let mut reads = self.described().reads(artifacts);
        let lists = edges::lists(self.bodies);
        let places = network::places(&lists, artifacts);
        reads.extend(network::reads(self.bodies, &places));
        let ways = ways::reads(self.bodies, &places, (artifacts, &reads));
        reads.extend(ways);
        reads.sort();
        reads
    }

    fn reads_alike(&self, artifacts: &Artifacts, changed: &[[&Group; 2]]) -> bool {
        self.described().reads_alike(artifacts, changed)
    }

    fn lists(&self, estate: &Estate, at: RealmId) -> Vec<KeptList> {
        lists::kept(self.bodies, estate, at)
    }

    fn owners(&self) -> Vec<Owner> {
        let owners = self.owners.get_or_init(|| {
            let mut owners = templates::owners(self.bodies, self.described());
            owners.extend(tasks::owners(self.bodies));
            owners.sort_by(|one, other| {
                (&one.place, &one.kind, &one.id).cmp(&(&other.place, &other.kind, &other.id))
            });
            owners
        });
        owners.clone()
    }

    fn notes(&self, estate: &Estate, artifacts: &Artifacts) -> Vec<String> {
        moving::notes(self.bodies, self.described(), (estate, artifacts))
    }

    fn edges(&self) -> Vec<EdgeList> {
        edges::lists(self.bodies)
    }

    fn idle_edges(&self) -> Vec<OwnEdge> {
        edges::unused(self.bodies)
    }

    fn entries(&self, edge: &Edge) -> Vec<EdgeEntry> {
        edges::entries(self.bodies, edge)
    }

    fn convert(&self, rendered: &[RenderedBody]) -> Estate {
        let read = rendered.iter().filter_map(|one| rewrite::read(one, &self.options.limits));
        let read: Vec<Body> = read.collect();
        self.converted(&read)
    }

    fn convert_both(&self, rendered: [&[RenderedBody]; 2], at_once: &dyn AtOnce) -> [Estate; 2] {
        let key = |_, one: &RenderedBody| (one.path.clone(), Arc::as_ptr(&one.text));
        let read = |_, one: &RenderedBody| rewrite::read(one, &self.options.limits).map(Arc::new);
        let read = once(rendered, key, read, at_once);
        let [one, other] = read.each_ref().map(|all| all.iter().flatten().map(Arc::as_ref));
        let (one, other) =
            both(at_once, || self.converted(one.clone()), || self.converted(other.clone()));
        [one, other]
    }
}

/// Whether a body lists rules of groups one by one.
fn has_listed_rules(body: &Body) -> bool {
    body.tree.root().get("SecurityGroupRules").is_some()
}

/// Through what groups are put on an endpoint, or why none can be.
fn holding(
    estate: &Estate,
    described: &facts::Described<'_>,
    endpoint: EndpointId,
) -> Result<Option<Through>, (Option<Through>, String)> {
    let network = &estate.network;
    let refused = |why: &str| Err((None, why.to_owned()));
    let Some(found) = network.endpoints.get(endpoint) else { return refused("it is not there") };
    if found.subnet.is_none() {
        return refused("it is in no VPC");
    }
    let workload = &estate.workloads[found.workload];
    let interface = described.interface(&found.name);
    let is_service = interface
        .and_then(|body| body.get("RequesterManaged"))
        .is_some_and(|told| told.as_bool() == Some(true));
    let resource = described.resources.of_interface(&found.name).or_else(|| {
        // What is inferred is called after the body that it is inferred from.
        let after = found.name.rsplit_once('/').filter(|_| found.inferred);
        let of = || {
            let own = after.and_then(|(id, _)| described.resources.of_workload(id));
            own.or_else(|| described.resources.of_workload(&workload.id))
        };
        (is_service || interface.is_none()).then(of).flatten()
    });
    if let Some((through, resource)) = resource {
        let wrong = |why: &str| Err((Some(through.clone()), why.to_owned()));
        if let Some(why) = resource.refused {
            return wrong(why);
        }
        // Who gets to it cannot be told, and rules for nobody would cut everybody off.
        if found.addresses.is_empty() {
            return wrong("the input does not tell its addresses");
        }
        let Some(groups) = &resource.groups else {
            return wrong("the input does not tell the security groups of its service's resource");
        };
        let carried = interface.map(|body| interface_facts(&value_of(body)));
        let carried = carried.as_ref().and_then(|facts| facts.get("groups"));
        if carried.is_some_and(|carried| !carried.iter().eq(groups)) {
            return wrong("its interface carries other groups than its service's resource tells");
        }
        return Ok(Some(through));
    }
    if found.inferred || !found.name.starts_with("eni-") {
        return refused("it has no interface of its own that is in the input");
    }
    if matches!(found.role, EndpointRole::Translator(_) | EndpointRole::Inspector(_)) {
        return refused("its kind of interface carries no security groups");
    }
    // The interfaces of tasks are not changed by hand, whoever they say has made them.
    if is_service || workload.kind == WorkloadKind::Task {
        return refused(&owned_by(workload.kind));
    }
    let layers: Vec<_> =
        found.layers.iter().filter_map(|layer| network.layers.get(*layer)).collect();
    if layers.iter().all(|layer| layer.guards.is_empty()) {
        return refused("its interface carries no security groups");
    }
    if !layers.iter().all(|layer| layer.complete) {
        return refused("the input does not tell its security groups");
    }
    Ok(None)
}

/// Why groups are not put on the interface of a service.
fn owned_by(kind: WorkloadKind) -> String {
    match kind {
        WorkloadKind::Queue => {
            String::from("the groups of its cluster are set when that is made, and never again")
        }
        WorkloadKind::Function => {
            String::from("the input does not hold the function that it is of")
        }
        WorkloadKind::Task => String::from(
            "no service that the input holds has made it: what runs it, such as a schedule, names its groups",
        ),
        WorkloadKind::Unknown => String::from(
            "a service of the provider sets its groups, and the input does not tell which",
        ),
        kind => {
            format!("its service sets its groups, and plans set none through a {}", kind.word())
        }
    }
}

/// Whether both are attached to one transit gateway.
fn is_connected_by_transit(estate: &Estate, one: RealmId, other: RealmId) -> bool {
    let attachments = || estate.network.attachments.values();
    let of = |realm: RealmId| {
        attachments()
            .filter(move |found| {
                matches!(found.attached, Attached::Realm { realm: Some(at), .. } if at == realm)
            })
            .map(|found| found.gateway)
    };
    of(one).any(|gateway| of(other).any(|second| second == gateway))
}

/// A part in pieces of one rule each; nothing where rules cannot say it.
fn written(part: &FlowPart) -> Option<Vec<FlowSet>> {
    match part {
        FlowPart::Ports { protocol, source, destination } => {
            if !source.is_full() {
                return None;
            }
            if *protocol != Protocol::TCP && *protocol != Protocol::UDP {
                return destination.is_full().then(|| vec![FlowSet::protocol(*protocol)]);
            }
            let ranges = destination.intervals().iter().map(|range: &PortRange| {
                FlowSet::ports(*protocol, PortSet::full(), PortSet::from(*range))
            });
            Some(ranges.collect())
        }
        FlowPart::Icmp { protocol, types, codes } => {
            if types.is_full() && codes.is_full() {
                return Some(vec![FlowSet::protocol(*protocol)]);
            }
            let singles = |set: &ByteSet| -> Vec<u8> {
                (0..=u8::MAX).filter(|value| set.contains(*value)).collect()
            };
            let mut pieces = Vec::new();
            for one in singles(types) {
                if codes.is_full() {
                    pieces.push(FlowSet::icmp(*protocol, ByteSet::single(one), ByteSet::full()));
                    continue;
                }
                let each = singles(codes).into_iter();
                pieces.extend(each.map(|code| {
                    FlowSet::icmp(*protocol, ByteSet::single(one), ByteSet::single(code))
                }));
            }
            Some(pieces)
        }
        FlowPart::Other { protocol } => Some(vec![FlowSet::protocol(*protocol)]),
    }
}
