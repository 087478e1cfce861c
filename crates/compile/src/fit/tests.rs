use proptest::prelude::*;
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Prefix};

use super::merging::Price;
use super::{Budget, Fitted, Ground, Line, Measure, RuleCount, TooMany, Wish, fit};
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
    let ground = Ground { never, held: &Measure::default(), lists: &[] };
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
    let held = set(&["10.0.0.1/32"]);
    let ground = Ground { never: AddressSet::empty(), held: &Measure::of(&held), lists: &[] };
    let budget = Budget { group: 3, endpoint: 3 };
    // The first two addresses have an endpoint between them, the last two have not.
    let found = fit(&[wish(4, 0)], &ground, budget).expect("it fits");
    let text: Vec<String> =
        found.groups.concat().iter().map(|rule| format!("{:?}", rule.peer)).collect();
    assert_eq!(text.len(), 3, "{text:?}");
    let added = found.widened.first().map(|(_, added)| added.clone()).unwrap_or_default();
    assert!(!added.intersects(&held), "{added:?}");
}

fn set(prefixes: &[&str]) -> AddressSet {
    AddressSet::from_prefixes(prefixes.iter().map(|text| text.parse::<Prefix>().unwrap()))
}

fn kept(id: &str, prefixes: &[&str]) -> KeptList {
    KeptList { id: id.to_owned(), service: "aws.s3".into(), addresses: set(prefixes) }
}

fn peers(must: &[&str], free: &[&str], lists: &[KeptList]) -> Vec<String> {
    let wish = Wish { flows: FlowSet::all(), groups: Vec::new(), must: set(must), free: set(free) };
    let held = Measure::default();
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

/// What endpoints have, and what must not be opened.
type Sets<'s> = (&'s AddressSet, &'s AddressSet);

/// The price of merging two prefixes by the algebra of sets.
fn slow_price(wish: &Wish, (held, never): Sets<'_>, merged: Prefix) -> Option<Price> {
    let size = |set: &AddressSet| -> u128 {
        let of = |prefix: Prefix| 1_u128 << (prefix.family().bits() - prefix.len());
        set.prefixes().into_iter().map(of).sum()
    };
    let added = AddressSet::from_prefix(merged).difference(&wish.must).difference(&wish.free);
    let is_open = !added.intersects(never);
    is_open.then(|| (size(&added.intersection(held)), size(&added)))
}

/// The cheapest merger of a family that there is, with the line and the place of its prefix.
fn slow_cheapest(
    wishes: &[Wish],
    sets: Sets<'_>,
    (lines, family): (&[Vec<Prefix>], Family),
) -> Option<(Price, usize, usize, Prefix)> {
    let mut found = None;
    for (number, line) in lines.iter().enumerate() {
        for (at, pair) in line.windows(2).enumerate() {
            let merged = supernet(pair[0], pair[1]).filter(|all| all.family() == family);
            let Some(merged) = merged else { continue };
            let price = slow_price(&wishes[number], sets, merged);
            let offer = price.map(|price| (price, number, at, merged));
            found = found.into_iter().chain(offer).min();
        }
    }
    found
}

/// The prefixes of each wish, merged one after the other, where every price is found again each time.
fn slow_fit(wishes: &[Wish], sets: Sets<'_>, limit: usize) -> Result<Vec<Vec<Prefix>>, TooMany> {
    let line = |wish| Line::new(wish, &[]).prefixes.to_vec();
    let mut lines: Vec<Vec<Prefix>> = wishes.iter().map(line).collect();
    let count = |lines: &[Vec<Prefix>], family| {
        lines.iter().flatten().filter(|one| one.family() == family).count()
    };
    let most = |lines: &[Vec<Prefix>]| count(lines, Family::V4).max(count(lines, Family::V6));
    let needed = u32::try_from(most(&lines)).unwrap();
    while most(&lines) > limit {
        let is_v4 = count(&lines, Family::V4) > limit;
        let family = if is_v4 { Family::V4 } else { Family::V6 };
        let Some((_, number, at, merged)) = slow_cheapest(wishes, sets, (&lines, family)) else {
            return Err(TooMany { needed, least: u32::try_from(most(&lines)).unwrap() });
        };
        lines[number][at] = merged;
        let mut place = 0;
        lines[number].retain(|one| {
            place += 1;
            place == at + 1 || !merged.covers(*one)
        });
    }
    Ok(lines)
}

fn any_set() -> impl Strategy<Value = AddressSet> {
    let v4 = (0_u32..256, 26_u8..=32)
        .prop_map(|(low, length)| Prefix::masked(std::net::Ipv4Addr::from(low).into(), length));
    let v6 = (0_u128..256, 122_u8..=128)
        .prop_map(|(low, length)| Prefix::masked(std::net::Ipv6Addr::from(low).into(), length));
    prop::collection::vec(prop_oneof![3 => v4, 1 => v6], 0..10)
        .prop_map(|all| AddressSet::from_prefixes(all.into_iter().flatten()))
}

/// Wishes of which some are for the same addresses as others.
fn any_wishes() -> impl Strategy<Value = Vec<Wish>> {
    let sets = prop::collection::vec((any_set(), any_set()), 1..3);
    (sets, prop::collection::vec(0_usize..3, 1..4)).prop_map(|(sets, which)| {
        let wish = |(number, which): (usize, usize)| {
            let (must, free) = sets[which % sets.len()].clone();
            let port = u16::try_from(number).unwrap();
            Wish { flows: FlowSet::tcp(PortSet::single(port)), groups: Vec::new(), must, free }
        };
        which.into_iter().enumerate().map(wish).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn mergers_are_those_that_are_found_one_after_the_other(
        wishes in any_wishes(), held in any_set(), never in any_set(), is_open in any::<bool>(),
        limit in 0_u32..12,
    ) {
        let never = if is_open { AddressSet::empty() } else { never };
        let slow = slow_fit(&wishes, (&held, &never), usize::try_from(limit).unwrap());
        let ground = Ground { never, held: &Measure::of(&held), lists: &[] };
        let fitted = fit(&wishes, &ground, Budget { group: limit, endpoint: limit });
        let (fitted, slow) = match (fitted, slow) {
            (Ok(fitted), Ok(slow)) => (fitted, slow),
            (fitted, slow) => {
                prop_assert_eq!(fitted.map(|_| ()), slow.map(|_| ()));
                return Ok(());
            }
        };
        let rules = fitted.groups.concat();
        let mut widened = Vec::new();
        for (wish, slow) in wishes.iter().zip(slow) {
            let own = rules.iter().filter(|rule| *rule.flows == wish.flows);
            let mut own: Vec<&RulePeer> = own.map(|rule| &rule.peer).collect();
            own.sort();
            let slow: Vec<RulePeer> = slow.into_iter().map(RulePeer::Prefix).collect();
            prop_assert_eq!(own, slow.iter().collect::<Vec<_>>());
            let written = slow.iter().filter_map(|peer| match peer {
                RulePeer::Prefix(prefix) => Some(*prefix),
                RulePeer::Group(_) => None,
            });
            let added = AddressSet::from_prefixes(written);
            let added = added.difference(&wish.must).difference(&wish.free);
            widened.extend((!added.is_empty()).then(|| (wish.flows.clone(), added)));
        }
        prop_assert_eq!(fitted.widened, widened);
    }
}
