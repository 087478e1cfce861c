use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn every_event_counts_from_a_while_before_the_answer() {
    let services = ["s3".to_owned(), "tagging".to_owned()];
    let newest = |service: &str, seconds| Newest::from([(service.to_owned(), seconds)]);
    let answered = 1_000_000;
    assert!(is_settled(&services, &Newest::new(), answered));
    assert!(is_settled(&services, &newest("sqs", answered + 5), answered));
    assert!(is_settled(&services, &newest("s3", answered - OVERLAP_SECONDS - 1), answered));
    assert!(!is_settled(&services, &newest("s3", answered - OVERLAP_SECONDS), answered));
    assert!(!is_settled(&services, &newest("tagging", answered + 1), answered));
}

#[test]
fn the_newest_event_of_each_service_is_known_in_whatever_order_they_come() {
    let event = |source: &str, time: &str| json!({"EventSource": source, "EventTime": time});
    let page = json!({"Events": [
        event("s3.amazonaws.com", "2026-11-28T10:00:00+00:00"),
        event("s3.amazonaws.com", "2026-11-28T11:00:00+00:00"),
        event("s3.amazonaws.com", "2026-11-28T09:00:00+00:00"),
        event("iam.amazonaws.com.cn", "1970-01-01T00:00:01+00:00"),
    ]});
    let mut newest = Newest::new();
    assert!(add(&mut newest, &object(page)));
    assert_eq!(newest, Newest::from([("iam".to_owned(), 1), ("s3".to_owned(), 1_795_863_600)]));
    for odd in [
        json!({}),
        json!({"Events": [{"EventSource": "s3.amazonaws.com"}]}),
        json!({"Events": [{"EventTime": "2026-11-28T10:00:00Z"}]}),
        json!({"Events": [{"EventSource": "s3.amazonaws.com", "EventTime": "soon"}]}),
    ] {
        assert!(!add(&mut newest, &object(odd.clone())), "{odd}");
    }
}

#[test]
fn an_answer_is_empty_when_it_lists_nothing() {
    assert!(is_empty(&object(json!({"Reservations": []}))));
    assert!(is_empty(&object(json!({}))));
    assert!(!is_empty(&object(json!({"Reservations": [{}]}))));
    assert!(!is_empty(&object(json!({"Reservations": [], "Count": 0}))));
}

/// What the decision record lists as never told of by events.
#[test]
fn what_others_can_change_is_always_asked() {
    let table = Table::load().unwrap();
    let is_shared = |name: &str| {
        let shared = [
            "vpc-lattice",
            "network-firewall",
            "transit-gateway",
            "organizations",
            "route53",
            "directconnect",
            "networkmanager",
            "prefix-list",
            "secretsmanager",
            "dynamodb",
            "tagging-get",
        ];
        shared.iter().any(|one| name.contains(one))
    };
    for call in &table.calls {
        let line = &call.line;
        assert!(!line.while_empty || !line.events.is_empty(), "{}", call.name());
        assert!(line.events.is_empty() || !is_shared(call.name()), "{}", call.name());
        if line.events.is_empty() {
            continue;
        }
        let batch = line.each.as_ref().and_then(|each| each.batch);
        assert_eq!(batch, None, "{}", call.name());
        assert_ne!(line.place, Place::Organization, "{}", call.name());
        // A list of what changes by itself is kept only where there is nothing.
        let by_itself = ["instances", "addresses", "load-balancers", "clusters", "functions"];
        let is_list = by_itself.iter().any(|end| call.name().ends_with(end));
        assert!(!is_list || line.while_empty, "{}", call.name());
    }
}
