use std::collections::BTreeSet;

use watertight_model::{Name, Selector};
use watertight_net::Prefix;
use watertight_source::Span;

use crate::Domain;

use super::Spanned;

/// One entry of `from`, `to`, `through` or `members`.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it stands.
    pub span: Span,
    /// Whom it means.
    pub end: PeerEnd,
}

/// Whom a peer means.
#[derive(Clone, Debug)]
pub enum PeerEnd {
    /// `any`: everything.
    Any,
    /// `internet`: public unicast space without the estate and without providers' services.
    Internet,
    /// Those for whom every field holds.
    Conditions(Box<Conditions>),
}

/// The fields of a peer. Each that is there must hold; within a list, one must.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// `matchLabels` and `matchExpressions`.
    pub selector: Option<LabelSelector>,
    /// `segment`: a Segment's name.
    pub segment: Option<Spanned<Name>>,
    /// `group`: a Group's name.
    pub group: Option<Spanned<Name>>,
    /// `addresses`: prefixes and names of Addresses.
    pub addresses: Vec<Spanned<AddressItem>>,
    /// `network`: where the addresses are.
    pub network: Option<Spanned<Name>>,
    /// `domains`: domain names and names of Domains.
    pub domains: Vec<Spanned<DomainItem>>,
    /// `users`: names of Users.
    pub users: Vec<Spanned<Name>>,
    /// `provider`: services of a provider, such as `aws.s3`.
    pub provider: Vec<Spanned<Name>>,
    /// `metadata: instance`: the metadata service of the instance itself.
    pub metadata: Option<Span>,
}

/// An entry of `addresses`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddressItem {
    /// A prefix.
    Prefix(Prefix),
    /// The name of an Addresses document.
    Named(Name),
}

/// An entry of `domains`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainItem {
    /// A domain name, or all below one.
    Domain(Domain),
    /// The name of a Domains document.
    Named(Name),
}

/// A selector as it is written: every requirement must hold; without any, all workloads match.
#[derive(Clone, Debug)]
pub struct LabelSelector {
    /// Where it stands.
    pub span: Span,
    requirements: Vec<Requirement>,
    /// Made once: a policy is checked again after each change, and most of it is as it was.
    compiled: Selector,
}

/// One requirement of a selector.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// Where it stands.
    pub span: Span,
    /// The label that it is about.
    pub key: Name,
    /// What must hold of it.
    pub operator: Operator,
}

/// What a requirement asks of a label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operator {
    /// The label is there with one of these values.
    In(BTreeSet<Name>),
    /// The label is not there, or with none of these values.
    NotIn(BTreeSet<Name>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

impl LabelSelector {
    /// A selector of these requirements.
    pub fn new(span: Span, requirements: Vec<Requirement>) -> Self {
        let compiled = Selector::all(requirements.iter().map(Requirement::compiled));
        Self { span, requirements, compiled }
    }

    /// `matchLabels` first, then `matchExpressions`, each in the order of the text.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// The selector in the model's form.
    pub const fn compiled(&self) -> &Selector {
        &self.compiled
    }
}

impl Requirement {
    fn compiled(&self) -> Selector {
        let key = self.key.clone();
        match &self.operator {
            Operator::In(values) => Selector::In(key, values.clone()),
            Operator::NotIn(values) => Selector::In(key, values.clone()).negated(),
            Operator::Exists => Selector::Exists(key),
            Operator::DoesNotExist => Selector::Exists(key).negated(),
        }
    }
}
