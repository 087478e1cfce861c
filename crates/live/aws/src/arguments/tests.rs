use serde_json::json;

use super::*;
use crate::table::Table;

#[test]
fn a_path_leads_through_lists() {
    let body = json!({"R": [{"I": [{"Id": "b"}, {"Id": "a"}]}, {"I": [{"Id": "a"}, {}]}], "X": 1});
    assert_eq!(at(&body, "R[].I[].Id"), ["a", "b"]);
    assert_eq!(at(&json!({"arns": ["x"]}), "arns[]"), ["x"]);
    assert_eq!(at(&json!({"Account": "1"}), "Account"), ["1"]);
    assert!(at(&body, "R.I").is_empty());
}

#[test]
fn arguments_inherit_and_come_in_batches() {
    let table = Table::load().unwrap();
    let listed = table.call("ecs-describe-services").unwrap();
    let given = Argument {
        name: "c".to_owned(),
        parameters: Parameters::from([("cluster".to_owned(), json!("c"))]),
    };
    let arns: Vec<String> = (10..22).map(|number| format!("s{number}")).collect();
    let body = json!({ "serviceArns": arns });
    let found = of_answer(listed, "ecs-list-services", Some(&given), &body);
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["c s10", "c s20"]);
    assert_eq!(found[1].parameters["services"], json!(["s20", "s21"]));
    assert_eq!(found[1].parameters["cluster"], json!("c"));
    assert!(of_answer(listed, "ecs-list-tasks", Some(&given), &body).is_empty());
}

#[test]
fn names_of_files_are_safe_and_short() {
    assert_eq!(file_name("arn:aws:x/a b"), "arn:aws:x%2Fa%20b");
    assert_eq!(file_name("../.."), "%2E.%2F..");
    assert_eq!(file_name("a.b"), "a.b");
    let long = "n".repeat(300);
    let (one, other) = (file_name(&format!("{long}1")), file_name(&format!("{long}2")));
    assert!(one.len() <= FILE_NAME_BYTES_MAX && other.len() <= FILE_NAME_BYTES_MAX);
    assert_ne!(one, other);
}
