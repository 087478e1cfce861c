//! The kinds and variants of hops, their published likelihoods and their ATT&CK techniques.

use crate::likelihood::Likelihood;

/// A technique of MITRE ATT&CK, by the numbers of [`Technique::VERSION`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Technique {
    /// The identifier, such as `T1552.005`.
    pub id: &'static str,
    /// The name that ATT&CK gives it.
    pub name: &'static str,
}

impl Technique {
    /// The ATT&CK release whose identifiers are used.
    ///
    /// Releases renumber: v19 moves `T1562.007` to `T1686.001`.
    pub const VERSION: &'static str = "ATT&CK v17";
}

/// The rule by which a hop leads from its premises to its conclusion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HopKind {
    /// `exec(a)` and an accepted leg from a to b give `exec(b)`.
    Net,
    /// `exec(a)` and the legs through a front give `exec(b)`.
    Front,
    /// `exec(a)` and a leg to a data port give `read(d)`.
    Datanet,
    /// `exec(w)` gives the credential that w's metadata service hands out.
    Meta,
    /// `exec(w)` gives the data that w stores.
    Local,
    /// `exec` of a node gives its pods, and of an unconfined pod its node.
    Node,
    /// `exec` of a pod gives its service account and the role behind it.
    Token,
    /// `hold(k)` may read the secret of another credential.
    Secret,
    /// `hold(k)` may assume another credential.
    Assume,
    /// `hold(k)` may run code on a workload through the provider.
    Control,
    /// `hold(k)` may read data by API.
    Data,
    /// `hold(k)` may change guards, routes or claimed labels and so open a leg.
    Tamper,
    /// `read(d)` where there is a way out gives `out(d)`.
    Exfil,
}

impl HopKind {
    /// The name in the likelihood table and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Front => "front",
            Self::Datanet => "datanet",
            Self::Meta => "meta",
            Self::Local => "local",
            Self::Node => "node",
            Self::Token => "token",
            Self::Secret => "secret",
            Self::Assume => "assume",
            Self::Control => "control",
            Self::Data => "data",
            Self::Tamper => "tamper",
            Self::Exfil => "exfil",
        }
    }
}

/// A kind of hop, and what about it decides how likely it succeeds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Variant {
    /// Remote administration with the credential of the target.
    NetAdministrationWithKey,
    /// Remote administration without a credential.
    NetAdministration,
    /// A port where a listener is known.
    NetKnownListener,
    /// A port where something may listen.
    NetPossibleListener,
    /// Through a front to remote administration, with the credential of the target.
    FrontAdministrationWithKey,
    /// Through a front to remote administration, without a credential.
    FrontAdministration,
    /// Through a front to a known listener.
    FrontKnownListener,
    /// Through a front to a port where something may listen.
    FrontPossibleListener,
    /// A data port, with a credential of the data.
    DatanetWithKey,
    /// A data port, without a credential.
    DatanetWithoutKey,
    /// The instance metadata service, version 1.
    MetaImdsV1,
    /// The instance metadata service, version 2.
    MetaImdsV2,
    /// Data stored on the workload itself.
    LocalStored,
    /// From a node to its pods.
    NodeToPod,
    /// From a privileged or host-mounting pod to its node.
    NodeFromPod,
    /// The token mounted in a pod.
    TokenMounted,
    /// A secret that the credential may read.
    SecretReadable,
    /// A role that the credential may assume.
    AssumeRole,
    /// A command sent through the provider's management service.
    ControlCommand,
    /// A session opened through the provider's connect service.
    ControlConnect,
    /// A function's code replaced.
    ControlFunction,
    /// A command run in a container through its orchestrator.
    ControlContainer,
    /// Data read by API.
    DataApi,
    /// A guard, route or claimed label changed.
    TamperOpen,
    /// To the internet.
    ExfilInternet,
    /// To a provider API without an origin guard.
    ExfilProviderApi,
    /// Through a resolver.
    ExfilResolver,
}

