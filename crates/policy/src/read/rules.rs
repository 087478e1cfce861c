//! Policies, assertions and exceptions.

use std::str::FromStr;

use watertight_source::Node;

use crate::Timestamp;
use crate::codes;
use crate::suggest;
use crate::syntax::{
    Action, Assertion, Claim, ClaimKind, Exception, Excused, Expiry, Lowering, LoweringChoice,
    Metadata, Policy, Rule, Spanned,
};
use crate::words::Words;

use super::ends::{Side, peer, peers};
use super::over::over;
use super::reader::{Reader, shortened};

pub(super) fn policy(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Policy> {
    let known = ["tier", "order", "mode", "expires", "expiryOpens", "lowering", "rules"];
    reader.object(spec, &known)?;
    let order = spec.get("order").and_then(|node| {
        let order = reader.take(node.to_i64())?;
        Some(Spanned::new(order, node.span()))
    });
    let opens = spec.get("expiryOpens").and_then(|node| {
        let opens = reader.take(spec.req_bool("expiryOpens"))?;
        Some(Spanned::new(opens, node.span()))
    });
    let rules = reader.required_list(spec, "rules");
    Some(Policy {
        tier: reader.word_field(spec, "tier"),
        order,
        mode: reader.word_field(spec, "mode"),
        expires: expiry(reader, spec),
        expiry_opens: opens,
        lowering: lowering(reader, spec),
        rules: rules.into_iter().filter_map(|node| rule(reader, node)).collect(),
    })
}

fn rule(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Rule> {
    reader.object(node, &["name", "action", "from", "to", "through", "over"])?;
    let action = reader.take(node.req_field("action"));
    let action = action.and_then(|action| reader.word(action, Action::WORDS));
    let rule = Rule {
        span: node.span(),
        name: reader.text_field(node, "name"),
        from: peers(reader, node, "from", Side::From),
        to: peers(reader, node, "to", Side::To),
        through: reader.items(node, "through", |reader, item| peer(reader, item, Side::Workloads)),
        over: over(reader, node),
        action: action?,
    };
    if let (Some(front), true) = (rule.through.first(), rule.action.value != Action::Allow) {
        let message = "`through` says which fronts an allow goes through";
        let help = "deny the leg to the front, or the leg from it, by a rule of its own";
        reader.error(codes::NOT_TOGETHER, front.span, message, help);
    }
    Some(rule)
}

fn lowering(reader: &mut Reader<'_>, spec: Node<'_>) -> Lowering {
    let Some(node) = spec.get("lowering") else { return Lowering::default() };
    if reader.object(node, &["requests", "identity", "internet", "domains", "deny"]).is_none() {
        return Lowering::default();
    }
    let mut choice = |key| -> Option<Spanned<LoweringChoice>> { reader.word_field(node, key) };
    Lowering {
        requests: choice("requests"),
        identity: choice("identity"),
        internet: choice("internet"),
        domains: choice("domains"),
        deny: choice("deny"),
    }
}

fn expiry(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Expiry> {
    let node = reader.take(spec.field("expires")).flatten()?;
    let text = reader.string(node)?;
    if let Ok(time) = Timestamp::from_str(text) {
        return Some(Spanned::new(time, node.span()));
    }
    let message = format!("`{}` is no point in time", shortened(text));
    let help = "write date, time and offset, as in `2027-01-31T00:00:00Z`";
    reader.error(codes::BAD_TIME, node.span(), message, help);
    None
}

pub(super) fn assertion(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Assertion> {
    reader.object(spec, &["never", "always", "onlyFrom", "onlyTo", "reach"])?;
    let kind_of = |key: &str| ClaimKind::WORDS.iter().find(|(word, _)| *word == key);
    let mut claims = spec.entries().filter_map(|entry| Some((kind_of(entry.key)?.1, entry)));
    let Some((kind, first)) = claims.next() else {
        let words: Vec<&str> = ClaimKind::WORDS.iter().map(|(word, _)| *word).collect();
        let message = "the assertion claims nothing";
        reader.error(codes::EMPTY, spec.span(), message, suggest::help("", &words));
        return None;
    };
    if let Some((_, second)) = claims.next() {
        let message =
            format!("an assertion claims one thing, not `{}` and `{}`", first.key, second.key);
        reader.error(codes::NOT_TOGETHER, second.key_span, message, "write two assertions");
    }
    let node = first.value;
    reader.object(node, &["from", "to", "over"])?;
    let claim = Claim {
        span: node.span(),
        kind,
        from: peers(reader, node, "from", Side::From),
        to: peers(reader, node, "to", Side::To),
        over: over(reader, node),
    };
    Some(Assertion { claim, reach: reader.word_field(spec, "reach") })
}

pub(super) fn exception(
    reader: &mut Reader<'_>,
    metadata: &Metadata,
    spec: Node<'_>,
) -> Option<Exception> {
    reader.object(spec, &["assertion", "gap", "expires"])?;
    if metadata.owner.is_none() {
        let message = "an exception has somebody who answers for it";
        reader.error(codes::EMPTY, metadata.name.span, message, "add `owner` to its metadata");
    }
    if spec.get("expires").is_none() {
        let message = "an exception ends";
        let help = "add `expires`, as in `expires: 2027-01-31T00:00:00Z`";
        reader.error(codes::EMPTY, spec.span(), message, help);
    }
    let expires = expiry(reader, spec);
    let assertion = reader.name_field(spec, "assertion");
    let gap = reader.text_field(spec, "gap");
    let excused = match (assertion, gap) {
        (Some(assertion), None) => Excused::Assertion(assertion),
        (None, Some(gap)) => Excused::Gap(gap),
        (Some(_), Some(gap)) => {
            let message = "an exception excuses one assertion or one gap, not both";
            reader.error(codes::NOT_TOGETHER, gap.span, message, "write two exceptions");
            return None;
        }
        (None, None) => {
            if spec.get("assertion").is_none() && spec.get("gap").is_none() {
                let message = "the exception does not say what it excuses";
                reader.error(codes::EMPTY, spec.span(), message, "add `assertion` or `gap`");
            }
            return None;
        }
    };
    Some(Exception { excused, expires: expires? })
}
