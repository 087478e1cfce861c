//! What a configuration says: which resources an attribute refers to.

use std::collections::BTreeSet;

use serde_json::Value;

/// Modules in modules, and references that lead to references.
const DEPTH_MAX: usize = 32;

/// The configuration that a plan carries.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Configuration(Value);

/// The addresses of a plan's resources, and who asks.
pub(in super::super) struct Own<'a> {
    pub(in super::super) all: &'a BTreeSet<&'a str>,
    pub(in super::super) asked: &'a str,
}

/// A resource's attribute: the resource's address, the attribute's name.
pub(in super::super) type Attribute = (String, String);

impl Configuration {
    pub(in super::super) const fn new(value: Value) -> Self {
        Self(value)
    }

    /// What an attribute refers to, in the words of the configuration; nothing where the
    /// configuration does not write the attribute.
    pub(in super::super) fn references(
        &self,
        address: &str,
        top: &str,
        place: Option<usize>,
        key: &str,
    ) -> Option<Vec<String>> {
        let parts = segments(address);
        let (modules, own) = split(&parts);
        let module = self.module(&modules)?;
        let (kind, name) = (own.first()?, own.get(1)?);
        let resources = module.get("resources")?.as_array()?;
        let resource = resources.iter().find(|one| {
            one.get("type").and_then(Value::as_str) == Some(bare(kind))
                && one.get("name").and_then(Value::as_str) == Some(bare(name))
        })?;
        let expression = resource.get("expressions")?.get(top)?;
        let mut found = Vec::new();
        match (expression, place) {
            (Value::Array(blocks), Some(place)) => match blocks.get(place) {
                Some(block) => collect(block.get(key)?, &mut found, DEPTH_MAX),
                None => blocks
                    .iter()
                    .filter_map(|block| block.get(key))
                    .for_each(|one| collect(one, &mut found, DEPTH_MAX)),
            },
            _ => collect(expression, &mut found, DEPTH_MAX),
        }
        Some(found)
    }

    /// The attributes of resources that references lead to; nothing where one of them leads to
    /// what the configuration does not tell.
    pub(in super::super) fn resolve(
        &self,
        address: &str,
        references: &[String],
        own: &Own<'_>,
    ) -> Option<Vec<Attribute>> {
        let parts = segments(address);
        let (modules, _) = split(&parts);
        let mut found = Vec::new();
        self.resolve_in(&modules, references, own, &mut found, DEPTH_MAX)?;
        found.sort();
        found.dedup();
        Some(found)
    }

    fn resolve_in(
        &self,
        modules: &[String],
        references: &[String],
        own: &Own<'_>,
        found: &mut Vec<Attribute>,
        left: usize,
    ) -> Option<()> {
        let left = left.checked_sub(1)?;
        for reference in references {
            // Terraform lists what a reference begins with as well.
            let is_begun = references.iter().any(|other| {
                other
                    .strip_prefix(reference.as_str())
                    .is_some_and(|rest| rest.starts_with(['.', '[']))
            });
            if is_begun {
                continue;
            }
            let parts = segments(reference);
            match parts.first().map(String::as_str)? {
                "var" => self.variable(modules, parts.get(1)?, own, found, left)?,
                "module" => self.output(modules, &parts, own, found, left)?,
                "count" | "path" | "terraform" => {}
                "each" if parts.get(1).map(String::as_str) == Some("key") => {}
                "data" | "each" | "local" | "self" => return None,
                _ => found.push(attribute(modules, &parts, own)?),
            }
        }
        Some(())
    }

    /// What is handed to a module's variable; those of the configuration itself are known.
    fn variable(
        &self,
        modules: &[String],
        name: &str,
        own: &Own<'_>,
        found: &mut Vec<Attribute>,
        left: usize,
    ) -> Option<()> {
        let Some((last, outer)) = modules.split_last() else { return Some(()) };
        let call = self.module(outer)?.get("module_calls")?.get(bare(last))?;
        let Some(expression) = call.get("expressions")?.get(bare(name)) else { return Some(()) };
        let mut references = Vec::new();
        collect(expression, &mut references, DEPTH_MAX);
        self.resolve_in(outer, &references, own, found, left)
    }