/// Kind, name, published likelihood, technique identifier and name.
type Row = (HopKind, &'static str, f64, &'static str, &'static str);

impl Variant {
    /// All variants, in order.
    pub const ALL: [Self; 27] = [
        Self::NetAdministrationWithKey,
        Self::NetAdministration,
        Self::NetKnownListener,
        Self::NetPossibleListener,
        Self::FrontAdministrationWithKey,
        Self::FrontAdministration,
        Self::FrontKnownListener,
        Self::FrontPossibleListener,
        Self::DatanetWithKey,
        Self::DatanetWithoutKey,
        Self::MetaImdsV1,
        Self::MetaImdsV2,
        Self::LocalStored,
        Self::NodeToPod,
        Self::NodeFromPod,
        Self::TokenMounted,
        Self::SecretReadable,
        Self::AssumeRole,
        Self::ControlCommand,
        Self::ControlConnect,
        Self::ControlFunction,
        Self::ControlContainer,
        Self::DataApi,
        Self::TamperOpen,
        Self::ExfilInternet,
        Self::ExfilProviderApi,
        Self::ExfilResolver,
    ];

    /// The kind of hop.
    pub const fn kind(self) -> HopKind {
        self.row().0
    }

    /// The name of the variant, unique within its kind.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The likelihood in the published table.
    pub fn published(self) -> Likelihood {
        Likelihood::new(self.row().2).unwrap_or(Likelihood::CERTAIN)
    }

    /// The ATT&CK technique of such a hop.
    pub const fn technique(self) -> Technique {
        let row = self.row();
        Technique { id: row.3, name: row.4 }
    }

    const fn row(self) -> Row {
        use HopKind as Kind;
        const APP: &str = "Exploit Public-Facing Application";
        const EXPLOIT: &str = "Exploitation of Remote Services";
        const KEY: &str = "administration-with-key";
        match self {
            Self::NetAdministrationWithKey => (Kind::Net, KEY, 0.9, "T1021", "Remote Services"),
            Self::NetAdministration => (Kind::Net, "administration", 0.1, "T1210", EXPLOIT),
            Self::NetKnownListener => (Kind::Net, "known-listener", 0.3, "T1210", EXPLOIT),
            Self::NetPossibleListener => (Kind::Net, "possible-listener", 0.05, "T1210", EXPLOIT),
            Self::FrontAdministrationWithKey => {
                (Kind::Front, KEY, 0.9, "T1133", "External Remote Services")
            }
            Self::FrontAdministration => (Kind::Front, "administration", 0.1, "T1190", APP),
            Self::FrontKnownListener => (Kind::Front, "known-listener", 0.3, "T1190", APP),
            Self::FrontPossibleListener => (Kind::Front, "possible-listener", 0.05, "T1190", APP),
            Self::DatanetWithKey => (Kind::Datanet, "with-key", 0.9, "T1213.006", "Databases"),
            Self::DatanetWithoutKey => {
                (Kind::Datanet, "without-key", 0.3, "T1213.006", "Databases")
            }
            Self::MetaImdsV1 => {
                (Kind::Meta, "imds-v1", 0.95, "T1552.005", "Cloud Instance Metadata API")
            }
            Self::MetaImdsV2 => {
                (Kind::Meta, "imds-v2", 0.8, "T1552.005", "Cloud Instance Metadata API")
            }
            Self::LocalStored => (Kind::Local, "stored", 1.0, "T1005", "Data from Local System"),
            Self::NodeToPod => {
                (Kind::Node, "to-pod", 1.0, "T1609", "Container Administration Command")
            }
            Self::NodeFromPod => (Kind::Node, "from-pod", 0.8, "T1611", "Escape to Host"),
            Self::TokenMounted => {
                (Kind::Token, "mounted", 0.95, "T1528", "Steal Application Access Token")
            }
            Self::SecretReadable => {
                (Kind::Secret, "readable", 0.9, "T1555.006", "Cloud Secrets Management Stores")
            }
            Self::AssumeRole => {
                (Kind::Assume, "role", 0.95, "T1548.005", "Temporary Elevated Cloud Access")
            }
            Self::ControlCommand => {
                (Kind::Control, "command", 0.9, "T1651", "Cloud Administration Command")
            }
            Self::ControlConnect => {
                (Kind::Control, "connect", 0.9, "T1021.008", "Direct Cloud VM Connections")
            }
            Self::ControlFunction => {
                (Kind::Control, "function", 0.9, "T1648", "Serverless Execution")
            }
            Self::ControlContainer => {
                (Kind::Control, "container", 0.9, "T1609", "Container Administration Command")
            }
            Self::DataApi => (Kind::Data, "api", 0.9, "T1530", "Data from Cloud Storage"),
            Self::TamperOpen => {
                (Kind::Tamper, "open", 0.5, "T1562.007", "Disable or Modify Cloud Firewall")
            }
            Self::ExfilInternet => {
                (Kind::Exfil, "internet", 1.0, "T1048", "Exfiltration Over Alternative Protocol")
            }
            Self::ExfilProviderApi => {
                (Kind::Exfil, "provider-api", 0.9, "T1537", "Transfer Data to Cloud Account")
            }
            Self::ExfilResolver => (
                Kind::Exfil,
                "resolver",
                0.3,
                "T1048.003",
                "Exfiltration Over Unencrypted Non-C2 Protocol",
            ),
        }
    }
}
