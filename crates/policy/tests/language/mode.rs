//! Another mode for one segment, in its own text.

use std::fmt::Write as _;

use watertight_policy::syntax::{Mode, Object};
use watertight_policy::{Documents, Format, ModeError, NewShare, Promotion, with_mode};
use watertight_source::{Diagnostics, Kind, Limits, Node, Sources, Tree};
use watertight_testkit::generate::Random;

const MODES: [Mode; 3] = [Mode::Disabled, Mode::Monitor, Mode::Enforce];

fn set(path: &str, text: &str, name: &str, to: Mode) -> Result<Option<String>, ModeError> {
    shared(path, text, (name, to, None))
}

fn shared(
    path: &str,
    text: &str,
    (segment, to, share): (&str, Mode, Option<&NewShare>),
) -> Result<Option<String>, ModeError> {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let mut said = Diagnostics::default();
    let file = sources.add(path, text).unwrap();
    let mut documents = Documents::default();
    let format = Format::of_path(path);
    documents.read(file, sources.contents(file), format, &limits, &mut said);
    assert_eq!(said.errors(), 0, "{text}");
    let promotion = Promotion { segment, to, share };
    with_mode(&documents, &sources, &limits, &promotion).map(|edit| edit.text)
}

fn yaml(text: &str, name: &str, to: Mode) -> String {
    set("a.yaml", text, name, to).unwrap_or_else(|error| panic!("{error}\n{text}")).unwrap()
}

/// The mode that a segment is told to have, and the share, as its value is read.
type Told<'t> = (Mode, &'t str);

