//! What must hold of a segment of which a share alone is enforced.

use watertight_policy::syntax::{Document, LabelSelector, Mode, Object, Segment, Share, ShareOf};
use watertight_source::{FileId, Span};
use watertight_testkit::policy::generate::Generated;
use watertight_testkit::policy::{Answer, Case, Modes, Who};

use crate::each;
use crate::engine::{Engine, Prepared};

/// The same questions of the same policy, in which segments are something else.
fn with(generated: &Generated, change: impl Fn(&str, &mut Segment)) -> Generated {
    let mut changed = generated.clone();
    for Document { metadata, object, .. } in &mut changed.documents {
        if let Object::Segment(segment) = object {
            change(&metadata.name.value, segment);
        }
    }
    changed
}

fn percent(percent: u8) -> Share {
    Share { span: Span::at(FileId(0), 0), of: ShareOf::Percent(percent) }
}

fn is_enforced(segment: &Segment) -> bool {
    segment.mode() == Mode::Enforce
}

fn answers(generated: &Generated) -> Vec<Answer> {
    let prepared = Prepared::of(generated);
    let engine = Engine::new(generated, &prepared);
    generated.cases.iter().map(|case| engine.decide(case)).collect()
}

/// How strict an outcome is: what is allowed is allowed to fewer requests, and then to none.
fn strictness(answer: &Answer) -> u8 {
    match answer.outcome {
        "allow" => 0,
        "inspect" => 1,
        _ => 2,
    }
}

fn is_heard(case: &Case) -> bool {
    matches!(case.modes, Modes::Enforced | Modes::PromotePolicy(_))
}

/// "With `percent: 0` a segment decides what it decides in monitor, with `percent: 100` what it decides where
/// no share is written": reasons, assumptions and who is governed included.
#[test]
fn a_share_of_none_is_monitor_and_a_share_of_all_is_enforce() {
    let (mut none_differs, mut asked_about) = (0_usize, 0_usize);
    each(|seed, generated, _| {
        let of = |share: Option<Share>| {
            answers(&with(generated, |_, segment| {
                if is_enforced(segment) {
                    segment.share.clone_from(&share);
                }
            }))
        };
        let (none, all, whole) = (of(Some(percent(0))), of(Some(percent(100))), of(None));
        let monitored = answers(&with(generated, |_, segment| {
            if is_enforced(segment) {
                segment.share = None;
                segment.mode = segment.mode.map(|mode| watertight_policy::syntax::Spanned {
                    value: Mode::Monitor,
                    ..mode
                });
            }
        }));
        assert_eq!(all, whole, "seed {seed}");
        for (number, case) in generated.cases.iter().enumerate().filter(|(_, one)| is_heard(one)) {
            asked_about += 1;
            assert_eq!(
                none[number], monitored[number],
                "seed {seed}, question {number}: {case:#?}"
            );
            none_differs += usize::from(none[number] != whole[number]);
        }
    });
    assert!(asked_about > 500 && none_differs > 200, "{none_differs} of {asked_about} differ");
}

/// "A greater share only takes away from what is allowed."
#[test]
fn a_greater_share_only_takes_away_from_what_is_allowed() {
    let (mut stricter, mut asked_about) = (0_usize, 0_usize);
    each(|seed, generated, _| {
        let steps = [0, 20, 40, 60, 80, 100].map(|of_a_hundred| {
            answers(&with(generated, |_, segment| segment.share = Some(percent(of_a_hundred))))
        });
        for pair in steps.windows(2) {
            for ((less, more), case) in pair[0].iter().zip(&pair[1]).zip(&generated.cases) {
                asked_about += 1;
                assert!(strictness(less) <= strictness(more), "seed {seed}: {case:#?}");
                let grew = |less: bool, more: bool| !less || more;
                assert!(grew(less.governed.0, more.governed.0), "seed {seed}: {case:#?}");
                assert!(grew(less.governed.1, more.governed.1), "seed {seed}: {case:#?}");
                stricter += usize::from(strictness(less) < strictness(more));
            }
        }
    });
    assert!(stricter > 30, "{stricter} of {asked_about} are stricter");
}

