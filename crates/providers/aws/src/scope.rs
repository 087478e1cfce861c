//! Which account and region a body was collected from, and which resource it is about, by its path.

use watertight_model::Name;

/// The words before the number in the names of regions.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

/// What the path of a body tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The account, by a folder of twelve digits or the one after a folder `accounts`.
    pub(crate) account: Option<Name>,
    /// The region, by a folder that is named as regions are.
    pub(crate) region: Option<Name>,
    /// The folder that the body lies in.
    pub(crate) folder: String,
    /// The words of the file's name and its folder's, lower-case, joined by `-`.
    pub(crate) words: String,
    /// The last part of the path, percent-decoded, without `.json`.
    pub(crate) stem: String,
    /// The name of the folder, percent-decoded.
    pub(crate) parent: String,
}

impl Scope {
    /// Reads a path with `/` or `\` between its parts.
    pub(crate) fn of_path(path: &str) -> Self {
        let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let (file, folders) =
            parts.split_last().map_or(("", &[][..]), |(last, rest)| (*last, rest));
        let mut account = None;
        let mut region = None;
        let mut after_accounts = false;
        for folder in folders {
            if is_account(folder) || after_accounts {
                account = Some(Name::from(*folder));
            } else if is_region(folder) {
                region = Some(Name::from(*folder));
            }
            after_accounts = *folder == "accounts";
        }
        let decoded = percent_decoded(file);
        let stem = decoded.strip_suffix(".json").unwrap_or(&decoded).to_owned();
        let parent = folders.last().map(|folder| percent_decoded(folder)).unwrap_or_default();
        let words = format!("{}-{}", words_of(&parent), words_of(&stem));
        Self { account, region, folder: folders.join("/"), words, stem, parent }
    }

    /// What a body of `call` is about, by its path: `<call>/<parameter>.json` or
    /// `<call>-<parameter>.json`, the parameter percent-encoded where it needs to be.
    pub(crate) fn parameter(&self, call: &str) -> Option<&str> {
        if words_of(&self.parent).ends_with(call) && !self.stem.is_empty() {
            return Some(&self.stem);
        }
        let at = self.stem.find(call)?;
        let rest = self.stem.get(at.checked_add(call.len())?..)?;
        let rest = rest.trim_start_matches(['-', '_', '.', ':', '@', '=', ' ']);
        (!rest.is_empty() && !rest.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
    }
}

/// Whether a text is an account's id: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is named as regions are: `us-east-1`, `us-gov-west-1`, `ap-southeast-4`.
pub(crate) fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let Some(first) = parts.next() else { return false };
    let rest: Vec<&str> = parts.collect();
    let Some((number, middle)) = rest.split_last() else { return false };
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&first.len())
        && is_word(first)
        && (1..=2).contains(&middle.len())
        && middle.iter().all(|part| is_word(part))
        && middle.last().is_some_and(|part| DIRECTIONS.contains(part))
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The region of an availability zone's name: without its letter. Local and wavelength zones
/// (`us-east-1-bos-1a`) belong to the region that their name begins with.
pub(crate) fn region_of_zone(zone: &str) -> Option<&str> {
    let mut best = None;
    for (end, _) in zone.char_indices().skip(1) {
        let Some(head) = zone.get(..end) else { continue };
        if is_region(head) {
            best = Some(head);
            break;
        }
    }
    best.or_else(|| is_region(zone).then_some(zone))
}

/// The ARN of a resource whose body tells none: names are unique in one account and region alone. Where
/// these are not known, its name stands for it.
pub(crate) fn arn_of(
    service: &str,
    (account, region): (Option<&str>, Option<&str>),
    (kind, name): (&str, &str),
) -> String {
    match (account, region) {
        (Some(account), Some(region)) => {
            format!("arn:aws:{service}:{region}:{account}:{kind}{name}")
        }
        _ => name.to_owned(),
    }
}

/// The account and region of an ARN (`arn:partition:service:region:account:resource`).
pub(crate) fn arn_scope(arn: &str) -> (Option<&str>, Option<&str>) {
    if !arn.starts_with("arn:") {
        return (None, None);
    }
    let mut parts = arn.splitn(6, ':').skip(3);
    let region = parts.next().filter(|part| !part.is_empty());
    let account = parts.next().filter(|part| !part.is_empty());
    (account, region)
}

/// The words of a name in lower case, joined by `-`: `ec2.DescribeVpcs_1` gives
/// `ec2-describe-vpcs-1`.
pub(crate) fn words_of(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let mut before: Option<char> = None;
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            let starts_word = character.is_ascii_uppercase()
                && before
                    .is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
            if starts_word {
                words.push('-');
            }
            words.push(character.to_ascii_lowercase());
        } else if !words.ends_with('-') && !words.is_empty() {
            words.push('-');
        }
        before = Some(character);
    }
    words
}

/// A text with its `%3A` read as the characters that they stand for.
fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let value = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        if let Some(value) = value {
            bytes.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
