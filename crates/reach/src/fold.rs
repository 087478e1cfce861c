//! Flows along a path: what guards and gateways leave of them, and where the rest ends.

use watertight_model::{Bounds, Disposition, Name, Network};
use watertight_net::{FlowSet, PortSet};

use crate::answer::Reach;
use crate::guards::layer_accepts;
use crate::index::Index;
use crate::path::{Check, End, Path, Place, Step};

/// What becomes of flows along one path. All sets are in terms of the flows as they were sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Folded {
    /// What arrives at the path's end.
    pub(crate) arrived: Bounds<FlowSet>,
    /// What arrives, as it arrives (after the port was rewritten).
    pub(crate) arrived_as: Bounds<FlowSet>,
    /// What certainly ends on the way.
    pub(crate) stops: Vec<Stop>,
    /// Whether a Box lies on the way.
    pub(crate) boxed: Option<(Place, Name)>,
    undo: Vec<Before>,
}

/// The flows before a port was rewritten, to undo it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Before {
    Destination(FlowSet),
    Source(FlowSet),
}

/// Flows that end on the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stop {
    pub(crate) flows: FlowSet,
    pub(crate) disposition: Disposition,
    pub(crate) at: Place,
    /// The position of the step that stops them.
    pub(crate) step: usize,
    pub(crate) why: Name,
}

/// Guards that a reply need not ask: stateful ones that saw the connection being opened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asking<'a> {
    /// Every guard is asked.
    All,
    /// A reply: stateful guards of these places let it pass. Stateful guards of other places see
    /// one direction only: what their rules accept passes perhaps.
    Reply(&'a [Place]),
}

impl Folded {
    /// The flows as sent that arrive as `flows`.
    pub(crate) fn as_sent(&self, flows: &FlowSet) -> FlowSet {
        undo(&self.undo, flows)
    }
}

fn undo(translations: &[Before], flows: &FlowSet) -> FlowSet {
    translations.iter().rev().fold(flows.clone(), |after, before| match before {
        Before::Destination(before) => before.intersection(&after.any_destination()),
        Before::Source(before) => before.intersection(&after.any_source()),
    })
}

/// Follows flows along a path.
pub(crate) fn fold(reach: &Reach<'_>, path: &Path, flows: &FlowSet, asking: Asking<'_>) -> Folded {
    let mut state = Folding {
        network: reach.network,
        index: &reach.index,
        asking,
        current: Bounds::exact(flows.clone()),
        undo: Vec::new(),
        stops: Vec::new(),
        boxed: None,
    };
    for (position, step) in path.steps.iter().enumerate() {
        if state.current.possible.is_empty() {
            break;
        }
        state.step(position, step, path);
    }
    state.finish(path)
}

struct Folding<'a> {
    network: &'a Network,
    index: &'a Index,
    asking: Asking<'a>,
    current: Bounds<FlowSet>,
    undo: Vec<Before>,
    stops: Vec<Stop>,
    boxed: Option<(Place, Name)>,
}

