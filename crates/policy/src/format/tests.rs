use watertight_source::{Limits, Sources};

use super::formatted;
use crate::Format;

fn form(text: &str, format: Format) -> String {
    let mut sources = Sources::new();
    let file = sources.add("p.yaml", text).unwrap();
    formatted(file, sources.contents(file), format, &Limits::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The form of a text, which is its own form.
fn yaml(text: &str) -> String {
    let once = form(text, Format::Yaml);
    let twice = form(&once, Format::Yaml);
    assert_eq!(twice, once, "not stable; the text was:\n{text}");
    once
}

#[test]
fn fields_have_one_order_and_rules_stand_in_lines() {
    let text = "{spec: {rules: [{to: [any], from: ['internet'], action: \"deny\"}], mode: monitor},\n\
                metadata: {owner: me, name: p}, kind: Policy,\n apiVersion: watertight.io/v1alpha1}";
    let expected = "\
apiVersion: watertight.io/v1alpha1
kind: Policy
metadata: {name: p, owner: me}
spec:
  mode: monitor
  rules:
  - action: deny
    from: [internet]
    to: [any]
";
    assert_eq!(yaml(text), expected);
}

#[test]
fn comments_stay_with_what_they_stand_at() {
    let text = "\
# the file

# the policy
kind: Policy   # what it is
apiVersion: watertight.io/v1alpha1
metadata: {owner: me, name: p} # who
spec:
    rules: # the rules
        # first
        -   to: [ any, # everybody
                  internet ]
            # who asks
            from: [any]
            action: allow
            # nothing more

        # second

        - action: deny # no
          from: [any]
          to: [any]
        # the end of the rules
    # about the mode
    mode: monitor
# the end
---
# another
kind: Group
";
    let expected = "\
# the file

# the policy
apiVersion: watertight.io/v1alpha1
kind: Policy # what it is
metadata: {name: p, owner: me} # who
spec:
  # about the mode
  mode: monitor
  rules: # the rules
  # first
  - action: allow
    # who asks
    from: [any]
    to:
    - any # everybody
    - internet
    # nothing more

  # second

  - action: deny # no
    from: [any]
    to: [any]
  # the end of the rules
# the end
---
# another
kind: Group
";
    assert_eq!(yaml(text), expected);
}

#[test]
fn odd_yaml_says_the_same_in_the_plain_form() {
    let text = "\
%YAML 1.2
--- # head
? kind
: &k Group
\"apiVersion\": >-
  watertight.io/v1alpha1
metadata: {name: 'g', description: \"it's a \\\"g\\\": yes\\u00a0# no\"}
spec:
  members: &m
  - matchLabels: {'on': \"yes\", 'a b': '443', c: !!str 12, d: '*.x', 'e:': '::/0'}
  - &z {group: *k}
  - *z # again
...
";
    let expected = "\
# head
apiVersion: watertight.io/v1alpha1
kind: Group
metadata: {name: g, description: \"it's a \\\"g\\\": yes\\U000000a0# no\"}
spec:
  members: # again
  - {matchLabels: {\"on\": \"yes\", a b: \"443\", c: \"12\", d: \"*.x\", \"e:\": \"::/0\"}}
  - {group: Group}
  - {group: Group}
";
    assert_eq!(yaml(text), expected);
}

#[test]
fn what_does_not_fit_into_a_line_gets_several() {
    let labels: Vec<String> = (0..12).map(|n| format!("label-{n}: value-{n}")).collect();
    let text = format!("spec: {{members: {{matchLabels: {{{}}}}}}}", labels.join(", "));
    let found = yaml(&text);
    assert!(found.starts_with("spec:\n  members:\n    matchLabels:\n      label-0: value-0\n"));
    assert!(found.lines().count() == 15, "{found}");
}

#[test]
fn empty_documents_are_left_out_and_their_comments_kept() {
    assert_eq!(yaml("---\n# a\n---\nkind: b\n---\n# c\n"), "# a\nkind: b\n# c\n");
    assert_eq!(yaml("# only\n\n# this\n"), "# only\n# this\n");
    assert_eq!(yaml(""), "");
}

#[test]
fn ports_need_no_quotes() {
    let text = "over: [{tcp: ['443', \"8000-8999\", all]}, {udp: \"53\"}, {icmp: {type: 8}}]";
    assert_eq!(yaml(text), "over: [{tcp: [443, 8000-8999, all]}, {udp: 53}, {icmp: {type: 8}}]\n");
}

#[test]
fn json_has_one_form_too() {
    let text = r#"[{"kind":"Group", "apiVersion":"watertight.io/v1alpha1","spec":{"members":[
        {"group":"b\u00e9"}, {"matchLabels": {"z": "1", "a": "2"}} ]}, "metadata":{"name":"g"}}]"#;
    let expected = "[
  {
    \"apiVersion\": \"watertight.io/v1alpha1\",
    \"kind\": \"Group\",
    \"metadata\": {\"name\": \"g\"},
    \"spec\": {\"members\": [{\"group\": \"b\u{e9}\"}, {\"matchLabels\": {\"z\": \"1\", \"a\": \"2\"}}]}
  }
]
";
    let found = form(text, Format::Json);
    assert_eq!(found, expected);
    assert_eq!(form(&found, Format::Json), expected);
}
