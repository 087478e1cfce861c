use super::{Claims, Kind};

fn claims(passes: &[&str], stop_id: Option<&str>, stop_kind: Option<Kind>) -> Claims {
    Claims {
        passes: passes.iter().map(|id| (*id).to_owned()).collect(),
        stop_id: stop_id.map(str::to_owned),
        stop_kind,
    }
}

#[test]
fn a_path_names_what_is_passed_and_ends_at_its_last_part() {
    let text = "internet>igw-0000000a (DNAT 1.2.3.4->10.0.0.1)>vpc>subnet>i-0000000b SG";
    let ids = ["igw-0000000a", "i-0000000b"];
    assert_eq!(Claims::parse(text), claims(&ids, Some("i-0000000b"), Some(Kind::Endpoint)));
}

#[test]
fn a_guard_in_a_comment_is_no_place() {
    let text = "i1>subnet-0000000a(NACL acl-0000000b egress)>vpc-0000000c";
    let ids = ["subnet-0000000a", "vpc-0000000c"];
    assert_eq!(Claims::parse(text), claims(&ids, Some("vpc-0000000c"), None));
}

#[test]
fn a_stop_is_an_id_or_a_kind() {
    let of = |text: &str| (Claims::parse(text).stop_id, Claims::parse(text).stop_kind);
    let tgw = "tgw-0000000a".to_owned();
    assert_eq!(of("stops at tgw-0000000a (no route)"), (Some(tgw), Some(Kind::TransitGateway)));
    assert_eq!(of("crosses peering; stops at tgwBat (x)"), (None, Some(Kind::TransitGateway)));
    assert_eq!(of("stops at subnetA2: route to vpc exists"), (None, Some(Kind::Subnet)));
    assert_eq!(of("stops at private subnet"), (None, Some(Kind::Subnet)));
    assert_eq!(of("stops at vpcA (unused subnet)"), (None, Some(Kind::Realm)));
    assert_eq!(of("dies at internet"), (None, None));
}

#[test]
fn a_gateway_by_which_it_goes_is_passed() {
    assert_eq!(Claims::parse("via vpce-0000000a"), claims(&["vpce-0000000a"], None, None));
}
