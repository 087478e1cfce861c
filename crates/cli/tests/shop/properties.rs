//! What holds for every estate, tried on the shop.

use std::collections::BTreeSet;

use watertight_assess::{
    Bound, Change, CutLimits, DeriveOptions, Derived, Entry, Fact, Removable, apply, cut_set,
    derive, score,
};
use watertight_model::Estate;
use watertight_model::network::{Action, Peer, Rule, Stage};
use watertight_net::FlowSet;
use watertight_reach::{Reach, front_legs};

use crate::support::{SHOP, hops, json, shop, workload};

/// The estate with one more rule in a security group: everything from anywhere may come in.
pub(crate) fn opened(estate: &Estate, group: &str) -> Estate {
    let mut opened = estate.clone();
    let guards = opened.network.guards.iter();
    let id = guards.filter(|(_, one)| one.name == group).map(|(id, _)| id).next().unwrap();
    let Stage { rules, .. } = opened.network.guards[id].ingress.first_mut().unwrap();
    rules.push(Rule {
        name: "added".into(),
        peer: Peer::Any,
        flows: FlowSet::all().into(),
        action: Action::Accept,
        origin: None,
    });
    opened
}

fn value(derived: &Derived) -> f64 {
    score(&derived.graph, &BTreeSet::new()).value
}

#[test]
fn a_rule_more_never_makes_the_score_better() {
    let estate = shop();
    let before = hops(&estate);
    let before = value(&before);
    // Of the vault's database, of payments, and of nobody.
    let groups = ["sg-06a3fc68437209126", "sg-0bb640583b553cc14", "sg-0a83d23fc0fa86c1e"];
    let after = groups.map(|group| value(&hops(&opened(&estate, group))));
    assert!(after.iter().all(|after| *after <= before), "{before} becomes {after:?}");
    let [vault, _, nobody] = after;
    assert!(vault < before, "{before} becomes {vault}");
    assert!(nobody >= before, "{before} becomes {nobody}");
}

/// Entries and jewels between which some chain of at least the cut's likelihood leads.
pub(crate) fn likely(derived: &Derived) -> BTreeSet<(String, String)> {
    let limits = CutLimits { uncuttable_listed_max: usize::MAX, ..CutLimits::default() };
    // With no action on offer, nothing parts any pair.
    let found = cut_set(&derived.graph, &[], limits);
    assert_eq!(found.uncuttable.len(), found.uncuttable_total);
    named(derived, &found.uncuttable)
}

fn named(derived: &Derived, pairs: &[(Entry, Fact)]) -> BTreeSet<(String, String)> {
    let name = |entry: Entry| match entry {
        Entry::Internet => "internet".to_owned(),
        Entry::Workload(subject) => derived.graph.name(subject),
    };
    let each = pairs.iter();
    each.map(|(entry, fact)| (name(*entry), derived.graph.name(fact.subject))).collect()
}

#[test]
fn a_cut_leaves_no_likely_chain_in_the_changed_estate() {
    let estate = shop();
    let before = hops(&estate);
    assert!(likely(&before).len() > 10, "{:?}", likely(&before));
    let cut = cut_set(&before.graph, &before.actions, CutLimits::default());
    assert!(!cut.actions.is_empty());
    assert_eq!(cut.uncuttable_total, 0);
    let changes: Vec<_> = cut.actions.iter().flat_map(|action| before.change(*action)).collect();
    let after = hops(&apply(&estate, &changes));
    assert_eq!(likely(&after), BTreeSet::new());
    assert!(value(&after) > value(&before));
}

#[test]
fn a_bucket_that_an_exposed_machine_may_read_is_reached_from_the_internet() {
    let estate = shop();
    let derived = hops(&estate);
    let found = likely(&derived);
    let pair = ("internet".to_owned(), "copper-kettle-customers".to_owned());
    assert!(found.contains(&pair), "{found:?}");
    // Without the permissions on buckets of its role and of a pod's, and without those on groups of
    // the nodes', which pods get, the ways are gone.
    let mut without = estate.clone();
    without.grants.retain(|grant| {
        let holder = &estate.credentials[grant.holder].name;
        !["media-pipeline", "kettle-recommendations", "eks-node"].contains(&holder.as_str())
    });
    assert!(without.grants.len() < estate.grants.len());
    assert!(!likely(&hops(&without)).contains(&pair));
}

#[test]
fn a_function_outside_of_every_vpc_reaches_the_internet() {
    for name in ["price-webhook", "invoice-mailer", "preview-cleanup"] {
        let estate = shop();
        let function = workload(&estate, name);
        let mut ends = function.endpoints.iter().map(|id| &estate.network.endpoints[*id]);
        assert!(ends.all(|end| end.subnet.is_none()), "{name} is in a subnet");
        let answer = json(&["can", SHOP, "--from", name, "--to", "internet", "--over", "tcp/443"]);
        assert_eq!(answer["answer"], "exits_network", "{name}");
        let parts = answer["groups"].as_array().unwrap().iter();
        let mut parts = parts.flat_map(|group| group["parts"].as_array().unwrap());
        assert!(parts.all(|part| part["disposition"] == "exits_network"), "{name}");
    }
}