/// A value as text; the spec of one segment with a mode, whatever it had.
fn value(node: Node<'_>, told: Option<(&str, Told<'_>)>) -> String {
    let name = node.get("metadata").and_then(|one| one.get("name")).and_then(Node::as_str);
    match node.kind() {
        Kind::Array => {
            let items: Vec<String> = node.items().map(|one| value(one, told)).collect();
            format!("[{}]", items.join(","))
        }
        Kind::Object => {
            let is_it = told.filter(|(told, _)| name == Some(*told));
            let mut fields: Vec<String> = node
                .entries()
                .map(|one| match is_it {
                    Some((_, (mode, share))) if one.key == "spec" => {
                        let is_other = |key: &str| key != "mode" && key != "share";
                        let others = one.value.entries().filter(|one| is_other(one.key));
                        let others = others.map(|one| (one.key, value(one.value, None)));
                        let mode = ("mode", format!("{:?}", mode.word()));
                        let share = ("share", share.to_owned());
                        let mut all: Vec<_> = others.chain([mode, share]).collect();
                        all.sort();
                        format!("spec:{all:?}")
                    }
                    _ => format!("{}:{}", one.key, value(one.value, told)),
                })
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Kind::String => format!("{:?}", node.as_str()),
        _ => node.raw().to_owned(),
    }
}

fn values(path: &str, text: &str, told: (&str, Told<'_>)) -> Vec<String> {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let file = sources.add(path, text).unwrap();
    let contents = sources.contents(file);
    let trees = match Format::of_path(path) {
        Format::Yaml => Tree::parse_yaml_documents(file, contents, &limits),
        Format::Json => Tree::parse_json(file, contents, &limits).map(|one| vec![one]),
    };
    let trees = trees.unwrap_or_else(|error| panic!("{error}\n{text}"));
    trees.iter().map(|tree| value(tree.root(), Some(told))).collect()
}

/// The mode and the share that are read of a segment.
fn read_of(path: &str, text: &str, name: &str) -> (Option<String>, Option<String>) {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let file = sources.add(path, text).unwrap();
    let contents = sources.contents(file);
    let trees = match Format::of_path(path) {
        Format::Yaml => Tree::parse_yaml_documents(file, contents, &limits).unwrap(),
        Format::Json => vec![Tree::parse_json(file, contents, &limits).unwrap()],
    };
    let documents = trees.iter().flat_map(|tree| {
        let root = tree.root();
        if root.kind() == Kind::Array { root.items().collect() } else { vec![root] }
    });
    let mut found = documents.filter(|node| {
        let own = node.get("metadata").and_then(|one| one.get("name"));
        own.and_then(Node::as_str) == Some(name)
    });
    let spec = found.next().and_then(|node| node.get("spec")).unwrap();
    (spec.get("mode").map(|one| value(one, None)), spec.get("share").map(|one| value(one, None)))
}

/// What was taken out of a text and what was put in its place.
fn changed<'t>(old: &'t str, new: &'t str) -> (&'t str, &'t str) {
    let same = |one: &[u8], other: &[u8]| one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let head = same(a, b);
    let reversed = |text: &[u8]| text.iter().rev().copied().collect::<Vec<u8>>();
    let tail = same(&reversed(a), &reversed(b)).min(a.len() - head).min(b.len() - head);
    let part = |text: &'t str| text.get(head..text.len() - tail).unwrap();
    (part(old), part(new))
}

/// Texts with several segments, in every style.
struct Writer {
    random: Random,
    text: String,
    /// Whether segments may have shares.
    shares: bool,
}

impl Writer {
    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        self.random.pick(texts).copied().unwrap_or_default()
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        let note = self.pick(&["", "", "", "   # why: it's \"so\"", " # mode: disabled"]);
        self.text.push_str(note);
        self.text.push('\n');
        if self.random.chance(15) {
            let note = self.pick(&["", "# between", "      # further in"]);
            writeln!(self.text, "{note}").unwrap();
        }
    }

    fn mode(&mut self) -> Option<Mode> {
        self.random.chance(65).then(|| *self.random.pick(&MODES).unwrap())
    }

    fn segment(&mut self, name: &str) {
        let mode = self.mode();
        if self.random.chance(30) {
            return self.flow(name, mode);
        }
        let header = "apiVersion: watertight.io/v1alpha1\nkind: Segment\n";
        self.text.push_str(header);
        let name = format!("metadata: {{name: {name}, owner: mode}}");
        let is_first = self.random.chance(30);
        if !is_first {
            self.line(0, &name);
        }
        let indent = self.random.between(1, 5);
        self.line(0, "spec:");
        let mut fields: Vec<Vec<String>> = vec![self.members()];
        if let Some(mode) = mode {
            let (quote, blank) = (self.pick(&["", "", "\"", "'"]), self.pick(&[" ", "   "]));
            let anchor = self.pick(&["", "", "&m ", "!!str "]);
            fields.push(vec![format!("mode:{blank}{anchor}{quote}{mode}{quote}")]);
        }
        if self.is_shared() {
            fields.push(self.share());
        }
        if self.random.chance(50) {
            fields.push(vec!["defaults: {ingress: allow, egress: deny}".to_owned()]);
        }
        if self.random.chance(40) {
            fields.push(vec!["criticality: >-".to_owned(), "  important".to_owned()]);
        }
        let turned = self.random.below(fields.len());
        fields.rotate_left(turned);
        for field in fields {
            for (number, line) in field.iter().enumerate() {
                if field.len() == 2 && number == 1 || line.ends_with(">-") {
                    self.text.push_str(&" ".repeat(indent));
                    writeln!(self.text, "{line}").unwrap();
                } else {
                    self.line(indent, line);
                }
            }
        }
        if is_first {
            self.line(0, &name);
        }
    }

    fn is_shared(&mut self) -> bool {
        self.shares && self.random.chance(60)
    }

    fn share(&mut self) -> Vec<String> {
        let lines: &[&str] = match self.random.below(6) {
            0 => &["share: {percent: 10}"],
            1 => &["share:", "  percent: 10"],
            2 => &["share:", "  select:", "    matchLabels:", "      zone: a", "      app: 'b'"],
            3 => &["share: {select: {matchLabels: {zone: a,", "      app: b}}}"],
            4 => &["\"share\": {\"percent\": 10}"],
            _ => &["share: &s {select: {matchLabels: {zone: a}}}"],
        };
        lines.iter().map(ToString::to_string).collect()
    }

    fn members(&mut self) -> Vec<String> {
        let lines: &[&str] = match self.random.below(4) {
            0 => &["members: {matchLabels: {mode: monitor}}"],
            1 => &["members:", "  matchLabels:", "    mode: 'enforce'", "    app: web"],
            2 => &["\"members\": {\"matchLabels\": {\"app\": \"web\"}}"],
            _ => &[
                "members:",
                "  matchExpressions:",
                "  - {key: app, operator: In, values: [a,",
                "      b]}",
            ],
        };
        lines.iter().map(ToString::to_string).collect()
    }

    fn flow(&mut self, name: &str, mode: Option<Mode>) {
        let quote = self.pick(&["", "\""]);
        let gap = self.pick(&[" ", "\n  "]);
        let mode = mode.map(|mode| format!(",{gap}{quote}mode{quote}: {quote}{mode}{quote}"));
        let mut mode = mode.unwrap_or_default();
        if self.is_shared() {
            mode = format!(",{gap}{quote}share{quote}: {{{quote}percent{quote}: 7}}{mode}");
        }
        writeln!(
            self.text,
            "{{apiVersion: watertight.io/v1alpha1, kind: Segment, metadata: {{name: {name}}},{gap}\
             spec: {{{quote}members{quote}: {{matchLabels: {{app: web}}}}{mode}{gap}}}}}"
        )
        .unwrap();
    }

    fn json(&mut self, names: &[&str]) {
        let gap = self.pick(&["", " ", "\n\t\t"]);
        let each: Vec<String> = names
            .iter()
            .map(|name| {
                let mode = self.mode().map(|mode| format!(",{gap}\"mode\":{gap}\"{mode}\""));
                let mut mode = mode.unwrap_or_default();
                if self.is_shared() {
                    mode = format!("{mode},{gap}\"share\": {{\"percent\":{gap}7}}");
                }
                format!(
                    "{{\"apiVersion\": \"watertight.io/v1alpha1\", \"kind\": \"Segment\",{gap}\
                     \"metadata\": {{\"name\": \"{name}\"}},{gap}\"spec\": {{{gap}\"members\": \
                     {{\"matchLabels\": {{\"mode\": \"monitor\"}}}}{mode}{gap}}}}}"
                )
            })
            .collect();
        self.text = format!("[{}]\n", each.join(",\n"));
    }
}

