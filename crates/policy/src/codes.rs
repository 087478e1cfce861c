//! The codes of this crate's diagnostics.

use watertight_source::{Code, CodeLine};

macro_rules! codes {
    ($($name:ident = $text:literal: $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub(crate) const $name: Code = Code($text);
        )*

        /// Every code of this crate with its meaning, in the order of the codes.
        pub const CODES: &[CodeLine] =
            &[$(CodeLine { code: $name, meaning: $meaning }),*];
    };
}

codes! {
    VERSION = "WT0300": "a document's `apiVersion` is not one that is read";
    UNKNOWN_KIND = "WT0301": "a document is of a kind that does not exist";
    UNKNOWN_FIELD = "WT0302": "an object holds a field that its kind does not define";
    BAD_VALUE = "WT0303": "a field has a value that is none of those allowed";
    BAD_NAME = "WT0304": "a name, a label or a provider's service is not well-formed";
    DUPLICATE_NAME = "WT0305": "two documents of one kind have the same name";
    UNKNOWN_NAME = "WT0306": "a reference names a document that does not exist";
    CYCLE = "WT0307": "groups or services hold themselves";
    BAD_SELECTOR = "WT0308": "a selector is not well-formed";
    BAD_ADDRESS = "WT0309": "a prefix of addresses is not well-formed";
    BAD_PORT = "WT0310": "a port, a protocol or an ICMP type is not well-formed";
    BAD_DOMAIN = "WT0311": "a domain name is not well-formed";
    BAD_TIME = "WT0312": "a time is not well-formed";
    BAD_REQUEST = "WT0313": "an HTTP method or path is not well-formed";
    NOT_TOGETHER = "WT0314": "fields do not go together, or a field does not belong there";
    EMPTY = "WT0315": "what must name something is missing or empty";
    TIER = "WT0316": "a policy or rule does not fit its tier";
    EXPIRY_OPENS = "WT0317": "a policy that denies has an expiry and does not say that expiry opens";
    CONFLICT = "WT0318": "two rules of different action in policies of one tier and order can match the same leg";
    DENIED_DOMAINS = "WT0319": "a rule that denies domains names neither `tls` nor `http`";
    TOO_MUCH = "WT0320": "what a document expands to is larger than a limit allows";
    RESERVED_LABEL = "WT0321": "a Labeling gives a label that only providers give";
    FEED = "WT0322": "the file of a feed is not there, or not in the policy's folder";
    SHADOWED = "WT0330": "a rule never decides: every leg that it matches is decided before it is asked";
    SHADOWED_KNOWN = "WT0331": "a denial decides only where an end is not known: an allow is asked before it about the same legs";
    REDUNDANT = "WT0332": "a rule changes no decision: others of the same action match all that it matches";
    NEVER = "WT0333": "a rule or a part of it can match nothing, whatever the estate";
    BROAD = "WT0334": "a rule allows more than anybody can oversee: two of `from`, `to` and `over` are left open";
    EXPIRED = "WT0335": "a policy or an exception has expired and takes no part any more";
    NO_MEMBERS = "WT0336": "a segment or a group has no member in the estate";
    UNUSED_LABEL = "WT0337": "a selector asks for a label, or a value of one, that nothing in the estate has";
    NO_LEG = "WT0338": "a rule matches no leg of the estate, because what it is about comes from a front";
    NO_RESOLVER = "WT0339": "workloads may reach domain names and no rule lets them ask a resolver";
    FORBIDDEN = "WT0340": "a rule allows what an assertion forbids";
    CLAIMED = "WT0341": "a guardrail rests on labels that the users of a workload can set";
    UNFINISHED = "WT0342": "a policy is too large for all of its rules to be compared with each other";
    TWO_NETWORKS = "WT0343": "addresses without a network are in two networks of the estate";
    MULTICAST = "WT0344": "addresses are multicast or broadcast, about which no policy decides";
    TWO_CLUSTERS = "WT0345": "a control plane is listed for a name that several clusters of the estate have";
    EXPANDED = "WT0346": "the legs of the estate that a rule with `through` stands for";
    SIGNED_IN = "WT0347": "a rule names people by their groups alone, and nothing tells who is signed in: it denies everybody, or allows nobody";
    NARROWED_AWAY = "WT0348": "an essential is narrowed until nothing is left of a direction that the estate needs";
    SHARE = "WT0349": "the share of a segment makes no difference: the segment is not in enforce, or the share holds all or nothing of it";
}

/// What a code of this crate means; `None` for a code of another crate.
pub fn explain(code: Code) -> Option<&'static str> {
    CODES.iter().find(|line| line.code == code).map(|line| line.meaning)
}
