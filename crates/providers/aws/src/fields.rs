//! Reading fields of bodies: what is wrong becomes a diagnostic, and the field reads as absent.

use std::net::IpAddr;

use watertight_model::Truth;
use watertight_net::Prefix;
use watertight_source::{Code, Diagnostic, Diagnostics, FieldError, Items, Node};

use crate::codes;

/// Reads fields and collects what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// What was found so far.
    pub(crate) diagnostics: Diagnostics,
}

impl Fields {
    /// The string at `key`; `None` when it is absent or null.
    pub(crate) fn text<'t>(&mut self, node: Node<'t>, key: &str) -> Option<&'t str> {
        self.keep(node.str_field(key)).flatten()
    }

    /// The string at `key`, which is an error when it is absent or null.
    pub(crate) fn required_text<'t>(&mut self, node: Node<'t>, key: &str) -> Option<&'t str> {
        self.keep(node.req_str(key))
    }

    /// The boolean at `key`; `None` when it is absent or null.
    pub(crate) fn flag(&mut self, node: Node<'_>, key: &str) -> Option<bool> {
        self.keep(node.bool_field(key)).flatten()
    }

    /// The integer at `key`; `None` when it is absent or null.
    pub(crate) fn integer(&mut self, node: Node<'_>, key: &str) -> Option<i64> {
        self.keep(node.i64_field(key)).flatten()
    }

    /// The object at `key`; `None` when it is absent or null.
    pub(crate) fn object<'t>(&mut self, node: Node<'t>, key: &str) -> Option<Node<'t>> {
        self.keep(node.object_field(key)).flatten()
    }

    /// The values of the array at `key`; nothing when it is absent or null.
    pub(crate) fn list<'t>(&mut self, node: Node<'t>, key: &str) -> Items<'t> {
        match self.keep(node.array_field(key)).flatten() {
            Some(items) => items,
            // A node with fields is no array, so this is nothing.
            None => node.items(),
        }
    }

    /// The objects of the array at `key`; anything else in it is an error.
    pub(crate) fn objects<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<Node<'t>> {
        let items = self.list(node, key);
        let mut objects = Vec::with_capacity(items.len());
        for item in items {
            objects.extend(self.keep(item.to_object()));
        }
        objects
    }

    /// The strings of the array at `key`; anything else in it is an error.
    pub(crate) fn texts<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<&'t str> {
        let items = self.list(node, key);
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            texts.extend(self.keep(item.to_str()));
        }
        texts
    }

    /// The prefix at `key`, with bits after its length cleared as the provider does.
    pub(crate) fn prefix(&mut self, node: Node<'_>, key: &str) -> Option<Prefix> {
        let text = self.text(node, key)?;
        let place = node.get(key).unwrap_or(node);
        self.prefix_of(place, text)
    }

    /// The prefix that a text stands for; `place` is where the text stands.
    pub(crate) fn prefix_of(&mut self, place: Node<'_>, text: &str) -> Option<Prefix> {
        match Prefix::parse_lenient(text) {
            Ok(prefix) => Some(prefix),
            Err(error) => {
                let message = format!("`{}`: {error}", place.path());
                self.push(Diagnostic::error(codes::BAD_PREFIX, message), place);
                None
            }
        }
    }

    /// The IP address at `key`; `None` when it is absent, null or empty.
    pub(crate) fn address(&mut self, node: Node<'_>, key: &str) -> Option<IpAddr> {
        let text = self.text(node, key).filter(|text| !text.is_empty())?;
        let place = node.get(key).unwrap_or(node);
        self.address_of(place, text)
    }

    /// The IP address that a text stands for; `place` is where the text stands.
    pub(crate) fn address_of(&mut self, place: Node<'_>, text: &str) -> Option<IpAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("`{}`: `{text}` is no IP address", place.path());
            self.push(Diagnostic::error(codes::BAD_ADDRESS, message), place);
        }
        address
    }

    /// The port at `key`; `None` when it is absent or null, an error outside of 0 to 65535.
    pub(crate) fn port(&mut self, node: Node<'_>, key: &str) -> Option<u16> {
        self.keep(node.u16_field(key)).flatten()
    }

    /// Key and value of each tag of the array at `key`, in the order of the text.
    pub(crate) fn tags<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<(&'t str, &'t str)> {
        let mut tags = Vec::new();
        for tag in self.objects(node, key) {
            if let Some(name) = self.text(tag, "Key") {
                tags.push((name, self.text(tag, "Value").unwrap_or_default()));
            }
        }
        tags
    }

    /// The value of the `Name` tag, unless it is empty.
    pub(crate) fn name_tag<'t>(&mut self, node: Node<'t>, key: &str) -> Option<&'t str> {
        let tags = self.tags(node, key);
        tags.into_iter().find(|(name, value)| *name == "Name" && !value.is_empty()).map(|tag| tag.1)
    }

    /// The value of a result; its error becomes a diagnostic.
    pub(crate) fn keep<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.diagnostics.push(error);
                None
            }
        }
    }

    /// Adds a warning about a place.
    pub(crate) fn warn(&mut self, place: Node<'_>, code: Code, resource: &str, message: String) {
        self.push(Diagnostic::warning(code, message).with_resource(resource), place);
    }

    /// Adds a note about a place.
    pub(crate) fn note(&mut self, place: Node<'_>, code: Code, resource: &str, message: String) {
        self.push(Diagnostic::note(code, message).with_resource(resource), place);
    }

    /// Adds an error about a place.
    pub(crate) fn error(&mut self, place: Node<'_>, code: Code, resource: &str, message: String) {
        self.push(Diagnostic::error(code, message).with_resource(resource), place);
    }

    /// Whether a resource works, by its state at `key`, whatever the case of its letters; what has no
    /// state does. What a state that is not known means cannot be told.
    pub(crate) fn works(
        &mut self,
        node: Node<'_>,
        key: &str,
        resource: &str,
        (working, idle): (&[&str], &[&str]),
    ) -> Truth {
        let Some(state) = self.text(node, key) else { return Truth::Yes };
        let is = |known: &[&str]| known.iter().any(|one| one.eq_ignore_ascii_case(state));
        if is(working) {
            return Truth::Yes;
        }
        if is(idle) {
            return Truth::No;
        }
        self.unknown_value(node, key, resource);
        Truth::Maybe
    }

    /// Adds the warning that a field has a value that is not known.
    pub(crate) fn unknown_value(&mut self, node: Node<'_>, key: &str, resource: &str) {
        let place = node.get(key).unwrap_or(node);
        let found = place.describe();
        let message = format!("`{key}` of `{resource}` has a value that is not known: {found}");
        self.warn(place, codes::UNKNOWN_VALUE, resource, message);
    }

    fn push(&mut self, diagnostic: Diagnostic, place: Node<'_>) {
        self.diagnostics.push(diagnostic.with_label(place.span(), ""));
    }
}
