//! Coverage and layers: which guards decide each pair, which pairs none, and which denials hang on
//! one layer alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{Direction, LayerId};
use watertight_net::{Family, FlowSet};

use crate::answer::Reach;
use crate::classes::Class;
use crate::fold::{Asking, fold};
use crate::guards::layer_accepts;
use crate::matrix::{ClassIndex, Matrix};
use crate::path::{End, Path, Place, Start, Step};

/// One layer of guards on the way of a pair, asked by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DecidingLayer {
    /// Where.
    pub place: Place,
    /// In which direction.
    pub direction: Direction,
    /// The layer.
    pub layer: LayerId,
    /// What it accepts of everything, were it alone.
    pub accepts: FlowSet,
}

/// What decides one pair of classes over one way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Who sends.
    pub from: ClassIndex,
    /// Who receives.
    pub to: ClassIndex,
    /// What arrives, at most.
    pub arrives: FlowSet,
    /// The layers on the way that refuse anything, in the order in which they are met.
    pub deciding: Vec<DecidingLayer>,
    /// How many layers are on the way in all.
    pub layers: usize,
}

impl Surveyed {
    /// Whether nothing on the way refuses anything.
    pub fn is_ungoverned(&self) -> bool {
        self.deciding.is_empty()
    }

    /// For flows that do not arrive: the layers each of which, alone, refuses some of them.
    pub fn refusing(&self, flows: &FlowSet) -> Vec<&DecidingLayer> {
        self.deciding.iter().filter(|layer| !layer.accepts.contains(flows)).collect()
    }
}

impl Reach<'_> {
    /// Surveys every pair of classes that routes connect.
    ///
    /// Pairs that no route connects are left out: nothing has to decide them.
    pub fn survey(&self, matrix: &Matrix) -> Vec<Surveyed> {
        let mut found: BTreeMap<(ClassIndex, ClassIndex), Vec<Surveyed>> = BTreeMap::new();
        let mut add = |from, to, start: &Start, address| {
            for path in self.walker().paths(start, address) {
                let Some(surveyed) = self.survey_path(from, to, &path) else { continue };
                let known = found.entry((from, to)).or_default();
                if !known.contains(&surveyed) {
                    known.push(surveyed);
                }
            }
        };
        let blocks = self.blocks(&matrix.classes);
        self.for_each_pair(&blocks, false, |source, target| {
            add(source.class, target.class, &source.start, target.address);
        });
        for (index, class) in matrix.classes.iter().enumerate() {
            let several = matches!(class, Class::Endpoints(members) if members.len() > 1);
            if !several {
                continue;
            }
            let addresses = self.class_addresses(class, true);
            for start in self.class_starts(class) {
                for address in &addresses {
                    if start.source().map(Family::of) == Some(Family::of(*address)) {
                        add(index, index, &start, *address);
                    }
                }
            }
        }
        found.into_values().flatten().collect()
    }

    /// Every start of a class: those of its first member.
    pub(crate) fn class_starts(&self, class: &Class) -> Vec<Start> {
        match class {
            Class::Endpoints(members) => {
                members.first().map(|id| self.starts_of(*id)).unwrap_or_default()
            }
            Class::Internet(atom) => vec![Start::Internet { address: atom.representative }],
            Class::Outside(by, atom) => {
                vec![Start::Outside { by: *by, address: atom.representative }]
            }
        }
    }

    /// The addresses at which a class is reached: of a second member from within the class.
    pub(crate) fn class_addresses(&self, class: &Class, within: bool) -> Vec<IpAddr> {
        match class {
            Class::Endpoints(members) => {
                let member = members.get(usize::from(within));
                member.map(|endpoint| self.addresses_of(*endpoint)).unwrap_or_default()
            }
            Class::Internet(atom) | Class::Outside(_, atom) => vec![atom.representative],
        }
    }

    fn survey_path(&self, from: ClassIndex, to: ClassIndex, path: &Path) -> Option<Surveyed> {
        match path.end {
            End::Delivered(_) | End::Internet | End::Outside(_) => {}
            End::Platform(_) | End::Stopped { .. } | End::Unknown { .. } => return None,
        }
        let all = FlowSet::all();
        let arrives = fold(self, path, &all, Asking::All).arrived.possible;
        let mut deciding = Vec::new();
        let mut layers: BTreeSet<(Place, Direction, LayerId)> = BTreeSet::new();
        for step in &path.steps {
            let Step::Guards(check) = step else { continue };
            for layer in &check.layers {
                layers.insert((check.place, check.direction, *layer));
                let accepts =
                    layer_accepts(self.network, *layer, check.direction, check.seen, &all).possible;
                if !accepts.is_all() {
                    deciding.push(DecidingLayer {
                        place: check.place,
                        direction: check.direction,
                        layer: *layer,
                        accepts,
                    });
                }
            }
        }
        Some(Surveyed { from, to, arrives, deciding, layers: layers.len() })
    }
}
