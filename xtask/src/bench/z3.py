"""One z3 query for each pair of interfaces, straight from AWS bodies.

Usage: z3_pairs.py BODIES ANSWERS

Encodes what a generated estate holds: security groups with references, network ACLs, route tables
with the longest prefix, one transit gateway with its routes. A packet goes from private address to
private address, IPv4 or IPv6. Anything else that a body could say is refused, not guessed.

ANSWERS has a line for each pair that another engine lets connect: from, to, flows. Asking whether a
pair connects at all is timed. Whether the two sets of flows are equal is a second question, which is
not.
"""

import ipaddress
import json
import pathlib
import sys
import time

import z3

WIDTH = {4: 32, 6: 128}
SOURCE = {version: z3.BitVec(f"source{version}", width) for version, width in WIDTH.items()}
DESTINATION = {version: z3.BitVec(f"destination{version}", width) for version, width in WIDTH.items()}
PROTOCOL = z3.BitVec("protocol", 8)
SOURCE_PORT = z3.BitVec("source_port", 16)
DESTINATION_PORT = z3.BitVec("destination_port", 16)
NUMBERS = {"tcp": 6, "udp": 17}


def load(folder):
    """All bodies by their key; routes of a transit gateway under a key of their own."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*.json")):
        for key, values in json.loads(path.read_text()).items():
            if path.name.startswith("search-transit-gateway-routes"):
                key = "TransitGatewayRoutes"
            found.setdefault(key, []).extend(values)
    return found


def either(terms):
    terms = list(terms)
    return z3.Or(terms) if terms else z3.BoolVal(False)


def within(address, prefix):
    """Whether an address lies in a prefix: its first bits are the prefix's."""
    width = WIDTH[prefix.version]
    if prefix.prefixlen == 0:
        return z3.BoolVal(True)
    low = width - prefix.prefixlen
    return z3.Extract(width - 1, low, address) == (int(prefix.network_address) >> low)


def between(port, first, last):
    return z3.And(z3.UGE(port, first), z3.ULE(port, last))


def rule_flows(name, first, last):
    """Protocol and destination ports of a rule."""
    if name == "-1":
        return z3.BoolVal(True)
    return z3.And(PROTOCOL == NUMBERS[name], between(DESTINATION_PORT, first, last))


def list_of(text, port):
    items = []
    for item in text.split(","):
        first, _, last = item.partition("-")
        items.append(between(port, int(first), int(last or first)))
    return either(items)


def flows_of(text):
    """A set of flows in its text form."""
    if text.startswith("all except "):
        return z3.Not(flows_of(text.removeprefix("all except ")))
    terms = []
    for term in text.split("; "):
        if term in ("all", "none"):
            terms.append(z3.BoolVal(term == "all"))
            continue
        head, _, sources = term.partition(" from ")
        name, _, destinations = head.partition("/")
        parts = [PROTOCOL == NUMBERS[name]]
        if destinations:
            parts.append(list_of(destinations, DESTINATION_PORT))
        if sources:
            parts.append(list_of(sources, SOURCE_PORT))
        terms.append(z3.And(parts))
    return either(terms)


