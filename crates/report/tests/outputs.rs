//! What is written for machines: JSON by its published schema, SARIF, CSV, tables, SVG.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

#[path = "support/estates.rs"]
mod estates;
#[path = "support/schema.rs"]
mod schema;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_reach::{Exposure, Graph, Matrix, Reach, Survey, Surveyed, diff, exposure};
use watertight_report::assessment::{self, Severity};
use watertight_report::{Layout, blast, coverage, diff as difference, exposure as exposed, reach};

fn published() -> Value {
    serde_json::from_str(include_str!("../../../docs/reference/assessment-schema.json")).unwrap()
}

fn computed(estate: &Estate) -> (Matrix, Exposure, Survey) {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let exposure = exposure(&estate.network, &matrix);
    let survey = reach.survey(&matrix);
    (matrix, exposure, survey)
}

#[test]
fn assessments_follow_the_published_schema() {
    for read in [estates::shop(), estates::empty(), estates::hostile()] {
        let value = assessment::json(&estates::assessed(&read));
        let wrong = schema::check(&published(), &value);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    let mut value = assessment::json(&estates::assessed(&estates::empty()));
    value["surprise"] = json!(1);
    value["coverage"]["paths"] = json!(-1);
    value["schema"] = json!("watertight.assessment/v2");
    value["diagnostics"] = json!([{"severity": "awful"}]);
    let wrong = schema::check(&published(), &value);
    assert!(wrong.len() >= 4, "{wrong:#?}");
}

#[test]
fn the_shop_has_the_findings_of_its_mistakes() {
    let view = estates::assessed(&estates::shop());
    let value = assessment::json(&view);
    let titles: Vec<(&str, &str)> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap(), finding["title"].as_str().unwrap()))
        .collect();
    for (rule, name) in [
        ("breach-chain", "copper-kettle-customers"),
        ("exposed-administration", "rdp-gateway-1"),
        ("metadata-without-token", "img-resizer-1"),
        ("single-layer", "vault-db"),
        ("single-layer", "payments"),
    ] {
        let found = titles.iter().any(|(of, title)| *of == rule && title.contains(name));
        assert!(found, "{rule} about {name} in {titles:#?}");
    }
    assert!(view.findings_at_least(Severity::High) >= 2);
    assert!(view.findings_at_least(Severity::Low) >= view.findings_at_least(Severity::High));
}

#[test]
fn what_is_not_offered_is_told_with_what_it_would_break() {
    let view = estates::assessed(&estates::shop());
    let value = assessment::json(&view);
    let withheld = &value["cut_set"]["withheld"][0];
    let name = withheld["name"].as_str().unwrap();
    assert_eq!(withheld["breaks"], json!([estates::NEEDED]));
    let text = assessment::text(&view, &Layout::default());
    let told = format!("not offered: {name}, which would break {}", estates::NEEDED);
    assert!(text.contains(&told), "{text}");
    let page = assessment::html(&view);
    assert!(page.contains("<summary>1 change not offered for what it would break</summary>"));
    assert!(page.contains(", which would break health checks by &lt;web&gt;</li>"));
}

#[test]
fn sarif_points_at_lines() {
    let log = assessment::sarif(&estates::assessed(&estates::shop()));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    let mut placed = 0;
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        for location in result["locations"].as_array().unwrap() {
            assert!(location["logicalLocations"][0]["fullyQualifiedName"].is_string());
            if let Some(physical) = location.get("physicalLocation") {
                assert!(physical["region"]["startLine"].as_u64().unwrap() >= 1);
                assert!(physical["artifactLocation"]["uri"].as_str().unwrap().starts_with("raw/"));
                placed += 1;
            }
        }
    }
    assert!(placed > 10, "{placed}");
}

#[test]
fn the_summary_fits_the_terminal_and_has_no_escape_codes() {
    for read in [estates::shop(), estates::empty(), estates::hostile()] {
        let view = estates::assessed(&read);
        let text = assessment::text(&view, &Layout::default());
        assert!(!text.contains('\u{1b}'), "{text}");
        let begins = if read.estate.workloads.is_empty() { "No score" } else { "Score " };
        assert!(text.starts_with(begins), "{text}");
        assert_eq!(text, assessment::text(&view, &Layout::default()));
    }
}

#[test]
fn coverage_of_the_shop_by_classes_equals_asking_pair_by_pair() {
    let estate = estates::shop().estate;
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let survey = reach.survey(&matrix);
    let grouped: BTreeSet<Surveyed> = survey.pairs().collect();
    let each: BTreeSet<Surveyed> = reach.survey_pair_by_pair(&matrix).into_iter().collect();
    let missing: Vec<&Surveyed> = each.difference(&grouped).collect();
    assert!(missing.is_empty(), "{} are missing: {:#?}", missing.len(), missing.first());
    let extra: Vec<&Surveyed> = grouped.difference(&each).collect();
    assert!(extra.is_empty(), "{} are there in vain: {:#?}", extra.len(), extra.first());
    assert!(survey.totals().ungoverned > 0 && survey.totals().refused_by_one > 0);
}

#[test]
fn what_each_layer_decides_is_told_where_pairs_are_too_many() {
    let estate = estates::large().estate;
    let (matrix, _, survey) = computed(&estate);
    let totals = survey.totals();
    assert!(totals.pairs > 5_000, "{totals:?}");
    let layout = Layout { width: 140, colour: false };
    let table = coverage::table(&estate, &matrix, &survey, 5_000, &layout);
    assert!(table.contains("are too many to be listed"), "{table}");
    assert!(table.contains("REFUSED BY IT ALONE"), "{table}");
    let value = coverage::json(&estate, &matrix, &survey, 5_000);
    assert!(value["pairs"].is_null());
    assert_eq!(value["totals"]["pairs"], totals.pairs);
    let layers = value["layers"].as_array().unwrap();
    let rows = coverage::csv(&estate, &matrix, &survey, 5_000);
    assert_eq!(rows.lines().count(), layers.len() + 1);
    assert!(rows.starts_with("layer,pairs,refused_alone\n"), "{rows}");
    let alone: u64 = layers.iter().filter_map(|layer| layer["refused_alone"].as_u64()).sum();
    assert_eq!(alone, totals.refused_by_one, "each such pair counts for one layer");
}

