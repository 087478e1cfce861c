use super::check;
use crate::tidy::sample;

fn messages(text: &str) -> Vec<String> {
    let other = "# Top\n\n## `can`: why, how\n\n## Twice\n\n## Twice\n";
    let tree = sample::files(&[("docs/a.md", text), ("docs/b/c.md", other), ("LICENSE", "x")]);
    check(&tree).iter().map(ToString::to_string).collect()
}

#[test]
fn a_link_to_nothing_is_refused_with_its_line() {
    assert_eq!(
        messages("# A\n\nSee [b](b/d.md).\n"),
        ["docs/a.md:3: error: the link `b/d.md` leads nowhere"]
    );
    assert_eq!(messages("[b]: b/d.md\n").len(), 1);
    assert_eq!(messages("![picture](a.png \"title\")\n").len(), 1);
    assert_eq!(messages("[out](../../elsewhere.md)\n").len(), 1);
}

#[test]
fn a_link_to_a_missing_heading_is_refused() {
    assert_eq!(
        messages("[c](b/c.md#bottom)\n"),
        ["docs/a.md:1: error: `docs/b/c.md` has no heading for the link `b/c.md#bottom`"]
    );
    assert_eq!(messages("[here](#nothing)\n").len(), 1);
    assert_eq!(messages("[c](b/c.md#twice-2)\n").len(), 1);
}

#[test]
fn links_that_hold_are_accepted() {
    let text = "# A\n\n[c](b/c.md#can-why-how) [2](b/c.md#twice-1) [top](#a) [folder](b/)\n\
                [licence](../LICENSE) [root](/LICENSE) [web](https://example.org/x#y) <a@b.c>\n";
    assert_eq!(messages(text), [""; 0]);
}

#[test]
fn code_is_not_prose() {
    assert_eq!(messages("`[x](y)` and\n\n```\n[x](y)\n```\n\n    [x](y)\n"), [""; 0]);
}
