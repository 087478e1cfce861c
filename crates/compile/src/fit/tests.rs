use proptest::prelude::*;
use watertight_net::{AddressSet, FlowSet, PortSet, Prefix};

use super::measure::Measure;
use super::{Budget, Fitted, Ground, Line, Offers, Price, Prices, RuleCount, TooMany, Wish, fit};
use crate::artifact::{GroupName, RulePeer};
use crate::cover::supernet;
use crate::plane::{KeptList, Limits};

/// What AWS allows without asking for more.
const LIMITS: Limits = Limits { rules_per_direction: 60, groups_per_endpoint: 5, product: 1000 };

/// Every second address of a /20: none can be merged with another for nothing.
fn hosts(count: u32) -> AddressSet {
    let first = 0x0a00_0000_u32;
    let host = |number: u32| Prefix::host(std::net::Ipv4Addr::from(first + 2 * number).into());
    AddressSet::from_prefixes((0..count).map(host))
}

fn wish(count: u32, groups: u32) -> Wish {
    Wish {
        flows: FlowSet::tcp(PortSet::single(443)),
        groups: (0..groups).map(|number| GroupName(format!("watertight/{number}"))).collect(),
        must: hosts(count),
        free: AddressSet::empty(),
    }
}

fn fitted(wish: Wish, never: AddressSet) -> Result<Fitted, TooMany> {
    let ground = Ground { never, held: &AddressSet::empty(), lists: &[] };
    fit(&[wish], &ground, Budget::of(&LIMITS))
}

fn sizes(fitted: &Fitted) -> Vec<u32> {
    fitted.groups.iter().map(|rules| RuleCount::of(rules).v4).collect()
}

#[test]
fn a_group_holds_sixty_rules_in_a_direction() {
    for (count, expected) in [(59, vec![59]), (60, vec![60]), (61, vec![60, 1])] {
        let found = fitted(wish(count, 0), AddressSet::empty()).expect("it fits");
        assert_eq!(sizes(&found), expected);
        assert!(found.widened.is_empty(), "splitting is exact");
    }
    // A reference counts as a rule of each family.
    let found = fitted(wish(59, 1), AddressSet::empty()).expect("it fits");
    assert_eq!(sizes(&found), [60]);
    let found = fitted(wish(60, 1), AddressSet::empty()).expect("it fits");
    assert_eq!(sizes(&found), [60, 1]);
}

#[test]
fn an_endpoint_carries_five_groups_and_then_prefixes_are_merged() {
    for (count, groups) in [(299, 5), (300, 5)] {
        let found = fitted(wish(count, 0), AddressSet::empty()).expect("it fits");
        assert_eq!(found.groups.len(), groups);
        assert!(found.widened.is_empty());
    }
    let found = fitted(wish(301, 0), AddressSet::empty()).expect("merging makes room");
    assert_eq!(sizes(&found), [60; 5]);
    let added = found.widened.first().map(|(_, added)| added.prefixes().len());
    assert_eq!(added, Some(2), "the cheapest merger fills the gaps of four addresses");
}

#[test]
fn what_cannot_be_merged_is_refused_as_a_whole() {
    let everything = AddressSet::all();
    assert!(fitted(wish(300, 0), everything.clone()).is_ok());
    let refused = fitted(wish(301, 0), everything).expect_err("nothing may be widened");
    assert_eq!(refused, TooMany { needed: 301, least: 301 });
}

#[test]
fn rules_times_groups_stay_within_the_product() {
    let groups = |rules, product| {
        Limits { rules_per_direction: rules, groups_per_endpoint: 5, product }.full_groups()
    };
    assert_eq!(groups(200, 1000), 5);
    assert_eq!(groups(199, 1000), 5);
    assert_eq!(groups(201, 1000), 4);
    assert_eq!(groups(1000, 1000), 1);
    assert_eq!(groups(1001, 1000), 0);
}

#[test]
fn merging_goes_for_what_adds_no_endpoint() {
    let held = AddressSet::from_prefixes("10.0.0.1/32".parse::<Prefix>());
    let ground = Ground { never: AddressSet::empty(), held: &held, lists: &[] };
    let budget = Budget { group: 3, endpoint: 3 };
    // The first two addresses have an endpoint between them, the last two have not.
    let found = fit(&[wish(4, 0)], &ground, budget).expect("it fits");
    let text: Vec<String> =
        found.groups.concat().iter().map(|rule| format!("{:?}", rule.peer)).collect();
    assert_eq!(text.len(), 3, "{text:?}");
    let added = found.widened.first().map(|(_, added)| added.clone()).unwrap_or_default();
    assert!(!added.intersects(ground.held), "{added:?}");
}

fn set(prefixes: &[&str]) -> AddressSet {
    AddressSet::from_prefixes(prefixes.iter().map(|text| text.parse::<Prefix>().unwrap()))
}

