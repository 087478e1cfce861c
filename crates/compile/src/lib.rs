//! A policy and an estate into what enforcement points must hold, and the proof of what it means.
//!
//! [`compile`] decides for every pair of ends what the policy allows and lowers that to
//! [`Artifacts`]: groups of rules, and which endpoints carry them. [`validate`] takes the rendered
//! bytes, read back by the plane's own front end, and says as exact sets of flows where the network
//! permits more than the policy ([`Gap`]s of kind `over`) and where less (`under`). [`Plan`] holds
//! both, and the steps with their inverses.
//!
//! Nothing here names a cloud: what a cloud can express and hold is a [`Plane`]'s to say.

mod artifact;
mod compiler;
mod cover;
mod drift;
mod earlier;
mod edge;
mod fit;
mod gap;
mod gc;
mod held;
mod identity;
mod intent;
mod leaving;
mod lines;
mod lots;
mod membership;
mod moving;
mod naming;
mod outside;
mod owner;
mod plan;
mod plane;
mod prove;
mod read;
mod references;
mod shared;
mod step;
mod vacant;
mod validate;
mod via;

pub use artifact::{Artifacts, Attachment, Group, GroupName, GroupRule, RulePeer, Through};
pub use compiler::{Compiled, Refusal, compile};
pub use drift::{Before, Drift, DriftItem, DriftKind, DriftPair, drift, end_and_part};
pub use earlier::{Earlier, prove_again};
pub use edge::{Edge, EdgeEntry, EdgeList, EdgeRule, HeldEdge, OwnEdge, PlannedEdge};
pub use fit::{Budget, RuleCount};
pub use gap::{Forbidden, Gap, GapKind, Reason, RuleRef, Unheld};
pub use gc::{OwnGroup, gc};
pub use held::HeldGroup;
pub use intent::{Allowed, Intent, Places, SharePart, promoted};
pub use leaving::{Former, Leaving, ToldBy, leaving};
pub use lines::{text_in_lines, text_in_lines_to, write_lines};
pub use membership::{Left, Membership, Moved, Need, Whole, membership};
pub use naming::short_hash;
pub use owner::{
    Alike, Asking, Holds, Owner, PlannedOwner, Replica, SharedReplica, Template, Templated,
};
pub use plan::{
    Again, FORMAT, Occasion, Pieces as PlanPieces, Plan, PlanError, PlannedAssertion,
    PlannedAttachment, PlannedGroup, PlannedLimits, PlannedRule, PlannedRules, There, ThereRule,
};
pub use plane::{Holding, KeptList, Limits, Pieces, Plane, RenderedBody};
pub use prove::{Proved, admit, prove, wanted};
pub use read::{Change, Read, ReadKind};
pub use shared::Shared;
pub use step::{Action, Step, steps};
pub use validate::{AtOnce, Found, InTurn, Kept, Proof, both, validate};
