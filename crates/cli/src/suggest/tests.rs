//! The draft on generated estates: simulated, it closes what the cut closes and keeps the rest.

use std::collections::BTreeMap;

use watertight_assess::DeriveOptions;
use watertight_aws::{Body, Options, convert};
use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_policy::Timestamp;
use watertight_policy::decide::{Decider, Essentials, Modes, World};
use watertight_reach::named_prefixes;
use watertight_source::{FileId, Tree};
use watertight_testkit::generate::{self, Random, Size};

use super::paths::{From, Paths, connected};
use super::*;

const ESTATES: u64 = 60;

/// A generated estate whose workloads have labels, some of which make crown jewels.
fn estate(seed: u64) -> Estate {
    let files = generate::aws(seed, Size::FEW).files;
    let bodies: Vec<Body> = files
        .iter()
        .enumerate()
        .map(|(number, (path, value))| {
            let file = FileId(u32::try_from(number).unwrap());
            let text = value.to_string();
            let tree = Tree::parse_json(file, text.as_str(), &Limits::default()).unwrap();
            Body { path: path.clone(), tree }
        })
        .collect();
    let mut estate = convert(&bodies, &Options::default()).estate;
    let mut random = Random::new(seed);
    for (_, workload) in estate.workloads.iter_mut() {
        let app = random.pick(&["web", "api", "db"]).copied().unwrap();
        workload.labels.insert(Name::from("app"), Name::from(app));
        if app == "db" {
            let crown = Name::from("crown-jewel");
            workload.labels.insert(Name::from("criticality"), crown);
        }
    }
    estate
}

#[test]
fn a_draft_closes_what_the_cut_closes_and_keeps_what_it_leaves() {
    let (mut closed, mut kept, mut lost, mut drafts) = (0, 0, 0, 0);
    for seed in 1..=ESTATES {
        let estate = estate(seed);
        let paths = Paths::of(&estate, &DeriveOptions::default()).unwrap();
        let draft = drafted(&estate, &paths, &Name::from("app")).unwrap();
        if draft.segments == 0 {
            continue;
        }
        drafts += 1;
        let (formed, policy) = in_form(NAME, &draft.text()).unwrap();
        assert_eq!(in_form(NAME, &formed).unwrap().0, formed, "seed {seed}: no fixed form");
        let world = World::of_estate(&estate);
        let decider = Decider::new(&policy, &world, &Essentials::default());
        let layered = decider.under(&Modes::Pending, Timestamp(0)).layered(&estate);
        let mut boundaries = named_prefixes(&estate.network);
        boundaries.extend(named_prefixes(&layered.estate.network));
        let (after, _) = connected(&layered.estate, &boundaries);
        let nothing = BTreeMap::new();
        for (target, sources) in &paths.sent {
            if !draft.held.contains(target) {
                continue;
            }
            let then = after.get(target).unwrap_or(&nothing);
            for (from, sent) in sources {
                let From::Workload(_) = from else { continue };
                let open = then.get(from).cloned().unwrap_or_else(FlowSet::none);
                let who = format!("seed {seed}: {from:?} to {target:?}\n{formed}");
                assert!(!open.intersects(&sent.closed), "{who}: {open}, {} is closed", sent.closed);
                // No policy speaks of port 0.
                let open = open.union(&"tcp/0; udp/0; sctp/0".parse().unwrap());
                if !open.contains(&sent.kept) {
                    let to = &estate.workloads[*target].name;
                    let told =
                        draft.left_out.iter().any(|line| line.contains(&format!(" to {to} ")));
                    assert!(told, "{who}: {open} lacks some of {}", sent.kept);
                    lost += 1;
                }
                closed += usize::from(!sent.closed.is_empty());
                kept += usize::from(!sent.kept.is_empty());
            }
        }
    }
    println!("{drafts} drafts, {closed} pairs closed, {kept} kept but for {lost}");
    assert!(lost * 20 < kept, "{lost} of {kept} lost");
    assert!(drafts > 30 && closed > 100 && kept > 200, "{drafts} drafts, {closed}, {kept}");
}
