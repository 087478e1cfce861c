//! FlowSet algebra, prefixes, ports, protocols.
