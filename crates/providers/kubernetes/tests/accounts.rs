//! Service accounts and the roles that pods get by association.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use watertight_kubernetes::{Options, convert_into};
use watertight_model::network::Realm;
use watertight_model::{Certainty, Credential, Estate, Evidence, Name, Power, Trust};
use watertight_source::{Limits, Sources, Tree};

const PODS: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: pay, namespace: shop}, spec: {serviceAccountName: pay, automountServiceAccountToken: false, containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {automountServiceAccountToken: false, containers: [{name: c}]}}
";

/// An estate in which a role is given to pods of an account of a cluster.
fn cloud(cluster: &str, subject: &str) -> Estate {
    let mut estate = Estate::default();
    estate.network.realms.push(Realm {
        name: Name::from("vpc-1"),
        title: Name::from("vpc-1"),
        account: None,
        region: None,
        prefixes: vec!["10.0.0.0/16".parse().unwrap()],
        internet: None,
        resolvers: Vec::new(),
        subnets_read: true,
        further: false,
        origin: None,
    });
    let role = Name::from("arn:aws:iam::111111111111:role/pay");
    let credential = estate.credentials.push(Credential {
        id: role.clone(),
        name: Name::from("pay"),
        kind: Name::from("role"),
        account: None,
        origin: None,
    });
    estate.trusts.push(Trust {
        credential,
        issuer: Trust::pods_of(cluster),
        subjects: Some(vec![Name::from(subject)]),
        certainty: Certainty::Sure,
        evidence: Evidence {
            resource: Name::from("a-1"),
            rule: Name::from("association"),
            text: Name::from("gives the role"),
            origin: None,
        },
    });
    estate
}

/// Who may take on which role.
fn assumed(cluster: &str, subject: &str) -> Vec<(String, String)> {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let file = sources.add("all.yaml", PODS).unwrap();
    let documents = Tree::parse_yaml_documents(file, sources.contents(file), &limits).unwrap();
    let options = Options { cluster: "kettle".to_owned(), ..Options::default() };
    let estate = convert_into(cloud(cluster, subject), &documents, &options).estate;
    let name = |id| estate.credentials[id].id.to_string();
    let mut found = Vec::new();
    for grant in &estate.grants {
        let Power::Assume(role) = grant.power else { continue };
        assert_eq!(grant.evidence[0].rule, Name::from("association"));
        let mut workloads = estate.workloads.values();
        assert!(workloads.any(|one| one.credential == Some(grant.holder)));
        found.push((name(grant.holder), name(role)));
    }
    found
}

#[test]
fn pods_of_an_account_get_the_role_that_is_associated_even_without_a_token() {
    let found = assumed("kettle", "system:serviceaccount:shop:pay");
    assert_eq!(found, [("shop/pay".to_owned(), "arn:aws:iam::111111111111:role/pay".to_owned())]);
}

#[test]
fn another_account_or_cluster_gets_nothing() {
    assert_eq!(assumed("kettle", "system:serviceaccount:shop:other"), []);
    assert_eq!(assumed("other", "system:serviceaccount:shop:pay"), []);
}