/// "`Pending`, and `PromoteSegment` of the segment itself, hear no share": of the whole policy, and of X.
#[test]
fn what_is_pending_or_promoted_is_on_as_a_whole() {
    let mut differs = 0_usize;
    each(|seed, generated, _| {
        let whole = answers(&with(generated, |_, segment| segment.share = None));
        let none = answers(&with(generated, |_, segment| segment.share = Some(percent(0))));
        for (number, case) in generated.cases.iter().enumerate() {
            let promoted = match &case.modes {
                Modes::Pending => {
                    assert_eq!(none[number], whole[number], "seed {seed}: {case:#?}");
                    continue;
                }
                Modes::PromoteSegment(name) => name,
                Modes::Enforced | Modes::PromotePolicy(_) => continue,
            };
            let others = with(generated, |name, segment| {
                segment.share = (name != promoted).then(|| percent(0));
            });
            let others = answers(&others);
            assert_eq!(none[number], others[number], "seed {seed}: {case:#?}");
            differs += usize::from(others[number] != whole[number]);
        }
    });
    assert!(differs > 20, "{differs} answers differ by the shares of other segments");
}

/// "What has an end in the share is decided as if the whole segment were enforced": one segment has a share,
/// and it holds one end for sure.
#[test]
fn what_has_an_end_in_the_share_fares_as_where_all_is_enforced() {
    let (mut denied, mut asked_about) = (0_usize, 0_usize);
    each(|seed, generated, _| {
        let whole = with(generated, |_, segment| segment.share = None);
        let whole_answers = answers(&whole);
        let mut names: Vec<&str> = Vec::new();
        for document in &generated.documents {
            if matches!(&document.object, Object::Segment(one) if is_enforced(one)) {
                names.push(&document.metadata.name.value);
            }
        }
        for name in names {
            let shared = with(&whole, |one, segment| {
                segment.share = (one == name).then(|| percent(50));
            });
            // Who is governed by this segment alone, at which share: everything else is in monitor.
            let alone = with(&shared, |one, segment| {
                if one != name {
                    segment.mode = None;
                }
            });
            let prepared = Prepared::of(&alone);
            let engine = Engine::new(&alone, &prepared);
            let is_in = |end: &watertight_testkit::policy::End| {
                let Who::Workloads(workloads) = &end.who else { return false };
                let case = Case {
                    source: end.clone(),
                    modes: Modes::Enforced,
                    ..generated.cases[0].clone()
                };
                let answer = engine.decide(&case);
                workloads.len() == 1
                    && answer.governed.0
                    && !answer.assumed.contains("governed source")
            };
            let shared_answers = answers(&shared);
            for (number, case) in generated.cases.iter().enumerate() {
                let is_known = |end: &watertight_testkit::policy::End| {
                    matches!(&end.who, Who::Workloads(one) if one.len() == 1)
                        || matches!(end.who, Who::Outside(..))
                };
                let ends = [&case.source, &case.destination];
                if !ends.iter().all(|end| is_known(end)) || !ends.iter().any(|end| is_in(end)) {
                    continue;
                }
                asked_about += 1;
                let (one, other) = (&shared_answers[number], &whole_answers[number]);
                assert_eq!(one.outcome, other.outcome, "seed {seed}, {name}: {case:#?}");
                denied += usize::from(one.outcome == "deny");
            }
        }
    });
    assert!(denied > 50, "{denied} of {asked_about} are denied");
}

/// A selector that holds for everybody is a share of all, and one that holds for nobody is a share of none,
/// as far as it is known who an end is.
#[test]
fn a_share_is_chosen_by_labels_as_members_are() {
    let mut asked_about = 0_usize;
    each(|seed, generated, _| {
        let span = Span::at(FileId(0), 0);
        let everybody = Share { span, of: ShareOf::Select(LabelSelector::new(span, Vec::new())) };
        let all = answers(&with(generated, |_, segment| segment.share = Some(everybody.clone())));
        let whole = answers(&with(generated, |_, segment| segment.share = None));
        asked_about += all.len();
        assert_eq!(all, whole, "seed {seed}");
    });
    assert!(asked_about > 500, "{asked_about} questions are too few to tell");
}
