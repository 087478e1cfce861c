//! Asking and writing in the accounts of a plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::writes::Write;
use super::{ApplyError, ApplyRequest};
use crate::accounts::{Access, Base};
use crate::answer;
use crate::client::{Client, Gates};
use crate::endpoint::{self, Endpoint};
use crate::error::CollectError;
use crate::outcome::{Class, Refusal};
use crate::pages::{self, Next};
use crate::request::{self, Parameters, Wire, encoded};
use crate::table::{Protocol, Table};
use crate::xml;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) account: String,
    pub(super) region: String,
}

/// Access to every account of a plan.
pub(super) struct Session {
    table: Table,
    client: Client,
    address: Option<String>,
    accesses: BTreeMap<String, Access>,
    gates: BTreeMap<Site, Gates>,
}

impl Session {
    /// Finds credentials, and becomes the role in accounts that are not theirs.
    pub(super) async fn open(
        request: &ApplyRequest<'_>,
        sites: &[Site],
    ) -> Result<Self, ApplyError> {
        let table = Table::load()?;
        let region = sites.first().map(|site| site.region.as_str());
        let base = Base::load(
            request.profile.as_deref(),
            region,
            request.given.as_ref(),
            request.address.as_deref(),
        );
        let base = base.await?;
        let client = Client::new(request.pace.clone());
        let address = base.address.clone();
        let mut session = Self {
            table,
            client,
            address,
            accesses: BTreeMap::new(),
            gates: sites.iter().map(|site| (site.clone(), Gates::default())).collect(),
        };
        let own = session.own_account(&base).await?;
        for site in sites {
            if session.accesses.contains_key(&site.account) {
                continue;
            }
            let access = match &request.role {
                _ if site.account == own => base.access(),
                Some(role) => base.assume(&site.account, role).await,
                None => {
                    return Err(ApplyError::Account { plan: site.account.clone(), own });
                }
            };
            session.accesses.insert(site.account.clone(), access);
        }
        Ok(session)
    }

    async fn own_account(&self, base: &Base) -> Result<String, ApplyError> {
        let site = Site { account: String::from("000000000000"), region: base.region.clone() };
        let asked = self
            .ask((&base.access(), &site), "sts-get-caller-identity", &Parameters::new(), &[])
            .await;
        let wrong = |why: &str| ApplyError::Access(CollectError::Credentials(why.to_owned()));
        let identity = asked.map_err(|refusal| wrong(&refusal.code))?;
        let account = identity.get("Account").and_then(Value::as_str);
        account.map(ToOwned::to_owned).ok_or_else(|| wrong("they tell no account"))
    }

    /// The items of a list of a call, through all of its pages.
    pub(super) async fn list(
        &self,
        site: &Site,
        call: &str,
        list: &str,
        filters: &[(&str, Vec<&str>)],
    ) -> Result<Vec<Value>, Refusal> {
        self.list_of(site, call, (list, &Parameters::new()), filters).await
    }

    /// The items of a list of a call with parameters, through all of its pages.
    pub(super) async fn list_of(
        &self,
        site: &Site,
        call: &str,
        (list, parameters): (&str, &Parameters),
        filters: &[(&str, Vec<&str>)],
    ) -> Result<Vec<Value>, Refusal> {
        let access = self.accesses.get(&site.account);
        let access = access.ok_or_else(|| Refusal::new("UnknownAccount", Class::Refused))?;
        let mut answer = self.ask((access, site), call, parameters, filters).await?;
        match answer.remove(list) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// What a path of a call's service tells.
    pub(super) async fn get(&self, site: &Site, call: &str, path: &str) -> Result<Value, Refusal> {
        let access = self.accesses.get(&site.account);
        let access = access.ok_or_else(|| Refusal::new("UnknownAccount", Class::Refused))?;
        let endpoint = self.endpoint(site, call)?;
        let none = Gates::default();
        let gates = self.gates.get(site).unwrap_or(&none);
        let wire = Wire {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        let read = |body: &[u8]| serde_json::from_slice(body).ok();
        self.client.send((access, gates), &endpoint, &wire, read, || {}).await
    }

    fn endpoint(&self, site: &Site, call: &str) -> Result<Endpoint, Refusal> {
        let unknown = || Refusal::new("UnknownCall", Class::Refused);
        let call = self.table.call(call).ok_or_else(unknown)?;
        let address = self.address.as_deref();
        endpoint::of_call(&self.table, call, &site.region, &site.account, address)
            .ok_or_else(unknown)
    }

    async fn ask(
        &self,
        (access, site): (&Access, &Site),
        name: &str,
        given: &Parameters,
        filters: &[(&str, Vec<&str>)],
    ) -> Result<Map<String, Value>, Refusal> {
        let unknown = || Refusal::new("UnknownCall", Class::Refused);
        let endpoint = self.endpoint(site, name)?;
        let call = self.table.call(name).ok_or_else(unknown)?;
        let service = self.table.service(call).ok_or_else(unknown)?;
        let shapes = self.table.shapes(&call.facts.service);
        let none = Gates::default();
        let gates = self.gates.get(site).unwrap_or(&none);
        let mut parameters = given.clone();
        let mut whole = Map::new();
        for _ in 0..self.client.pace.pages_max {
            let mut wire = request::wire(call, service, &parameters);
            for (number, (name, values)) in (1..).zip(filters) {
                let key = format!("Filter.{number}");
                // Writing to a string cannot fail.
                let _written = write!(wire.body, "&{key}.Name={}", encoded(name));
                for (place, value) in (1..).zip(values) {
                    let _written = write!(wire.body, "&{key}.Value.{place}={}", encoded(value));
                }
            }
            let read = |body: &[u8]| answer::read(call, service.protocol, shapes, body).ok();
            let page = self.client.send((access, gates), &endpoint, &wire, read, || {}).await?;
            pages::add(&mut whole, page.body, call.facts.pages.as_ref());
            match page.next {
                Next::End => return Ok(whole),
                Next::Page(tokens) => {
                    let next: Parameters = given.clone().into_iter().chain(tokens).collect();
                    if next == parameters {
                        return Err(Refusal::new("RepeatedPage", Class::Refused));
                    }
                    parameters = next;
                }
            }
        }
        Err(Refusal::new("TooManyPages", Class::Refused))
    }

    /// Writes. A request whose answer is lost is sent again where the refusal of the second tells
    /// what the first has done. What replaces groups is sent once: a second would write over what
    /// somebody else has set in between.
    pub(super) async fn write(
        &self,
        site: &Site,
        write: &Write,
        owners: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new("UnknownCall", Class::Refused);
        let endpoint = self.endpoint(site, write.service())?;
        let call = self.table.call(write.service()).ok_or_else(unknown)?;
        let service = self.table.service(call).ok_or_else(unknown)?;
        let access = self.accesses.get(&site.account).ok_or_else(unknown)?;
        let none = Gates::default();
        let gates = self.gates.get(site).unwrap_or(&none);
        let wire = write.wire(&service.version, owners);
        let is_form = matches!(service.protocol, Protocol::Ec2 | Protocol::Query);
        let read = |body: &[u8]| {
            let answer = std::str::from_utf8(body).ok().filter(|_| is_form);
            // What answers to no form tells nothing that is not read afterwards.
            answer.map_or((!is_form).then_some(()), |text| xml::parse(text).ok().map(|_answer| ()))
        };
        if write.replaces() {
            return self.client.send_once((access, gates), &endpoint, &wire, read).await;
        }
        self.client.send((access, gates), &endpoint, &wire, read, || {}).await
    }
}
