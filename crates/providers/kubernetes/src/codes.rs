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
    NO_OBJECT = "WT0200": "a document is no Kubernetes object: it lacks `apiVersion`, `kind` or a name";
    UNREAD_KIND = "WT0201": "an object of this kind or version is not read";
    TWICE = "WT0202": "two objects of one kind have the same namespace and name";
    UNREAD_FIELD = "WT0203": "a policy holds a field that its version does not define or that is not read";
    BAD_VALUE = "WT0204": "a field has a value that its version does not allow";
    BAD_ADDRESS = "WT0205": "a field that should be an address or a prefix is none";
    BAD_PORT = "WT0206": "a port is outside of its range";
    MISSING = "WT0207": "a reference leads to an object that is not in the input";
    NO_NAMESPACE = "WT0208": "a namespace has no object in the input, so only its name is known of its labels";
    NO_PORT = "WT0209": "a named port is a port of no container that it could mean";
    HOST_NETWORK = "WT0210": "whether policies govern a pod on its host's network is up to the network plugin";
    NOT_MODELLED = "WT0211": "something that could change an answer is not modelled; the answer is unknown";
    SAME_PRIORITY = "WT0212": "two policies of one tier have the same priority, so their order is not defined";
    NO_EFFECT = "WT0213": "an object is read and changes nothing";
    NO_MACHINE = "WT0220": "the machine of a node is not in the estate";
    NOT_JOINED = "WT0221": "where a pod is in the estate's network is not known: what passes between them is unknown";
    NO_TRUST = "WT0222": "a service account names a role that does not trust it, so that it does not get the role";
}

/// What a code of this crate means; `None` for a code of another crate.
pub fn explain(code: Code) -> Option<&'static str> {
    CODES.iter().find(|line| line.code == code).map(|line| line.meaning)
}
