//! What one edit of a policy has changed.

use std::collections::BTreeSet;

use crate::checked::{
    Assertion, CheckedPolicy, Clause, ControlPlane, Exception, HttpMatch, Labeling, LabelingRule,
    Narrowed, Peer, Policy, RawFacts, Rule, Segment, Users,
};
use crate::syntax::Spanned;

/// A rule, by the place of its policy and its place in that.
pub type RulePlace = (u32, u32);

/// The rules in which two policies differ: those do something else, or do it over other flows, for the same ends. Where
/// anything stands makes no difference.
///
/// Nothing, where they differ in more than that: then others may be told apart, and asked, than before.
pub fn changed_rules(before: &CheckedPolicy, after: &CheckedPolicy) -> Option<BTreeSet<RulePlace>> {
    let CheckedPolicy {
        selectors,
        segments,
        users,
        labelings,
        policies,
        failsafe,
        control_planes,
        narrowed,
        assertions,
        exceptions,
    } = before;
    let is_alike = *selectors == after.selectors
        && all(segments, &after.segments, same_segment)
        && all(users, &after.users, same_users)
        && all(labelings, &after.labelings, |one, other| {
            one.0 == other.0 && same_labeling(&one.1, &other.1)
        })
        && all(policies, &after.policies, same_but_for_rules)
        && all(failsafe, &after.failsafe, |one, other| {
            same_but_for_rules(one, other) && all(&one.rules, &other.rules, same_rule)
        })
        && all(control_planes, &after.control_planes, same_control_plane)
        && all(narrowed, &after.narrowed, same_narrowed)
        && all(assertions, &after.assertions, same_assertion)
        && all(exceptions, &after.exceptions, same_exception);
    if !is_alike {
        return None;
    }
    let mut changed = BTreeSet::new();
    for (policy, (one, other)) in (0_u32..).zip(policies.iter().zip(&after.policies)) {
        for (place, (one, other)) in (0_u32..).zip(one.rules.iter().zip(&other.rules)) {
            if !same_ends(one, other) {
                return None;
            }
            if !same_rule(one, other) {
                changed.insert((policy, place));
            }
        }
    }
    Some(changed)
}

/// Whether two lists are as long as each other, and the same item by item.
fn all<T>(one: &[T], other: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

fn same_segment(one: &Segment, other: &Segment) -> bool {
    let Segment { name, span, members, mode, share, ingress, egress, intra, criticality, on_fault } =
        one;
    let of = |segment: &Segment| segment.share.as_ref().map(|share| share.of.clone());
    *name == other.name
        && span.is_some() == other.span.is_some()
        && *members == other.members
        && *mode == other.mode
        && share.as_ref().map(|share| share.of.clone()) == of(other)
        && (*ingress, *egress, *intra) == (other.ingress, other.egress, other.intra)
        && *criticality == other.criticality
        && *on_fault == other.on_fault
}

fn same_users(one: &Users, other: &Users) -> bool {
    let Users { name, span: _, groups, pools } = one;
    *name == other.name && *groups == other.groups && *pools == other.pools
}

fn same_labeling(Labeling { rules }: &Labeling, other: &Labeling) -> bool {
    all(rules, &other.rules, |LabelingRule { span: _, when, labels }, other| {
        let RawFacts { name, account, subnet, tags, addresses } = when;
        let facts = &other.when;
        same_values(name, &facts.name)
            && same_values(account, &facts.account)
            && same_values(subnet, &facts.subnet)
            && all(tags, &facts.tags, |one, other| one.0 == other.0 && one.1.value == other.1.value)
            && same_values(addresses, &facts.addresses)
            && all(labels, &other.labels, |one, other| {
                one.0 == other.0 && one.1.value == other.1.value
            })
    })
}

fn same_values<T: PartialEq>(one: &[Spanned<T>], other: &[Spanned<T>]) -> bool {
    all(one, other, |one, other| one.value == other.value)
}

/// Whether two policies are the same but for what their rules say: those have the same names.
fn same_but_for_rules(one: &Policy, other: &Policy) -> bool {
    let Policy { name, name_span: _, owner, ticket, tier, order, mode, expires, lowering, rules } =
        one;
    *name == other.name
        && *owner == other.owner
        && *ticket == other.ticket
        && *tier == other.tier
        && *order == other.order
        && *mode == other.mode
        && *expires == other.expires
        && *lowering == other.lowering
        && all(rules, &other.rules, |one, other| one.name == other.name)
}

/// Whether two rules have the same ends.
fn same_ends(one: &Rule, other: &Rule) -> bool {
    same_peers(&one.from, &other.from)
        && same_peers(&one.to, &other.to)
        && same_peers(&one.through, &other.through)
}

fn same_rule(one: &Rule, other: &Rule) -> bool {
    let Rule { span: _, name, action, from: _, to: _, through: _, over } = one;
    *name == other.name
        && *action == other.action
        && same_ends(one, other)
        && all(over, &other.over, same_clause)
}

fn same_peers(one: &[Peer], other: &[Peer]) -> bool {
    all(one, other, |Peer { span: _, end }, other| *end == other.end)
}

fn same_clause(one: &Clause, other: &Clause) -> bool {
    let Clause { span: _, flows, tls, http } = one;
    *flows == other.flows
        && *tls == other.tls
        && all(http, &other.http, |HttpMatch { span: _, methods, path }, other| {
            let path_of = |one: &HttpMatch| one.path.as_ref().map(|path| path.value.clone());
            same_values(methods, &other.methods)
                && path.as_ref().map(|path| path.value.clone()) == path_of(other)
        })
}

fn same_control_plane(one: &ControlPlane, other: &ControlPlane) -> bool {
    let ControlPlane { span: _, cluster, account, region, addresses, network } = one;
    *cluster == other.cluster
        && *account == other.account
        && *region == other.region
        && *addresses == other.addresses
        && *network == other.network
}

fn same_narrowed(one: &Narrowed, other: &Narrowed) -> bool {
    let Narrowed { span: _, essential, from, to } = one;
    *essential == other.essential && same_peers(from, &other.from) && same_peers(to, &other.to)
}

fn same_assertion(one: &Assertion, other: &Assertion) -> bool {
    let Assertion { name, name_span: _, owner, kind, reach, from, to, over } = one;
    *name == other.name
        && *owner == other.owner
        && *kind == other.kind
        && *reach == other.reach
        && same_peers(from, &other.from)
        && same_peers(to, &other.to)
        && all(over, &other.over, same_clause)
}

fn same_exception(one: &Exception, other: &Exception) -> bool {
    let Exception { name, name_span: _, owner, expires, excused } = one;
    *name == other.name
        && *owner == other.owner
        && *expires == other.expires
        && *excused == other.excused
}
