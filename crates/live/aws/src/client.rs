//! The one client: signs a request, sends it, and asks again where that helps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use crate::accounts::Access;
use crate::endpoint::Endpoint;
use crate::outcome::{self, Class, Refusal};
use crate::request::Wire;

/// Calls between a service and a reader that are never answered end after this time.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How fast and how stubbornly calls are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How often one request is sent at most. Default 8.
    pub attempts_max: u32,
    /// The longest first wait before a request is sent again; it doubles each time, and how much of
    /// it is waited is left to chance. Default 0.4 s.
    pub delay_first: Duration,
    /// The longest wait of ours. Default 20 s.
    pub delay_max: Duration,
    /// The longest wait that a service may ask for. Default 60 s.
    pub hint_max: Duration,
    /// How long one attempt may take, its answer included. Default 60 s.
    pub attempt_time_max: Duration,
    /// Calls at once, in all. Default 24.
    pub calls_at_once: usize,
    /// Calls at once to one service in one account and region. Default 4.
    pub calls_at_once_per_service: usize,
    /// Accounts at once. Default 4.
    pub accounts_at_once: usize,
    /// Regions at once in each account. Default 4.
    pub regions_at_once: usize,
    /// The largest answer of one call, all pages together. Default 512 MiB.
    pub body_bytes_max: usize,
    /// The most pages of one call. Default 100 000.
    pub pages_max: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            delay_first: Duration::from_millis(400),
            delay_max: Duration::from_secs(20),
            hint_max: Duration::from_mins(1),
            attempt_time_max: Duration::from_mins(1),
            calls_at_once: 24,
            calls_at_once_per_service: 4,
            accounts_at_once: 4,
            regions_at_once: 4,
            body_bytes_max: 512 << 20,
            pages_max: 100_000,
        }
    }
}

/// The HTTP client that credentials are fetched with: the same as that of the calls.
pub(crate) fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, _| connector(settings.cloned()))
}

fn connector(settings: Option<HttpConnectorSettings>) -> Connector {
    let settings = settings.unwrap_or_else(|| {
        HttpConnectorSettings::builder().connect_timeout(CONNECT_TIME_MAX).build()
    });
    Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build()
}

/// The gate to one service in one account and region: how many may pass, and not before when.
#[derive(Debug)]
struct Gate {
    passing: Semaphore,
    not_before: Mutex<Instant>,
}

impl Gate {
    async fn wait(&self) {
        let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        sleep_until(until).await;
    }

    /// Nobody passes before this time has gone by: one throttled call speaks for all.
    fn close_for(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = until.max(*not_before);
    }
}

/// The gates to the services in one account and region.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<HashMap<String, Arc<Gate>>>);

impl Gates {
    fn of(&self, service: &str, width: usize) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(service.to_owned()).or_insert_with(|| {
            let passing = Semaphore::new(width.max(1));
            Arc::new(Gate { passing, not_before: Mutex::new(Instant::now()) })
        });
        Arc::clone(gate)
    }
}

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Client {
    connector: SharedHttpConnector,
    in_flight: Semaphore,
    pub(crate) pace: Pace,
}

/// What one attempt came to.
struct Answer {
    status: u16,
    /// The code of an error, where a header tells it.
    code: Option<String>,
    /// How long the service asks to wait.
    hint: Option<Duration>,
    /// Where a bucket really is.
    bucket_region: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The endpoint of a bucket's own region, where the answer tells another one.
    fn elsewhere(&self, endpoint: &Endpoint) -> Option<Endpoint> {
        let region = self.bucket_region.clone().filter(|region| *region != endpoint.region)?;
        let url = endpoint.url.replace(&endpoint.region, &region);
        Some(Endpoint { url, region, service: endpoint.service.clone() })
    }
}

impl Client {
    pub(crate) fn new(pace: Pace) -> Self {
        let connector = SharedHttpConnector::new(connector(None));
        Self { connector, in_flight: Semaphore::new(pace.calls_at_once.max(1)), pace }
    }

    /// Sends a request until it is answered, refused for good, or was sent often enough. An answer
    /// that `read` cannot read was cut off on its way.
    pub(crate) async fn send<T>(
        &self,
        (access, gates): (&Access, &Gates),
        endpoint: &Endpoint,
        wire: &Wire,
        read: impl Fn(&[u8]) -> Option<T>,
        throttled: impl Fn(),
    ) -> Result<T, Refusal> {
        let gate = gates.of(&endpoint.service, self.pace.calls_at_once_per_service);
        let mut endpoint = endpoint.clone();
        let mut last = Refusal::new("NotAsked", Class::Refused);
        let mut renewed = false;
        let mut faults = 0;
        for attempt in 0..self.pace.attempts_max.max(1) {
            let mut hint = None;
            last = match self.attempt(access, &gate, &endpoint, wire).await {
                Err(refusal) => refusal,
                Ok(answer) if answer.is_good() => match read(&answer.body) {
                    Some(value) => return Ok(value),
                    None => Refusal::new("UnreadableAnswer", Class::Transient),
                },
                Ok(answer) => {
                    if let Some(elsewhere) = answer.elsewhere(&endpoint) {
                        endpoint = elsewhere;
                        continue;
                    }
                    hint = answer.hint;
                    outcome::refusal(answer.status, answer.code.as_deref(), &answer.body)
                }
            };
            match last.class {
                Class::Throttled => throttled(),
                // A service that fails again and again is not going to answer soon.
                Class::Transient if faults < self.pace.attempts_max / 2 => faults += 1,
                Class::Expired if !renewed => {
                    renewed = true;
                    access.forget().await;
                    continue;
                }
                _ => return Err(last),
            }
            let delay =
                hint.map_or_else(|| self.delay(attempt), |hint| hint.min(self.pace.hint_max));
            if last.class == Class::Throttled || hint.is_some() {
                gate.close_for(delay);
            } else {
                tokio::time::sleep(delay).await;
            }
        }
        Err(last)
    }

