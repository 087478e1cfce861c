//! Services that a plan makes are judged by the subnets and groups that it tells.

use std::fs;

use serde_json::{Value, json};

use super::{codes, findings, gate, part, root};

/// A group of the shop, and a subnet of those that have it.
struct Shop {
    web: Value,
    subnet: Value,
}

impl Shop {
    /// Of the web machines, in a subnet that nothing outside reaches.
    fn new() -> Self {
        Self::of("web")
    }

    fn of(group: &str) -> Self {
        let body = |call: &str| -> Value {
            let folder = root().join("examples/estates/shop/raw/aws/111122223333/eu-central-1");
            let text = fs::read_to_string(folder.join(format!("{call}.json"))).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let groups = body("ec2-describe-security-groups");
        let mut groups = groups["SecurityGroups"].as_array().unwrap().iter();
        let web = groups.find(|one| one["GroupName"] == group).unwrap()["GroupId"].clone();
        let interfaces = body("ec2-describe-network-interfaces");
        let mut all = interfaces["NetworkInterfaces"].as_array().unwrap().iter();
        let of_web = all.find(|one| one["Groups"][0]["GroupId"] == web).unwrap();
        Self { web: web.clone(), subnet: of_web["SubnetId"].clone() }
    }
}

fn change(kind: &str, name: &str, before: Value, after: Value) -> Value {
    let action = match (before.is_null(), after.is_null()) {
        (true, _) => "create",
        (false, true) => "delete",
        (false, false) => "update",
    };
    let unknown = if before.is_null() {
        json!({"id": true, "arn": true, "availability_zone": true, "ip_address": true,
            "network_interface_id": true, "member_clusters": true})
    } else {
        json!({})
    };
    json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "change": {
        "actions": [action], "before": before, "after": after, "after_unknown": unknown}})
}

fn made(kind: &str, after: Value) -> Value {
    change(kind, "new", Value::Null, after)
}

fn plan(changes: Vec<Value>) -> Value {
    let mut plan = part(&["aws_cloudwatch_log_group"]);
    plan["resource_changes"].as_array_mut().unwrap().extend(changes);
    plan
}

/// What is found of a plan where nothing may be opened.
fn judged(changes: Vec<Value>) -> Vec<Value> {
    judged_by("opened: 0\n", &plan(changes))
}

fn judged_by(limits: &str, plan: &Value) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let (file, budget) = (folder.path().join("plan.json"), folder.path().join("budget.yaml"));
    fs::write(&file, plan.to_string()).unwrap();
    fs::write(&budget, limits).unwrap();
    let excused = "examples/plans/shop/exceptions.yaml";
    let paths = [file.to_str().unwrap(), budget.to_str().unwrap()];
    let budget = ["--terraform-plan", paths[0], "--budget", paths[1], "-f", "json"];
    let (_, text) = gate(&[&[excused][..], &budget].concat());
    let found: Value = serde_json::from_str(&text).unwrap();
    found["findings"].as_array().unwrap().clone()
}

fn with(found: &[Value], code: &str) -> usize {
    found.iter().filter(|one| one["code"] == code).count()
}

/// What its group lets in reaches it, by its address in the plan, and nothing is unknown.
fn is_reached(found: &[Value], address: &str, name: &str) {
    assert_eq!(with(found, "WT0914"), 0, "{found:#?}");
    let opened = found.iter().find(|one| one["code"] == "WT0913").unwrap();
    assert!(opened["changes"].to_string().contains(address), "{found:#?}");
    let pair = format!("copper-kettle-web -> {name}");
    assert!(opened["details"].to_string().contains(&pair), "{pair}: {found:#?}");
}

/// Nothing but that it is not known what the plan does.
fn is_unknown(found: &[Value]) {
    let codes = codes(found);
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "WT0914"), "{found:#?}");
}

/// Types that are not read are known by the arguments that say that they are in a network, also in blocks.
#[test]
fn a_search_domain_in_a_network_is_not_passed_over() {
    let Shop { web, subnet } = Shop::new();
    let domain = |options: Value| {
        let after = json!({"domain_name": "new", "vpc_options": options});
        json!({"address": "aws_opensearch_domain.new", "mode": "managed",
            "type": "aws_opensearch_domain", "change": {"actions": ["create"], "before": null,
            "after": after, "after_unknown": {"id": true, "arn": true}}})
    };
    let inside = json!([{"subnet_ids": [subnet], "security_group_ids": [web]}]);
    is_unknown(&judged(vec![domain(inside)]));
    assert_eq!(judged(vec![domain(json!([]))]), [json!(null); 0]);
}