fn kept(id: &str, prefixes: &[&str]) -> KeptList {
    KeptList { id: id.to_owned(), service: "aws.s3".into(), addresses: set(prefixes) }
}

fn peers(must: &[&str], free: &[&str], lists: &[KeptList]) -> Vec<String> {
    let wish = Wish { flows: FlowSet::all(), groups: Vec::new(), must: set(must), free: set(free) };
    let held = AddressSet::empty();
    let ground = Ground { never: AddressSet::empty(), held: &held, lists };
    let budget = Budget { group: 60, endpoint: 60 };
    let fitted = fit(&[wish], &ground, budget).unwrap();
    assert_eq!(fitted.widened, []);
    let told = |peer: &RulePeer| match peer {
        RulePeer::Group(name) => name.0.clone(),
        RulePeer::Prefix(prefix) => prefix.to_string(),
    };
    fitted.groups.concat().iter().map(|rule| told(&rule.peer)).collect()
}

#[test]
fn a_list_is_named_where_all_that_it_holds_is_wanted() {
    let list = [kept("pl-1", &["192.0.2.0/25", "198.51.100.0/25"])];
    let both = ["192.0.2.0/25", "198.51.100.0/25"];
    assert_eq!(peers(&both, &[], &list), ["pl-1"]);
    assert_eq!(
        peers(&[both[0], both[1], "203.0.113.0/24"], &[], &list),
        ["pl-1", "203.0.113.0/24"]
    );
    // One half of it is not allowed.
    assert_eq!(peers(&["192.0.2.0/25"], &[], &list), ["192.0.2.0/25"]);
    assert_eq!(peers(&["192.0.2.0/25"], &["198.51.100.0/25"], &list), ["pl-1"]);
    // Among everything it says nothing.
    assert_eq!(peers(&["0.0.0.0/0"], &[], &list), ["0.0.0.0/0"]);
}

/// The price of merging two prefixes by the algebra of sets, as [`Line::price`] finds it by counting.
fn slow_price(wish: &Wish, ground: &Ground<'_>, merged: Prefix) -> Option<(u128, u128)> {
    let size = |set: &AddressSet| -> u128 {
        let of = |prefix: Prefix| 1_u128 << (prefix.family().bits() - prefix.len());
        set.prefixes().into_iter().map(of).sum()
    };
    let added = AddressSet::from_prefix(merged).difference(&wish.must).difference(&wish.free);
    let is_open = !added.intersects(&ground.never);
    is_open.then(|| (size(&added.intersection(ground.held)), size(&added)))
}

fn any_set() -> impl Strategy<Value = AddressSet> {
    let prefix = (0_u32..256, 26_u8..=32)
        .prop_map(|(low, length)| Prefix::masked(std::net::Ipv4Addr::from(low).into(), length));
    prop::collection::vec(prefix, 0..8)
        .prop_map(|all| AddressSet::from_prefixes(all.into_iter().flatten()))
}

proptest! {
    #[test]
    fn prices_are_those_of_the_sets(
        must in any_set(), free in any_set(), held in any_set(), never in any_set(),
    ) {
        let wish = Wish { flows: FlowSet::all(), groups: Vec::new(), must, free };
        let ground = Ground { never, held: &held, lists: &[] };
        let prices = Prices { held: Measure::of(&held), never: Measure::of(&ground.never) };
        let (mut lines, mut offers) = ([Line::new(&wish, &[])], Offers::default());
        lines[0].offer(0, (&ground, &prices), &mut offers);
        loop {
            let known: Vec<(Prefix, Option<Price>)> =
                lines[0].prefixes.iter().map(|(one, price)| (*one, *price)).collect();
            let slow = known.windows(2).map(|pair| {
                supernet(pair[0].0, pair[1].0).and_then(|all| slow_price(&wish, &ground, all))
            });
            let slow: Vec<Option<Price>> = slow.chain(known.last().map(|_| None)).collect();
            let prices_of: Vec<Option<Price>> = known.iter().map(|(_, price)| *price).collect();
            prop_assert_eq!(&prices_of, &slow);
            // The cheapest is taken, of those the first, and what it holds goes with it.
            let least = known.iter().filter_map(|(one, price)| Some(((*price)?, *one))).min();
            let taken = offers.take(watertight_net::Family::V4, &lines);
            prop_assert_eq!(taken, least.map(|(_, first)| (0, first)));
            let Some(taken) = taken else { break };
            let saved = lines[0].merge(taken, &prices, &mut offers);
            let fewer = known.len() - lines[0].prefixes.len();
            prop_assert!(saved > 0 && usize::try_from(saved) == Ok(fewer), "{saved} {fewer}");
            let all = AddressSet::from_prefixes(lines[0].prefixes.keys().copied());
            prop_assert!(all.contains_set(&wish.must));
        }
    }
}
