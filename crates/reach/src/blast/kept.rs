//! How much every workload reaches, kept to be found again after a change.

use std::collections::BTreeSet;

use watertight_model::{Bounds, Estate, WorkloadId};

use super::nodes::{Bound, Legs, Making, Nodes};
use super::spread::{Size, spread};
use super::{BlastSize, legs_between, nodes_and_legs, opening, sizes};
use crate::exposure::FrontLeg;
use crate::matrix::{ClassIndex, Matrix, Touched};

/// How much every workload reaches, and what that was found from.
#[derive(Debug)]
pub(crate) struct KeptBlasts {
    nodes: Nodes,
    making: Making,
    legs: Legs,
    fronts: BTreeSet<WorkloadId>,
    of_nodes: Bounds<Vec<Size>>,
    every: Vec<BlastSize>,
}

impl KeptBlasts {
    /// Of an estate as it is.
    pub(crate) fn new(estate: &Estate, matrix: &Matrix, opened: &[FrontLeg]) -> Self {
        let (mut nodes, legs) = nodes_and_legs(estate, matrix, opened);
        let making = nodes.connect_kept(matrix, &legs);
        let possible = spread(&nodes, Bound::Possible);
        let sure = if nodes.are_exact() { possible.clone() } else { spread(&nodes, Bound::Sure) };
        let of_nodes = Bounds { sure, possible };
        let every = sizes(estate, &nodes, &of_nodes);
        let fronts = opening(estate, opened);
        Self { nodes, making, legs, fronts, of_nodes, every }
    }

    /// How much every workload reaches, in the order of workloads.
    pub(crate) fn every(&self) -> &[BlastSize] {
        &self.every
    }

    /// How many sets of senders are kept: changes add to them.
    pub(crate) fn size(&self) -> usize {
        self.making.len()
    }

    /// The same after a change of rules.
    pub(crate) fn renewed(
        mut self,
        estate: &Estate,
        matrix: &Matrix,
        opened: &[FrontLeg],
        touched: &Touched,
    ) -> Self {
        let legs = legs_between(estate, &self.nodes, opened);
        if opening(estate, opened) != self.fronts {
            return Self::new(estate, matrix, opened);
        }
        self.making.forget(matrix, &touched.columns);
        let differs = if legs == self.legs {
            let is_touched = |class: &ClassIndex| touched.classes.contains(class);
            self.nodes.connect_some(&mut self.making, matrix, &legs, |classes| {
                classes.iter().any(is_touched)
            })
        } else {
            self.nodes.connect_some(&mut self.making, matrix, &legs, |_| true)
        };
        self.legs = legs;
        if differs.possible {
            self.of_nodes.possible = spread(&self.nodes, Bound::Possible);
        }
        if self.nodes.are_exact() {
            self.of_nodes.sure.clone_from(&self.of_nodes.possible);
        } else if differs.sure {
            self.of_nodes.sure = spread(&self.nodes, Bound::Sure);
        }
        if differs.sure || differs.possible {
            self.every = sizes(estate, &self.nodes, &self.of_nodes);
        }
        self
    }
}
