//! What the input does not tell lies between what it could tell: an estate whose switches for public access were not
//! read, against the same with the switches off and with all of them on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_aws::{DeniedCall, Options};
use watertight_model::Bounds;
use watertight_model::network::EndpointId;
use watertight_net::FlowSet;
use watertight_reach::{Cell, Class, Matrix, Reach};
use watertight_testkit::generate::{self, Size};

use crate::engine::converted;
use crate::{estates, note, setting};

const OPTIONS: &str = "describe-vpc-block-public-access-options";

type Files = Vec<(String, Value)>;

/// The accounts and regions in which subnets are told, with the folders of their bodies.
fn places(files: &Files) -> BTreeSet<(String, String, String)> {
    let folders = files.iter().filter_map(|(path, _)| path.strip_suffix("describe-subnets.json"));
    folders
        .filter_map(|folder| {
            let mut parts = folder.rsplit('/').skip(1);
            let (region, account) = (parts.next()?, parts.next()?);
            Some((folder.to_owned(), account.to_owned(), region.to_owned()))
        })
        .collect()
}

fn matrix(files: &Files, options: &Options) -> (Matrix, Vec<EndpointId>) {
    let (estate, _) = converted(files, options);
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    (matrix, estate.network.endpoints.ids().collect())
}

/// What one end may send to another, each an endpoint or the internet.
fn cell(matrix: &Matrix, from: End<'_>, to: End<'_>) -> Cell {
    let class = |end: End<'_>| match end {
        End::Endpoint(id) => matrix.class_of(id),
        End::Internet(class) => matrix.classes.iter().position(|one| one == class),
    };
    let found = class(from).zip(class(to)).and_then(|(from, to)| matrix.cell(from, to));
    found.cloned().unwrap_or_default()
}

#[derive(Clone, Copy)]
enum End<'m> {
    Endpoint(EndpointId),
    Internet(&'m Class),
}

#[test]
fn switches_that_were_not_read_may_be_on_or_off() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_TWIN_ESTATES", estates() / 10);
    let (mut asked, mut doubtful) = (0_u64, 0_u64);
    for seed in first..first + estates {
        let mut files: Files = generate::aws(seed, Size::AVERAGE).files;
        files.retain(|(path, _)| !path.contains("describe-vpc-block-public-access"));
        let places = places(&files);
        let denied = places.iter().map(|(_, account, region)| DeniedCall {
            account: Some(account.clone()),
            region: Some(region.clone()),
            call: format!("ec2-{OPTIONS}"),
            argument: None,
            error: None,
        });
        let denied = Options { denied: denied.collect(), ..Options::default() };
        let mut on = files.clone();
        on.extend(places.iter().map(|(folder, account, region)| {
            let body = json!({"VpcBlockPublicAccessOptions": {
                "AwsAccountId": account, "AwsRegion": region,
                "InternetGatewayBlockMode": "block-bidirectional",
            }});
            (format!("{folder}{OPTIONS}.json"), body)
        }));
        let (off, ids) = matrix(&files, &Options::default());
        let (on, _) = matrix(&on, &Options::default());
        let (unread, _) = matrix(&files, &denied);
        let internet = off.classes.iter().filter(|one| matches!(one, Class::Internet(_)));
        let ends: Vec<End<'_>> =
            ids.iter().map(|id| End::Endpoint(*id)).chain(internet.map(End::Internet)).collect();
        for from in &ends {
            for to in &ends {
                let is_one = |off: &Bounds<FlowSet>, on: &Bounds<FlowSet>| Bounds {
                    sure: on.sure.clone(),
                    possible: off.possible.clone(),
                };
                let [off, on, unread] = [&off, &on, &unread].map(|one| cell(one, *from, *to));
                let wanted = Cell {
                    forward: is_one(&off.forward, &on.forward),
                    established: is_one(&off.established, &on.established),
                };
                asked += 1;
                doubtful += u64::from(off != on);
                assert_eq!(unread, wanted, "seed {seed}");
            }
        }
    }
    note(&format!("switches not read: {asked} pairs, {doubtful} of them in doubt"));
    assert!(doubtful > 0 || estates < 10, "no pair of {asked} was in doubt");
}
