//! The generator's promises, over many estates.

#![cfg(test)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;
use watertight_testkit::generate::{Scale, Size, Statistics, aws, aws_scaled};
use watertight_testkit::twin::aws::{Disposition, Estate, Packet, Start};

/// A file in memory.
struct Page<'a> {
    path: String,
    pages: &'a RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Write for Page<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pages.borrow_mut().entry(self.path.clone()).or_default().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn five_hundred_estates_hold_every_kind_of_gateway() {
    let mut statistics = Statistics::default();
    for seed in 0..500 {
        statistics.add(&aws(seed, Size::AVERAGE));
    }
    println!("{statistics}");
    assert_eq!(statistics.check(), Ok(()));
}

#[test]
fn same_seed_same_bytes() {
    for seed in [0, 1, 77] {
        let one = serde_json::to_string(&aws(seed, Size::SMALL).files).unwrap();
        let other = serde_json::to_string(&aws(seed, Size::SMALL).files).unwrap();
        assert_eq!(one, other);
    }
    assert_ne!(aws(1, Size::SMALL).files, aws(2, Size::SMALL).files);
}

#[test]
fn scaled_estate_has_the_promised_proportions() {
    let pages = RefCell::new(BTreeMap::new());
    let scale = Scale::of(20_000);
    let written =
        aws_scaled(&scale, |path| Ok(Page { path: path.to_owned(), pages: &pages })).unwrap();
    assert_eq!(written.endpoints, 20_000);
    assert_eq!(written.rules, scale.rules);
    assert!(written.cutting_rules * 10 >= written.rules, "{written:?}");
    assert!(written.version_6 * 20 >= written.endpoints, "{written:?}");
    assert_eq!(written.classes, 600);
    let million = Scale::of(1_000_000);
    assert!(million.vpcs >= 200 && million.subnets >= 5_000);
    assert_eq!((million.groups - million.vpcs) * 3, 30_000);

    let files: Vec<(String, Value)> = pages
        .into_inner()
        .into_iter()
        .map(|(path, bytes)| (path, serde_json::from_slice(&bytes).unwrap()))
        .collect();
    assert_eq!(written.files, files.len());
    let estate = Estate::load(&files);
    let interfaces = estate.interfaces();
    assert_eq!(interfaces.len(), 20_000);
    // Across VPCs there is a way: only guards stand in it.
    let (first, last) = (&interfaces[0], &interfaces[19_999]);
    let packet = Packet {
        start: Start::Interface(first.clone()),
        source: None,
        destination: estate.addresses(last)[0],
        protocol: 6,
        source_port: 40_000,
        destination_port: 443,
        icmp_type: 0,
        icmp_code: 0,
    };
    let walk = estate.walk(&packet);
    let ends = [Disposition::Accepted, Disposition::DeniedIn];
    assert!(ends.contains(&walk.outcomes[0].disposition), "{walk:?}");
    assert_eq!(walk.outcomes[0].path.last(), Some(last));
}
