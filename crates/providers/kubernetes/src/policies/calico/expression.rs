//! Calico's selectors: expressions over labels.
//!
//! Source: Calico documentation, "Selectors": `all()`, `has(k)`, `k == 'v'`, `k != 'v'`, `k in {}`,
//! `k not in {}`, `contains`, `starts with`, `ends with`, `!`, `&&`, `||` and parentheses.

use std::collections::BTreeSet;

use watertight_model::Name;

use crate::selector::{NAMESPACE_NAME, Selector};

/// Parentheses inside each other.
const DEPTH_MAX: u32 = 64;

/// Reads an expression; an empty one holds for everything.
pub(super) fn parse(text: &str) -> Result<Selector, String> {
    let mut reader = Reader { rest: text.trim(), depth: 0 };
    if reader.rest.is_empty() {
        return Ok(Selector::Everything);
    }
    let found = reader.any()?;
    if reader.rest.is_empty() { Ok(found) } else { Err(format!("`{}` is left over", reader.rest)) }
}

struct Reader<'t> {
    rest: &'t str,
    depth: u32,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Ok(Selector::any(parts))
    }

    fn all(&mut self) -> Result<Selector, String> {
        let mut parts = vec![self.one()?];
        while self.take("&&") {
            parts.push(self.one()?);
        }
        Ok(Selector::all(parts))
    }

    fn one(&mut self) -> Result<Selector, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is too deep".to_owned());
        }
        let found = self.operand();
        self.depth -= 1;
        found
    }

    fn operand(&mut self) -> Result<Selector, String> {
        if self.take("!") {
            return Ok(self.one()?.negated());
        }
        if self.take("(") {
            let found = self.any()?;
            return self.expect(")").map(|()| found);
        }
        if self.take("all()") {
            return Ok(Selector::Everything);
        }
        if self.take("global()") {
            return Ok(Selector::Nothing);
        }
        if self.take("has(") {
            let key = self.key()?;
            return self.expect(")").map(|()| Selector::Exists(key));
        }
        let key = self.key()?;
        self.comparison(key)
    }

    fn comparison(&mut self, key: Name) -> Result<Selector, String> {
        if self.take("==") {
            return Ok(Selector::In(key, BTreeSet::from([self.value()?])));
        }
        if self.take("!=") {
            return Ok(Selector::In(key, BTreeSet::from([self.value()?])).negated());
        }
        if self.word("not") {
            if !self.word("in") {
                return Err("`not` is followed by `in`".to_owned());
            }
            return Ok(Selector::In(key, self.values()?).negated());
        }
        if self.word("in") {
            return Ok(Selector::In(key, self.values()?));
        }
        if self.word("contains") {
            return Ok(Selector::Contains(key, self.value()?));
        }
        if self.word("starts") && self.word("with") {
            return Ok(Selector::StartsWith(key, self.value()?));
        }
        if self.word("ends") && self.word("with") {
            return Ok(Selector::EndsWith(key, self.value()?));
        }
        Err(format!("expected a comparison after `{key}`"))
    }

    fn values(&mut self) -> Result<BTreeSet<Name>, String> {
        self.expect("{")?;
        let mut found = BTreeSet::new();
        while !self.take("}") {
            found.insert(self.value()?);
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(found)
    }

    fn key(&mut self) -> Result<Name, String> {
        let is_part = |one: char| one.is_ascii_alphanumeric() || "-_./".contains(one);
        let end = self.rest.find(|one| !is_part(one)).unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        if key.is_empty() {
            return Err(format!("expected a label's key before `{}`", self.rest));
        }
        self.rest = rest.trim_start();
        // A namespace's name is a label of Calico's own too.
        Ok(Name::from(if key == "projectcalico.org/name" { NAMESPACE_NAME } else { key }))
    }

    fn value(&mut self) -> Result<Name, String> {
        for quote in ['\'', '"'] {
            if let Some(rest) = self.rest.strip_prefix(quote)
                && let Some((value, rest)) = rest.split_once(quote)
            {
                self.rest = rest.trim_start();
                return Ok(Name::from(value));
            }
        }
        Err(format!("expected a value in quotes at `{}`", self.rest))
    }

    fn take(&mut self, token: &str) -> bool {
        let taken = self.rest.strip_prefix(token);
        if let Some(rest) = taken {
            self.rest = rest.trim_start();
        }
        taken.is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        let taken = self.rest.strip_prefix(word);
        let taken = taken.filter(|rest| !rest.starts_with(|one: char| one.is_alphanumeric()));
        if let Some(rest) = taken {
            self.rest = rest.trim_start();
        }
        taken.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            return Ok(());
        }
        Err(format!("expected `{token}` at `{}`", self.rest))
    }
}
