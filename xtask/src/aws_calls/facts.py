"""Writes what the published API models say about the calls of a plan, as one JSON document.

Usage: facts.py PLAN OUT. Run by `cargo xtask aws-calls` with a Python that has botocore, whose data are the models.
The document holds facts alone: names, protocols, places of members, shapes of answers. docs/adr says why.
"""

import json
import sys

import botocore
import botocore.session
from botocore import xform_name
from botocore.endpoint_provider import EndpointProvider

# The AWS CLI calls one service by another name than the models.
MODELS = {"s3api": "s3"}
# Scalars by the letter that stands for them.
SCALARS = {
    "string": "s", "character": "s", "integer": "n", "long": "n", "bigInteger": "n", "float": "f", "double": "f",
    "boolean": "b", "timestamp": "t", "blob": "x",
}

session = botocore.session.get_session()
loader = session.get_component("data_loader")
partitions = loader.load_data("partitions")
listed = loader.load_data("endpoints")


def service_of(call):
    """The service that leads the name of a call, and the operation that is left."""
    names = set(session.get_available_services()) | set(MODELS)
    fitting = [name for name in names if call.startswith(name + "-")]
    service = max(fitting, key=len)
    return service, call[len(service) + 1:]


class Shapes:
    """The shapes of the answers of one service, keyed by the names on the wire."""

    def __init__(self, protocol):
        self.is_xml = protocol in ("ec2", "query", "rest-xml")
        self.found = {}

    def type_of(self, shape):
        if shape.type_name in SCALARS:
            letter = SCALARS[shape.type_name]
            if shape.metadata.get("sensitive") or shape.serialization.get("sensitive"):
                return "S"
            if letter == "t":
                form = shape.serialization.get("timestampFormat")
                return "t" + (form[0] if form in ("unixTimestamp", "iso8601", "rfc822") else "")
            return letter
        if shape.name not in self.found:
            self.found[shape.name] = None
            self.found[shape.name] = self.describe(shape)
        return shape.name

    def describe(self, shape):
        secret = {"S": 1} if shape.metadata.get("sensitive") else {}
        if shape.type_name == "list":
            name = "item" if shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")
            flat = {"flat": 1} if shape.serialization.get("flattened") else {}
            return {"list": [name, self.type_of(shape.member)], **flat, **secret}
        if shape.type_name == "map":
            key = shape.key.serialization.get("name", "key")
            value = shape.value.serialization.get("name", "value")
            flat = {"flat": 1} if shape.serialization.get("flattened") else {}
            return {"map": [key, value, self.type_of(shape.value)], **flat, **secret}
        members = {}
        for name, member in shape.members.items():
            if member.serialization.get("location") in ("header", "headers", "statusCode"):
                continue
            wire = member.serialization.get("name", name)
            if self.is_xml and member.type_name in ("list", "map") and member.serialization.get("flattened"):
                inner = member.member if member.type_name == "list" else None
                wire = (inner is not None and inner.serialization.get("name")) or wire
            if member.serialization.get("xmlAttribute"):
                wire = "@" + wire
            kind = self.type_of(member)
            members[wire] = kind if wire == name else [name, kind]
        return {"struct": members, **secret}

    def pruned(self):
        """For JSON, only what leads to a time, a secret or another name: all else is kept as it comes."""
        if self.is_xml:
            return self.found
        wanted = set()

        def leads(kind):
            return kind == "S" or kind.startswith("t") and kind in ("t", "tu", "ti", "tr") or kind in wanted

        def renames(shape):
            return any(isinstance(kind, list) for kind in shape.get("struct", {}).values())

        def kinds(shape):
            if "list" in shape:
                return [shape["list"][1]]
            if "map" in shape:
                return [shape["map"][2]]
            return [kind if isinstance(kind, str) else kind[1] for kind in shape["struct"].values()]

        while True:
            more = {name for name, shape in self.found.items() if shape.get("S") or renames(shape) or any(map(leads, kinds(shape)))}
            if more <= wanted:
                break
            wanted |= more
        kept = {}
        for name in wanted:
            shape = dict(self.found[name])
            if "struct" in shape:
                members = shape["struct"].items()
                shape["struct"] = {wire: kind for wire, kind in members
                                   if not isinstance(kind, str) or leads(kind)}
            kept[name] = shape
        return kept


def endpoints_of(model, name):
    """For each partition the address of a region's endpoint, and what it is signed for."""
    rules = loader.load_service_model(name, "endpoint-rule-set-1", model.api_version)
    provider = EndpointProvider(rules, partitions)
    found = {}
    for partition in partitions["partitions"]:
        regions = [region for region in partition["regions"] if not region.endswith("-global")]
        by_region = {}
        for region in regions:
            given = {"Region": region, "UseDualStack": False, "UseFIPS": False}
            if name == "s3control":
                given |= {"AccountId": "123456789012", "RequiresAccountId": True}
            try:
                endpoint = provider.resolve_endpoint(**given)
            except Exception:
                continue
            scheme = (endpoint.properties.get("authSchemes") or [{}])[0]
            url = endpoint.url.replace("123456789012", "{account}").replace(region, "{region}")
            signing = scheme.get("signingRegion", region)
            by_region[region] = [url, "{region}" if signing == region else signing]
        if not by_region:
            continue
        values = list(by_region.values())
        usual = max(values, key=values.count)
        other = {region: value for region, value in by_region.items() if value != usual}
        found[partition["id"]] = {"usual": usual, **({"other": other} if other else {})}
    return found


