//! What becomes of a set of flows between two addresses, with the way, the reply and the reasons.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use watertight_model::network::{Attached, GatewayKind, RealmId};
use watertight_model::{Bounds, Disposition, Name, Network};
use watertight_net::FlowSet;

use crate::assumed::Assumed;
use crate::fold::{Asking, Folded, Stop, fold};
use crate::guards::{Deciding, accepts_anything, deciding};
use crate::index::Index;
use crate::path::{End, OutsideBy, Path, Place, Start, Step};
use crate::unaddressed::{Spaces, Target};
use crate::walk::{ReplyFrom, Walker};

/// Answers questions about one network. Making one reads the whole network once.
#[derive(Debug)]
pub struct Reach<'n> {
    pub(crate) network: &'n Network,
    pub(crate) index: Arc<Index>,
    spaces: OnceLock<Spaces>,
}

/// What becomes of one part of the flows that were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The flows, as they were sent.
    pub flows: FlowSet,
    /// What becomes of them.
    pub disposition: Disposition,
    /// Where they end.
    pub at: Place,
    /// Why they end there; empty where they are delivered.
    pub why: Name,
    /// The way that they take, whole.
    pub path: Path,
    /// The position in the path's steps at which they end; the number of steps where they get to
    /// the path's end.
    pub ends_at_step: usize,
    /// What is sent and comes back: the flows for which a connection can be established.
    pub established: Bounds<FlowSet>,
    /// How the reply fares, where the flows are delivered.
    pub reply: Option<Reply>,
}

/// How a reply fares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Its way.
    pub path: Path,
    /// The position in the steps at which some of it ends, and why.
    pub stop: Option<(usize, Name)>,
    /// Whether its way leads back to the sender.
    pub returns: bool,
    /// The reply's flows that were followed.
    pub flows: FlowSet,
    /// Guards that let it pass without a rule, because they saw the connection being opened.
    pub opened: Vec<Place>,
}

impl<'n> Reach<'n> {
    /// Prepares a network for questions.
    pub fn new(network: &'n Network) -> Self {
        Self { network, index: Arc::new(Index::new(network)), spaces: OnceLock::new() }
    }

