//! The worked example of `docs/concepts/breach-chains.md`: the page's numbers are those computed.

use std::collections::BTreeSet;

use watertight_assess::{
    Action, AssessmentLimits, Bound, ChainTotal, Cost, Entry, Fact, GraphBuilder, Hop, HopGraph,
    LikelihoodTable, Seen, SubjectInfo, SubjectKind, Variant, assess,
};

const PAGE: &str = include_str!("../../../../docs/concepts/breach-chains.md");

fn example() -> (HopGraph, Vec<Action>) {
    let table = LikelihoodTable::v1();
    let mut builder = GraphBuilder::new();
    let internet = builder.outside("internet");
    let web = builder.workload("web");
    let batch = builder.workload("batch");
    let orders = builder.subject(SubjectInfo::new(SubjectKind::Store, "orders").as_crown_jewel());
    let role = builder.credential("web-role");
    let listener = builder.removable("web's public listener on 443");
    let statement = builder.removable("web-role's statement on orders");
    let ssh = builder.removable("port 22 from batch to web");
    let port = builder.removable("the data port of orders from batch");
    let hop = |variant, from, to| Hop::new(variant, [from], to, &table);
    builder.hop(
        hop(Variant::FrontKnownListener, Fact::exec(internet), Fact::exec(web))
            .supported_by([listener]),
    );
    builder.hop(hop(Variant::MetaImdsV1, Fact::exec(web), Fact::hold(role)));
    builder
        .hop(hop(Variant::DataApi, Fact::hold(role), Fact::read(orders)).supported_by([statement]));
    builder.hop(
        hop(Variant::NetAdministration, Fact::exec(batch), Fact::exec(web)).supported_by([ssh]),
    );
    builder.hop(
        hop(Variant::DatanetWithoutKey, Fact::exec(batch), Fact::read(orders))
            .supported_by([port])
            .possible(),
    );
    let actions = vec![
        Action::new("close 443 to web", [listener], Cost::of(Seen::Share(1.0), 0)),
        Action::new("remove the statement on orders", [statement], Cost::of(Seen::Share(0.25), 0)),
        Action::new("close port 22 from batch to web", [ssh], Cost::of(Seen::Share(0.0), 0)),
        Action::new("close the data port to batch", [port], Cost::of(Seen::Unlogged, 0)),
    ];
    (builder.build().unwrap(), actions)
}

fn says(text: &str) {
    assert!(PAGE.contains(text), "the page does not say `{text}`");
}

#[test]
fn the_page_gives_the_likelihoods_and_the_chains() {
    let (graph, actions) = example();
    let chains = assess(&graph, &actions, &AssessmentLimits::default()).chains;
    assert_eq!(chains.total, ChainTotal::Exactly(4));
    for (at, chain) in chains.chains.iter().enumerate() {
        let entry = chain.entry.workload().map_or("internet".to_owned(), |own| graph.name(own));
        let techniques: Vec<&str> =
            chain.hops.iter().map(|hop| graph.hops()[*hop].technique.id).collect();
        let sure = chain.sure.map_or("none".to_owned(), |sure| sure.to_string());
        says(&format!(
            "| {} | {entry} | {} | {} | {sure} |",
            at + 1,
            techniques.join(", "),
            chain.likelihood,
        ));
    }
}

#[test]
fn the_page_gives_blast_radius_and_score() {
    let (graph, actions) = example();
    let assessment = assess(&graph, &actions, &AssessmentLimits::default());
    for blast in &assessment.blasts {
        let entry = blast.entry.workload().map_or("internet".to_owned(), |own| graph.name(own));
        says(&format!(
            "| {entry} | {} | {}..{} | {:.4}..{:.4} |",
            blast.one_hop.upper.count,
            blast.any.lower.count,
            blast.any.upper.count,
            blast.any.lower.share,
            blast.any.upper.share,
        ));
    }
    let score = assessment.standing.score;
    says(&format!("`L_all` is {:.4}", score.loss.upper.all));
    says(&format!("`L_jewel` is {:.4}", score.loss.upper.jewel));
    says(&format!("The score is **{:.2}**", score.value));
    says(&format!("the best case is **{:.2}**", score.best_case));
    assert_eq!(format!("{:.2} {:.2}", score.value, score.best_case), "29.52 32.20");
}

#[test]
fn the_page_gives_the_cut_set() {
    let (graph, actions) = example();
    let assessment = assess(&graph, &actions, &AssessmentLimits::default());
    let cut = &assessment.cut_set;
    assert!(cut.is_optimal());
    assert_eq!(cut.actions, [1, 3]);
    says(&format!("costs {} in all", cut.cost));
    for action in &actions {
        says(&format!("| {} | {} |", action.name, action.cost));
    }
    for effect in &assessment.cut_effects {
        let (before, after) = (effect.before.unwrap(), effect.after.unwrap());
        let name = &actions[effect.action].name;
        let (before, after) = (before.score.value, after.score.value);
        says(&format!("{name}: {before:.2} to {after:.2}"));
    }
    let removed: BTreeSet<_> =
        cut.actions.iter().flat_map(|action| actions[*action].removes.clone()).collect();
    let view = graph.view(Bound::All, &removed);
    let derived = view.derive(Entry::Internet);
    assert!(derived.iter().all(|fact| graph.describe(*fact) != "read(orders)"));
}

#[test]
fn the_page_lists_the_published_table() {
    for variant in Variant::ALL {
        let technique = variant.technique();
        says(&format!(
            "| `{}/{}` | {} | {} {} |",
            variant.kind().name(),
            variant.name(),
            variant.published(),
            technique.id,
            technique.name
        ));
    }
}
