//! The one normal form of the path of an HTTP request.

/// The normal form of a request's path; `None` where it has none.
///
/// In this order: the query and fragment are cut off; percent-escapes of unreserved characters
/// (RFC 3986, section 2.3) are decoded and the others written with capital digits; several slashes
/// become one; `.` and `..` segments are resolved (RFC 3986, section 5.2.4). A path that does not
/// begin with a slash, climbs above the root, or holds a broken escape, an escaped slash, a
/// backslash or a control character has no normal form, because servers disagree about it.
///
/// ```
/// use watertight_policy::normal_path;
///
/// assert_eq!(normal_path("/a//%62/./c/../d?e=1").as_deref(), Some("/a/b/d"));
/// assert_eq!(normal_path("/a/%2e%2e/%2e%2e/etc"), None);
/// ```
pub fn normal_path(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = decoded(path.strip_prefix('/')?)?;
    let ends_open = decoded.is_empty() || decoded.ends_with(['/']) || ends_in_dots(&decoded);
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    let mut normal = String::from("/");
    normal.push_str(&segments.join("/"));
    if ends_open && !segments.is_empty() {
        normal.push('/');
    }
    Some(normal)
}

fn ends_in_dots(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("." | ".."))
}

/// Percent-escapes in one form.
fn decoded(path: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = path.chars();
    while let Some(character) = rest.next() {
        match character {
            '%' => {
                let digits = [rest.next()?, rest.next()?];
                let byte = digits[0].to_digit(16)? * 16 + digits[1].to_digit(16)?;
                let escaped = char::from_u32(byte)?;
                if escaped == '/' || escaped == '\\' || byte == 0 {
                    return None;
                }
                if escaped.is_ascii_alphanumeric() || "-._~".contains(escaped) {
                    decoded.push(escaped);
                } else {
                    decoded.push('%');
                    decoded.extend(digits.map(|digit| digit.to_ascii_uppercase()));
                }
            }
            '\\' => return None,
            _ if character.is_control() => return None,
            _ => decoded.push(character),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests;
