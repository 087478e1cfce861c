//! What fronts that keep their clients' addresses are sent, and what they hand on: guards at the front see
//! both, though no leg ends there.

use watertight_model::network::EndpointId;
use watertight_net::{AddressSet, FlowSet};

use super::{Refusal, Wanted, Work};
use crate::identity::Identity;
use crate::intent::Allowed;
use crate::outside;
use crate::via::Via;

impl Work<'_, '_> {
    /// What members send to such fronts, and what those that are attachments of one are sent and hand on.
    pub(super) fn add_vias(
        &self,
        identity: &Identity,
        ingress: bool,
        wanted: &mut Wanted,
    ) -> Result<(), Refusal> {
        for via in &self.of.vias.list {
            if !ingress {
                self.add_dialled(via, identity, wanted)?;
            }
            if !via.attachments.iter().any(|id| identity.members.contains(id)) {
                continue;
            }
            for (piece, clients) in self.clients(via, identity, wanted)? {
                if ingress {
                    wanted.add(&piece, &via.kept(&clients));
                    continue;
                }
                let handed = self.of.plane.pieces(&via.forwarded(&piece));
                wanted.left = wanted.left.union(&handed.left);
                for piece in handed.written {
                    wanted.add(&piece, &via.kept(&self.seen(identity, via.target)));
                }
            }
        }
        Ok(())
    }

    /// What members send to the front.
    fn add_dialled(
        &self,
        via: &Via,
        identity: &Identity,
        wanted: &mut Wanted,
    ) -> Result<(), Refusal> {
        let target = self.intent.kind_of(via.target);
        for own in &identity.kinds {
            let allowed = self.intent.between(*own, target);
            for piece in self.dialled(via, &allowed, identity, wanted)? {
                for front in &via.attachments {
                    wanted.add(&piece, &via.kept(&self.seen(identity, *front)));
                }
            }
        }
        Ok(())
    }

    /// What clients send to the front so that its target gets what is allowed, with their addresses.
    fn clients(
        &self,
        via: &Via,
        identity: &Identity,
        wanted: &mut Wanted,
    ) -> Result<Vec<(FlowSet, AddressSet)>, Refusal> {
        let mut found = Vec::new();
        let target = self.intent.kind_of(via.target);
        let has_way = |client: &EndpointId| {
            let cell = self.of.matrix.between(*client, via.target);
            cell.is_some_and(|cell| !cell.forward.possible.is_empty())
        };
        for client in self.intent.estate().network.endpoints.ids().filter(has_way) {
            let allowed = self.intent.between(self.intent.kind_of(client), target);
            for piece in self.dialled(via, &allowed, identity, wanted)? {
                found.push((piece, self.seen(identity, client)));
            }
        }
        let own = self.intent.end(via.target);
        for part in self.of.parts {
            let allowed = outside::ask(self.intent, &own, part, true);
            for piece in self.dialled(via, &allowed, identity, wanted)? {
                found.push((piece, part.addresses.clone()));
            }
        }
        Ok(found)
    }

    fn dialled(
        &self,
        via: &Via,
        allowed: &Allowed,
        identity: &Identity,
        wanted: &mut Wanted,
    ) -> Result<Vec<FlowSet>, Refusal> {
        let written = self.intent.written(allowed, identity.is_strict)?;
        let pieces = self.of.plane.pieces(&via.dialled(&written));
        wanted.left = wanted.left.union(&pieces.left);
        Ok(pieces.written)
    }
}
