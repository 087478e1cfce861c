use super::{Scope, arn_scope, is_region, region_of_zone};

#[test]
fn folders_tell_account_and_region() {
    let scope = Scope::of_path("estate/accounts/111122223333/eu-west-1/Vpcs.json");
    assert_eq!(scope.account.as_deref(), Some("111122223333"));
    assert_eq!(scope.region.as_deref(), Some("eu-west-1"));
    let scope = Scope::of_path("raw/aws/111122223333/us-gov-west-1/describe-vpcs.json");
    assert_eq!(scope.account.as_deref(), Some("111122223333"));
    assert_eq!(scope.region.as_deref(), Some("us-gov-west-1"));
    assert_eq!(Scope::of_path("Vpcs.json").account, None);
}

#[test]
fn file_names_tell_the_parameter() {
    let scope = Scope::of_path("a/search-transit-gateway-routes/tgw-rtb-1.json");
    assert_eq!(scope.parameter("search-transit-gateway-routes"), Some("tgw-rtb-1"));
    let scope = Scope::of_path("a/ec2-search-transit-gateway-routes-tgw-rtb-1.json");
    assert_eq!(scope.parameter("search-transit-gateway-routes"), Some("tgw-rtb-1"));
    let scope = Scope::of_path("elbv2-describe-load-balancer-attributes/arn%3Aaws%3Ax%2Fy");
    assert_eq!(scope.parameter("describe-load-balancer-attributes"), Some("arn:aws:x/y"));
    assert_eq!(Scope::of_path("describe-vpcs.json").parameter("describe-vpcs"), None);
}

#[test]
fn words_of_file_names_are_split() {
    assert_eq!(Scope::of_path("x/ec2.DescribeVpcs_1.json").words, "x-ec2-describe-vpcs-1");
    assert_eq!(Scope::of_path("x/NatGateways.json").words, "x-nat-gateways");
}

#[test]
fn regions_zones_and_arns_are_told_apart() {
    assert!(
        is_region("ap-southeast-2") && is_region("us-gov-east-1") && is_region("eu-isoe-west-1")
    );
    assert!(!is_region("web-tier-1") && !is_region("i-1") && !is_region("us-east-1a"));
    assert_eq!(region_of_zone("us-east-1a"), Some("us-east-1"));
    assert_eq!(region_of_zone("us-east-1-bos-1a"), Some("us-east-1"));
    assert_eq!(arn_scope("arn:aws:ec2:eu-west-1:1:vpc/x"), (Some("1"), Some("eu-west-1")));
    assert_eq!(arn_scope("arn:aws:s3:::bucket"), (None, None));
}
