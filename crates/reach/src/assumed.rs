//! Addresses that endpoints are taken to have while one question is asked about them.

use std::net::IpAddr;

use watertight_model::network::EndpointId;
use watertight_net::Family;

/// What is taken to hold for one question beside what the network says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Assumed {
    /// Addresses of endpoints whose own the input does not tell.
    pub(crate) held: Vec<Held>,
    /// The endpoint of a service plane that is meant: gateways and attachments of its service lead
    /// to it.
    pub(crate) service: Option<EndpointId>,
}

/// The addresses that one endpoint is taken to have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Held {
    /// The endpoint.
    pub(crate) endpoint: EndpointId,
    /// Its address in its subnet.
    pub(crate) private: Option<IpAddr>,
    /// Its public address.
    pub(crate) public: Option<IpAddr>,
}

impl Assumed {
    /// The endpoint with this address in its subnet.
    pub(crate) fn with_private(&self, address: IpAddr) -> Option<EndpointId> {
        let found = self.held.iter().find(|held| held.private == Some(address));
        found.map(|held| held.endpoint)
    }

    /// The endpoint that the internet reaches at an address, with the address that this stands for.
    pub(crate) fn with_public(&self, address: IpAddr) -> Option<(EndpointId, IpAddr)> {
        let is_v6 = Family::of(address) == Family::V6;
        let found = self
            .held
            .iter()
            .find(|held| held.public == Some(address) || (is_v6 && held.private == Some(address)));
        found.map(|held| (held.endpoint, held.private.unwrap_or(address)))
    }

    /// The public address that stands for a private one.
    pub(crate) fn public_of(&self, endpoint: EndpointId, private: IpAddr) -> Option<IpAddr> {
        let own = self.held.iter().find(|held| held.endpoint == endpoint)?;
        (own.private == Some(private)).then_some(own.public).flatten()
    }

    /// Whether an endpoint is taken to have an address.
    pub(crate) fn holds(&self, endpoint: EndpointId, address: IpAddr) -> bool {
        self.held.iter().any(|held| {
            let own = held.private.or(held.public);
            held.endpoint == endpoint && own == Some(address)
        })
    }
}
