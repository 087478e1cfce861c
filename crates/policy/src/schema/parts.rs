//! The parts of documents, as definitions of the schema.

use serde_json::{Map, Value, json};

use crate::ESTATE;
use crate::syntax::{
    Action, ClaimKind, DefaultAction, FaultMode, LoweringChoice, Mode, Narrowable, Reach, Tier,
};
use crate::words::Words;

/// What names are made of; `is_name` in code.
pub(super) const NAME: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// A port or a range of ports.
pub(super) const PORTS: &str = "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$";

/// A reference to a definition.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// An object of these fields and no others.
fn object(fields: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": false,
    })
}

/// A list of at least one.
fn list(items: Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

fn words<T: Words>() -> Value {
    let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
    json!({"enum": words})
}

fn described(mut schema: Value, text: &str) -> Value {
    schema["description"] = Value::from(text);
    schema
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn name() -> Value {
    json!({"type": "string", "pattern": NAME})
}

/// Objects whose keys are people's own.
fn labels() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}})
}

/// At least one of these fields.
fn any_of(fields: &[&str]) -> Value {
    let each: Vec<Value> = fields.iter().map(|field| json!({"required": [field]})).collect();
    Value::from(each)
}

/// A Segment names its members, but for the one that holds every workload.
pub(super) fn segment_members() -> Value {
    let is_estate =
        json!({"properties": {"metadata": {"properties": {"name": {"const": ESTATE}}}}});
    json!({
        "if": {"properties": {"kind": {"const": "Segment"}}},
        "then": {
            "if": is_estate,
            "then": {"properties": {"spec": {"properties": {"members": false}}}},
            "else": {"properties": {"spec": {"required": ["members"]}}},
        },
    })
}

/// An Exception has somebody who answers for it.
pub(super) fn exception_owner() -> Value {
    json!({
        "if": {"properties": {"kind": {"const": "Exception"}}},
        "then": {"properties": {"metadata": {"required": ["owner"]}}},
    })
}

