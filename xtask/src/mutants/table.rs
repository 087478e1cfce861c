//! The mutants, by family.

use super::{Edit, Mutant};

const ACLS: &str = "crates/providers/aws/src/acls.rs";
const FLOWS: &str = "crates/providers/aws/src/flows.rs";
const ROUTES: &str = "crates/providers/aws/src/routes.rs";
const GUARDS: &str = "crates/reach/src/guards.rs";
const WALK: &str = "crates/reach/src/walk.rs";
const WALK_FRONT: &str = "crates/reach/src/walk/front.rs";
const WALK_GATEWAY: &str = "crates/reach/src/walk/gateway.rs";
const WALK_INBOUND: &str = "crates/reach/src/walk/inbound.rs";
const WALK_ROUTE: &str = "crates/reach/src/walk/route.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        family: "ACL: order of entries",
        fault: "the highest number decides",
        edits: &[Edit {
            file: ACLS,
            before: "entries.sort_by_key(|(number, _)| *number);",
            after: "entries.sort_by_key(|(number, _)| -*number);",
        }],
    },
    Mutant {
        family: "ACL: what no entry matches",
        fault: "the last entry is left out and the rest passes",
        edits: &[
            Edit {
                file: ACLS,
                before: "let number = context.fields.keep(entry.req_i64(\"RuleNumber\"));",
                after: "let number = context.fields.keep(entry.req_i64(\"RuleNumber\"))\n\
                        .filter(|number| *number < LAST_NUMBER);",
            },
            Edit {
                file: ACLS,
                before: "            StageDefault::Deny\n",
                after: "            StageDefault::Accept\n",
            },
        ],
    },
    Mutant {
        family: "ACL: not within a subnet",
        fault: "packets within a subnet meet its ACL",
        edits: &[Edit {
            file: WALK,
            before: "            return self.arrive_in(packet, id);\n        }\n        \
                     let Some(table) = subnet.table else {",
            after: "            return self.enter_subnet(packet, id);\n        }\n        \
                    let Some(table) = subnet.table else {",
        }],
    },
    Mutant {
        family: "ACL: replies",
        fault: "ACLs are stateful",
        edits: &[Edit { file: ACLS, before: "stateful: false,", after: "stateful: true," }],
    },
    Mutant {
        family: "ICMP: type",
        fault: "the type does not count",
        edits: &[Edit {
            file: FLOWS,
            before: "FlowSet::icmp(protocol, bytes(of_type), bytes(code))",
            after: "FlowSet::icmp(protocol, ByteSet::full(), bytes(code))",
        }],
    },
    Mutant {
        family: "ICMP: code",
        fault: "the code does not count",
        edits: &[Edit {
            file: FLOWS,
            before: "FlowSet::icmp(protocol, bytes(of_type), bytes(code))",
            after: "FlowSet::icmp(protocol, bytes(of_type), ByteSet::full())",
        }],
    },
    Mutant {
        family: "security groups: union",
        fault: "only the first group of an interface counts",
        edits: &[Edit {
            file: GUARDS,
            before: "    for guard in &network.layers[layer].guards {\n        \
                     let content = &network.guards[*guard];\n        \
                     let stages = content.stages(direction);",
            after: "    for guard in network.layers[layer].guards.iter().take(1) {\n        \
                    let content = &network.guards[*guard];\n        \
                    let stages = content.stages(direction);",
        }],
    },
    Mutant {
        family: "security groups: default",
        fault: "what no rule matches is accepted",
        edits: &[Edit {
            file: "crates/providers/aws/src/security_groups.rs",
            before: "unknown.unwrap_or(StageDefault::Deny)",
            after: "unknown.unwrap_or(StageDefault::Accept)",
        }],
    },
    Mutant {
        family: "references: private addresses only",
        fault: "a reference holds for a packet that went to a public address",
        edits: &[
            Edit {
                file: WALK_GATEWAY,
                before: "    packet.sender = None;\n    packet.references_in = false;\n    \
                         packet.references_out = false;\n",
                after: "",
            },
            Edit {
                file: WALK_INBOUND,
                before: "        packet.sender = None;\n        packet.references_in = false;\n        \
                         packet.references_out = false;\n",
                after: "",
            },
        ],
    },
    Mutant {
        family: "references: peering in one region",
        fault: "references hold over every peering",
        edits: &[Edit {
            file: "crates/providers/aws/src/gateways.rs",
            before: "[Some(one), Some(other)] => one == other,",
            after: "[Some(_), Some(_)] => true,",
        }],
    },
    Mutant {
        family: "references: transit inbound only",
        fault: "egress rules by reference hold over a transit gateway",
        edits: &[Edit {
            file: WALK_ROUTE,
            before: "        packet.references_out = false;\n        packet.references_in &=",
            after: "        packet.references_in &=",
        }],
    },
    Mutant {
        family: "references: what a front sends on",
        fault: "the client's way decides whether rules of a front match by reference",
        edits: &[Edit {
            file: "crates/reach/src/walk/front.rs",
            before: "        packet.references_out = true;\n        match &target.end {",
            after: "        match &target.end {",
        }],
    },
    Mutant {
        family: "routes: longest prefix",
        fault: "the shortest prefix decides",
        edits: &[Edit {
            file: "crates/reach/src/index.rs",
            before: "(std::cmp::Reverse(route.destination.len()), route.rank, *index)",
            after: "(route.destination.len(), route.rank, *index)",
        }],
    },
    Mutant {
        family: "routes: static before propagated",
        fault: "propagated routes decide, in tables of VPCs and of transit gateways",
        edits: &[
            Edit { file: ROUTES, before: "const STATIC: u8 = 0;", after: "const STATIC: u8 = 3;" },
            Edit {
                file: "crates/providers/aws/src/transit/routes.rs",
                before: "const STATIC: u8 = 0;",
                after: "const STATIC: u8 = 3;",
            },
        ],
    },
    Mutant {
        family: "routes: blackhole",
        fault: "a route in state blackhole forwards",
        edits: &[Edit {
            file: ROUTES,
            before: "        Some(\"active\") | None => {}\n        Some(\"blackhole\") =>",
            after: "        Some(\"active\" | \"blackhole\") | None => {}\n        Some(\"\") =>",
        }],
    },
    Mutant {
        family: "routes: main table",
        fault: "a table of the VPC serves subnets without an association, main or not",
        edits: &[Edit {
            file: ROUTES,
            before: "if context.fields.flag(association, \"Main\") == Some(true) {",
            after: "if context.fields.flag(association, \"Main\").is_some() {",
        }],
    },
    Mutant {
        family: "local delivery: no subnet",
        fault: "an address of no subnet counts as one that nobody has",
        edits: &[Edit {
            file: WALK,
            before: "Disposition::NullRouted,\n                Place::Realm(realm),",
            after: "Disposition::NeighborUnreachable,\n                Place::Realm(realm),",
        }],
    },
    Mutant {
        family: "internet gateway: public address",
        fault: "what has no public address leaves with its private one",
        edits: &[Edit {
            file: WALK_GATEWAY,
            before: "Some((source, self.public_of(context.realm, source)?))",
            after: "Some((source, self.public_of(context.realm, source).unwrap_or(source)))",
        }],
    },
    Mutant {
        family: "NAT: protocols",
        fault: "ICMP does not pass",
        edits: &[Edit {
            file: "crates/providers/aws/src/nat.rs",
            before: "[Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6]",
            after: "[Protocol::TCP, Protocol::UDP]",
        }],
    },
    Mutant {
        family: "NAT: for transit",
        fault: "what came over a transit gateway is not translated",
        edits: &[Edit {
            file: "crates/providers/aws/src/nat.rs",
            before: "admits_transit: true",
            after: "admits_transit: false",
        }],
    },
    Mutant {
        family: "peering: not transitive",
        fault: "a peering leads on to the internet",
        edits: &[Edit {
            file: WALK_GATEWAY,
            before: "return self.stop(packet, Disposition::NullRouted, Place::Realm(other), why);",
            after: "let _ = why;\n            return self.finish(packet, End::Internet);",
        }],
    },
    Mutant {
        family: "transit: zone of the attachment",
        fault: "an attachment serves zones in which it has no subnet",
        edits: &[Edit {
            file: WALK_ROUTE,
            before: "subnets.iter().copied().find(|subnet| network.subnets[*subnet].zone == *zone)",
            after: "subnets.first().copied().filter(|_| zone == zone)",
        }],
    },
    Mutant {
        family: "transit: association",
        fault: "all attachments use the table of the first",
        edits: &[Edit {
            file: WALK_ROUTE,
            before: "let Some(table) = attachment.table else {",
            after: "let mut others = network.attachments.iter().map(|(_, other)| other);\n        \
                    let own = |other: &&watertight_model::network::Attachment| \
                    other.gateway == attachment.gateway;\n        \
                    let Some(table) = others.find(own).and_then(|other| other.table) else {",
        }],
    },
    Mutant {
        family: "fronts: the target's own port",
        fault: "targets are reached at the listener's port",
        edits: &[Edit {
            file: WALK_FRONT,
            before: "packet.steps.push(Step::Port(port));",
            after: "let _ = port;",
        }],
    },
    Mutant {
        family: "fronts: client addresses",
        fault: "groups of instances do not see the client, groups of addresses do",
        edits: &[Edit {
            file: "crates/providers/aws/src/fronts/targets.rs",
            before: "\"TCP\" | \"TLS\" => !by_address,",
            after: "\"TCP\" | \"TLS\" => by_address,",
        }],
    },
    Mutant {
        family: "fronts: fail open",
        fault: "no target serves when all are unhealthy",
        edits: &[Edit {
            file: WALK_FRONT,
            before: "if healthy.is_empty() { all } else { healthy }",
            after: "healthy",
        }],
    },
    Mutant {
        family: "source and destination check",
        fault: "no machine forwards",
        edits: &[Edit {
            file: "crates/providers/aws/src/interfaces.rs",
            before: "_ if checked == Some(false) => EndpointRole::Forwarder,",
            after: "_ if checked == Some(false) => EndpointRole::Host,",
        }],
    },
    Mutant {
        family: "Block Public Access",
        fault: "the mode that blocks what comes in blocks nothing",
        edits: &[Edit {
            file: "crates/providers/aws/src/public_access.rs",
            before: "Some(\"block-ingress\") => Mode::Ingress,",
            after: "Some(\"block-ingress\") => Mode::Off,",
        }],
    },
    Mutant {
        family: "edge tables",
        fault: "what comes in by a gateway is delivered past its table",
        edits: &[Edit {
            file: WALK_INBOUND,
            before: "self.route(packet, Context { realm, subnet: None, table, checked: true });",
            after: "let _ = table;\n                self.deliver_locally(packet, realm);",
        }],
    },
    Mutant {
        family: "egress-only gateways",
        fault: "replies find no session",
        edits: &[Edit {
            file: WALK_GATEWAY,
            before: "        packet.sessions.push(Session::EgressOnly(context.realm));\n",
            after: "",
        }],
    },
];
