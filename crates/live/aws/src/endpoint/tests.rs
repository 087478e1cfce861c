use super::*;

fn of(call: &str, region: &str) -> (String, String) {
    let table = Table::load().unwrap();
    let call = table.call(call).unwrap();
    let endpoint = of_call(&table, call, region, "111122223333", None).unwrap();
    (endpoint.url, endpoint.region)
}

fn pair(url: &str, region: &str) -> (String, String) {
    (url.to_owned(), region.to_owned())
}

#[test]
fn endpoints_follow_region_and_partition() {
    let (ec2, iam) = ("ec2-describe-vpcs", "iam-list-instance-profiles");
    assert_eq!(
        of(ec2, "eu-central-1"),
        pair("https://ec2.eu-central-1.amazonaws.com", "eu-central-1")
    );
    assert_eq!(
        of(ec2, "cn-north-1"),
        pair("https://ec2.cn-north-1.amazonaws.com.cn", "cn-north-1")
    );
    assert_eq!(of(iam, "eu-central-1"), pair("https://iam.amazonaws.com", "us-east-1"));
    assert_eq!(of(iam, "us-gov-west-1"), pair("https://iam.us-gov.amazonaws.com", "us-gov-west-1"));
    let global = of("globalaccelerator-list-accelerators", "eu-central-1");
    assert_eq!(global, pair("https://globalaccelerator.us-west-2.amazonaws.com", "us-west-2"));
    let account = of("s3control-get-public-access-block", "eu-central-1");
    let url = "https://111122223333.s3-control.eu-central-1.amazonaws.com";
    assert_eq!(account, pair(url, "eu-central-1"));
}

#[test]
fn a_given_address_stands_for_every_endpoint() {
    let table = Table::load().unwrap();
    let call = table.call("iam-list-instance-profiles").unwrap();
    let address = Some("http://127.0.0.1:5000/");
    let endpoint = of_call(&table, call, "eu-central-1", "1", address).unwrap();
    assert_eq!((&*endpoint.url, &*endpoint.region), ("http://127.0.0.1:5000", "us-east-1"));
}
