//! `estate.json`, whatever is in it.

use serde_json::Value;
use watertight_source::{
    Diagnostics, EstateDescription, FileId, Limits, Span, Tree, UnansweredCall,
};

/// A description is read exactly where a slow reader of `serde_json`'s values reads one, and says
/// the same; the place of an answered call is its name, and an error's is in the text.
///
/// # Panics
///
/// When the property does not hold.
pub fn description(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let limits = Limits { depth_max: 40, nodes_max: 20_000, ..Limits::default() };
    let Ok(tree) = Tree::parse_json(FileId(0), text, &limits) else { return };
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
        return;
    };
    let twin = slow(&value);
    let mut diagnostics = Diagnostics::new(&limits);
    let Some(description) = EstateDescription::read(&tree, &mut diagnostics) else {
        assert_eq!(twin, None, "{diagnostics:?}");
        assert_eq!(diagnostics.errors(), 1);
        let is_inside = |span: Span| {
            let (start, end) = (usize::try_from(span.start), usize::try_from(span.end));
            start.ok().zip(end.ok()).is_some_and(|(start, end)| text.get(start..end).is_some())
        };
        let mut errors = diagnostics.kept().iter();
        let are_placed = errors.all(|error| error.span().is_some_and(is_inside));
        assert!(are_placed, "{diagnostics:?} is on no characters");
        return;
    };
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    for call in &description.answered {
        let place = at(text, call.span);
        let named = serde_json::from_str::<String>(place).unwrap_or_default();
        assert!(call.path.ends_with(&named) && !place.is_empty(), "{call:?} at `{place}`");
    }
    assert_eq!(Some(lines(&description)), twin, "the slow reader reads otherwise");
}

fn at(text: &str, span: Span) -> &str {
    let (start, end) = (usize::try_from(span.start), usize::try_from(span.end));
    let range = start.ok().zip(end.ok());
    range.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
}

/// What a description says, a line for each thing.
fn lines(description: &EstateDescription) -> Vec<Vec<Option<String>>> {
    let mut lines = Vec::new();
    for source in &description.sources {
        let mut line = vec![Some(source.provider.clone()), source.account.clone()];
        line.push(source.collected.clone());
        line.extend(source.regions.iter().cloned().map(Some));
        lines.push(line);
    }
    lines.extend(description.answered.iter().map(|call| vec![Some(call.path.clone())]));
    for call in &description.unanswered {
        let UnansweredCall { provider, account, region, call, argument, error } = call.clone();
        lines.push(vec![provider, account, region, Some(call), argument, error]);
    }
    lines
}

/// What the format's page says that a text says, read without a thought of places; `None` for what
/// is no description.
fn slow(root: &Value) -> Option<Vec<Vec<Option<String>>>> {
    let root = root.as_object()?;
    if root.get("format")? != "watertight.estate/v1" {
        return None;
    }
    let list = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => Some(items.clone()),
        Some(_) => None,
    };
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    let mut lines = Vec::new();
    for source in list(root.get("sources"))? {
        let source = source.as_object()?;
        let provider = text(source.get("provider"))??;
        let mut line = vec![Some(provider), text(source.get("account"))?];
        let collected = text(source.get("collected"))?;
        if collected.as_deref().is_some_and(|collected| !is_time(collected)) {
            return None;
        }
        line.push(collected);
        for region in list(source.get("regions"))? {
            line.push(Some(region.as_str()?.to_owned()));
        }
        lines.push(line);
    }
    for answered in list(root.get("coverage"))? {
        let answered = answered.as_object()?;
        let folders = [
            Some(text(answered.get("provider"))??),
            text(answered.get("account"))?,
            text(answered.get("region"))?,
        ];
        for call in list(answered.get("calls"))? {
            let path = folders.iter().flatten().map(String::as_str).chain([call.as_str()?]);
            let path: Vec<&str> = std::iter::once("raw").chain(path).collect();
            lines.push(vec![Some(path.join("/"))]);
        }
        if !are_times(answered.get("collected")) {
            return None;
        }
    }
    for key in ["denied", "failed"] {
        for call in list(root.get(key))? {
            let call = call.as_object()?;
            let name = Some(text(call.get("call"))??);
            let [provider, account, region, argument, error] =
                ["provider", "account", "region", "argument", "error"].map(|key| call.get(key));
            lines.push(vec![
                text(provider)?,
                text(account)?,
                text(region)?,
                name,
                text(argument)?,
                text(error)?,
            ]);
        }
    }
    Some(lines)
}

/// Whether the times of kept answers are some: by call, or by call and argument.
fn are_times(times: Option<&Value>) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(is_time);
    match times {
        None | Some(Value::Null) => true,
        Some(Value::Object(calls)) => calls.values().all(|value| match value {
            Value::Object(arguments) => arguments.values().all(is_one),
            other => is_one(other),
        }),
        Some(_) => false,
    }
}

/// Whether a text is a time of RFC 3339, letter by letter.
fn is_time(text: &str) -> bool {
    // A fraction is a point and digits, behind the seconds.
    let fraction = text.get(19..).unwrap_or_default();
    if let Some(fraction) = fraction.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let zone = fraction.get(digits..).unwrap_or_default();
        let whole = text.get(..19).unwrap_or_default();
        return digits > 0 && is_whole_time(&format!("{whole}{zone}"));
    }
    is_whole_time(text)
}

fn is_whole_time(text: &str) -> bool {
    let is_of = |form: &str, text: &str| {
        text.len() == form.len()
            && form.bytes().zip(text.bytes()).all(|(form, letter)| match form {
                b'0' => letter.is_ascii_digit(),
                _ => form == letter,
            })
    };
    let zoned = ["0000-00-00T00:00:00Z", "0000-00-00T00:00:00+00:00", "0000-00-00T00:00:00-00:00"];
    if !zoned.iter().any(|form| is_of(form, text)) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or_default()
    };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let days = match month {
        2 if year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let offset = if text.ends_with('Z') { (0, 0) } else { (number(20..22), number(23..25)) };
    year > 0
        && (1..=days).contains(&day)
        && number(11..13) < 24
        && number(14..16) < 60
        && number(17..19) < 60
        && offset.0 < 24
        && offset.1 < 60
}
