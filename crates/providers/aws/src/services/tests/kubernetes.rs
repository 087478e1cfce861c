use watertight_model::network::Peer;

use super::support::{endpoints, estate, guards, interfaces, label, places, workload};

fn cluster(access: &str) -> String {
    format!(
        r#"{{"cluster": {{"name": "k", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/k",
        "roleArn": "arn:aws:iam::111122223333:role/k", "tags": {{"env": "prod"}},
        "resourcesVpcConfig": {{"subnetIds": ["subnet-a", "subnet-b"],
            "securityGroupIds": ["sg-3"], "clusterSecurityGroupId": "sg-2", "vpcId": "vpc-1"
            {access}}}}}}}"#
    )
}

const PRIVATE: &str = r#", "endpointPublicAccess": false, "endpointPrivateAccess": true"#;

#[test]
fn control_planes_claim_their_interfaces() {
    let body = cluster(PRIVATE);
    let inferred = estate(&[("eks-describe-cluster/k.json", &body)]);
    assert_eq!(places(&inferred, "k"), ["subnet-a", "subnet-b"]);
    assert_eq!(guards(&inferred, endpoints(&inferred, "k")[0]), ["sg-2", "sg-3"]);
    assert_eq!(label(&inferred, "k", "env"), Some("prod"));
    assert_eq!(workload(&inferred, "k").kind.word(), "cluster");
    let nics = interfaces(&[("eni-1", "subnet-b", "10.0.2.9", &["sg-2"], "Amazon EKS k")]);
    let claimed = estate(&[
        ("eks-describe-cluster/k.json", &body),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&claimed, "k").len(), 1);
    assert_eq!(endpoints(&claimed, "k")[0].name, "eni-1");
}

#[test]
fn public_access_is_an_endpoint_with_its_prefixes() {
    let body = cluster(
        r#", "endpointPublicAccess": true, "endpointPrivateAccess": true,
            "publicAccessCidrs": ["198.51.100.0/24"]"#,
    );
    let listed = estate(&[("eks-describe-cluster/k.json", &body)]);
    assert_eq!(places(&listed, "k"), ["subnet-a", "subnet-b", "-"]);
    let public = endpoints(&listed, "k")[2];
    let guard = guards(&listed, public)[0];
    let guard = listed.network.guards.values().find(|one| one.name == guard).unwrap();
    let rule = &guard.ingress[0].rules[0];
    assert_eq!(rule.peer, Peer::Prefix("198.51.100.0/24".parse().unwrap()));
    assert_eq!(rule.flows.to_string(), "tcp/443");
    assert_eq!(label(&listed, "k", "aws.publicly-accessible"), Some("true"));
    let open = cluster(r#", "endpointPublicAccess": true, "endpointPrivateAccess": true"#);
    let open = estate(&[("eks-describe-cluster/k.json", &open)]);
    let guard = open.network.guards.values().find(|one| one.kind == "service endpoint").unwrap();
    assert_eq!(guard.ingress[0].rules[0].peer, Peer::Any);
}

#[test]
fn a_private_endpoint_that_is_off_is_in_doubt() {
    let off = PRIVATE.replace("true", "false");
    let estate = estate(&[("eks-describe-cluster/k.json", &cluster(&off))]);
    assert_eq!(endpoints(&estate, "k")[0].layers.len(), 2);
}

#[test]
fn nodes_belong_to_their_group() {
    let groups = r#"{"AutoScalingGroups": [{"AutoScalingGroupName": "eks-pool",
        "AutoScalingGroupARN": "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:x",
        "Instances": [{"InstanceId": "i-1"}]}]}"#;
    let pool = r#"{"nodegroup": {"nodegroupName": "pool", "clusterName": "k",
        "nodegroupArn": "arn:aws:eks:eu-west-1:111122223333:nodegroup/k/pool/0a",
        "resources": {"autoScalingGroups": [{"name": "eks-pool"}]}}}"#;
    let estate = estate(&[
        ("autoscaling-describe-auto-scaling-groups.json", groups),
        ("eks-describe-nodegroup/pool.json", pool),
    ]);
    let node = estate.workloads.values().find(|one| one.id == "i-1").unwrap();
    let owner = node.owner.as_ref().unwrap();
    assert_eq!(owner, &"arn:aws:eks:eu-west-1:111122223333:nodegroup/k/pool/0a");
}

#[test]
fn pods_get_a_role_by_association_where_its_trust_policy_admits_them() {
    let role = |actions: &str| {
        format!(
            r#"{{"RoleDetailList": [{{"RoleName": "pay", "RoleId": "AROA1", "Path": "/",
            "Arn": "arn:aws:iam::111122223333:role/pay", "AssumeRolePolicyDocument":
            {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
                "Principal": {{"Service": "pods.eks.amazonaws.com"}}, "Action": {actions}}}]}}}}]}}"#
        )
    };
    let association = r#"{"association": {"clusterName": "k", "namespace": "shop",
        "serviceAccount": "pay", "roleArn": "arn:aws:iam::111122223333:role/pay",
        "associationArn": "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/k/a-1",
        "associationId": "a-1"}}"#;
    let given = |actions: &str| {
        let role = role(actions);
        let estate = estate(&[
            ("iam-get-account-authorization-details.json", &role),
            ("eks-describe-pod-identity-association/a-1.json", association),
        ]);
        estate.trusts
    };
    let trusts = given(r#"["sts:AssumeRole", "sts:TagSession"]"#);
    assert_eq!(trusts.len(), 1);
    assert_eq!(trusts[0].issuer, watertight_model::Trust::pods_of("k"));
    assert!(trusts[0].admits("system:serviceaccount:shop:pay"));
    assert!(!trusts[0].admits("system:serviceaccount:shop:other"));
    assert_eq!(trusts[0].certainty, watertight_model::Certainty::Sure);
    // The session is tagged, so that this has to be allowed too.
    assert!(given(r#""sts:AssumeRole""#).is_empty());
}