fn written(seed: u64, shares: bool) -> (&'static str, String) {
    let mut writer = Writer { random: Random::new(seed), text: String::new(), shares };
    let names = ["web", "app", "db"];
    if writer.random.chance(25) {
        writer.json(&names);
        return ("a.json", writer.text);
    }
    for name in names {
        let start = writer.pick(&["---\n", "--- # mode: enforce\n", "# a file\n---\n"]);
        writer.text.push_str(start);
        writer.segment(name);
    }
    let mut text = writer.text;
    if writer.random.chance(25) {
        text = text.trim_end().to_owned();
    }
    if writer.random.chance(20) {
        text = text.replace('\n', "\r\n");
    }
    ("a.yaml", text)
}

/// What is read is what was read before but for the mode, and nothing but the mode is written.
#[test]
fn another_mode_changes_nothing_but_the_mode() {
    let mut edits = 0;
    for seed in 0..1000 {
        let (path, text) = written(seed, false);
        for name in ["web", "app", "db"] {
            for to in MODES {
                let new = match set(path, &text, name, to) {
                    Ok(Some(new)) => new,
                    Ok(None) => continue,
                    Err(ModeError::Skips { .. }) if to == Mode::Enforce => continue,
                    Err(error) => panic!("{error}\n{text}"),
                };
                edits += 1;
                let told = (name, (to, ""));
                assert_eq!(values(path, &text, told), values(path, &new, told), "{text}\n{new}");
                assert_eq!(set(path, &new, name, to).unwrap(), None, "it is so now");
                let (gone, come) = changed(&text, &new);
                assert!(gone.chars().all(char::is_alphabetic), "{gone:?} of\n{text}");
                assert!(!come.contains('#') && come.len() < 40, "{come:?} in\n{text}");
            }
        }
    }
    assert!(edits > 3_000, "{edits}");
}