    /// What a module hands out.
    fn output(
        &self,
        modules: &[String],
        parts: &[String],
        own: &Own<'_>,
        found: &mut Vec<Attribute>,
        left: usize,
    ) -> Option<()> {
        let (name, output) = (parts.get(1)?, parts.get(2)?);
        let mut inner = modules.to_vec();
        inner.push(instance(modules, name, own)?);
        let outputs = self.module(&inner)?.get("outputs")?;
        let mut references = Vec::new();
        collect(outputs.get(bare(output))?.get("expression")?, &mut references, DEPTH_MAX);
        self.resolve_in(&inner, &references, own, found, left)
    }

    /// The configuration of a module.
    fn module(&self, modules: &[String]) -> Option<&Value> {
        let mut module = self.0.get("root_module")?;
        for name in modules {
            module = module.get("module_calls")?.get(bare(name))?.get("module")?;
        }
        Some(module)
    }
}

/// The references of an expression, of its blocks too.
fn collect(expression: &Value, found: &mut Vec<String>, left: usize) {
    let Some(left) = left.checked_sub(1) else { return };
    match expression {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Array(items) if key == "references" => {
                        found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => collect(value, found, left),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|one| collect(one, found, left)),
        _ => {}
    }
}

/// The one instance of a module that a reference can mean.
fn instance(modules: &[String], name: &str, own: &Own<'_>) -> Option<String> {
    if name.contains('[') {
        return Some(name.to_owned());
    }
    let start = format!("{}module.{name}", prefix(modules));
    let mut instances: BTreeSet<String> = BTreeSet::new();
    for address in own.all {
        let Some(rest) = address.strip_prefix(&start) else { continue };
        if rest.starts_with(['.', '[']) {
            let parts = segments(address);
            let (all, _) = split(&parts);
            instances.extend(all.get(modules.len()).cloned());
        }
    }
    let mut all = instances.into_iter();
    all.next().filter(|_| all.next().is_none())
}

/// The attribute of a resource that a reference means.
fn attribute(modules: &[String], parts: &[String], own: &Own<'_>) -> Option<Attribute> {
    let (kind, name) = (parts.first()?, parts.get(1)?);
    // An index that is computed ends what Terraform lists: `aws_subnet.a[count.index].id`.
    let key = parts.get(2).map_or("id", String::as_str).to_owned();
    let address = format!("{}{kind}.{name}", prefix(modules));
    if own.all.contains(address.as_str()) {
        return Some((address, key));
    }
    let instances = own.instances(&address);
    if let [only] = instances[..] {
        return Some((only.to_owned(), key));
    }
    // One of several, by the index of who asks, where each has its own.
    let start = own.asked.rfind('[')?;
    let (base, index) = own.asked.split_at_checked(start)?;
    let same = format!("{address}{index}");
    let is_paired = own.instances(base).len() == instances.len();
    (is_paired && own.all.contains(same.as_str())).then_some((same, key))
}

impl<'a> Own<'a> {
    /// The instances of a resource.
    fn instances(&self, address: &str) -> Vec<&'a str> {
        let is_one = |rest: &str| rest.starts_with('[') && rest.ends_with(']');
        let all = self.all.iter().copied();
        all.filter(|one| one.strip_prefix(address).is_some_and(is_one)).collect()
    }
}

/// What the addresses within a module begin with.
fn prefix(modules: &[String]) -> String {
    modules.iter().flat_map(|name| ["module.", name, "."]).collect()
}

/// The names of the modules of an address, and the parts after them.
fn split(parts: &[String]) -> (Vec<String>, &[String]) {
    let (mut modules, mut rest) = (Vec::new(), parts);
    while let [first, name, more @ ..] = rest
        && first == "module"
    {
        modules.push(name.clone());
        rest = more;
    }
    (modules, rest)
}

/// A part without its index.
fn bare(part: &str) -> &str {
    part.split('[').next().unwrap_or(part)
}

/// The parts of an address, each with its index: points in an index are none of the address.
fn segments(address: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for letter in address.chars() {
        if letter == '.' && !quoted {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
        quoted = if letter == '"' && !escaped { !quoted } else { quoted };
        escaped = letter == '\\' && !escaped;
    }
    parts
}
