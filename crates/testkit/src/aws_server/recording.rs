//! Recorded bodies, as they lie in an estate folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::call::{Asked, Table};

/// The bodies of one account and region by call, each with what it is about.
type Place = BTreeMap<String, Vec<(Option<String>, Value)>>;

/// Recorded bodies of accounts. Copies of an account share its bodies.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// By account, then by region.
    accounts: BTreeMap<String, Arc<BTreeMap<String, Place>>>,
}

impl Recording {
    /// Reads `raw/aws` of an estate folder.
    ///
    /// # Errors
    /// When a file cannot be read or is no JSON.
    pub fn read(estate: &Path) -> io::Result<Self> {
        let mut recording = Self::default();
        for account in folders(&estate.join("raw/aws"))? {
            let mut regions = BTreeMap::new();
            for region in folders(&account.1)? {
                regions.insert(region.0, place(&region.1)?);
            }
            recording.accounts.insert(account.0, Arc::new(regions));
        }
        Ok(recording)
    }

    /// Adds a body.
    pub fn insert(&mut self, place: (&str, &str), call: &str, about: Option<&str>, body: Value) {
        let account = self.accounts.entry(place.0.to_owned()).or_default();
        let region = Arc::make_mut(account).entry(place.1.to_owned()).or_default();
        let bodies = region.entry(call.to_owned()).or_default();
        bodies.push((about.map(ToOwned::to_owned), body));
    }

    /// Has a call answer otherwise, whatever it is about.
    pub fn replace(&mut self, place: (&str, &str), call: &str, body: &Value) {
        let account = self.accounts.entry(place.0.to_owned()).or_default();
        let region = Arc::make_mut(account).entry(place.1.to_owned()).or_default();
        for known in region.entry(call.to_owned()).or_default() {
            known.1 = body.clone();
        }
    }

    /// Has another account answer as one that is recorded does.
    pub fn copy(&mut self, account: &str, to: &str) {
        if let Some(bodies) = self.accounts.get(account).cloned() {
            self.accounts.insert(to.to_owned(), bodies);
        }
    }

    /// The accounts.
    pub fn accounts(&self) -> Vec<&str> {
        self.accounts.keys().map(String::as_str).collect()
    }

    /// Every account with each of its regions.
    pub(super) fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.accounts.iter();
        each.flat_map(|(account, regions)| {
            regions.keys().map(|region| (account.as_str(), region.as_str()))
        })
    }

    /// The body about all that a call answers in an account's region.
    pub(super) fn body(&self, (account, region): (&str, &str), call: &str) -> Option<&Value> {
        let bodies = self.accounts.get(account)?.get(region)?.get(call)?;
        bodies.iter().find(|(about, _)| about.is_none()).map(|(_, body)| body)
    }

    /// The items of all lists of a name in the answers to a call at a place.
    pub(super) fn items(&self, place: (&str, &str), call: &str, list: &str) -> Vec<Value> {
        let lists = self.all(place, call).filter_map(|(_, body)| body[list].as_array());
        lists.flatten().cloned().collect()
    }

    /// All bodies that a call answers in an account's region, with what each is about.
    pub(super) fn all(
        &self,
        (account, region): (&str, &str),
        call: &str,
    ) -> impl Iterator<Item = &(Option<String>, Value)> {
        let place = self.accounts.get(account).and_then(|regions| regions.get(region));
        place.and_then(|place| place.get(call)).into_iter().flatten()
    }

    /// The body that answers; nothing when none is recorded.
    pub(super) fn find(&self, table: &Table, asked: &Asked) -> Option<Value> {
        let account = self.accounts.get(&asked.account)?;
        let mut places: Vec<&Place> = Vec::new();
        if table.is_regional(&asked.call) {
            places.extend(account.get(&asked.region));
        } else {
            places.extend(account.get("global"));
            places.extend(account.values());
        }
        let mut found = places.into_iter().filter_map(|place| place.get(&asked.call));
        found.find_map(|bodies| match table.arguments(asked) {
            None => bodies.iter().find(|(about, _)| about.is_none()).map(|(_, body)| body.clone()),
            Some(values) => about(bodies, values),
        })
    }
}

fn folders(path: &Path) -> io::Result<Vec<(String, std::path::PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

fn place(folder: &Path) -> io::Result<Place> {
    let mut place = Place::new();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let read = |path: &Path| -> io::Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            place.entry(stem(&path)).or_default().push((None, read(&path)?));
        }
    }
    for (call, folder) in folders(folder)? {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let about = super::http::decoded(&stem(&path));
            place.entry(call.clone()).or_default().push((Some(about), read(&path)?));
        }
    }
    Ok(place)
}

/// The body about something: its own, or what a body about all tells of it.
fn about(bodies: &[(Option<String>, Value)], values: &[String]) -> Option<Value> {
    let names = |about: &Option<String>| {
        let about = about.as_deref().unwrap_or_default();
        values.iter().any(|value| about.split(' ').next_back() == Some(value))
    };
    let mentions = |body: &Value| {
        let fields = body.as_object().into_iter().flatten();
        fields
            .filter_map(|(_, value)| value.as_str())
            .any(|text| values.iter().any(|one| one == text))
    };
    let own =
        bodies.iter().find(|(about, body)| about.is_some() && (names(about) || mentions(body)));
    if let Some((_, body)) = own {
        return Some(body.clone());
    }
    let (_, all) = bodies.iter().find(|(about, _)| about.is_none())?;
    let fields = all.as_object()?.iter().map(|(key, value)| {
        let value = match value {
            Value::Array(items) => {
                items.iter().filter(|item| tells_of(item, values)).cloned().collect()
            }
            other => other.clone(),
        };
        (key.clone(), value)
    });
    Some(Value::Object(fields.collect::<Map<_, _>>()))
}

/// Whether a resource names one of these.
fn tells_of(item: &Value, values: &[String]) -> bool {
    let fields = item.as_object().into_iter().flatten();
    let mut texts = fields.filter_map(|(_, value)| value.as_str());
    texts.any(|text| {
        // A rule's name begins as its listener's does.
        let listener = text.replace(":listener-rule/", ":listener/");
        values.iter().any(|value| value == text || listener.starts_with(&format!("{value}/")))
    }) || item.as_str().is_some_and(|text| values.iter().any(|value| value == text))
}
