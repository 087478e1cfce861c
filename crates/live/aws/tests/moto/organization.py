"""Loads two accounts of a recorded estate into an organization of a mock server, with the peering between them.

Usage: organization.py ENDPOINT ESTATE REGION FIRST SECOND LOAD PLAN

The organization's own account holds the first one, an account that is made the second. Prints which that is.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import boto3

endpoint, estate, region, first, second, load, plan = sys.argv[1:8]
settings = dict(endpoint_url=endpoint, region_name=region, aws_access_key_id="a", aws_secret_access_key="s")


def client(name, given=None):
    keys = {} if given is None else dict(
        aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"])
    return boto3.client(name, **(settings | keys))


def loaded(account, *into):
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, load, endpoint, estate, account, region, out, plan, *into]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def body(account, call, key):
    path = pathlib.Path(estate) / "raw" / "aws" / account / region / (call + ".json")
    return json.loads(path.read_text())[key]


organizations = client("organizations")
organizations.create_organization(FeatureSet="ALL")
made = organizations.create_account(Email="d@shop.example", AccountName="development")["CreateAccountStatus"]["AccountId"]
here, there = loaded(first), loaded(second, made)
role = f"arn:aws:iam::{made}:role/OrganizationAccountAccessRole"
given = client("sts").assume_role(RoleArn=role, RoleSessionName="peer")["Credentials"]
ids, failed = here["ids"] | there["ids"], here["failed"] + there["failed"]
ours, theirs = client("ec2"), client("ec2", given)
peered = []
for peering in body(first, "ec2-describe-vpc-peering-connections", "VpcPeeringConnections"):
    requester, accepter = peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]
    if peering["Status"]["Code"] != "active" or requester not in ids or accepter not in ids:
        continue
    one = ours.create_vpc_peering_connection(
        VpcId=ids[requester], PeerVpcId=ids[accepter], PeerOwnerId=made)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=one)
    ids[peering["VpcPeeringConnectionId"]] = one
    peered.append(one)
routes = 0
for account, ec2 in ((first, ours), (second, theirs)):
    for table in body(account, "ec2-describe-route-tables", "RouteTables"):
        for route in table["Routes"]:
            one = ids.get(route.get("VpcPeeringConnectionId"))
            if one and table["RouteTableId"] in ids and "DestinationCidrBlock" in route:
                ec2.create_route(RouteTableId=ids[table["RouteTableId"]], VpcPeeringConnectionId=one,
                                 DestinationCidrBlock=route["DestinationCidrBlock"])
                routes += 1
failed = [one for one in failed if not one.startswith("route to pcx-")]
print(json.dumps({"account": made, "loaded": len(ids), "peered": peered, "routes": routes, "failed": sorted(set(failed))}))