    /// Sends a request once. What is throttled closes the gate for those that come after.
    pub(crate) async fn send_once<T>(
        &self,
        (access, gates): (&Access, &Gates),
        endpoint: &Endpoint,
        wire: &Wire,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Refusal> {
        let gate = gates.of(&endpoint.service, self.pace.calls_at_once_per_service);
        let answer = self.attempt(access, &gate, endpoint, wire).await?;
        if answer.is_good() {
            let cut = || Refusal::new("UnreadableAnswer", Class::Transient);
            return read(&answer.body).ok_or_else(cut);
        }
        let refusal = outcome::refusal(answer.status, answer.code.as_deref(), &answer.body);
        match refusal.class {
            Class::Throttled => {
                let hint = answer.hint.map(|hint| hint.min(self.pace.hint_max));
                gate.close_for(hint.unwrap_or_else(|| self.delay(1)));
            }
            Class::Expired => access.forget().await,
            _ => {}
        }
        Err(refusal)
    }

    /// A part of the longest wait, left to chance, so that those who failed at once do not come
    /// back at once.
    fn delay(&self, attempt: u32) -> Duration {
        let longest = self.pace.delay_first.saturating_mul(1 << attempt.min(16));
        longest.min(self.pace.delay_max).mul_f64(fastrand::f64())
    }

    /// Sends a request once, when its turn has come.
    async fn attempt(
        &self,
        access: &Access,
        gate: &Gate,
        endpoint: &Endpoint,
        wire: &Wire,
    ) -> Result<Answer, Refusal> {
        let stopped = |_| Refusal::new("Stopped", Class::Refused);
        let _turn = gate.passing.acquire().await.map_err(stopped)?;
        gate.wait().await;
        let _place = self.in_flight.acquire().await.map_err(stopped)?;
        let credentials = access.credentials().await?;
        let request = build(endpoint, wire, &credentials)
            .ok_or_else(|| Refusal::new("InvalidRequest", Class::Refused))?;
        let exchange = async {
            let response = self.connector.call(request).await.map_err(|error| failed(&error))?;
            self.answer(response).await
        };
        let ended = timeout(self.pace.attempt_time_max, exchange).await;
        ended.unwrap_or_else(|_elapsed| Err(Refusal::new("TimedOut", Class::Transient)))
    }

    async fn answer(&self, response: HttpResponse) -> Result<Answer, Refusal> {
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).map(ToOwned::to_owned);
        let hint = header("x-amz-retry-after")
            .and_then(|value| value.parse().ok().map(Duration::from_millis))
            .or_else(|| header("retry-after")?.parse().ok().map(Duration::from_secs));
        let code = header("x-amzn-errortype");
        let bucket_region = header("x-amz-bucket-region");
        let mut body = Vec::new();
        let mut stream = ByteStream::new(response.into_body());
        while let Some(part) = stream.next().await {
            let part = part.map_err(|_error| Refusal::new("ConnectionCut", Class::Transient))?;
            if body.len().saturating_add(part.len()) > self.pace.body_bytes_max {
                return Err(Refusal::new("AnswerTooLarge", Class::Refused));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, code, hint, bucket_region, body })
    }
}

/// What a failed connection is called. The text of the error is not passed on.
fn failed(error: &ConnectorError) -> Refusal {
    if error.is_timeout() {
        return Refusal::new("TimedOut", Class::Transient);
    }
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = source {
        if one.to_string().contains("dns error") {
            return Refusal::new("UnknownHost", Class::Transient);
        }
        source = one.source();
    }
    Refusal::new("ConnectionFailed", Class::Transient)
}

/// A signed request; nothing when a part of it is none of HTTP.
fn build(endpoint: &Endpoint, wire: &Wire, credentials: &Credentials) -> Option<HttpRequest> {
    let url = format!("{}{}", endpoint.url, wire.path);
    let mut settings = SigningSettings::default();
    if endpoint.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&endpoint.region)
        .name(&endpoint.service)
        .time(SystemTimeSource::new().now())
        .settings(settings)
        .build()
        .ok()?
        .into();
    let headers = wire.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(wire.body.as_bytes());
    let signable = SignableRequest::new(&wire.method, &url, headers, body).ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(wire.body.clone()));
    request.set_method(&wire.method).ok()?;
    request.set_uri(url).ok()?;
    let all = request.headers_mut();
    for (name, value) in &wire.headers {
        all.try_insert(name.clone(), value.clone()).ok()?;
    }
    for (name, value) in instructions.headers() {
        all.try_insert(name.to_owned(), value.to_owned()).ok()?;
    }
    let agent = concat!("watertight/", env!("CARGO_PKG_VERSION"));
    all.try_insert("user-agent", agent).ok()?;
    Some(request)
}