/// With shares: what is read is what was read before but for mode and share; a share that is wanted is there, one
/// that is not is gone, and every remark stays.
#[test]
fn a_share_changes_nothing_but_mode_and_share() {
    let label = |key: &str, value: &str| (key.into(), value.into());
    let wanted = [
        None,
        Some(NewShare::Percent(25)),
        Some(NewShare::Labels(vec![label("app", "yes"), label("zone", "eu-west-1a")])),
    ];
    let read = [
        None,
        Some("{percent:25}".to_owned()),
        Some("{select:{matchLabels:{app:Some(\"yes\"),zone:Some(\"eu-west-1a\")}}}".to_owned()),
    ];
    let (mut edits, mut tangled) = (0, 0);
    for seed in 0..400 {
        let (path, text) = written(seed, true);
        for name in ["web", "app", "db"] {
            for (to, (share, read)) in MODES.into_iter().flat_map(|mode| {
                let of_mode = wanted.iter().zip(&read);
                of_mode
                    .filter(move |(share, _)| share.is_none() || mode == Mode::Enforce)
                    .map(move |pair| (mode, pair))
            }) {
                let new = match shared(path, &text, (name, to, share.as_ref())) {
                    Ok(Some(new)) => new,
                    Ok(None) => continue,
                    Err(ModeError::Skips { .. }) if to == Mode::Enforce => continue,
                    // A remark within the lines of the share.
                    Err(ModeError::Tangled { field: "share", .. }) if text.contains('#') => {
                        tangled += 1;
                        continue;
                    }
                    Err(error) => panic!("{error}\n{text}"),
                };
                edits += 1;
                let told = (name, (to, ""));
                assert_eq!(values(path, &text, told), values(path, &new, told), "{text}\n{new}");
                let (mode_read, share_read) = read_of(path, &new, name);
                assert_eq!(share_read, *read, "{text}\n{new}");
                let is_written = mode_read.is_some() || to == Mode::Monitor;
                assert!(is_written, "{new}");
                let is_mode = mode_read.is_none_or(|mode| mode == format!("{:?}", Some(to.word())));
                assert!(is_mode, "{new}");
                let again = shared(path, &new, (name, to, share.as_ref())).unwrap();
                assert_eq!(again, None, "it is so now:\n{new}");
                assert_eq!(text.matches('#').count(), new.matches('#').count(), "{text}\n{new}");
            }
        }
    }
    // A remark in the middle of a share is nothing to lose.
    assert!(edits > 4_000 && tangled < edits / 7, "{edits} edits, {tangled} by hand");
}

#[test]
fn a_greater_share_is_another_number_and_nothing_else() {
    let text = format!(
        "{HEAD}spec:\n  members: {{matchLabels: {{app: web}}}}\n  mode: monitor # since May\n  defaults: {{ingress: deny}}\n"
    );
    let set = |text: &str, to: Mode, share: Option<NewShare>| {
        shared("a.yaml", text, ("web", to, share.as_ref())).unwrap().unwrap()
    };
    let first = set(&text, Mode::Enforce, Some(NewShare::Percent(10)));
    let wanted = "  mode: enforce # since May\n  share: {percent: 10}\n  defaults:";
    assert!(first.contains(wanted), "{first}");
    let more = set(&first, Mode::Enforce, Some(NewShare::Percent(50)));
    assert_eq!(changed(&first, &more), ("1", "5"));
    let zone = NewShare::Labels(vec![("zone".into(), "1".into())]);
    let by_zone = set(&more, Mode::Enforce, Some(zone));
    assert!(by_zone.contains("\n  share: {select: {matchLabels: {zone: \"1\"}}}\n"), "{by_zone}");
    let all = set(&by_zone, Mode::Enforce, None);
    assert_eq!(all, text.replace("monitor", "enforce"));
    assert_eq!(set(&by_zone, Mode::Monitor, None), text);
}

#[test]
fn a_share_is_for_enforce_alone_and_a_remark_within_it_is_not_lost() {
    let text = format!("{HEAD}spec:\n  members: {{matchLabels: {{app: web}}}}\n  mode: enforce\n");
    let tenth = NewShare::Percent(10);
    let error = shared("a.yaml", &text, ("web", Mode::Monitor, Some(&tenth))).unwrap_err();
    assert!(matches!(error, ModeError::NotEnforced { .. }), "{error}");
    let text = format!("{text}  share:\n    # the first ones\n    percent: 10\n");
    let error = set("a.yaml", &text, "web", Mode::Monitor).unwrap_err();
    assert!(error.to_string().ends_with("take `share` out by hand"), "{error}");
    let half = NewShare::Percent(50);
    let more = shared("a.yaml", &text, ("web", Mode::Enforce, Some(&half))).unwrap().unwrap();
    assert_eq!(more, text.replace("percent: 10", "percent: 50"));
    let disabled = text.replace("enforce", "disabled");
    let error = shared("a.yaml", &disabled, ("web", Mode::Enforce, Some(&half))).unwrap_err();
    assert!(matches!(error, ModeError::Skips { .. }), "{error}");
}

