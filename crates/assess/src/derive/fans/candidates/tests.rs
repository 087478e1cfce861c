//! Stretches against the same one by one.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// More classes than any example has.
const CLASSES: u32 = 40;

fn each(stretches: &[Stretch]) -> Vec<u32> {
    stretches.iter().flat_map(Clone::clone).collect()
}

/// Runs of a column, of what counts for sure (0), perhaps (1) or for nothing.
fn columns() -> impl Strategy<Value = Vec<Run>> {
    prop::collection::vec((0..4_u32, 1..6_u32, 0..3_u32), 0..12).prop_map(|parts| {
        let mut start = 0;
        let runs = parts.into_iter().map(|(gap, len, flows)| {
            let run = Run { start: start + gap, end: start + gap + len, flows };
            start = run.end;
            run
        });
        runs.collect()
    })
}

fn counts_for(flows: FlowsId) -> Option<Status> {
    [Some(Status::Sure), Some(Status::Possible), None][index(flows)]
}

proptest! {
    #[test]
    fn who_gets_in_is_found_as_one_by_one(
        classes in prop::collection::btree_set(0..CLASSES, 0..30),
        column in columns(),
    ) {
        let counts: Vec<u64> = (0..100).collect();
        let senders: Vec<Sender> = classes.iter().map(|class| (*class, class % 3)).collect();
        let mut candidates = Candidates::new(senders.clone(), &counts);
        let admitted = candidates.admitted(&column, counts_for);
        let mut lists = Lists::default();
        for (status, stretches) in
            [(Status::Sure, admitted.sure), (Status::Possible, admitted.possible)]
        {
            let gets_in = |class: u32| {
                let run = column.iter().find(|run| run.start <= class && class < run.end);
                run.and_then(|run| counts_for(run.flows)) == Some(status)
            };
            let expected: Vec<Sender> =
                senders.iter().copied().filter(|(class, _)| gets_in(*class)).collect();
            let found: Vec<Sender> =
                each(&stretches).into_iter().map(|place| senders[index(place)]).collect();
            prop_assert_eq!(&found, &expected);
            let sum: u64 = expected.iter().map(|(class, _)| counts[index(*class)]).sum();
            prop_assert_eq!(candidates.workloads(&stretches), sum);
            let mut together = Vec::new();
            candidates.add_classes(&stretches, &mut together);
            let own: Vec<u32> = expected.iter().map(|(class, _)| *class).collect();
            prop_assert_eq!(each(&joined(together)), own);
            let list = candidates.list(stretches, &mut lists);
            prop_assert_eq!(lists.get(list), &*expected);
        }
    }

    #[test]
    fn stretches_join_leave_out_and_take_in_as_sets_do(
        parts in prop::collection::vec((0..CLASSES, 0..6_u32), 0..8),
        (start, len, place) in (0..CLASSES, 0..CLASSES, 0..CLASSES),
    ) {
        let stretches: Vec<Stretch> =
            parts.iter().filter(|(_, len)| *len > 0).map(|(start, len)| *start..start + len).collect();
        let mut set: BTreeSet<u32> = each(&stretches).into_iter().collect();
        let joined = joined(stretches);
        prop_assert_eq!(each(&joined), set.iter().copied().collect::<Vec<_>>());
        let left = outside(index(start)..index(start + len), &joined);
        let left: Vec<usize> = left.into_iter().flatten().collect();
        let expected = (start..start + len).filter(|one| !set.contains(one)).map(index);
        prop_assert_eq!(left, expected.collect::<Vec<_>>());
        let with = with_place(joined, place);
        set.insert(place);
        prop_assert_eq!(each(&with), set.into_iter().collect::<Vec<_>>());
    }
}