#[test]
fn tables_csv_and_json_tell_the_same_of_the_shop() {
    let estate = estates::shop().estate;
    let (matrix, exposure, survey) = computed(&estate);
    let layout = Layout { width: 140, colour: false };

    let table = reach::table(&estate, &matrix, &layout);
    assert!(table.starts_with("FROM"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 140));
    assert!(table.contains("shop-web"));
    let value = reach::json(&estate, &matrix);
    assert_eq!(value["schema"], "watertight.reach/v1");
    let ends = value["ends"].as_array().unwrap();
    for cell in value["cells"].as_array().unwrap() {
        for side in ["from", "to"] {
            assert!(cell[side].as_u64().unwrap() < u64::try_from(ends.len()).unwrap());
        }
    }
    let rows = reach::csv(&estate, &matrix);
    assert!(rows.lines().count() > value["cells"].as_array().unwrap().len());

    let table = exposed::table(&estate, &matrix, (&exposure, &[]), &layout);
    assert!(table.contains("rdp-gateway-1") && table.contains("tcp/3389"), "{table}");
    assert_eq!(
        exposed::json(&estate, &matrix, (&exposure, &[]))["schema"],
        "watertight.exposure/v1"
    );
    assert!(exposed::csv(&estate, &matrix, (&exposure, &[])).starts_with("direction,"));

    let table = coverage::table(&estate, &matrix, &survey, coverage::PAIRS_LISTED_MAX, &layout);
    assert!(table.contains("ONE LAYER ALONE"), "{table}");
    assert_eq!(
        coverage::json(&estate, &matrix, &survey, coverage::PAIRS_LISTED_MAX)["schema"],
        "watertight.coverage/v1"
    );
    assert!(
        coverage::csv(&estate, &matrix, &survey, coverage::PAIRS_LISTED_MAX).starts_with("from,")
    );

    let bastion = estate.workloads.iter().find(|(_, one)| one.name == "bastion").unwrap().0;
    let found = Graph::new(&estate, &matrix).blast(&estate, bastion);
    let table = blast::table(&estate, &found, &layout);
    assert!(table.contains("bastion reaches"), "{table}");
    let value = blast::json(&estate, &found);
    assert_eq!(value["reached"].as_array().unwrap().len(), found.reached.len());
    assert_eq!(blast::csv(&estate, &found).lines().count(), found.reached.len() + 1);
}

#[test]
fn differences_are_told_in_order() {
    let before = estates::shop().estate;
    let mut after = before.clone();
    let guards = &mut after.network.guards;
    let rdp = guards.iter().find(|(_, guard)| guard.title.contains("rdp")).unwrap().0;
    guards[rdp].ingress.iter_mut().for_each(|stage| stage.rules.clear());
    let changes = diff(&before, &after);
    let [old, new] = [&before, &after].map(|estate| computed(estate).0);
    let compared =
        |changes| difference::Compared { before: (&before, &old), after: (&after, &new), changes };
    let table = difference::table(&compared(&changes), &Layout::default());
    let whole = |line: &str| line.contains("internet (IPv4)") && line.contains("tcp/3389");
    assert!(table.lines().any(whole) && table.contains("removed"), "{table}");
    let value = difference::json(&compared(&changes));
    assert_eq!(value["schema"], "watertight.diff/v1");
    // Parts of the internet that changed alike are one row.
    let rows = value["changes"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.len() < changes.len(), "{} and {}", rows.len(), changes.len());
    let from = |row: &&Value| row["from"] == "internet";
    let whole = rows.iter().find(from).unwrap();
    assert!(!whole["from_prefixes"].as_array().unwrap().is_empty(), "{whole}");
    assert_eq!(difference::csv(&compared(&changes)).lines().count(), rows.len() + 1);
    assert_eq!(difference::table(&compared(&[]), &Layout::default()), "no difference\n");
}

#[test]
fn pictures_are_well_formed_and_the_same_each_time() {
    for read in [estates::shop(), estates::empty(), estates::hostile()] {
        let (matrix, ..) = computed(&read.estate);
        let svg = reach::svg(&read.estate, &matrix);
        assert_eq!(svg, reach::svg(&read.estate, &matrix));
        let opened = svg.matches("<text").count();
        assert_eq!(opened, svg.matches("</text>").count());
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("<script") && !svg.contains("<img"));
    }
}

#[test]
fn pages_are_the_same_each_time() {
    let one = assessment::html(&estates::assessed(&estates::shop()));
    let two = assessment::html(&estates::assessed(&estates::shop()));
    assert_eq!(one, two);
    assert!(
        !one.contains("http://")
            || one.matches("http://").count() == one.matches("http://www.w3.org/2000/svg").count()
    );
    assert!(!one.contains(" style=\"") && !one.contains(" onclick"));
}

#[test]
fn ten_thousand_workloads_have_an_assessment() {
    let view = estates::assessed(&estates::large());
    let value = assessment::json(&view);
    assert_eq!(schema::check(&published(), &value), Vec::<String>::new());
    assert!(value["segments"].as_array().unwrap().len() <= 40);
    assert!(assessment::html(&view).len() <= 5_000_000);
}