    /// The same for somebody else: look-ups are shared, and what is found out besides is not.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::with_index(self.network, Arc::clone(&self.index))
    }

    /// Answers about a network that has other rules than the one whose look-ups these are, and they
    /// are not rules of subnets.
    pub(crate) fn with_index(network: &'n Network, index: Arc<Index>) -> Self {
        Self { network, index, spaces: OnceLock::new() }
    }

    /// The network that is asked about.
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The addresses that endpoints could have whose own the input does not tell.
    pub(crate) fn spaces(&self) -> &Spaces {
        self.spaces.get_or_init(|| Spaces::new(self.network))
    }

    pub(crate) fn walker(&self) -> Walker<'_> {
        self.walker_assuming(Assumed::default())
    }

    /// A walker for which endpoints have the addresses that are assumed.
    pub(crate) fn walker_assuming(&self, assumed: Assumed) -> Walker<'_> {
        Walker { network: self.network, index: &self.index, assumed }
    }

    /// What becomes of each part of `flows` from `start` to an address.
    ///
    /// Parts are ordered: what is delivered first, then by place and reason. Their flows cover
    /// `flows`; they overlap only where a front leads one flow to several targets.
    pub fn answer(&self, start: &Start, destination: IpAddr, flows: &FlowSet) -> Vec<Part> {
        self.ask(start, &Target::Address(destination), flows)
    }

    /// The same while endpoints have the addresses that are assumed.
    pub(crate) fn answer_assuming(
        &self,
        assumed: &Assumed,
        start: &Start,
        destination: IpAddr,
        flows: &FlowSet,
    ) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for path in self.walker_assuming(assumed.clone()).paths(start, destination) {
            let folded = fold(self, &path, flows, Asking::All);
            add_stops(&mut parts, &path, &folded);
            if !folded.arrived.possible.is_empty() {
                self.add_arrived(assumed, &mut parts, start, &path, &folded);
            }
        }
        parts.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
        parts
    }

    /// Whether something of what [`Reach::answer`] tells of all flows has a way for which `is_asked` holds. It is
    /// told without the answer wherever the ways alone tell it: no reply is followed, and nothing is put in order.
    pub fn leads_by(
        &self,
        start: &Start,
        destination: IpAddr,
        is_asked: impl Fn(&Path) -> bool,
    ) -> bool {
        let flows = FlowSet::all();
        if !matches!(start, Start::Unaddressed { .. }) {
            let paths = self.walker().paths(start, destination);
            let mut asked = paths.iter().filter(|path| is_asked(path)).peekable();
            // Every part has the way of one of these.
            if asked.peek().is_none() {
                return false;
            }
            // What gets to the end of its way is a part of its own. What does not may be one with what ends in
            // the same place on another way.
            let arrives =
                |path: &Path| !fold(self, path, &flows, Asking::All).arrived.possible.is_empty();
            if asked.any(|path| self.is_open(path) || arrives(path)) {
                return true;
            }
        }
        self.answer(start, destination, &flows).iter().any(|part| is_asked(&part.path))
    }

    /// Whether it is plain that all that is sent gets to the end of a way, perhaps: that every guard there accepts
    /// all from anybody, and nothing else stops or changes anything.
    fn is_open(&self, path: &Path) -> bool {
        !matches!(path.end, End::Stopped { .. })
            && path.steps.iter().all(|step| match step {
                Step::At(_)
                | Step::Route { .. }
                | Step::Source { .. }
                | Step::Destination { .. } => true,
                Step::Guards(check) => check
                    .layers
                    .iter()
                    .all(|layer| accepts_anything(self.network, *layer, check.direction)),
                Step::Select(_)
                | Step::Carry { .. }
                | Step::Port(_)
                | Step::SourcePort(_)
                | Step::Switch { .. }
                | Step::Box { .. } => false,
            })
    }

    fn add_arrived(
        &self,
        assumed: &Assumed,
        parts: &mut Vec<Part>,
        start: &Start,
        path: &Path,
        folded: &Folded,
    ) {
        let (established, reply) = self.reply_assuming(assumed, start, path, folded);
        let (disposition, at, why) = arrival(path);
        let mut add = |flows: FlowSet, disposition, why: Name| {
            if flows.is_empty() {
                return;
            }
            let established = Bounds {
                sure: established.sure.intersection(&flows),
                possible: established.possible.intersection(&flows),
            };
            parts.push(Part {
                flows,
                disposition,
                at,
                why,
                path: path.clone(),
                ends_at_step: path.steps.len(),
                established,
                reply: reply.clone(),
            });
        };
        let doubtful = folded.arrived.possible.difference(&folded.arrived.sure);
        let reason = if why.is_empty() { doubt(folded) } else { why.clone() };
        add(folded.arrived.sure.clone(), disposition, why);
        add(doubtful, Disposition::Unknown, reason);
    }

    /// What comes back of what arrives.
    pub(crate) fn reply(
        &self,
        start: &Start,
        path: &Path,
        folded: &Folded,
    ) -> (Bounds<FlowSet>, Option<Reply>) {
        self.reply_assuming(&Assumed::default(), start, path, folded)
    }

    fn reply_assuming(
        &self,
        assumed: &Assumed,
        start: &Start,
        path: &Path,
        folded: &Folded,
    ) -> (Bounds<FlowSet>, Option<Reply>) {
        let nothing = Bounds::exact(FlowSet::none());
        let all =
            Bounds { sure: folded.arrived.sure.clone(), possible: folded.arrived.possible.clone() };
        let Some(from) = self.reply_from(path) else {
            return match &path.end {
                End::Platform(_) => (all, None),
                End::Unknown { .. } => (Bounds { sure: FlowSet::none(), ..all }, None),
                End::Delivered(_) | End::Stopped { .. } | End::Internet | End::Outside(_) => {
                    (nothing, None)
                }
            };
        };
        if is_to_itself(start, path) {
            // A client that is its own target behind a front which keeps its address gets an answer
            // from itself, which it drops.
            return (if path.by_front { nothing } else { all }, None);
        }
        let Some(destination) = path.source else { return (nothing, None) };
        let opened: Vec<Place> = path.guarded().collect();
        let flows = folded.arrived_as.possible.reply();
        let mut established = Bounds::exact(FlowSet::none());
        let mut shown: Option<Reply> = None;
        let walker = self.walker_assuming(assumed.clone());
        let replies = walker.reply_paths(&from.0, from.1, destination, path.sessions.clone());
        for mut reply in replies {
            let returns = returns_to(start, path, &mut reply);
            let back = fold(self, &reply, &flows, Asking::Reply(&opened));
            let stop = back.stops.first().map(|stop| (stop.step, stop.why.clone()));
            if returns || matches!(reply.end, End::Unknown { .. }) {
                let sure = folded.as_sent(&back.arrived.sure.reply());
                let possible = folded.as_sent(&back.arrived.possible.reply());
                established.sure = established.sure.union(&sure);
                established.possible = established.possible.union(&possible);
            }
            let opened = opened.clone();
            shown.get_or_insert(Reply { path: reply, stop, returns, flows: flows.clone(), opened });
        }
        if self.is_foreign(&path.end) {
            // How a network that is not in the input answers is not known.
            established.sure = FlowSet::none();
        }
        established.sure = established.sure.intersection(&folded.arrived.sure);
        established.possible = established.possible.intersection(&folded.arrived.possible);
        (established, shown)
    }

    /// Whether an end is a realm or a transit gateway that the input names and does not hold.
    fn is_foreign(&self, end: &End) -> bool {
        match end {
            End::Outside(OutsideBy::Gateway(id)) => {
                matches!(self.network.gateways[*id].kind, GatewayKind::Peering { .. })
            }
            End::Outside(OutsideBy::Attachment(id)) => matches!(
                self.network.attachments[*id].attached,
                Attached::Realm { .. } | Attached::Peer(_)
            ),
            End::Delivered(_)
            | End::Platform(_)
            | End::Stopped { .. }
            | End::Internet
            | End::Unknown { .. } => false,
        }
    }

    /// From where, and from which address, a reply is sent.
    fn reply_from(&self, path: &Path) -> Option<(ReplyFrom, IpAddr)> {
        let source = path.destination;
        match &path.end {
            End::Delivered(endpoint) => {
                let service = self.network.endpoints[*endpoint].subnet.is_none();
                let from = match (path.through, path.realm) {
                    (Some(interface), _) => {
                        let start = Start::Endpoint { endpoint: interface, address: source };
                        ReplyFrom::Start(start)
                    }
                    (None, Some(realm)) if service => ReplyFrom::Service(realm),
                    _ => ReplyFrom::Start(Start::Endpoint { endpoint: *endpoint, address: source }),
                };
                Some((from, source))
            }
            End::Internet => Some((ReplyFrom::Start(Start::Internet { address: source }), source)),
            End::Outside(by) => {
                Some((ReplyFrom::Start(Start::Outside { by: *by, address: source }), source))
            }
            End::Platform(_) | End::Stopped { .. } | End::Unknown { .. } => None,
        }
    }

    /// The rules that decide at a step of a part's path about flows that come so far, for
    /// explanations.
    pub fn deciding(&self, step: &Step, flows: &FlowSet) -> Vec<Deciding> {
        let Step::Guards(check) = step else { return Vec::new() };
        check
            .layers
            .iter()
            .flat_map(|layer| deciding(self.network, *layer, check.direction, check.seen, flows))
            .collect()
    }

    /// The realm of a place, for output.
    pub fn realm_of(&self, place: Place) -> Option<RealmId> {
        match place {
            Place::Endpoint(id) => crate::index::realm_of(self.network, id),
            Place::Subnet(id) => Some(self.network.subnets[id].realm),
            Place::Realm(id) => Some(id),
            Place::Gateway(_) | Place::Attachment(_) | Place::Internet => None,
        }
    }
}