const HEAD: &str = "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {name: web}\n";

#[test]
fn a_mode_that_is_not_written_gets_a_line_of_its_own_behind_the_members() {
    let text = format!(
        "{HEAD}spec:\n    # who\n    members:\n        matchLabels: {{app: web}} # all\n    # else\n    \
         defaults: {{ingress: deny}}\n"
    );
    let new = yaml(&text, "web", Mode::Enforce);
    assert_eq!(changed(&text, &new), ("", "mode: enforce\n    "));
    assert!(new.contains("# all\n    mode: enforce\n    # else\n"), "{new}");
    let text = format!("{HEAD}spec: {{members: {{matchLabels: {{app: web}}}}}}");
    let new = yaml(&text, "web", Mode::Disabled);
    assert!(new.ends_with("{app: web}}, mode: disabled}"), "{new}");
}

#[test]
fn the_built_in_segment_gets_a_mode_though_it_has_no_members() {
    let head = HEAD.replace("web", "estate");
    for (spec, wanted) in [
        ("spec: {}", "spec: {mode: enforce}"),
        (
            "spec:\n  defaults: {ingress: deny}",
            "spec:\n  mode: enforce\n  defaults: {ingress: deny}",
        ),
    ] {
        let new = yaml(&format!("{head}{spec}\n"), "estate", Mode::Enforce);
        assert_eq!(new, format!("{head}{wanted}\n"));
    }
}

/// What an alias names has other users: it keeps its value.
#[test]
fn an_alias_gives_way_to_the_word_and_what_it_names_stays() {
    let text = format!(
        "{HEAD}spec:\n  members: {{matchLabels: {{a: &m monitor}}}}\n  mode: *m  # as there\n"
    );
    let new = yaml(&text, "web", Mode::Enforce);
    assert_eq!(new, text.replace("mode: *m", "mode: enforce"));
    let text = format!("{HEAD}spec:\n  mode: &m monitor\n  members: {{matchLabels: {{a: *m}}}}\n");
    let error = set("a.yaml", &text, "web", Mode::Enforce).unwrap_err();
    assert!(matches!(error, ModeError::Tangled { .. }), "{error}");
}

#[test]
fn no_segment_is_enforced_from_disabled_in_one_go() {
    let text = format!("{HEAD}spec: {{members: {{matchLabels: {{app: web}}}}, mode: disabled}}\n");
    let error = set("a.yaml", &text, "web", Mode::Enforce).unwrap_err();
    assert!(error.to_string().contains("monitor first"), "{error}");
    let text = yaml(&text, "web", Mode::Monitor);
    let text = yaml(&text, "web", Mode::Enforce);
    assert!(yaml(&text, "web", Mode::Disabled).contains("mode: disabled"));
}

#[test]
fn an_unknown_segment_is_an_error_that_names_one_like_it() {
    let text = format!("{HEAD}spec: {{members: {{matchLabels: {{app: web}}}}}}\n");
    let error = set("a.yaml", &text, "wbe", Mode::Enforce).unwrap_err();
    assert_eq!(error.to_string(), "no segment is called `wbe`: did you mean `web`?");
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let file = sources.add("a.yaml", "").unwrap();
    let mut documents = Documents::default();
    let contents = sources.contents(file);
    documents.read(file, contents, Format::Yaml, &limits, &mut Diagnostics::default());
    assert!(
        documents.of(|object| matches!(object, Object::Segment(_)).then_some(())).next().is_none()
    );
    let promotion = Promotion { segment: "web", to: Mode::Enforce, share: None };
    assert!(with_mode(&documents, &sources, &limits, &promotion).is_err());
}