def offered(model):
    """The regions in which the models list the service."""
    regions = set()
    for partition in listed["partitions"]:
        service = partition["services"].get(model.endpoint_prefix, {})
        regions |= set(service.get("endpoints", {}))
    return sorted(region for region in regions if not region.endswith("-global") and "fips" not in region)


def pages_of(name, model, operation):
    try:
        config = session.get_paginator_model(name).get_paginator(operation.name)
    except Exception:
        # Some calls have pages and no paginator in the models.
        members = operation.output_shape.members if operation.output_shape else {}
        lists = [one for one, shape in members.items() if shape.type_name == "list"]
        token = "NextToken"
        if token not in members or token not in operation.input_shape.members or len(lists) != 1:
            return None
        return {"input": [token], "output": [token], "results": lists}
    inputs, outputs, results = config["input_token"], config["output_token"], config["result_key"]
    each = lambda one: one if isinstance(one, list) else [one]
    pages = {"input": each(inputs), "output": each(outputs), "results": each(results)}
    if "more_results" in config:
        pages["more"] = config["more_results"]
    return pages


def input_of(operation, protocol, names):
    found = {}
    for name in names:
        member = operation.input_shape.members[name]
        wire = member.serialization.get("name", name)
        place = {"uri": "uri", "querystring": "query", "header": "header"}.get(
            member.serialization.get("location"), "body")
        if protocol == "ec2":
            wire = member.serialization.get("queryName") or wire[0].upper() + wire[1:]
        one = {"in": place, "name": wire}
        if protocol == "query" and member.type_name == "list":
            inner = member.member.serialization.get("name", "member")
            if not member.serialization.get("flattened"):
                one["name"] = f"{wire}.{inner}"
            elif member.member.serialization.get("name"):
                one["name"] = member.member.serialization["name"]
        found[name] = one
    return found


def main(plan_path, out_path):
    plan = json.load(open(plan_path))
    services, calls, shapes = {}, {}, {}
    for line in plan:
        call = line["call"]
        service, rest = service_of(call)
        name = MODELS.get(service, service)
        model = session.get_service_model(name)
        operation_name = next(one for one in model.operation_names if xform_name(one, "-") == rest)
        operation = model.operation_model(operation_name)
        protocol = model.protocol
        if protocol not in ("ec2", "query", "rest-xml", "json", "rest-json"):
            protocol = next(one for one in model.metadata["protocols"]
                            if one in ("json", "query", "rest-json", "rest-xml", "ec2"))
        if service not in services:
            entry = {
                "protocol": protocol, "version": model.api_version, "signing": model.signing_name,
                "endpoints": endpoints_of(model, name), "offered": offered(model),
            }
            if protocol == "json":
                entry["target"] = model.metadata["targetPrefix"]
                entry["json"] = str(model.metadata.get("jsonVersion", "1.0"))
            services[service] = entry
            shapes[service] = Shapes(protocol)
        pages = pages_of(name, model, operation)
        names = set(line.get("with", {})) | set(line.get("inherit", []))
        if "each" in line:
            names.add(line["each"]["as"])
        names |= set(pages["input"]) if pages else set()
        entry = {"service": service, "operation": operation_name, "input": input_of(operation, protocol, sorted(names))}
        if protocol.startswith("rest"):
            entry |= {"method": operation.http["method"], "uri": operation.http["requestUri"].split("?")[0]}
            fixed = operation.http["requestUri"].partition("?")[2]
            if fixed:
                entry["query"] = fixed
        if pages:
            entry["pages"] = pages
        output = operation.output_shape
        if output is not None:
            entry["output"] = shapes[service].type_of(output)
            if output.serialization.get("resultWrapper"):
                entry["wrapper"] = output.serialization["resultWrapper"]
            if output.serialization.get("payload"):
                member = output.members[output.serialization["payload"]]
                entry["payload"] = output.serialization["payload"]
        calls[call] = entry
    kept = {service: one.pruned() for service, one in shapes.items()}
    for entry in calls.values():
        if entry.get("output") not in kept[entry["service"]]:
            entry.pop("output", None)
    with open(out_path, "w") as out:
        out.write('{\n"models": ' + json.dumps("botocore " + botocore.__version__) + ",\n")
        for key, values, last in [("services", services, False), ("calls", calls, False), ("shapes", None, True)]:
            out.write(f'"{key}": {{\n')
            if values is not None:
                rows = [f"{json.dumps(one)}: {json.dumps(values[one], sort_keys=True)}" for one in sorted(values)]
            else:
                rows = []
                for service in sorted(kept):
                    inner = kept[service]
                    lines = [f"{json.dumps(one)}: {json.dumps(inner[one])}" for one in sorted(inner)]
                    rows.append(f"{json.dumps(service)}: {{\n" + ",\n".join(lines) + "\n}")
            out.write(",\n".join(rows) + ("\n}\n" if last else "\n},\n"))
        out.write("}\n")


main(*sys.argv[1:])
