//! Requests.

use crate::scene::{DATA, DB, Scene, WEB, policy};

fn over(action: &str, clause: &str) -> Scene {
    let open = "{action: allow, from: [any], to: [{segment: data}]}";
    let rule =
        format!("{{action: {action}, from: [any], to: [{{segment: data}}], over: [{clause}]}}");
    let rules = if action == "deny" { vec![&*rule, open] } else { vec![&*rule] };
    Scene::new(&format!("{DATA}{}", policy("p", "mode: enforce", &rules)))
}

/// "The leg is allow if every request is allowed, deny if every request is denied, else `inspect`."
#[test]
fn a_leg_whose_requests_fare_differently_is_inspected() {
    let scene = over("allow", "{tcp: 443, http: [{methods: [GET]}]}");
    assert_eq!(scene.tcp(WEB, DB, 443), "inspect: p/0 | data ingress, assumed");
    assert_eq!(scene.tcp(WEB, DB, 444), "deny: data ingress");
    let scene = over("allow", "{tcp: 443}, {tcp: 443, http: [{methods: [GET]}]}");
    assert_eq!(scene.tcp(WEB, DB, 443), "allow: p/0");
}

/// "L7 clauses are conditions on the request."
#[test]
fn a_request_that_fits_is_allowed_and_another_is_not() {
    let scene = || over("allow", "{tcp: 443, http: [{methods: [POST], path: /v1/charges}]}");
    let ask = |method, path| scene().with_request(false, Some((method, path))).tcp(WEB, DB, 443);
    assert_eq!(ask("POST", "/v1/charges"), "allow: p/0");
    assert_eq!(ask("GET", "/v1/charges"), "deny: data ingress");
    assert_eq!(ask("POST", "/v1/charges/7"), "deny: data ingress");
}

/// "Paths match exactly (`path`) or by whole segments (`pathPrefix`) after one documented
/// normalisation."
#[test]
fn a_prefix_matches_whole_segments_of_the_normal_path() {
    let scene = || over("allow", "{tcp: 443, http: [{pathPrefix: /v1}]}");
    let ask = |path| scene().with_request(false, Some(("GET", path))).tcp(WEB, DB, 443);
    for path in ["/v1", "/v1/", "/v1/a", "/x/../v1/%61", "//v1"] {
        assert_eq!(ask(path), "allow: p/0", "{path}");
    }
    for path in ["/v1x", "/", "/v1/../admin"] {
        assert_eq!(ask(path), "deny: data ingress", "{path}");
    }
}

/// "Bytes that do not parse as the clause's protocol are a request that is `maybe`": they match a
/// deny and no allow.
#[test]
fn bytes_that_do_not_parse_match_a_deny_and_no_allow() {
    let clause = "{tcp: 443, http: [{path: /admin}]}";
    let allow = over("allow", clause).with_request(false, None).tcp(WEB, DB, 443);
    assert_eq!(allow, "deny: data ingress, assumed");
    let deny = over("deny", clause).with_request(false, None).tcp(WEB, DB, 443);
    assert_eq!(deny, "deny: p/0, assumed");
    let other = over("deny", clause).with_request(false, Some(("GET", "/"))).tcp(WEB, DB, 443);
    assert_eq!(other, "allow: p/1");
}

/// "`tls: 443` is TCP 443 whose first bytes are a TLS `ClientHello`."
#[test]
fn a_tls_clause_wants_a_client_hello() {
    let scene = || over("allow", "{tls: 443}");
    assert_eq!(scene().with_request(true, None).tcp(WEB, DB, 443), "allow: p/0");
    let plain = scene().with_request(false, Some(("GET", "/"))).tcp(WEB, DB, 443);
    assert_eq!(plain, "deny: data ingress, assumed");
    assert_eq!(scene().with_request(true, None).tcp(WEB, DB, 444), "deny: data ingress");
}

/// "Paths match exactly (`path`) ... after one documented normalisation."
#[test]
fn a_path_matches_itself_alone_once_it_is_normal() {
    let scene = || over("allow", "{tcp: 443, http: [{path: /v1/charges}]}");
    let ask = |path| scene().with_request(false, Some(("GET", path))).tcp(WEB, DB, 443);
    for path in ["/v1/charges", "/v1/x/../charges", "//v1/%63harges"] {
        assert_eq!(ask(path), "allow: p/0", "{path}");
    }
    for path in ["/v1/charges/7", "/v1/chargesx", "/v1"] {
        assert_eq!(ask(path), "deny: data ingress", "{path}");
    }
}