#[test]
fn a_database_and_a_function_that_are_made_are_judged() {
    let Shop { web, subnet } = Shop::new();
    let found = judged(vec![
        made("aws_db_subnet_group", json!({"name": "new", "subnet_ids": [subnet]})),
        made(
            "aws_db_instance",
            json!({"identifier": "new", "engine": "postgres", "port": 5432,
            "publicly_accessible": false, "db_subnet_group_name": "new",
            "vpc_security_group_ids": [web], "tags_all": {"app": "orders", "data": "orders",
            "env": "prod"}}),
        ),
    ]);
    is_reached(&found, "aws_db_instance.new", "new");
    let function = |groups: Value| {
        findings(&plan(vec![made(
            "aws_lambda_function",
            json!({"function_name": "new",
            "vpc_config": [{"subnet_ids": [subnet], "security_group_ids": groups,
            "vpc_id": "vpc-0ebcdfef8c9371576"}], "role": "arn:aws:iam::111122223333:role/none"}),
        )]))
    };
    assert_eq!(with(&function(json!([web])), "WT0914"), 0);
    // Without a group that is known, nobody can tell.
    assert_eq!(with(&function(json!([])), "WT0914"), 1);
}

/// A cluster with a member, each called by its name.
fn database_cluster(kind: &str, shop: &Shop, groups: &Value) -> Vec<Value> {
    let Shop { subnet, .. } = shop;
    vec![
        made("aws_db_subnet_group", json!({"name": "new", "subnet_ids": [subnet]})),
        made(
            kind,
            json!({"cluster_identifier": "new", "engine": "any", "port": 5432,
            "db_subnet_group_name": "new", "vpc_security_group_ids": groups}),
        ),
        made(
            &format!("{kind}_instance"),
            json!({"identifier": "new-1", "cluster_identifier": "new", "engine": "any",
            "publicly_accessible": false}),
        ),
    ]
}

#[test]
fn a_cluster_of_databases_that_is_made_is_judged() {
    let shop = Shop::new();
    for kind in ["aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster"] {
        let found = judged(database_cluster(kind, &shop, &json!([shop.web])));
        is_reached(&found, &format!("{kind}.new"), "new");
        is_unknown(&judged(database_cluster(kind, &shop, &json!([]))));
    }
}

/// How many workloads the internet reaches after a plan of which all is known.
fn from_internet(plan: &Value) -> u64 {
    let found = judged_by("internet: 0\n", plan);
    assert_eq!(with(&found, "WT0914"), 0, "{found:#?}");
    let said = |one: &Value| {
        let rest =
            one["message"].as_str()?.strip_prefix("workloads that the internet reaches: ")?;
        rest.split_once(',')?.0.parse().ok()
    };
    found.iter().find_map(said).unwrap()
}

/// Behind a group that lets all in, whoever is on the internet reaches it.
#[test]
fn a_public_member_makes_a_cluster_public() {
    let shop = Shop::of("alb-web");
    let mut changes = database_cluster("aws_rds_cluster", &shop, &json!([shop.web]));
    let before = from_internet(&plan(changes.clone()));
    changes[2]["change"]["after"]["publicly_accessible"] = json!(true);
    assert_eq!(from_internet(&plan(changes)), before + 1);
}

/// What a name that the provider makes up is called nobody knows; what it names is known all the same.
#[test]
fn a_cluster_whose_names_are_made_up_is_judged() {
    let shop = Shop::of("alb-web");
    let plan = |public: bool| {
        let mut changes = database_cluster("aws_rds_cluster", &shop, &json!([shop.web]));
        for (number, name) in [(1, "cluster_identifier"), (2, "identifier")] {
            let change = &mut changes[number]["change"];
            change["after"].as_object_mut().unwrap().remove(name);
            change["after_unknown"][name] = json!(true);
        }
        let member = &mut changes[2]["change"];
        member["after"].as_object_mut().unwrap().remove("cluster_identifier");
        member["after_unknown"]["cluster_identifier"] = json!(true);
        member["after"]["publicly_accessible"] = json!(public);
        let mut plan = plan(changes);
        plan["configuration"] = json!({"root_module": {"resources": [{
            "address": "aws_rds_cluster_instance.new", "mode": "managed",
            "type": "aws_rds_cluster_instance", "name": "new", "expressions": {
                "cluster_identifier": {"references": ["aws_rds_cluster.new.id", "aws_rds_cluster.new"]},
            },
        }]}});
        plan
    };
    let private = judged_by("opened: 0\n", &plan(false));
    assert_eq!(with(&private, "WT0914"), 0, "{private:#?}");
    assert!(private[0].to_string().contains("kettle -> aws_rds_cluster.new"), "{private:#?}");
    assert_eq!(from_internet(&plan(true)), from_internet(&plan(false)) + 1);
}

