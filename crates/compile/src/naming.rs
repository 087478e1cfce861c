//! What an identity is called: the same as long as the policy sees the same in its members, whatever
//! comes and goes beside them.

use std::collections::BTreeSet;

use watertight_model::{Name, Selector};

/// A selector in one form: what it asks of labels.
pub(crate) fn words(selector: &Selector) -> String {
    let of = |parts: &[Selector], between: &str| {
        let each: Vec<String> = parts.iter().map(words).collect();
        format!("({})", each.join(between))
    };
    match selector {
        Selector::Everything => String::from("everything"),
        Selector::Nothing => String::from("nothing"),
        Selector::In(key, values) => {
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            format!("{key} in {}", values.join(","))
        }
        Selector::Exists(key) => format!("{key} exists"),
        Selector::StartsWith(key, text) => format!("{key} starts {text}"),
        Selector::EndsWith(key, text) => format!("{key} ends {text}"),
        Selector::Contains(key, text) => format!("{key} contains {text}"),
        Selector::Not(inner) => format!("not {}", words(inner)),
        Selector::And(parts) => of(parts, " and "),
        Selector::Or(parts) => of(parts, " or "),
    }
}

/// The end of an identity's name, from all that tells it from others in its segments: eight digits.
pub(crate) fn mark(words: &BTreeSet<String>, front: Option<&Name>) -> String {
    let front = front.map(|name| format!("front {name}"));
    let texts = words.iter().map(String::as_str).chain(front.as_deref());
    // FNV-1a, with a byte between texts that none of them holds: short, and the same everywhere.
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_depends_on_what_is_seen_and_on_nothing_else() {
        let seen = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let one = mark(&seen(&["app in web", "env in prod"]), None);
        assert_eq!(one, mark(&seen(&["env in prod", "app in web"]), None));
        assert_ne!(one, mark(&seen(&["app in web"]), None));
        assert_ne!(one, mark(&seen(&["app in web", "env in prod"]), Some(&Name::from("edge"))));
        assert_eq!(one.len(), 8);
    }

    #[test]
    fn selectors_that_ask_the_same_have_the_same_words() {
        let (app, env) = (Selector::is("app", "web"), Selector::is("env", "prod"));
        let both = Selector::all([env.clone(), app.clone()]);
        assert_eq!(words(&both), words(&Selector::all([app, env])));
    }
}
