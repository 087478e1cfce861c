//! Reading fields of known type: what is of another type is an error that says where.
//!
//! A field that is absent or null is `None` for the `_field` methods, because providers write null
//! for absent, and an error for the `req_` methods.

use crate::FieldError;

use super::{Items, Kind, Node};

type Field<T> = Result<Option<T>, FieldError>;

macro_rules! readers {
    ($($optional:ident, $required:ident: $result:ty = $read:expr, $expected:literal;)*) => {
        impl<'t> Node<'t> {
            $(
                #[doc = concat!("The field `key` as ", $expected, "; `None` when it is absent or null.")]
                pub fn $optional(self, key: &str) -> Field<$result> {
                    self.typed_field(key, $expected, $read)
                }

                #[doc = concat!("The field `key` as ", $expected, "; an error when it is absent or null.")]
                pub fn $required(self, key: &str) -> Result<$result, FieldError> {
                    self.$optional(key)?.ok_or_else(|| self.missing_field(key, $expected))
                }
            )*
        }
    };
}

readers! {
    str_field, req_str: &'t str = Node::as_str, "a string";
    bool_field, req_bool: bool = Node::as_bool, "a boolean";
    i64_field, req_i64: i64 = Node::as_i64, "an integer";
    u64_field, req_u64: u64 = Node::as_u64, "an integer from 0";
    u32_field, req_u32: u32 = small::<u32>, "an integer from 0 to 4294967295";
    u16_field, req_u16: u16 = small::<u16>, "an integer from 0 to 65535";
    f64_field, req_f64: f64 = Node::as_f64, "a number";
    array_field, req_array: Items<'t> = array, "an array";
    object_field, req_object: Node<'t> = object, "an object";
}

impl<'t> Node<'t> {
    /// The field `key` of any type; `None` when it is absent or null, an error when this node is no
    /// object.
    pub fn field(self, key: &str) -> Field<Self> {
        if self.kind() != Kind::Object {
            return Err(self.type_error(Kind::Object.with_article()));
        }
        Ok(self.get(key).filter(|value| !value.is_null()))
    }

    /// The field `key` of any type; an error when it is absent or null.
    pub fn req_field(self, key: &str) -> Result<Self, FieldError> {
        self.field(key)?.ok_or_else(|| self.missing_field(key, "a value"))
    }

    /// This value as a string, or an error that says what it is.
    pub fn to_str(self) -> Result<&'t str, FieldError> {
        self.as_str().ok_or_else(|| self.type_error("a string"))
    }

    /// This value as an integer, or an error that says what it is.
    pub fn to_i64(self) -> Result<i64, FieldError> {
        self.as_i64().ok_or_else(|| self.type_error("an integer"))
    }

    /// The values of this array, or an error that says what it is.
    pub fn to_items(self) -> Result<Items<'t>, FieldError> {
        array(self).ok_or_else(|| self.type_error("an array"))
    }

    /// This value if it is an object, or an error that says what it is.
    pub fn to_object(self) -> Result<Self, FieldError> {
        object(self).ok_or_else(|| self.type_error("an object"))
    }

    /// The error that this value is something else than `expected`, which has its article.
    pub fn type_error(self, expected: &'static str) -> FieldError {
        FieldError {
            span: self.span(),
            path: self.path(),
            expected,
            found: self.describe(),
            missing: false,
        }
    }

    /// The error that this object lacks the field `key`, which should be `expected`.
    pub fn missing_field(self, key: &str, expected: &'static str) -> FieldError {
        let value = self.get(key);
        let mut path = self.path();
        super::node::push_key(&mut path, key);
        FieldError {
            span: value.unwrap_or(self).span(),
            path,
            expected,
            found: String::from(if value.is_some() { "null" } else { "nothing" }),
            missing: true,
        }
    }

    fn typed_field<T>(
        self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(Self) -> Option<T>,
    ) -> Field<T> {
        let Some(value) = self.field(key)? else { return Ok(None) };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(value.type_error(expected)),
        }
    }
}

fn array(node: Node<'_>) -> Option<Items<'_>> {
    (node.kind() == Kind::Array).then(|| node.items())
}

fn object(node: Node<'_>) -> Option<Node<'_>> {
    (node.kind() == Kind::Object).then_some(node)
}

fn small<T: TryFrom<u64>>(node: Node<'_>) -> Option<T> {
    node.as_u64().and_then(|value| T::try_from(value).ok())
}