/// Every definition but the document's.
pub(super) fn definitions() -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |name: &str, schema: Value| {
        all.insert(name.to_owned(), schema);
    };
    let fields = json!({"name": name(), "owner": text(), "ticket": text(), "description": text()});
    add("metadata", object(fields, &["name"]));
    add("Segment", segment());
    add("Group", object(json!({"members": list(reference("workloads"))}), &["members"]));
    add("Service", object(json!({"over": list(reference("clause"))}), &["over"]));
    let fields = json!({"prefixes": list(text()), "feed": text()});
    add("Addresses", with_any(object(fields, &[]), &["prefixes", "feed"]));
    add("Domains", object(json!({"names": list(text())}), &["names"]));
    let fields = json!({"groups": list(text()), "pools": list(text())});
    add("Users", with_any(object(fields, &[]), &["groups", "pools"]));
    add("Labeling", labeling());
    add("Policy", policy());
    add("rule", rule());
    add("Assertion", assertion());
    let fields = json!({"assertion": name(), "gap": text(), "expires": text()});
    let mut exception = object(fields, &["expires"]);
    exception["oneOf"] = any_of(&["assertion", "gap"]);
    add("Exception", exception);
    add("Essentials", essentials());
    add("selector", object(selector_fields(), &[]));
    let values = json!({"key": text(), "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]}, "values": list(text())});
    let mut requirement = object(values, &["key", "operator"]);
    requirement["if"] = json!({"properties": {"operator": {"enum": ["In", "NotIn"]}}});
    requirement["then"] = json!({"required": ["values"]});
    requirement["else"] = json!({"properties": {"values": false}});
    add("requirement", requirement);
    add("workloads", workloads());
    add("from", peer(false));
    add("to", peer(true));
    add("clause", clause());
    add("ports", ports());
    all
}

fn with_any(mut schema: Value, fields: &[&str]) -> Value {
    schema["anyOf"] = any_of(fields);
    schema
}

fn segment() -> Value {
    let action = || words::<DefaultAction>();
    let fault = || words::<FaultMode>();
    let defaults = object(json!({"ingress": action(), "egress": action(), "intra": action()}), &[]);
    let faults = json!({"mapFull": fault(), "unknownIdentity": fault(), "proxyGone": fault(), "staleIdentity": fault()});
    let fields = json!({
        "members": reference("selector"),
        "mode": described(words::<Mode>(), "`monitor` where it is not written: nothing binds unasked."),
        "share": described(share(), "The part of it that is enforced, in `enforce` alone; the rest stays as in monitor."),
        "defaults": described(defaults, "`deny` where they are not written."),
        "criticality": {"enum": ["none", "important", "crown-jewel"]},
        "onFault": described(object(faults, &[]), "What enforcement points do where they cannot know."),
    });
    object(fields, &[])
}

fn share() -> Value {
    let percent = json!({"type": "integer", "minimum": 0, "maximum": 100});
    let percent = described(percent, "So many of a hundred, by a number that each workload has.");
    let select = described(reference("selector"), "Those with these labels.");
    let mut share = object(json!({"percent": percent, "select": select}), &[]);
    share["oneOf"] = any_of(&["percent", "select"]);
    share
}

fn labeling() -> Value {
    let when = json!({"name": list(text()), "account": list(text()), "subnet": list(text()), "tags": labels(), "addresses": list(text())});
    let mut when = object(when, &[]);
    when["minProperties"] = 1.into();
    let mut given = labels();
    given["minProperties"] = 1.into();
    when["properties"]["tags"]["minProperties"] = 1.into();
    let rule = object(json!({"when": when, "labels": given}), &["when", "labels"]);
    object(json!({"rules": list(rule)}), &["rules"])
}

fn policy() -> Value {
    let choice = || words::<LoweringChoice>();
    let lowering = json!({"requests": choice(), "identity": choice(), "internet": choice(), "domains": choice(), "deny": choice()});
    let fields = json!({
        "tier": described(words::<Tier>(), "`standard` where it is not written."),
        "order": described(json!({"type": "integer"}), "Its place in a tier that has an order."),
        "mode": described(words::<Mode>(), "`monitor` where it is not written: nothing binds unasked."),
        "expires": described(text(), "From when on it takes no part, as in `2027-01-31T00:00:00Z`."),
        "expiryOpens": {"type": "boolean"},
        "lowering": described(object(lowering, &[]), "What is written where a plane cannot express a rule."),
        "rules": list(reference("rule")),
    });
    object(fields, &["rules"])
}

fn rule() -> Value {
    let fields = json!({
        "name": text(),
        "action": words::<Action>(),
        "from": described(list(reference("from")), "Who opens the leg: any of these."),
        "to": described(list(reference("to")), "Who accepts it: any of these."),
        "through": described(list(reference("workloads")), "The fronts that it goes through."),
        "over": described(list(reference("clause")), "What is sent; everything where it is not written."),
    });
    let mut rule = object(fields, &["action", "from", "to"]);
    rule["if"] = json!({"required": ["through"]});
    rule["then"] = json!({"properties": {"action": {"const": "allow"}}});
    rule
}

fn assertion() -> Value {
    let fields = json!({"from": list(reference("from")), "to": list(reference("to")), "over": list(reference("clause"))});
    let claim = object(fields, &["from", "to"]);
    let kinds: Vec<&str> = ClaimKind::WORDS.iter().map(|(word, _)| *word).collect();
    let mut fields = Map::new();
    for kind in &kinds {
        fields.insert((*kind).to_owned(), claim.clone());
    }
    fields.insert(String::from("reach"), words::<Reach>());
    let mut assertion = object(Value::Object(fields), &[]);
    assertion["oneOf"] = any_of(&kinds);
    assertion
}

fn essentials() -> Value {
    let tuple = json!({
        "name": text(),
        "from": list(reference("from")),
        "to": list(reference("to")),
        "over": described(list(reference("clause")), "What is sent, without a look at what is said."),
    });
    let plane = json!({
        "cluster": text(),
        "account": described(text(), "The account of the cluster, where several have the name."),
        "region": described(text(), "Its region, likewise."),
        "addresses": described(list(text()), "Prefixes, or names of Addresses."),
        "network": text(),
    });
    let narrowed = json!({
        "essential": words::<Narrowable>(),
        "from": described(list(reference("workloads")), "Who opens its legs; whoever does where it is not written."),
        "to": described(list(reference("workloads")), "Who accepts them, likewise."),
    });
    let narrowed = with_any(object(narrowed, &["essential"]), &["from", "to"]);
    let fields = json!({
        "failsafe": described(
            list(object(tuple, &["from", "to", "over"])),
            "Connections for management that stay whatever a policy says, in quarantine too.",
        ),
        "controlPlanes": described(
            list(object(plane, &["cluster", "addresses"])),
            "Where control planes are whose addresses the estate does not tell.",
        ),
        "narrowed": described(
            list(narrowed),
            "Between whom an essential is needed; elsewhere rules decide.",
        ),
    });
    with_any(object(fields, &[]), &["failsafe", "controlPlanes", "narrowed"])
}

fn selector_fields() -> Value {
    json!({"matchLabels": labels(), "matchExpressions": {"type": "array", "items": reference("requirement")}})
}

fn workload_fields() -> Value {
    let mut fields = selector_fields();
    fields["segment"] = name();
    fields["group"] = name();
    fields
}

/// A peer where workloads alone can stand.
fn workloads() -> Value {
    let mut workloads = object(workload_fields(), &[]);
    workloads["minProperties"] = 1.into();
    workloads
}

/// A peer of `from` or `to`.
fn peer(is_to: bool) -> Value {
    let mut fields = workload_fields();
    fields["addresses"] = described(list(text()), "Prefixes, or names of Addresses.");
    fields["network"] = text();
    fields["users"] = list(name());
    if is_to {
        fields["domains"] = described(list(text()), "Domain names, or names of Domains.");
        fields["provider"] = described(list(text()), "Services of a provider, as in `aws.s3`.");
        fields["metadata"] = json!({"const": "instance"});
    }
    let mut peer = object(fields, &[]);
    peer["minProperties"] = 1.into();
    peer["dependentRequired"] = json!({"network": ["addresses"]});
    json!({"if": {"type": "string"}, "then": {"enum": ["any", "internet"]}, "else": peer})
}

fn clause() -> Value {
    let icmp = object(
        json!({
            "type": {"type": "integer", "minimum": 0, "maximum": 255},
            "code": {"type": "integer", "minimum": 0, "maximum": 255},
        }),
        &["type"],
    );
    let icmp = json!({"if": {"type": "string"}, "then": {"const": "all"}, "else": icmp});
    let request = json!({"methods": list(text()), "path": text(), "pathPrefix": text()});
    let mut request = object(request, &[]);
    request["not"] = json!({"required": ["path", "pathPrefix"]});
    let fields = json!({
        "tcp": reference("ports"), "udp": reference("ports"), "sctp": reference("ports"),
        "tls": described(reference("ports"), "TCP whose first bytes are a TLS ClientHello."),
        "icmp": icmp, "icmpv6": icmp,
        "protocol": {"type": ["string", "integer"]},
        "service": name(),
        "http": list(request),
    });
    let mut clause = object(fields, &[]);
    clause["oneOf"] =
        any_of(&["tcp", "udp", "sctp", "tls", "icmp", "icmpv6", "protocol", "service"]);
    clause["if"] = json!({"required": ["http"]});
    clause["then"] = json!({"anyOf": any_of(&["tcp", "tls"])});
    clause
}

fn ports() -> Value {
    let one = json!({
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": 65535,
        "anyOf": [{"type": "integer"}, {"const": "all"}, {"pattern": PORTS}],
    });
    let several = json!({"items": one, "minItems": 1});
    json!({"if": {"type": "array"}, "then": several, "else": one})
}
