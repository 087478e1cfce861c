//! What a refusal leaves open.

use super::super::{services, writes::Write};
use crate::outcome::{Class, Refusal};

/// Whether a write that is sent once may have been done, or may pass another time: what is there is read
/// before it is sent again.
pub(super) fn is_open(write: &Write, refusal: &Refusal) -> bool {
    write.replaces()
        && matches!(refusal.class, Class::Transient | Class::Throttled | Class::Expired)
}

/// Whether a refusal may only say that a list was late: then what is there is read again.
pub(super) fn is_race(refusal: &Refusal) -> bool {
    let is_race = matches!(
        refusal.code.as_str(),
        "InvalidGroup.Duplicate"
            | "InvalidGroup.NotFound"
            | "InvalidSecurityGroupID.NotFound"
            | "InvalidPermission.Duplicate"
            | "InvalidPermission.NotFound"
            | "DependencyViolation"
            | "InvalidAssociationID.NotFound"
            | "InvalidNetworkAclID.NotFound"
            | "NetworkAclEntryAlreadyExists"
    );
    is_race || services::is_passing(&refusal.code)
}
