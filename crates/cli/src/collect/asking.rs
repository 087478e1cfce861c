//! Whom to ask, and with whose credentials.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use watertight_live_aws::{Pace, Request, Role, Since, Who};

use super::now;
use crate::clock;
use crate::exit::Failure;

/// Whom to ask, and with whose credentials.
#[derive(Debug, Args)]
pub(crate) struct AskingArguments {
    /// The profile of the shared configuration whose credentials are used
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A region to ask, instead of the profile's; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Ask every region that is switched on
    #[arg(long, conflicts_with = "region")]
    all_regions: bool,
    /// Collect every account of the organization
    #[arg(long, requires = "role", conflicts_with = "accounts")]
    organization: bool,
    /// Collect these accounts, parted by commas
    #[arg(long, value_name = "IDS", requires = "role", value_delimiter = ',')]
    accounts: Vec<String>,
    /// The role to assume in each account but the credentials' own
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The external id that the trust policies of the roles ask for
    #[arg(long, value_name = "TEXT", requires = "role")]
    external_id: Option<String>,
    /// Keep answers that the folder has and nothing can have changed since they were given, nor since
    /// this time (`2027-01-31T00:00:00Z`) or so long ago (`90m`, `12h`, `7d`, `2w`)
    #[arg(long, value_name = "TIME|DURATION")]
    since: Option<String>,
}

impl AskingArguments {
    /// Whether answers of an earlier collection are kept.
    pub(crate) const fn keeps(&self) -> bool {
        self.since.is_some()
    }

    /// The profile.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The role in each account but the credentials' own.
    pub(crate) fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The external id that the trust policies of roles ask for.
    pub(crate) fn external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    /// The first option that says whom to ask, if one is given.
    pub(crate) fn whom(&self) -> Option<&'static str> {
        let given = [
            ("region", !self.region.is_empty()),
            ("all-regions", self.all_regions),
            ("organization", self.organization),
            ("accounts", !self.accounts.is_empty()),
            ("since", self.since.is_some()),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// The first option that says with whose credentials, if one is given.
    pub(crate) const fn with_whose(&self) -> Option<&'static str> {
        match (&self.profile, &self.role) {
            (Some(_), _) => Some("profile"),
            (None, Some(_)) => Some("role"),
            (None, None) => None,
        }
    }

    /// The request to collect into a folder.
    ///
    /// # Errors
    /// When the arguments do not fit each other.
    pub(super) fn request(&self, out: PathBuf) -> Result<Request, Failure> {
        for account in &self.accounts {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                let problem = format!("`{account}` is no account's id: twelve digits");
                return Err(Failure::Argument { flag: "accounts", problem });
            }
        }
        let role = self.role.clone();
        let role = role.map(|name| Role { name, external_id: self.external_id.clone() });
        let who = match role {
            Some(role) if self.organization => Who::Organization(role),
            Some(role) if !self.accounts.is_empty() => Who::Accounts(self.accounts.clone(), role),
            Some(_) => {
                let problem = "say in which accounts: `--organization` or `--accounts`".to_owned();
                return Err(Failure::Argument { flag: "role", problem });
            }
            None => Who::Own,
        };
        Ok(Request {
            profile: self.profile.clone(),
            given: None,
            who,
            regions: self.region.clone(),
            all_regions: self.all_regions,
            out,
            now: now(),
            since: self.since.as_deref().map(since).transpose()?,
            pace: Pace::default(),
        })
    }
}

/// Since when changes count.
fn since(given: &str) -> Result<Since, Failure> {
    let at = u64::try_from(clock::since(given, clock::now())?.0).unwrap_or_default();
    Ok(Since { given: given.to_owned(), at: Duration::from_secs(at) })
}
