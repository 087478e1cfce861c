//! What the conversions of all families share: the input by id, the estate as it grows, and ids.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use watertight_model::network::{
    Combine, EndpointId, GatewayId, Guard, GuardId, Layer, LayerId, ListId, RealmId, Stage,
    StageDefault, SubnetId, TableId,
};
use watertight_model::{Estate, Labels, Name, Workload, WorkloadId, WorkloadKind};
use watertight_source::{Node, Span};

use crate::Options;
use crate::fields::Fields;
use crate::index::{Index, Item};
use crate::scope::arn_scope;

/// What the conversions of all families share.
///
/// Each family is one module with `fn convert(context: &mut Context<'_>)`, called by
/// [`convert`](crate::convert) in the order of what needs what.
#[derive(Debug)]
pub(crate) struct Context<'t> {
    /// The resources of the input.
    pub(crate) index: &'t Index<'t>,
    /// Bounds.
    pub(crate) options: &'t Options,
    /// Reads fields and collects diagnostics.
    pub(crate) fields: Fields,
    /// The estate as far as it is converted.
    pub(crate) estate: Estate,
    /// Realms by VPC id.
    pub(crate) realms: Ids<RealmId>,
    /// Subnets by id.
    pub(crate) subnets: Ids<SubnetId>,
    /// Tables by id, transit gateways' tables among them.
    pub(crate) tables: Ids<TableId>,
    /// Gateways by id.
    pub(crate) gateways: Ids<GatewayId>,
    /// Security groups and network ACLs by id.
    pub(crate) guards: Ids<GuardId>,
    /// Prefix lists by id.
    pub(crate) lists: Ids<ListId>,
    /// Endpoints by interface id.
    pub(crate) endpoints: Ids<EndpointId>,
    /// Workloads by id.
    pub(crate) workloads: Ids<WorkloadId>,
    /// The instance profile's ARN of machines that have one.
    pub(crate) instance_profiles: BTreeMap<WorkloadId, &'t str>,
    /// The role's ARN of functions, tasks and services that act with one.
    pub(crate) roles: BTreeMap<WorkloadId, &'t str>,
    /// Interfaces whose owner no family has claimed; what is left at the end becomes workloads of
    /// their own.
    pub(crate) unowned: BTreeMap<EndpointId, Unowned<'t>>,
    /// Pairs of a realm and a transit gateway whose attachment's subnets the input does not tell:
    /// what is routed there is unknown.
    pub(crate) transit_unread: BTreeSet<(RealmId, GatewayId)>,
    /// Realms of which the input does not tell whether a switch stops their way to the internet.
    pub(crate) switch_unread: BTreeSet<RealmId>,
    /// Gateways of which the input does not tell whether they work: what is routed there is unknown.
    pub(crate) gateways_unread: BTreeSet<GatewayId>,
    /// Resources that are not in the input although others refer to them, to warn once each.
    pub(crate) missing: HashSet<Name>,
    names: HashSet<Name>,
    /// Names of what has none but its direction and its place, by direction.
    numbered: BTreeMap<&'static str, Vec<Name>>,
    layers: HashMap<Vec<GuardId>, LayerId>,
}

/// An interface whose owner is a service of the provider, or not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unowned<'t> {
    /// The interface's body.
    pub(crate) item: Item<'t>,
    /// What the interface tells about its owner.
    pub(crate) holder: Holder<'t>,
}

