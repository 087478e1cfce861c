//! Whose credentials a call is made with.

use std::fmt;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use tokio::sync::Mutex;

use crate::client;
use crate::endpoint;
use crate::error::CollectError;
use crate::outcome::{Class, Refusal};

/// Credentials are renewed so long before they end.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// A role in each account that is collected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its name, with its path where it has one.
    pub name: String,
    /// What its trust policy asks for as external id.
    pub external_id: Option<String>,
}

/// Credentials and an endpoint that the caller gives, instead of those that are found as the AWS CLI
/// finds them.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The key's id.
    pub key_id: String,
    /// The key.
    pub secret: String,
    /// The address that stands for all endpoints.
    pub address: Option<String>,
}

impl fmt::Debug for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Given").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Credentials for one account, renewed before they end.
#[derive(Debug)]
pub(crate) struct Access {
    provider: SharedCredentialsProvider,
    current: Mutex<Option<Credentials>>,
}

impl Access {
    fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, current: Mutex::new(None) }
    }

    /// The credentials that are good now.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Refusal> {
        let mut current = self.current.lock().await;
        let soon = SystemTimeSource::new().now() + RENEW_BEFORE;
        if let Some(known) = current.as_ref()
            && known.expiry().is_none_or(|expiry| expiry > soon)
        {
            return Ok(known.clone());
        }
        let fresh = self.provider.provide_credentials().await.map_err(|error| refusal(&error))?;
        *current = Some(fresh.clone());
        Ok(fresh)
    }

    /// Has the next request fetch new credentials.
    pub(crate) async fn forget(&self) {
        *self.current.lock().await = None;
    }
}

/// What went wrong may name secrets: only that it did, and whether a permission is missing, is passed
/// on.
fn refusal(error: &CredentialsError) -> Refusal {
    if format!("{error:?}").contains("AccessDenied") {
        return Refusal::new("AccessDenied", Class::Denied);
    }
    Refusal::new("CredentialsNotAvailable", Class::Refused)
}

/// The credentials that a collection begins with.
#[derive(Debug)]
pub(crate) struct Base {
    config: SdkConfig,
    provider: SharedCredentialsProvider,
    /// The region that is asked where none is told.
    pub(crate) region: String,
    /// The address that stands for all endpoints, from the environment or the profile.
    pub(crate) address: Option<String>,
}

impl Base {
    /// Finds credentials and settings as the AWS CLI does. `address` stands for all endpoints.
    pub(crate) async fn load(
        profile: Option<&str>,
        region: Option<&str>,
        given: Option<&Given>,
        address: Option<&str>,
    ) -> Result<Self, CollectError> {
        let mut loader =
            aws_config::defaults(BehaviorVersion::latest()).http_client(client::http_client());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(given) = given {
            let keys = Credentials::new(&given.key_id, &given.secret, None, None, "given");
            loader = loader.credentials_provider(SharedCredentialsProvider::new(keys));
            if let Some(address) = &given.address {
                loader = loader.endpoint_url(address);
            }
        }
        if let Some(address) = address {
            loader = loader.endpoint_url(address);
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string).ok_or(CollectError::Region)?;
        let none = || CollectError::Credentials("no provider of credentials is set up".to_owned());
        let provider = config.credentials_provider().ok_or_else(none)?;
        let address = config.endpoint_url().map(ToOwned::to_owned);
        Ok(Self { config, provider, region, address })
    }

    /// Access with these credentials themselves.
    pub(crate) fn access(&self) -> Access {
        Access::new(self.provider.clone())
    }

    /// Access by a role in an account.
    pub(crate) async fn assume(&self, account: &str, role: &Role) -> Access {
        let partition = endpoint::partition(&self.region);
        let name = role.name.trim_start_matches('/');
        let arn = format!("arn:{partition}:iam::{account}:role/{name}");
        let mut builder = AssumeRoleProvider::builder(arn)
            .session_name("watertight-collect")
            .configure(&self.config);
        if let Some(external_id) = &role.external_id {
            builder = builder.external_id(external_id);
        }
        let provider = builder.build_from_provider(self.provider.clone()).await;
        Access::new(SharedCredentialsProvider::new(provider))
    }
}
