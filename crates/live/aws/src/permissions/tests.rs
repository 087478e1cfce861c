use super::*;

#[test]
fn the_policy_permits_what_the_table_calls_and_nothing_that_writes() {
    let policy = policy(&Table::load().unwrap(), None);
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    let actions: Vec<&str> = actions.iter().filter_map(Value::as_str).collect();
    for action in [
        "apigateway:GET",
        "cloudtrail:LookupEvents",
        "ec2:DescribeVpcs",
        "ec2:SearchTransitGatewayRoutes",
        "elasticfilesystem:DescribeMountTargets",
        "elasticloadbalancing:DescribeListeners",
        "es:DescribeDomains",
        "s3:GetAccountPublicAccessBlock",
        "s3:GetBucketPublicAccessBlock",
        "s3:ListAllMyBuckets",
        "tag:GetResources",
    ] {
        assert!(actions.contains(&action), "{action}");
    }
    for action in &actions {
        let verb = action.split_once(':').unwrap().1;
        let reads = ["Describe", "List", "Get", "Lookup", "Search", "GET"];
        assert!(reads.iter().any(|start| verb.starts_with(start)), "{action}");
    }
    assert!(!actions.contains(&"s3:ListBuckets"));
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
}

#[test]
fn becoming_a_role_in_other_accounts_is_a_statement_of_its_own() {
    let policy = policy(&Table::load().unwrap(), Some("audit-read"));
    assert_eq!(policy["Statement"][1]["Action"], "sts:AssumeRole");
    assert_eq!(policy["Statement"][1]["Resource"], "arn:*:iam::*:role/audit-read");
}
