//! Two halves of the work at once, in whatever order: what each comes to is the same.

use std::sync::Arc;

use watertight_compile::{AtOnce, Plane as _};

use crate::{drawn, seeds};

/// Does neither.
struct Nobody;

impl AtOnce for Nobody {
    fn both(&self, _: &mut dyn FnMut(), _: &mut (dyn FnMut() + Send)) {}
}

/// Does the second first.
struct Turned;

impl AtOnce for Turned {
    fn both(&self, here: &mut dyn FnMut(), beside: &mut (dyn FnMut() + Send)) {
        beside();
        here();
    }
}

#[test]
fn two_artifacts_at_once_are_what_each_is_alone() {
    let (mut shared, mut apart) = (0, 0);
    for seed in seeds(1).take(60) {
        let (lab, _) = drawn::lab(seed);
        let Ok(made) = lab.make() else { continue };
        let whole = &made.compiled.artifacts;
        let mut other = whole.clone();
        other.attachments.pop();
        if let Some(group) = other.groups.last_mut().filter(|_| seed % 3 != 0) {
            let group = Arc::make_mut(group);
            group.ingress.pop();
            group.egress.pop();
        }
        lab.with(|_, plane| {
            for at_once in [&Nobody as &dyn AtOnce, &Turned] {
                let bodies = plane.render_both([whole, &other], at_once);
                assert_eq!(bodies, [whole, &other].map(|one| plane.render(one)), "seed {seed}");
                let estates = plane.convert_both(bodies.each_ref().map(Vec::as_slice), at_once);
                assert_eq!(estates, bodies.each_ref().map(|one| plane.convert(one)), "seed {seed}");
                let [one, other] = &bodies;
                for (one, other) in one.iter().zip(other) {
                    let is_shared = Arc::ptr_eq(&one.text, &other.text);
                    (shared, apart) =
                        (shared + u32::from(is_shared), apart + u32::from(!is_shared));
                }
            }
        });
    }
    assert!(shared > 20 && apart > 100, "{shared} and {apart} are too few to tell");
}

#[test]
fn a_proof_is_the_same_in_whatever_order_families_are_looked_at() {
    let mut both = 0;
    for seed in seeds(1).take(60) {
        let (lab, _) = drawn::lab(seed);
        let Ok(made) = lab.make() else { continue };
        both += u32::from(made.found.iter().any(|one| one.family.is_some()));
        for at_once in [&Nobody as &dyn AtOnce, &Turned] {
            let again = lab.make_by(at_once).unwrap();
            assert_eq!(again.proof, made.proof, "seed {seed}");
            assert_eq!(again.found, made.found, "seed {seed}");
        }
    }
    assert!(both > 3, "{both} estates with both families are too few to tell");
}
