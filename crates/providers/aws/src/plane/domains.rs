//! Search domains in networks: other groups come with other nodes, at other addresses.
//!
//! Sources: Amazon OpenSearch Service API reference (`UpdateDomainConfig`, `DescribeDomains`: `VPCOptions`,
//! `DomainStatus`, `ChangeProgressDetails`); Amazon OpenSearch Service developer guide ("Making configuration
//! changes in Amazon OpenSearch Service": adding or removing security groups causes a blue/green deployment;
//! "Launching your Amazon OpenSearch Service domains within a VPC").

use serde_json::{Map, Value, json};

/// Where a domain's body tells its groups, and its subnets.
pub(super) const GROUPS: &str = "SecurityGroupIds";
pub(super) const SUBNETS: &str = "SubnetIds";

/// A part of a domain's configuration of its network; null where it is in none.
pub(super) fn setting<'v>(body: &'v Value, key: &str) -> &'v Value {
    &body["VPCOptions"][key]
}

/// A domain's body with other groups.
pub(super) fn with_groups(body: &Value, groups: &[String]) -> Option<Value> {
    setting(body, GROUPS).as_array()?;
    let mut body = body.clone();
    body["VPCOptions"][GROUPS] = json!(groups);
    Some(body)
}

/// What its body tells of a domain's network that follows from its subnets: no request takes it.
const DERIVED: [&str; 2] = ["VPCId", "AvailabilityZones"];

/// What a domain is given again with its groups: all else that its configuration says of its network, as
/// `EgressEnabled`. What is not given would be as for a new domain.
pub(super) fn settings(body: &Value) -> Value {
    let mut options: Map<String, Value> =
        body["VPCOptions"].as_object().cloned().unwrap_or_default();
    options.retain(|key, _| !DERIVED.contains(&key.as_str()));
    json!({ "VPCOptions": options })
}

/// Whether its service says that it is about something.
fn is_busy(body: &Value) -> bool {
    let is_told = ["Processing", "UpgradeProcessing"].into_iter().any(|key| body[key] == true);
    is_told
        || !matches!(body["DomainProcessingStatus"].as_str(), None | Some("Active" | "Isolated"))
}

/// Whether nothing about a domain is under way. A change that was found wrong rests until somebody asks for
/// another one, whatever else its body says.
pub(super) fn is_settled(body: &Value) -> bool {
    !is_busy(body) || trouble(body).is_some()
}

/// Why the last change of a domain was not made, where its service found it wrong and nobody has seen to that.
pub(super) fn trouble(body: &Value) -> Option<String> {
    let progress = &body["ChangeProgressDetails"];
    let why = progress["Message"].as_str().unwrap_or("its service does not say why");
    (is_busy(body) && progress["ConfigChangeStatus"] == "ValidationFailed")
        .then(|| format!("its service found the change wrong: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_rests_when_nothing_is_processed_or_the_change_was_found_wrong() {
        let mut body = json!({"Processing": false, "UpgradeProcessing": false});
        assert!(is_settled(&body), "older answers tell no more");
        body["DomainProcessingStatus"] = json!("Active");
        assert!(is_settled(&body) && trouble(&body).is_none());
        body["DomainProcessingStatus"] = json!("Modifying");
        assert!(!is_settled(&body), "it is said before `Processing` is");
        body["Processing"] = json!(true);
        assert!(!is_settled(&body));
        body["ChangeProgressDetails"] = json!({"ConfigChangeStatus": "ApplyingChanges"});
        assert!(!is_settled(&body));
        body["ChangeProgressDetails"] =
            json!({"ConfigChangeStatus": "ValidationFailed", "Message": "no room"});
        assert!(is_settled(&body) && trouble(&body).is_some_and(|why| why.ends_with("no room")));
        (body["Processing"], body["DomainProcessingStatus"]) = (json!(false), json!("Active"));
        assert!(is_settled(&body) && trouble(&body).is_none(), "it is past");
    }

    #[test]
    fn a_domain_is_given_all_of_its_network_again_that_does_not_follow_from_its_subnets() {
        let options = json!({"VPCId": "vpc-1", "SubnetIds": ["a", "b"], "AvailabilityZones": ["x", "y"],
            "SecurityGroupIds": ["sg-1"], "EgressEnabled": true});
        let body = json!({ "VPCOptions": options });
        let again =
            json!({"SubnetIds": ["a", "b"], "SecurityGroupIds": ["sg-1"], "EgressEnabled": true});
        assert_eq!(settings(&body), json!({ "VPCOptions": again }));
        let other = with_groups(&body, &[String::from("sg-2")]).unwrap();
        assert_eq!(other["VPCOptions"]["SecurityGroupIds"], json!(["sg-2"]));
        assert_eq!(other["VPCOptions"]["SubnetIds"], body["VPCOptions"]["SubnetIds"]);
        assert_eq!(with_groups(&json!({}), &[]), None, "it is in no network");
    }
}