class Estate:
    def __init__(self, bodies):
        self.bodies = bodies
        self.interfaces = bodies["NetworkInterfaces"]
        self.groups = {group["GroupId"]: group for group in bodies["SecurityGroups"]}
        self.subnets = {subnet["SubnetId"]: subnet for subnet in bodies["Subnets"]}
        self.acls = {
            association["SubnetId"]: acl
            for acl in bodies["NetworkAcls"]
            for association in acl["Associations"]
        }
        self.tables, self.main = {}, {}
        for table in bodies["RouteTables"]:
            for association in table["Associations"]:
                if association["Main"]:
                    self.main[table["VpcId"]] = table
                else:
                    self.tables[association["SubnetId"]] = table
        self.attached = {
            attachment["TransitGatewayAttachmentId"]: attachment["VpcId"]
            for attachment in bodies["TransitGatewayVpcAttachments"]
        }
        self.members = {}
        for interface in self.interfaces:
            for group in interface["Groups"]:
                self.members.setdefault(group["GroupId"], []).append(interface)
        self.made = {}

    @staticmethod
    def addresses(interface, version):
        if version == 4:
            texts = [entry["PrivateIpAddress"] for entry in interface["PrivateIpAddresses"]]
        else:
            texts = [entry["Ipv6Address"] for entry in interface["Ipv6Addresses"]]
        return [ipaddress.ip_address(text) for text in texts]

    def once(self, key, make):
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def groups_accept(self, interface, side, address, version):
        """Any rule of any group; replies do not matter here."""
        def make():
            terms = []
            for entry in interface["Groups"]:
                for permission in self.groups[entry["GroupId"]][side]:
                    terms.append(self.permission(permission, address, version))
            return either(terms)
        ids = tuple(entry["GroupId"] for entry in interface["Groups"])
        return self.once((ids, side, version), make)

    def permission(self, permission, address, version):
        if permission["PrefixListIds"]:
            raise ValueError("prefix lists are not encoded")
        ranges = [entry["CidrIp"] for entry in permission["IpRanges"]]
        ranges += [entry["CidrIpv6"] for entry in permission["Ipv6Ranges"]]
        prefixes = [ipaddress.ip_network(text) for text in ranges]
        peers = [within(address, prefix) for prefix in prefixes if prefix.version == version]
        for pair in permission["UserIdGroupPairs"]:
            for member in self.members.get(pair["GroupId"], []):
                peers += [address == int(own) for own in self.addresses(member, version)]
        first, last = permission.get("FromPort"), permission.get("ToPort")
        return z3.And(rule_flows(permission["IpProtocol"], first, last), either(peers))

    def acl_accepts(self, subnet, egress, address, version):
        """The lowest number decides."""
        def make():
            accepted = z3.BoolVal(False)
            entries = [entry for entry in self.acls[subnet]["Entries"] if entry["Egress"] == egress]
            for entry in sorted(entries, key=lambda entry: -entry["RuleNumber"]):
                prefix = ipaddress.ip_network(entry.get("CidrBlock") or entry["Ipv6CidrBlock"])
                if prefix.version != version:
                    continue
                ports = entry.get("PortRange", {})
                flows = rule_flows(entry["Protocol"], ports.get("From"), ports.get("To"))
                allows = z3.BoolVal(entry["RuleAction"] == "allow")
                accepted = z3.If(z3.And(flows, within(address, prefix)), allows, accepted)
            return accepted
        return self.once((self.acls[subnet]["NetworkAclId"], egress, version), make)

    def routed(self, subnet, to, version):
        """Whether the longest prefix of a subnet's table leads into a VPC."""
        vpc = self.subnets[subnet]["VpcId"]
        table = self.tables.get(subnet) or self.main[vpc]
        key = ("routes", table["RouteTableId"], to, version)
        return self.once(key, lambda: self.table_leads(table, vpc, to, version))

    def table_leads(self, table, vpc, to, version):
        routes = []
        for route in table["Routes"]:
            text = route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]
            prefix = ipaddress.ip_network(text)
            if prefix.version != version:
                continue
            if route.get("GatewayId") == "local":
                leads = z3.BoolVal(vpc == to)
            elif "TransitGatewayId" in route:
                leads = self.transit_leads(to, version)
            elif route.get("GatewayId", "").startswith("igw-"):
                # No private address is beyond an internet gateway.
                leads = z3.BoolVal(False)
            else:
                raise ValueError(f"a route that is not encoded: {route}")
            routes.append((prefix, leads))
        return longest(routes, version)

    def transit_leads(self, to, version):
        routes = []
        for route in self.bodies["TransitGatewayRoutes"]:
            prefix = ipaddress.ip_network(route["DestinationCidrBlock"])
            attachment = route["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"]
            if prefix.version == version:
                routes.append((prefix, z3.BoolVal(self.attached[attachment] == to)))
        return longest(routes, version)

    def connects(self, source, destination, version):
        """The whole way of one family; none where an end has no address of it."""
        terms = []
        for own in self.addresses(source, version):
            for other in self.addresses(destination, version):
                leaves, enters = source["SubnetId"], destination["SubnetId"]
                parts = [
                    SOURCE[version] == int(own),
                    DESTINATION[version] == int(other),
                    self.groups_accept(source, "IpPermissionsEgress", DESTINATION[version], version),
                    self.groups_accept(destination, "IpPermissions", SOURCE[version], version),
                ]
                if leaves != enters:
                    parts.append(self.acl_accepts(leaves, True, DESTINATION[version], version))
                    parts.append(self.acl_accepts(enters, False, SOURCE[version], version))
                    parts.append(self.routed(leaves, destination["VpcId"], version))
                terms.append(z3.And(parts))
        return either(terms)


def longest(routes, version):
    leads = z3.BoolVal(False)
    for prefix, hop in sorted(routes, key=lambda route: route[0].prefixlen):
        leads = z3.If(within(DESTINATION[version], prefix), hop, leads)
    return leads


def main():
    estate = Estate(load(sys.argv[1]))
    answers = {}
    for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
        source, destination, text = line.split("\t")
        answers[source, destination] = text
    solver = z3.Solver()
    pairs, spent, agreeing, differences = 0, 0.0, 0, []
    for source in estate.interfaces:
        for destination in estate.interfaces:
            if source is destination:
                continue
            pairs += 1
            start = time.perf_counter()
            families = [estate.connects(source, destination, version) for version in (4, 6)]
            solver.push()
            solver.add(z3.Or(families))
            connects = solver.check() == z3.sat
            solver.pop()
            spent += time.perf_counter() - start
            names = source["NetworkInterfaceId"], destination["NetworkInterfaceId"]
            text = answers.get(names, "none")
            if text == "unknown":
                differences.append(f"{names[0]} to {names[1]}: unknown")
            elif connects != (text != "none") or not equal(solver, families, text):
                differences.append(f"{names[0]} to {names[1]}: {text}, z3 says connects: {connects}")
            else:
                agreeing += 1
    print(json.dumps({
        "version": z3.get_version_string(), "pairs": pairs, "seconds": spent,
        "agreeing": agreeing, "differences": differences,
    }))


def equal(solver, families, text):
    """Whether z3's flows of a pair, over either family, are those of the text.

    The addresses of a pair are fixed, so each family's formula leaves nothing but flows once they
    are put in.
    """
    flows = z3.Or([fixed(family) for family in families])
    solver.push()
    solver.add(z3.Xor(flows, flows_of(text)))
    same = solver.check() == z3.unsat
    solver.pop()
    return same


def fixed(family):
    """A family's formula with its addresses put in."""
    if z3.is_false(family):
        return family
    terms = []
    for term in family.children():
        addresses = [(part.arg(0), part.arg(1)) for part in term.children()[:2]]
        terms.append(z3.substitute(z3.And(term.children()[2:]), *addresses))
    return z3.Or(terms)


if __name__ == "__main__":
    main()