/// A public address of what is there is told by its attachments alone.
#[test]
fn a_database_that_becomes_public_is_named() {
    let member = |public: bool| {
        json!({"identifier": "m", "cluster_identifier": "c", "db_subnet_group_name": "d",
            "publicly_accessible": public})
    };
    for kind in ["aws_rds_cluster_instance", "aws_db_instance"] {
        is_unknown(&judged(vec![change(kind, "there", member(false), member(true))]));
    }
}

/// A member of a cluster that is there may be in any subnet of it.
#[test]
fn a_member_that_joins_a_cluster_is_named() {
    let member = json!({"identifier": "one-more", "cluster_identifier": "elsewhere"});
    let found = judged(vec![made("aws_rds_cluster_instance", member)]);
    assert_eq!(codes(&found), ["WT0914"], "{found:#?}");
    assert!(found[0].to_string().contains("joins the cluster elsewhere"), "{found:#?}");
}

#[test]
fn caches_that_are_made_are_judged() {
    let Shop { web, subnet } = Shop::new();
    let cache = |kind: &str, id: &str, group: &str, groups: Value| {
        judged(vec![
            made("aws_elasticache_subnet_group", json!({"name": "new", "subnet_ids": [subnet]})),
            made(
                kind,
                json!({id: "new", "engine": "redis", "port": 6379,
                "subnet_group_name": group, "security_group_ids": groups}),
            ),
        ])
    };
    for (kind, id) in [
        ("aws_elasticache_cluster", "cluster_id"),
        ("aws_elasticache_replication_group", "replication_group_id"),
    ] {
        is_reached(&cache(kind, id, "new", json!([web])), &format!("{kind}.new"), "new");
        for found in [cache(kind, id, "new", json!([])), cache(kind, id, "other", json!([web]))] {
            is_unknown(&found);
        }
    }
}

/// A file system, and where it is mounted: at an address that the plan tells, or one that it does not.
fn mount(Shop { subnet, .. }: &Shop, groups: &Value, address: Option<&str>) -> Vec<Value> {
    let target = json!({"file_system_id": "aws_efs_file_system.new", "subnet_id": subnet,
        "security_groups": groups});
    let mut target = made("aws_efs_mount_target", target);
    if let Some(address) = address {
        target["change"]["after"]["ip_address"] = json!(address);
        target["change"]["after_unknown"]["ip_address"] = json!(false);
    }
    vec![made("aws_efs_file_system", json!({"tags_all": {"Name": "new"}})), target]
}

#[test]
fn a_file_system_that_is_made_is_judged_where_it_is_mounted() {
    let shop = Shop::new();
    let mounted = |groups: Value| judged(mount(&shop, &groups, None));
    is_reached(&mounted(json!([shop.web])), "aws_efs_mount_target.new", "new");
    is_unknown(&mounted(json!([])));
}

/// How many pairs a plan opens of which all is known.
fn opened(found: &[Value]) -> u64 {
    assert_eq!(with(found, "WT0914"), 0, "{found:#?}");
    let said = |one: &Value| {
        let rest = one["message"].as_str()?.strip_prefix("pairs that the change opens: ")?;
        rest.split_once(',')?.0.parse().ok()
    };
    found.iter().find_map(said).unwrap()
}

/// What a plan tells decides: with a rule about one address of the subnet, it matters which one a mount gets.
#[test]
fn a_file_system_is_judged_at_the_address_that_a_plan_tells() {
    let shop = Shop::new();
    let at = |address: Option<&str>| {
        let mut changes = mount(&shop, &json!([shop.web]), address);
        let rule = json!({"security_group_id": shop.web, "cidr_ipv4": "10.10.10.200/32",
            "ip_protocol": "tcp", "from_port": 9999, "to_port": 9999});
        changes.push(made("aws_vpc_security_group_ingress_rule", rule));
        judged(changes)
    };
    let (there, elsewhere) = (at(Some("10.10.10.200")), at(Some("10.10.10.201")));
    assert!(opened(&there) > opened(&elsewhere), "{there:#?}\n{elsewhere:#?}");
    assert_eq!(with(&at(None), "WT0914"), 1);
}

/// The groups of what is there are told by its attachments, which no plan speaks of.
#[test]
fn services_that_are_there_and_change_are_named() {
    let shop = Shop::new();
    let cache = |groups: Value, size: &str| {
        json!({"replication_group_id": "there", "subnet_group_name": "data",
            "security_group_ids": groups, "node_type": size})
    };
    let kind = "aws_elasticache_replication_group";
    let of = |before: Value, after: Value| judged(vec![change(kind, "there", before, after)]);
    let web = json!([shop.web]);
    is_unknown(&of(cache(web.clone(), "small"), cache(json!([]), "small")));
    is_unknown(&of(cache(web, "small"), Value::Null));
}
