//! What every endpoint reaches past every guard.

use watertight_net::{FlowSet, PortSet};

/// What a resolver answers to: DNS over UDP and TCP.
pub(crate) fn resolver_flows() -> FlowSet {
    let dns = PortSet::single(53);
    FlowSet::udp(dns.clone()).union(&FlowSet::tcp(dns))
}
