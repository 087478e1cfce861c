//! What the last column says of the way: resources that it passes, in order, and where it ends.
//!
//! The column is written for people. Only what cannot be misread is taken from it: ids of
//! resources, and the kind of the place in `stops at ...` or of a security group at the end.

#[cfg(test)]
mod tests;

/// The prefixes of ids that stand for a place on the way.
const PREFIXES: [&str; 10] =
    ["i", "eni", "subnet", "vpc", "igw", "nat", "tgw", "vgw", "vpce", "pcx"];

/// What the column says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Claims {
    /// Ids of what the flow passes, in order.
    pub(super) passes: Vec<String>,
    /// The id of the place where it ends.
    pub(super) stop_id: Option<String>,
    /// The kind of the place where it ends.
    pub(super) stop_kind: Option<Kind>,
}

/// A kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Endpoint,
    Subnet,
    Realm,
    TransitGateway,
}

impl Claims {
    /// Reads the column.
    pub(super) fn parse(text: &str) -> Self {
        let text = without_comments(text);
        let mut claims = Self::default();
        if let Some((before, after)) = text.split_once("stops at ") {
            claims.passes = ids_of(before);
            let place = after.split([';', ':']).next().unwrap_or_default();
            claims.stop_id = ids_of(place).into_iter().next();
            claims.stop_kind = place.split_whitespace().find_map(kind_of);
            return claims;
        }
        claims.passes = ids_of(&text);
        if let Some((_, last)) = text.rsplit_once('>') {
            // What comes after a conjunction or a full stop is about something else.
            let last = last.split([';', '.']).next().unwrap_or_default();
            claims.stop_id = ids_of(last).into_iter().next();
            if last.split_whitespace().last() == Some("SG") {
                claims.stop_kind = Some(Kind::Endpoint);
            }
        }
        claims
    }
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    kept
}

fn ids_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

/// Whether a word is a resource's id: a prefix and hexadecimal digits.
fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(prefix, digits)| {
        PREFIXES.contains(&prefix)
            && digits.len() >= 8
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The kind of place that a word such as `subnetA2` or `tgwBat` names.
fn kind_of(word: &str) -> Option<Kind> {
    let kinds = [
        ("subnet", Kind::Subnet),
        ("vpce", Kind::Endpoint),
        ("vpc", Kind::Realm),
        ("tgw", Kind::TransitGateway),
    ];
    kinds.into_iter().find(|(prefix, _)| word.starts_with(prefix)).map(|(_, kind)| kind)
}