/// An estate's hops, with `pairs_max` of its pairs asked one by one; if it has more, rules are
/// matched to whole columns of the matrix instead. Without tampering, which is kept roughly there.
fn with_pairs(estate: &Estate, pairs_max: usize) -> Derived {
    with_options(estate, DeriveOptions { pairs_max, ..DeriveOptions::default() })
}

fn with_options(estate: &Estate, options: DeriveOptions) -> Derived {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let legs = front_legs(&estate.network, &matrix);
    derive(estate, &reach, &matrix, &legs, None, &options).unwrap()
}

/// Lists of senders that are thrown away are found again: with room for one, for few, and for all of them.
#[test]
fn senders_that_are_found_again_give_the_same_graph() {
    let estate = opened(&shop(), "sg-0bb640583b553cc14");
    let with_room = |senders_max| {
        let options = DeriveOptions { pairs_max: 500, senders_max, ..DeriveOptions::default() };
        with_options(&estate, options)
    };
    let whole = with_room(usize::MAX);
    assert!(whole.graph.fans().len() > 10);
    for room in [0, 40, 400] {
        let again = with_room(room);
        assert_eq!(again.graph, whole.graph, "room for {room}");
        assert_eq!((&again.actions, &again.changes), (&whole.actions, &whole.changes));
    }
}

#[test]
fn columns_and_pairs_give_the_same_score_and_the_same_likely_ways() {
    let estate = shop();
    let (pairs, columns) = (with_pairs(&estate, 10_000), with_pairs(&estate, 500));
    assert!(pairs.graph.fans().is_empty() && !columns.graph.fans().is_empty());
    assert_eq!(score(&pairs.graph, &BTreeSet::new()), score(&columns.graph, &BTreeSet::new()));
    assert_eq!(likely(&pairs), likely(&columns));
}

#[test]
fn a_cut_found_by_columns_leaves_no_likely_chain_in_the_changed_estate() {
    let estate = shop();
    let before = with_pairs(&estate, 500);
    let limits = CutLimits { uncuttable_listed_max: usize::MAX, ..CutLimits::default() };
    let cut = cut_set(&before.graph, &before.actions, limits);
    assert!(!cut.actions.is_empty());
    let changes: Vec<_> = cut.actions.iter().flat_map(|action| before.change(*action)).collect();
    let after = likely(&with_pairs(&apply(&estate, &changes), 10_000));
    let told: BTreeSet<(String, String)> = named(&before, &cut.uncuttable);
    assert!(told.is_empty(), "{told:?}");
    let untold: Vec<_> = after.difference(&told).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn narrowing_a_rule_dropping_a_route_and_a_deny_close_what_they_claim() {
    // With everything open to payments, whose listener is known, ports can be narrowed too.
    let estate = opened(&shop(), "sg-0bb640583b553cc14");
    let before = hops(&estate);
    let mut tried = [0; 4];
    for (place, action) in before.actions.iter().enumerate() {
        let changes = before.change(place);
        let kind = match changes[..] {
            [Change::NarrowRule(..)] => 0,
            [Change::NarrowPorts(..)] => 1,
            [Change::DropRoute(..)] => 2,
            [Change::AddDeny(..)] => 3,
            _ => continue,
        };
        tried[kind] += 1;
        if tried[kind] > 4 {
            continue;
        }
        let limits = CutLimits { uncuttable_listed_max: usize::MAX, ..CutLimits::default() };
        let after = hops(&apply(&estate, &changes));
        let found: BTreeSet<String> = named_ways(&after, &BTreeSet::new(), limits);
        let claimed = named_ways(&before, &action.removes, limits);
        let open: Vec<&String> = found.difference(&claimed).collect();
        assert!(open.is_empty(), "{}: {open:?}", action.name);
    }
    assert!(tried.iter().all(|tried| *tried > 0), "{tried:?}");
}

/// Every derivable fact from every entry, with its likelihood, in words that two graphs share.
fn named_ways(
    derived: &Derived,
    removed: &BTreeSet<Removable>,
    limits: CutLimits,
) -> BTreeSet<String> {
    let view = derived.graph.view(Bound::All, removed);
    let mut ways = BTreeSet::new();
    for entry in derived.graph.entries() {
        let from = match entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => derived.graph.name(*subject),
        };
        for (fact, likelihood) in view.likelihoods(*entry).iter() {
            if likelihood >= limits.likelihood_min {
                ways.insert(format!("{from} to {}", derived.graph.describe(fact)));
            }
        }
    }
    ways
}