fn add_stops(parts: &mut Vec<Part>, path: &Path, folded: &Folded) {
    for stop in &folded.stops {
        let (disposition, why) = behind_box(path, stop);
        let known = parts.iter_mut().find(|part| {
            part.disposition == disposition
                && part.at == stop.at
                && part.why == why
                && part.ends_at_step == stop.step
                && part.path.steps.get(..stop.step) == path.steps.get(..stop.step)
        });
        if let Some(part) = known {
            part.flows = part.flows.union(&stop.flows);
            continue;
        }
        parts.push(Part {
            flows: stop.flows.clone(),
            disposition,
            at: stop.at,
            why,
            path: path.clone(),
            ends_at_step: stop.step,
            established: Bounds::exact(FlowSet::none()),
            reply: None,
        });
    }
}

/// What becomes of flows that end behind a Box: they do if it passes them unchanged, but it may be
/// one that translates, and then what stops them sees other addresses.
fn behind_box(path: &Path, stop: &Stop) -> (Disposition, Name) {
    let before = path.steps.get(..stop.step).unwrap_or_default();
    let passed = before.iter().find_map(|step| match step {
        Step::Box { text, .. } => Some(text),
        _ => None,
    });
    match passed {
        Some(text) => {
            let why =
                format!("{text} lies on the way; what it passes on unchanged ends: {}", stop.why);
            (Disposition::Unknown, Name::from(why))
        }
        None => (stop.disposition, stop.why.clone()),
    }
}