/// What an interface tells about its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holder<'t> {
    /// A load balancer: `app/name/hash`, `net/name/hash`, `gwy/name/hash`, or a classic one's name.
    LoadBalancer(&'t str),
    /// A function, by its name where the description tells it; else empty.
    Function(&'t str),
    /// A service with a name for its resource, empty where the interface does not tell it.
    Service(WorkloadKind, &'t str),
    /// The input does not tell.
    Unknown,
}

/// Ids of an arena's elements by the provider's id. There is no way to walk it, so that nothing
/// depends on the order of hashes.
#[derive(Debug)]
pub(crate) struct Ids<I>(HashMap<Name, I>);

impl<I> Default for Ids<I> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<I: Copy> Ids<I> {
    /// The element with this id.
    pub(crate) fn get(&self, id: &str) -> Option<I> {
        self.0.get(id).copied()
    }

    /// Names an element.
    pub(crate) fn insert(&mut self, id: Name, element: I) {
        self.0.insert(id, element);
    }
}

/// A workload to add, see [`Context::add_workload`].
#[derive(Clone, Debug)]
pub(crate) struct NewWorkload<'n> {
    /// The provider's id.
    pub(crate) id: &'n str,
    /// The name that a person would use; the id where it is empty.
    pub(crate) name: &'n str,
    /// What it is.
    pub(crate) kind: WorkloadKind,
    /// The account that holds it.
    pub(crate) account: Option<&'n str>,
    /// The region.
    pub(crate) region: Option<&'n str>,
    /// The VPC, for the label `aws.vpc`.
    pub(crate) vpc: Option<&'n str>,
    /// Tags, which become labels.
    pub(crate) tags: Vec<(&'n str, &'n str)>,
    /// The group of which it is a replica.
    pub(crate) owner: Option<&'n str>,
    /// Whether it stores data that a reader may want.
    pub(crate) stores_data: bool,
    /// Where it stands.
    pub(crate) origin: Option<Span>,
}

impl<'t> Context<'t> {
    /// A context with an empty estate.
    pub(crate) fn new(index: &'t Index<'t>, options: &'t Options, fields: Fields) -> Self {
        Self {
            index,
            options,
            fields,
            estate: Estate::default(),
            realms: Ids::default(),
            subnets: Ids::default(),
            tables: Ids::default(),
            gateways: Ids::default(),
            guards: Ids::default(),
            lists: Ids::default(),
            endpoints: Ids::default(),
            workloads: Ids::default(),
            instance_profiles: BTreeMap::new(),
            roles: BTreeMap::new(),
            unowned: BTreeMap::new(),
            transit_unread: BTreeSet::new(),
            switch_unread: BTreeSet::new(),
            gateways_unread: BTreeSet::new(),
            missing: HashSet::new(),
            names: HashSet::new(),
            numbered: BTreeMap::new(),
            layers: HashMap::new(),
        }
    }

    /// The shared name of a text: equal texts share one copy.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.names.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        self.names.insert(name.clone());
        name
    }

    /// The shared name of what is at a place, from 0, among those of a direction: `ingress 1` is the first.
    pub(crate) fn numbered(&mut self, direction: &'static str, place: usize) -> Name {
        let known = self.numbered.get(direction).map_or(0, Vec::len);
        for number in known..=place {
            let name = self.name(&format!("{direction} {}", number.saturating_add(1)));
            self.numbered.entry(direction).or_default().push(name);
        }
        let name = self.numbered.get(direction).and_then(|all| all.get(place)).cloned();
        name.unwrap_or_else(|| Name::from(direction))
    }

    /// The account of a resource: its `OwnerId`, its ARN's, or that of the folder it lies in.
    pub(crate) fn account_of<'i>(&mut self, item: &Item<'i>) -> Option<&'i str> {
        let owner = self.fields.text(item.node, "OwnerId");
        owner
            .or_else(|| arn_scope(item.id).0)
            .or_else(|| item.holder.get("OwnerId").and_then(Node::as_str))
            .or(item.scope.account.as_deref())
    }

    /// The region of a resource: that of the folder it lies in, its ARN's or its `Region`.
    pub(crate) fn region_of<'i>(&mut self, item: &Item<'i>) -> Option<&'i str> {
        let region = item.scope.region.as_deref().or_else(|| arn_scope(item.id).1);
        region.or_else(|| self.fields.text(item.node, "Region"))
    }

    /// The layer of these guards, shared by all places that have the same ones.
    pub(crate) fn layer(&mut self, mut guards: Vec<GuardId>) -> LayerId {
        let arena = &self.estate.network.guards;
        guards.sort_by(|left, right| arena[*left].name.cmp(&arena[*right].name));
        guards.dedup();
        if let Some(layer) = self.layers.get(&guards) {
            return *layer;
        }
        let layer = Layer { guards: guards.clone(), complete: true };
        let layer = self.estate.network.layers.push(layer);
        self.layers.insert(guards, layer);
        layer
    }

    /// A guard of which the input tells nothing: whatever meets it is unknown. It is made once for
    /// each id.
    pub(crate) fn unread_guard(&mut self, id: &str, kind: &str, stateful: bool) -> GuardId {
        if let Some(guard) = self.guards.get(id) {
            return guard;
        }
        let name = self.name(id);
        let missing = self.name(&format!("{kind} {id} is not in the input"));
        let stage = Stage {
            combine: Combine::Union,
            rules: Vec::new().into(),
            default: StageDefault::Unknown(missing),
        };
        let guard = Guard {
            name: name.clone(),
            title: name.clone(),
            kind: self.name(kind),
            stateful,
            ingress: vec![stage.clone()],
            egress: vec![stage],
            origin: None,
        };
        let id = self.estate.network.guards.push(guard);
        self.guards.insert(name, id);
        id
    }

    /// Warns, once for each id, that a reference leads to nothing in the input.
    pub(crate) fn warn_missing(&mut self, place: Node<'_>, what: &str, id: &str) {
        let name = self.name(id);
        if self.missing.insert(name) {
            let message = format!("{what} `{id}` is not in the input");
            self.fields.warn(place, crate::codes::MISSING, id, message);
        }
    }

    /// Adds a workload without endpoints, with its labels; one that is there already is returned.
    pub(crate) fn add_workload(&mut self, new: &NewWorkload<'_>) -> WorkloadId {
        if let Some(workload) = self.workloads.get(new.id) {
            return workload;
        }
        let mut labels = Labels::new();
        for (key, value) in &new.tags {
            labels.insert(self.name(key), self.name(value));
        }
        let facts = [
            ("cloud", Some("aws")),
            ("kind", Some(new.kind.word())),
            ("region", new.region),
            ("aws.account", new.account),
            ("aws.vpc", new.vpc),
        ];
        for (key, value) in facts {
            if let Some(value) = value {
                labels.insert(self.name(key), self.name(value));
            }
        }
        let id = self.name(new.id);
        let name = if new.name.is_empty() { id.clone() } else { self.name(new.name) };
        let workload = Workload {
            id: id.clone(),
            name,
            kind: new.kind,
            account: new.account.map(|account| self.name(account)),
            region: new.region.map(|region| self.name(region)),
            labels,
            endpoints: Vec::new(),
            owner: new.owner.map(|owner| self.name(owner)),
            credential: None,
            metadata: None,
            stores_data: new.stores_data,
            origin: new.origin,
        };
        let workload = self.estate.workloads.push(workload);
        self.workloads.insert(id, workload);
        workload
    }

    /// Makes an endpoint belong to a workload, after those that it has.
    pub(crate) fn own(&mut self, endpoint: EndpointId, workload: WorkloadId) {
        self.unowned.remove(&endpoint);
        self.estate.network.endpoints[endpoint].workload = workload;
        let endpoints = &mut self.estate.workloads[workload].endpoints;
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
}

/// The workload of an endpoint that nobody owns yet; none is left when the conversion ends.
pub(crate) fn nobody() -> WorkloadId {
    watertight_model::ArenaId::from_index(u32::MAX)
}
