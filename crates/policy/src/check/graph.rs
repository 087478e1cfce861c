//! What holds what: an order in which everything comes after what it holds, and the cycles.

/// An order of the nodes, and the cycles that keep the rest out of it.
pub(super) struct Order {
    /// Every node that no cycle is below of, after all nodes that it holds.
    pub(super) sorted: Vec<usize>,
    /// Each cycle once, as the nodes along it.
    pub(super) cycles: Vec<Vec<usize>>,
}

/// Sorts nodes by what they hold. Takes time in the number of nodes and arrows, and no stack.
pub(super) fn order(holds: &[Vec<usize>]) -> Order {
    let mut missing: Vec<usize> = holds.iter().map(Vec::len).collect();
    let mut held_by: Vec<Vec<usize>> = vec![Vec::new(); holds.len()];
    for (node, held) in holds.iter().enumerate() {
        for held in held {
            held_by[*held].push(node);
        }
    }
    let mut ready: Vec<usize> = (0..holds.len()).filter(|node| missing[*node] == 0).collect();
    let mut sorted = Vec::new();
    while let Some(node) = ready.pop() {
        sorted.push(node);
        for holder in &held_by[node] {
            missing[*holder] -= 1;
            if missing[*holder] == 0 {
                ready.push(*holder);
            }
        }
    }
    Order { cycles: cycles(holds, &missing), sorted }
}

/// Walks from each node that is left along the first arrow to another one that is left, until a
/// node comes again.
fn cycles(holds: &[Vec<usize>], missing: &[usize]) -> Vec<Vec<usize>> {
    let is_left = |node: usize| missing[node] > 0;
    let mut walked_from: Vec<Option<usize>> = vec![None; holds.len()];
    let mut cycles = Vec::new();
    for start in (0..holds.len()).filter(|node| is_left(*node)) {
        let mut way = Vec::new();
        let mut at = start;
        while walked_from[at].is_none() {
            walked_from[at] = Some(start);
            way.push(at);
            let Some(next) = holds[at].iter().copied().find(|next| is_left(*next)) else { break };
            at = next;
        }
        if walked_from[at] == Some(start)
            && let Some(first) = way.iter().position(|node| *node == at)
        {
            cycles.push(way.split_off(first));
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_comes_after_what_is_held() {
        let Order { sorted, cycles } = order(&[vec![1, 2], vec![2], vec![]]);
        assert_eq!((sorted, cycles), (vec![2, 1, 0], vec![]));
    }

    #[test]
    fn each_cycle_is_found_once_and_what_hangs_on_it_is_none() {
        // 0 and 1 hold each other, 2 holds 0, 3 holds itself, 4 holds nothing.
        let Order { sorted, cycles } = order(&[vec![1], vec![0], vec![0], vec![3], vec![]]);
        assert_eq!((sorted, cycles), (vec![4], vec![vec![0, 1], vec![3]]));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_takes_no_stack() {
        let chain: Vec<Vec<usize>> =
            (0..100_000).map(|node: usize| node.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(order(&chain).sorted.len(), 100_000);
    }
}