fn order_of(part: &Part) -> (Disposition, Place, &Name, usize, &FlowSet) {
    (part.disposition, part.at, &part.why, part.ends_at_step, &part.flows)
}

fn arrival(path: &Path) -> (Disposition, Place, Name) {
    match &path.end {
        End::Delivered(endpoint) => {
            (Disposition::Accepted, Place::Endpoint(*endpoint), Name::from(""))
        }
        End::Platform(_) => (Disposition::Accepted, Place::Internet, Name::from("")),
        End::Internet => (Disposition::ExitsNetwork, Place::Internet, Name::from("")),
        End::Outside(OutsideBy::Gateway(id)) => {
            (Disposition::ExitsNetwork, Place::Gateway(*id), Name::from(""))
        }
        End::Outside(OutsideBy::Attachment(id)) => {
            (Disposition::ExitsNetwork, Place::Attachment(*id), Name::from(""))
        }
        End::Stopped { disposition, at, why } => (*disposition, *at, why.clone()),
        End::Unknown { at, why } => (Disposition::Unknown, *at, why.clone()),
    }
}

fn doubt(folded: &Folded) -> Name {
    match &folded.boxed {
        Some((_, text)) => Name::from(format!("{text} lies on the way and cannot be read")),
        None => Name::from("a guard's rule depends on something that the input does not tell"),
    }
}

fn is_to_itself(start: &Start, path: &Path) -> bool {
    matches!(
        (start, &path.end),
        (Start::Endpoint { endpoint, .. }, End::Delivered(end)) if endpoint == end
    )
}

/// Whether a reply's way leads back to the sender, from the address that was dialled.
///
/// A sender that nobody is (an unused address of a subnet) is reached where its address would be;
/// the reply's end is rewritten so that what gets there counts as arrived.
fn returns_to(start: &Start, path: &Path, reply: &mut Path) -> bool {
    let from_dialled = reply.source == Some(path.dialled);
    let to_sender = match start {
        Start::Endpoint { endpoint, address } => {
            reply.end == End::Delivered(*endpoint) && reply.destination == *address
        }
        Start::Internet { address } => reply.end == End::Internet && reply.destination == *address,
        Start::Outside { by, address } => {
            reply.end == End::Outside(*by) && reply.destination == *address
        }
        Start::Subnet { subnet, address } => {
            let there = matches!(
                &reply.end,
                End::Stopped { disposition: Disposition::NeighborUnreachable, at, .. }
                    if *at == Place::Subnet(*subnet)
            );
            if there && reply.destination == *address {
                reply.end = End::Internet;
            }
            there && reply.destination == *address
        }
        Start::Realm(_) | Start::Unaddressed { .. } => false,
    };
    to_sender && from_dialled
}
