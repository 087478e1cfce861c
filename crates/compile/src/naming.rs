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

/// The most letters of the segments in a name. Realm, segments, mark and numbers together stay below the
/// 255 letters that providers take.
const SEGMENTS_MAX: usize = 120;
/// The most letters of a realm in a name.
const REALM_MAX: usize = 80;

/// FNV-1a: short, and the same everywhere.
pub fn short_hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A realm as a part of a name.
pub(crate) fn realm_part(realm: &str) -> String {
    bounded(realm, REALM_MAX)
}

/// Segments as a part of a name.
pub(crate) fn segments_part(segments: &[Name]) -> String {
    let segments: Vec<&str> = segments.iter().map(|name| &**name).collect();
    bounded(&segments.join("+"), SEGMENTS_MAX)
}

/// A text, or its beginning with eight digits that stand for all of it.
fn bounded(text: &str, letters_max: usize) -> String {
    if text.len() <= letters_max {
        return text.to_owned();
    }
    let mut head = String::new();
    for letter in text.chars() {
        if head.len().saturating_add(letter.len_utf8()) > letters_max.saturating_sub(10) {
            break;
        }
        head.push(letter);
    }
    format!("{head}..{}", digits(short_hash(text.bytes())))
}

fn digits(hash: u64) -> String {
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

/// The end of an identity's name, from all that tells it from others in its segments: eight digits.
pub(crate) fn mark(words: &BTreeSet<String>, front: Option<&Name>) -> String {
    let front = front.map(|name| format!("front {name}"));
    let texts = words.iter().map(String::as_str).chain(front.as_deref());
    // A byte between texts that none of them holds.
    digits(short_hash(texts.flat_map(|text| text.bytes().chain([0xff]))))
}

/// The end of the name of a list for edges, from all that it holds: sixteen digits.
pub(crate) fn edge_mark(words: &[String]) -> String {
    format!("{:016x}", short_hash(words.iter().flat_map(|text| text.bytes().chain([0xff]))))
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

    /// One below, at and above the most letters.
    #[test]
    fn a_long_name_is_cut_and_still_tells_what_it_stands_for() {
        let text = |length: usize| "a".repeat(length);
        for length in [SEGMENTS_MAX - 1, SEGMENTS_MAX] {
            assert_eq!(segments_part(&[Name::from(text(length))]), text(length));
        }
        let long = segments_part(&[Name::from(text(SEGMENTS_MAX)), Name::from("x")]);
        let other = segments_part(&[Name::from(text(SEGMENTS_MAX)), Name::from("y")]);
        assert_eq!((long.len(), other.len()), (SEGMENTS_MAX, SEGMENTS_MAX));
        assert_ne!(long, other);
        assert!(realm_part(&"ä".repeat(200)).len() <= REALM_MAX);
        let numbers = "/12345678-4294967295/4294967295".len();
        assert!("watertight/".len() + REALM_MAX + 1 + SEGMENTS_MAX + numbers <= 255);
    }

    #[test]
    fn selectors_that_ask_the_same_have_the_same_words() {
        let (app, env) = (Selector::is("app", "web"), Selector::is("env", "prod"));
        let both = Selector::all([env.clone(), app.clone()]);
        assert_eq!(words(&both), words(&Selector::all([app, env])));
    }
}