impl Folding<'_> {
    fn step(&mut self, position: usize, step: &Step, path: &Path) {
        match step {
            Step::At(_) | Step::Route { .. } | Step::Source { .. } | Step::Destination { .. } => {}
            Step::Select(flows) => {
                self.current.sure = self.current.sure.intersection(flows);
                self.current.possible = self.current.possible.intersection(flows);
            }
            Step::Carry { at, flows } => {
                let accepted = Bounds::exact(flows.clone());
                let why = Name::from("the gateway does not carry this protocol");
                self.narrow(position, &accepted, Disposition::DeniedIn, *at, &why);
            }
            Step::Port(port) => {
                self.undo.push(Before::Destination(self.current.possible.clone()));
                self.current.sure = self.current.sure.with_destination_port(*port);
                self.current.possible = self.current.possible.with_destination_port(*port);
            }
            Step::SourcePort(port) => {
                self.undo.push(Before::Source(self.current.possible.clone()));
                let ports = PortSet::single(*port);
                self.current.sure = self.current.sure.with_source_ports(&ports);
                self.current.possible = self.current.possible.with_source_ports(&ports);
            }
            Step::Switch { at, text } | Step::Box { at, text } => {
                self.current.sure = FlowSet::none();
                self.boxed.get_or_insert((*at, text.clone()));
            }
            Step::Guards(check) => self.guards(position, check, path),
        }
    }

    fn guards(&mut self, position: usize, check: &Check, path: &Path) {
        let disposition = if is_own_guard(path, position) {
            Disposition::DeniedOut
        } else {
            Disposition::DeniedIn
        };
        for layer in &check.layers {
            if self.index.is_transparent(*layer) {
                continue;
            }
            let stateful = self.network.layers[*layer]
                .guards
                .iter()
                .all(|guard| self.network.guards[*guard].stateful);
            if let Asking::Reply(opened) = self.asking
                && stateful
            {
                if opened.contains(&check.place) {
                    continue;
                }
                // It sees one direction only: whether its rules are asked or it drops what no
                // connection expects is its own affair.
                self.current.sure = FlowSet::none();
            }
            let accepted = layer_accepts(
                self.network,
                *layer,
                check.direction,
                check.seen,
                &self.current.possible,
            );
            let why = Name::from("no rule accepts it");
            self.narrow(position, &accepted, disposition, check.place, &why);
        }
    }

    /// Keeps what is accepted; what is certainly not ends here.
    fn narrow(
        &mut self,
        step: usize,
        accepted: &Bounds<FlowSet>,
        disposition: Disposition,
        at: Place,
        why: &Name,
    ) {
        let denied = self.current.possible.difference(&accepted.possible);
        if !denied.is_empty() {
            let flows = undo(&self.undo, &denied);
            self.stops.push(Stop { flows, disposition, at, step, why: why.clone() });
        }
        self.current.sure = self.current.sure.intersection(&accepted.sure);
        self.current.possible = self.current.possible.intersection(&accepted.possible);
    }

    fn finish(mut self, path: &Path) -> Folded {
        if let End::Stopped { disposition, at, why } = &path.end
            && !self.current.possible.is_empty()
        {
            let flows = undo(&self.undo, &self.current.possible);
            let step = path.steps.len();
            let stop = Stop { flows, disposition: *disposition, at: *at, step, why: why.clone() };
            self.stops.push(stop);
            self.current = Bounds::exact(FlowSet::none());
        }
        if matches!(path.end, End::Unknown { .. }) {
            self.current.sure = FlowSet::none();
        }
        Folded {
            arrived: Bounds {
                sure: undo(&self.undo, &self.current.sure),
                possible: undo(&self.undo, &self.current.possible),
            },
            arrived_as: self.current,
            stops: self.stops,
            boxed: self.boxed,
            undo: self.undo,
        }
    }
}

/// Whether the guards at a step are the source's own: its endpoint's or its subnet's, going out,
/// before the packet is anywhere else.
fn is_own_guard(path: &Path, position: usize) -> bool {
    let before = path.steps.get(..position).unwrap_or_default();
    let mut places = before.iter().filter_map(|step| match step {
        Step::At(place) => Some(*place),
        Step::Route { .. }
        | Step::Guards(_)
        | Step::Source { .. }
        | Step::Destination { .. }
        | Step::Select(_)
        | Step::Carry { .. }
        | Step::Port(_)
        | Step::SourcePort(_)
        | Step::Switch { .. }
        | Step::Box { .. } => None,
    });
    let outgoing = matches!(
        path.steps.get(position),
        Some(Step::Guards(check)) if check.direction == watertight_model::network::Direction::Egress
    );
    let own = matches!(
        (places.next(), places.next(), places.next()),
        (Some(Place::Endpoint(_)), None | Some(Place::Subnet(_)), None)
            | (Some(Place::Subnet(_)), None, None)
    );
    outgoing && own
}
