//! The generator's promises, over many estates.

use watertight_testkit::generate::{Size, Statistics, aws};

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
