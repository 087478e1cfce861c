//! The twin on bodies with holes: it answers, whatever is missing.

#![cfg(test)]

use serde_json::Value;
use watertight_testkit::generate::{Random, Size, aws};
use watertight_testkit::twin::aws::{Disposition, Estate};

/// Takes one field in `one_in` out, or empties it.
fn punch(random: &mut Random, value: &mut Value, one_in: usize) {
    match value {
        Value::Object(fields) => {
            let gone: Vec<String> =
                fields.keys().filter(|_| random.below(one_in) == 0).cloned().collect();
            for key in gone {
                if random.chance(50) {
                    fields.remove(&key);
                } else {
                    fields.insert(key, Value::Null);
                }
            }
            fields.values_mut().for_each(|field| punch(random, field, one_in));
        }
        Value::Array(elements) => {
            for element in elements {
                punch(random, element, one_in);
            }
        }
        _ => {}
    }
}

#[test]
fn holes_in_bodies_give_answers() {
    let mut answers = [0_usize; Disposition::ALL.len()];
    for seed in 0..150 {
        let mut generated = aws(seed, Size::AVERAGE);
        let mut random = Random::new(seed);
        for (_, body) in &mut generated.files {
            for resources in body.as_object_mut().unwrap().values_mut() {
                punch(&mut random, resources, 60);
            }
        }
        let estate = Estate::load(&generated.files);
        for packet in &generated.queries {
            let walk = estate.walk(packet);
            assert!(!walk.outcomes.is_empty(), "{packet:?}");
            for outcome in &walk.outcomes {
                let at = Disposition::ALL.iter().position(|one| *one == outcome.disposition);
                answers[at.unwrap()] += 1;
                // What is established was delivered or left, and the upper bound holds the lower one.
                assert!(outcome.may_establish || !outcome.established, "{outcome:?}");
                let (lower, upper) = outcome.accepts();
                assert!(upper || !lower, "{outcome:?}");
            }
        }
    }
    assert!(answers.iter().all(|count| *count > 0), "{answers:?}");
}
