//! VPC Block Public Access: what a region's switch leaves of each subnet's way to the internet.
//!
//! Amazon VPC user guide, "Block public access to VPCs and subnets": a mode for each account and
//! region, and exclusions for VPCs and subnets; a subnet's own exclusion beats its VPC's.

use std::collections::BTreeMap;

use watertight_model::network::InternetAccess;

use crate::context::Context;
use crate::scope::arn_scope;
use crate::shapes::Kind;

/// The modes and exclusions of the input.
#[derive(Debug, Default)]
pub(crate) struct PublicAccess<'t> {
    switches: Vec<Switch<'t>>,
    exclusions: BTreeMap<&'t str, Exclusion>,
}

#[derive(Debug)]
struct Switch<'t> {
    account: Option<&'t str>,
    region: Option<&'t str>,
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Off,
    Ingress,
    Bidirectional,
    Unread,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exclusion {
    AllowBidirectional,
    AllowEgress,
    Unread,
}

/// Reads the switches and their exclusions.
pub(crate) fn read<'t>(context: &mut Context<'t>) -> PublicAccess<'t> {
    let index = context.index;
    let mut access = PublicAccess::default();
    for item in index.of(Kind::BlockPublicAccessOptions) {
        let account = context.fields.text(item.node, "AwsAccountId");
        let region = context.fields.text(item.node, "AwsRegion");
        let mode = match context.fields.text(item.node, "InternetGatewayBlockMode") {
            Some("off") | None => Mode::Off,
            Some("block-ingress") => Mode::Ingress,
            Some("block-bidirectional") => Mode::Bidirectional,
            Some(_) => {
                let of = account.unwrap_or_default();
                context.fields.unknown_value(item.node, "InternetGatewayBlockMode", of);
                Mode::Unread
            }
        };
        access.switches.push(Switch {
            account: account.or(item.scope.account.as_deref()),
            region: region.or(item.scope.region.as_deref()),
            mode,
        });
    }
    for item in index.of(Kind::BlockPublicAccessExclusions) {
        let state = context.fields.text(item.node, "State");
        if !matches!(state, Some("create-complete" | "update-complete") | None) {
            continue;
        }
        let exclusion = match context.fields.text(item.node, "InternetGatewayExclusionMode") {
            Some("allow-bidirectional") => Exclusion::AllowBidirectional,
            Some("allow-egress") => Exclusion::AllowEgress,
            _ => {
                context.fields.unknown_value(item.node, "InternetGatewayExclusionMode", item.id);
                Exclusion::Unread
            }
        };
        let arn = context.fields.text(item.node, "ResourceArn").unwrap_or_default();
        let resource = arn.rsplit('/').next().unwrap_or(arn);
        access.exclusions.insert(resource, exclusion);
    }
    access
}

impl PublicAccess<'_> {
    /// Whether the switch of an account and region is on; `None` where the input does not tell.
    pub(crate) fn is_on(&self, account: Option<&str>, region: Option<&str>) -> Option<bool> {
        Some(self.mode(account, region)? != Mode::Off)
    }

    fn mode(&self, account: Option<&str>, region: Option<&str>) -> Option<Mode> {
        let fits = |one: Option<&str>, other: Option<&str>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        let mut switches = self.switches.iter();
        let own =
            switches.find(|switch| fits(switch.account, account) && fits(switch.region, region));
        own.map(|switch| switch.mode)
    }

    /// What the switch of an account and region leaves to a subnet of a VPC.
    pub(crate) fn of_subnet(
        &self,
        context: &mut Context<'_>,
        subnet: &str,
        vpc: &str,
        scope: (Option<&str>, Option<&str>),
    ) -> InternetAccess {
        let mode = self.mode(scope.0, scope.1).unwrap_or(Mode::Off);
        let exclusion = self.exclusions.get(subnet).or_else(|| self.exclusions.get(vpc));
        match (mode, exclusion) {
            (Mode::Off, _) | (_, Some(Exclusion::AllowBidirectional)) => InternetAccess::Open,
            (Mode::Unread, _) | (_, Some(Exclusion::Unread)) => InternetAccess::Unread(
                context.name("a mode of VPC Block Public Access that is not known"),
            ),
            (Mode::Ingress, _) => {
                InternetAccess::EgressOnly(context.name("VPC Block Public Access (block-ingress)"))
            }
            (Mode::Bidirectional, Some(Exclusion::AllowEgress)) => {
                let name = "VPC Block Public Access (block-bidirectional, allow-egress)";
                InternetAccess::EgressOnly(context.name(name))
            }
            (Mode::Bidirectional, None) => InternetAccess::Closed(
                context.name("VPC Block Public Access (block-bidirectional)"),
            ),
        }
    }
}

/// The account and region of a subnet, for [`PublicAccess::of_subnet`].
pub(crate) fn scope_of_arn<'t>(
    arn: Option<&'t str>,
    account: Option<&'t str>,
    region: Option<&'t str>,
) -> (Option<&'t str>, Option<&'t str>) {
    let (arn_account, arn_region) = arn.map(arn_scope).unwrap_or_default();
    (account.or(arn_account), region.or(arn_region))
}
