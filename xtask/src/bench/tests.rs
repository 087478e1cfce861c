use std::collections::BTreeMap;
use std::time::Duration;

use super::estate::{read, scale, write};
use super::figures::{Figures, count, memory, seconds};
use super::sizes::{Size, temporary};
use super::table;
use watertight_testkit::generate::{ClusterScale, ClusterShape};

use super::{Options, Subject, cluster};

fn figures(values: &[f64]) -> Figures {
    let mut figures = Figures::default();
    for value in values {
        figures.add(*value);
    }
    figures
}

fn size(endpoints: u32, connectivity: Option<f64>) -> Size {
    let mut named: BTreeMap<String, Figures> = BTreeMap::new();
    for name in ["prepare", "exposure", "blast"] {
        named.insert(name.to_owned(), figures(&[0.0]));
    }
    if let Some(connectivity) = connectivity {
        named.insert("connectivity".to_owned(), figures(&[connectivity]));
        named.insert("peak".to_owned(), figures(&[600e6 / 1024.0]));
    }
    let stopped = connectivity.is_none().then(|| "> 300 s".to_owned());
    Size { endpoints, groups: 2_000, rules: 20_000, figures: named, stopped }
}

fn shown(sizes: &[Size]) -> String {
    let options = Options {
        sizes: Vec::new(),
        runs: 3,
        limit: Duration::from_mins(5),
        memory_kib: 0,
        replicas: None,
    };
    table::of(sizes, &options, Subject::Estate)
}

fn row<'t>(text: &'t str, label: &str) -> Vec<&'t str> {
    let line = text.lines().find(|line| line.starts_with(label)).expect("a row");
    line.trim_start_matches(label).split("  ").map(str::trim).filter(|t| !t.is_empty()).collect()
}

#[test]
fn the_median_and_the_furthest_run_are_those_of_the_values() {
    assert_eq!(figures(&[3.0, 1.0, 2.0]).median(), Some(2.0));
    assert_eq!(figures(&[1.0, 2.0]).median(), Some(1.5));
    assert_eq!(figures(&[]).median(), None);
    assert_eq!(figures(&[3.0, 1.0, 2.0]).spread(), Some(0.5));
    assert_eq!(figures(&[0.0, 0.0]).spread(), None);
    assert_eq!(figures(&[2.0]).spread(), None);
}

#[test]
fn figures_are_written_with_their_units() {
    let times = [0.000_012, 0.001_5, 0.25, 1.25, 12.5, 125.4].map(seconds);
    assert_eq!(times, ["12.0 us", "1.5 ms", "250 ms", "1.25 s", "12.5 s", "125 s"]);
    assert_eq!(memory(1e6 / 1.024), "1.00 GB");
    assert_eq!(memory(1e5 / 1.024), "100 MB");
    assert_eq!([999.0, 1_000.0, 1_234_567.0].map(count), ["999", "1,000", "1,234,567"]);
}

#[test]
fn targets_are_multiples_and_growth_is_a_power_of_the_sizes() {
    let text = shown(&[size(10_000, Some(0.5)), size(100_000, Some(50.0))]);
    assert_eq!(row(&text, "target: query"), ["0.50 x 1.00 s", "5.00 x 10.0 s"]);
    assert_eq!(row(&text, "target: peak"), ["2.00 x 300 MB", "0.40 x 1.50 GB"]);
    assert_eq!(row(&text, "connectivity"), ["500 ms", "x100.0 ^2.00", "50.0 s"]);
}

#[test]
fn a_run_that_was_stopped_meets_no_target() {
    let text = shown(&[size(10_000, None)]);
    assert_eq!(row(&text, "connectivity"), ["> 300 s"]);
    assert_eq!(row(&text, "classes of interfaces"), ["-"]);
    assert_eq!(row(&text, "target: query"), ["> 300 s"]);
    assert_eq!(row(&text, "target: peak"), ["> 300 s"]);
}

#[test]
fn groups_and_rules_are_those_that_the_targets_state() {
    let of = |endpoints| {
        let scale = scale(endpoints, None);
        (scale.groups, scale.rules)
    };
    assert_eq!(of(10_000), (2_000, 20_000));
    assert_eq!(of(100_000), (10_000, 200_000));
    assert_eq!(of(1_000_000), (50_000, 1_000_000));
    let million = scale(1_000_000, None);
    assert!(million.vpcs >= 200 && million.subnets >= 5_000);
    assert_eq!(scale(10_000, Some(100)).groups, 100 + 8);
}

#[test]
fn what_is_written_is_read_back() {
    let folder = temporary().expect("a folder");
    let written = write(folder.path(), &scale(200, None)).expect("written");
    let mut sources = watertight_source::Sources::new();
    let bodies = read(folder.path(), &mut sources).expect("read");
    assert_eq!((bodies.len(), written.endpoints), (written.files, 200));
}

#[test]
fn pairs_one_by_one_and_classes_agree_on_small_clusters() {
    for shape in [ClusterShape::Owned, ClusterShape::Random] {
        let folder = temporary().unwrap();
        let scale = ClusterScale { policies: 40, ..cluster::scale(120, shape) };
        cluster::write(folder.path(), &scale).unwrap();
        let (asked, differ) = cluster::compared(folder.path()).unwrap();
        assert!(asked > 10_000, "{asked}");
        assert_eq!(differ, 0, "{shape:?}");
    }
}
