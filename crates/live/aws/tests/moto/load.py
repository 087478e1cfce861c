"""Loads the network of one account of a recorded estate into a mock server, and reads it back.

Usage: load.py ENDPOINT ESTATE ACCOUNT REGION OUT PLAN [AS]

With AS, it is loaded into that account of the mock server, by a role there.

The mock server gives ids of its own, so that things are known by their names. What is loaded: VPCs, subnets, gateways,
NAT, route tables, network ACLs, security groups, interfaces with their addresses, machines, load balancers with listeners
and targets, database instances, roles with their policies, buckets with their policies, topics, queues. What the mock
server holds is then read with the provider's own library, one file for each call that needs no argument, so that a
collection can be compared with it. What could not be loaded is printed.
"""

import datetime
import json
import pathlib
import sys

import boto3
from botocore import xform_name
from botocore.config import Config

endpoint, estate, account, region, out = sys.argv[1:6]
raw = pathlib.Path(estate) / "raw" / "aws" / account
settings = dict(endpoint_url=endpoint, region_name=region, aws_access_key_id="a", aws_secret_access_key="s",
                config=Config(retries={"max_attempts": 1}))
if len(sys.argv) > 7:
    role = f"arn:aws:iam::{sys.argv[7]}:role/OrganizationAccountAccessRole"
    given = boto3.client("sts", **settings).assume_role(RoleArn=role, RoleSessionName="load")["Credentials"]
    settings |= dict(aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
                     aws_session_token=given["SessionToken"])
ids = {}
failed = []


def client(name):
    return boto3.client(name, **settings)


def body(call, key, place=region):
    path = raw / place / (call + ".json")
    return json.loads(path.read_text()).get(key, []) if path.exists() else []


def tags(resource, kind):
    found = [tag for tag in resource.get("Tags", []) if not tag["Key"].startswith("aws:")]
    return [{"ResourceType": kind, "Tags": found}] if found else []


def try_to(what, make):
    try:
        return make()
    except Exception as error:
        failed.append(f"{what}: {type(error).__name__}: {str(error)[:100]}")
        return None


ec2 = client("ec2")


def clear():
    """Takes away what the mock server begins with."""
    for interface in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=interface["SubnetId"])
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        for attachment in gateway["Attachments"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=attachment["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        ec2.delete_vpc(VpcId=vpc["VpcId"])


def networks():
    for vpc in body("ec2-describe-vpcs", "Vpcs"):
        made = ec2.create_vpc(CidrBlock=vpc["CidrBlock"], TagSpecifications=tags(vpc, "vpc"))["Vpc"]
        ids[vpc["VpcId"]] = made["VpcId"]
    for subnet in body("ec2-describe-subnets", "Subnets"):
        if subnet["VpcId"] in ids:
            made = ec2.create_subnet(VpcId=ids[subnet["VpcId"]], CidrBlock=subnet["CidrBlock"],
                                     AvailabilityZone=subnet["AvailabilityZone"],
                                     TagSpecifications=tags(subnet, "subnet"))["Subnet"]
            ids[subnet["SubnetId"]] = made["SubnetId"]
    for gateway in body("ec2-describe-internet-gateways", "InternetGateways"):
        made = ec2.create_internet_gateway(TagSpecifications=tags(gateway, "internet-gateway"))["InternetGateway"]
        ids[gateway["InternetGatewayId"]] = made["InternetGatewayId"]
        for attachment in gateway["Attachments"]:
            ec2.attach_internet_gateway(InternetGatewayId=made["InternetGatewayId"], VpcId=ids[attachment["VpcId"]])


def groups():
    listed = body("ec2-describe-security-groups", "SecurityGroups")
    defaults = {one["VpcId"]: one["GroupId"] for one in ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]}
    for group in listed:
        if group["VpcId"] not in ids:
            continue
        if group["GroupName"] == "default":
            ids[group["GroupId"]] = defaults[ids[group["VpcId"]]]
            continue
        made = ec2.create_security_group(GroupName=group["GroupName"], Description=group["Description"],
                                         VpcId=ids[group["VpcId"]],
                                         TagSpecifications=tags(group, "security-group"))
        ids[group["GroupId"]] = made["GroupId"]
    for group in listed:
        made = ids.get(group["GroupId"])
        if made is None:
            continue
        now = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]
        for name, revoke in (("IpPermissions", ec2.revoke_security_group_ingress),
                             ("IpPermissionsEgress", ec2.revoke_security_group_egress)):
            if now[name]:
                try_to(f"rules of {group['GroupName']}", lambda: revoke(GroupId=made, IpPermissions=now[name]))
        for name, add in (("IpPermissions", ec2.authorize_security_group_ingress),
                          ("IpPermissionsEgress", ec2.authorize_security_group_egress)):
            for rule in group[name]:
                rule = json.loads(json.dumps(rule))
                if rule.pop("PrefixListIds", []):
                    failed.append(f"rule of {group['GroupName']}: a prefix list")
                for pair in rule.get("UserIdGroupPairs", []):
                    for key in [key for key in pair if key not in ("GroupId", "Description")]:
                        del pair[key]
                    pair["GroupId"] = ids.get(pair["GroupId"], pair["GroupId"])
                rule = {key: value for key, value in rule.items() if value != []}
                ranges = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs")
                if any(key in rule for key in ranges):
                    try_to(f"rule of {group['GroupName']}", lambda: add(GroupId=made, IpPermissions=[rule]))


def machines():
    for reservation in body("ec2-describe-instances", "Reservations"):
        for machine in reservation["Instances"]:
            if machine.get("SubnetId") not in ids or machine["State"]["Name"] == "terminated":
                continue
            interface = ec2.create_network_interface(
                SubnetId=ids[machine["SubnetId"]], PrivateIpAddress=machine["PrivateIpAddress"],
                Groups=[ids[group["GroupId"]] for group in machine["SecurityGroups"]])["NetworkInterface"]
            attached = [{"DeviceIndex": 0, "NetworkInterfaceId": interface["NetworkInterfaceId"]}]
            made = try_to(f"machine {machine['InstanceId']}", lambda: ec2.run_instances(
                ImageId="ami-12c6146b", MinCount=1, MaxCount=1, NetworkInterfaces=attached,
                TagSpecifications=tags(machine, "instance")))
            if made:
                ids[machine["InstanceId"]] = made["Instances"][0]["InstanceId"]


def ways():
    for gateway in body("ec2-describe-nat-gateways", "NatGateways"):
        if gateway["SubnetId"] in ids:
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            made = ec2.create_nat_gateway(SubnetId=ids[gateway["SubnetId"]], AllocationId=address)["NatGateway"]
            ids[gateway["NatGatewayId"]] = made["NatGatewayId"]
    mains = {}
    for table in ec2.describe_route_tables()["RouteTables"]:
        mains[table["VpcId"]] = table["RouteTableId"]
    for table in body("ec2-describe-route-tables", "RouteTables"):
        if table["VpcId"] not in ids:
            continue
        is_main = any(one.get("Main") for one in table["Associations"])
        made = mains[ids[table["VpcId"]]] if is_main else ec2.create_route_table(
            VpcId=ids[table["VpcId"]], TagSpecifications=tags(table, "route-table"))["RouteTable"]["RouteTableId"]
        ids[table["RouteTableId"]] = made
        for association in table["Associations"]:
            if association.get("SubnetId") in ids:
                ec2.associate_route_table(RouteTableId=made, SubnetId=ids[association["SubnetId"]])
        for route in table["Routes"]:
            keys = ("GatewayId", "NatGatewayId")
            target = {key: ids[route[key]] for key in keys if route.get(key) in ids}
            if target and "DestinationCidrBlock" in route:
                try_to("route", lambda: ec2.create_route(
                    RouteTableId=made, DestinationCidrBlock=route["DestinationCidrBlock"], **target))
            elif route.get("GatewayId") != "local":
                failed.append("route to " + str(next((v for k, v in route.items() if k.endswith("Id")), "nothing")))


def acls():
    for acl in body("ec2-describe-network-acls", "NetworkAcls"):
        if acl["IsDefault"] or acl["VpcId"] not in ids:
            continue
        made = ec2.create_network_acl(VpcId=ids[acl["VpcId"]])["NetworkAcl"]["NetworkAclId"]
        for entry in acl["Entries"]:
            if entry["RuleNumber"] != 32767 and "CidrBlock" in entry:
                try_to("entry", lambda: ec2.create_network_acl_entry(NetworkAclId=made, **entry))
        now = {one["SubnetId"]: one["NetworkAclAssociationId"] for known in ec2.describe_network_acls()["NetworkAcls"]
               for one in known["Associations"]}
        for association in acl["Associations"]:
            if association["SubnetId"] in ids:
                ec2.replace_network_acl_association(
                    AssociationId=now[ids[association["SubnetId"]]], NetworkAclId=made)


def services():
    elb, iam, s3 = client("elbv2"), client("iam"), client("s3")
    for balancer in body("elbv2-describe-load-balancers", "LoadBalancers"):
        subnets = [ids[zone["SubnetId"]] for zone in balancer["AvailabilityZones"]]
        try_to("load balancer", lambda: elb.create_load_balancer(
            Name=balancer["LoadBalancerName"], Subnets=subnets, Scheme=balancer["Scheme"], Type=balancer["Type"],
            SecurityGroups=[ids[group] for group in balancer.get("SecurityGroups", [])]))
    details = raw / "global" / "iam-get-account-authorization-details.json"
    for role in json.loads(details.read_text())["RoleDetailList"]:
        if role["Path"].startswith("/aws-service-role/"):
            continue
        iam.create_role(RoleName=role["RoleName"], Path=role["Path"],
                        AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
        for policy in role["RolePolicyList"]:
            iam.put_role_policy(RoleName=role["RoleName"], PolicyName=policy["PolicyName"],
                                PolicyDocument=json.dumps(policy["PolicyDocument"]))
    for bucket in body("s3api-list-buckets", "Buckets"):
        s3.create_bucket(Bucket=bucket["Name"], CreateBucketConfiguration={"LocationConstraint": region})
        path = raw / region / "s3api-get-bucket-policy" / (bucket["Name"] + ".json")
        if path.exists():
            s3.put_bucket_policy(Bucket=bucket["Name"], Policy=json.loads(path.read_text())["Policy"])
    client("sns").create_topic(Name="orders")
    client("sqs").create_queue(QueueName="orders")
    client("dynamodb").create_table(
        TableName="carts", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    client("secretsmanager").create_secret(Name="orders", SecretString="planted-in-the-mock-server")
    client("kms").create_key(Description="orders")


def databases():
    """Subnet groups, clusters with their members, and instances. The mock server gives them no interfaces."""
    rds = client("rds")
    groups_of = lambda one: [ids[group["VpcSecurityGroupId"]] for group in one["VpcSecurityGroups"]]
    tags_of = lambda one: one.get("TagList", [])
    for group in body("rds-describe-db-subnet-groups", "DBSubnetGroups"):
        rds.create_db_subnet_group(
            DBSubnetGroupName=group["DBSubnetGroupName"], DBSubnetGroupDescription=group["DBSubnetGroupDescription"],
            SubnetIds=[ids[subnet["SubnetIdentifier"]] for subnet in group["Subnets"]])
    for cluster in body("rds-describe-db-clusters", "DBClusters"):
        try_to("database cluster", lambda: rds.create_db_cluster(
            DBClusterIdentifier=cluster["DBClusterIdentifier"], Engine=cluster["Engine"], Port=cluster["Port"],
            MasterUsername="owner", MasterUserPassword="planted-in-the-mock-server",
            DBSubnetGroupName=cluster["DBSubnetGroup"], VpcSecurityGroupIds=groups_of(cluster), Tags=tags_of(cluster)))
    for database in body("rds-describe-db-instances", "DBInstances"):
        own = {"DBClusterIdentifier": database["DBClusterIdentifier"]} if "DBClusterIdentifier" in database else {
            "MasterUsername": "owner", "MasterUserPassword": "planted-in-the-mock-server", "AllocatedStorage": 20,
            "VpcSecurityGroupIds": groups_of(database), "MultiAZ": database["MultiAZ"]}
        try_to("database", lambda: rds.create_db_instance(
            DBInstanceIdentifier=database["DBInstanceIdentifier"], DBInstanceClass=database["DBInstanceClass"],
            Engine=database["Engine"], Port=5432, AvailabilityZone=database["AvailabilityZone"],
            PubliclyAccessible=database["PubliclyAccessible"],
            DBSubnetGroupName=database["DBSubnetGroup"]["DBSubnetGroupName"], Tags=tags_of(database), **own))


def file_systems():
    efs = client("efs")
    carried = {one["NetworkInterfaceId"]: one["Groups"] for one in body("ec2-describe-network-interfaces", "NetworkInterfaces")}
    for system in body("efs-describe-file-systems", "FileSystems"):
        made = efs.create_file_system(CreationToken=system["FileSystemId"], Tags=system.get("Tags", []))
        ids[system["FileSystemId"]] = made["FileSystemId"]
        path = raw / region / "efs-describe-mount-targets" / (system["FileSystemId"] + ".json")
        targets = json.loads(path.read_text())["MountTargets"] if path.exists() else []
        for target in targets:
            try_to("mount target", lambda: efs.create_mount_target(
                FileSystemId=made["FileSystemId"], SubnetId=ids[target["SubnetId"]], IpAddress=target["IpAddress"],
                SecurityGroups=[ids[group["GroupId"]] for group in carried[target["NetworkInterfaceId"]]]))


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.decode() if isinstance(value, bytes) else value


def read_back(plan):
    """What the provider's own library reads, for the calls that need no argument."""
    written = 0
    for line in json.loads(pathlib.Path(plan).read_text()):
        call = line["call"]
        if "each" in line or line.get("place") in ("organization", "changes"):
            continue
        services_of = boto3.session.Session().get_available_services()
        name = max((one for one in services_of + ["s3api"] if call.startswith(one + "-")), key=len)
        one = client({"s3api": "s3"}.get(name, name))
        method = xform_name(call[len(name) + 1:]).replace("-", "_")
        given = {key: (account if value == "$account" else value) for key, value in line.get("with", {}).items()}
        try:
            answer = getattr(one, method)(**given)
        except Exception:
            continue
        (pathlib.Path(out) / (call + ".json")).write_text(json.dumps(plain(answer), indent=1))
        written += 1
    return written


clear()
for step in (networks, groups, machines, ways, acls, services, databases, file_systems):
    try_to(step.__name__, step)
print(json.dumps({"loaded": len(ids), "ids": ids, "read": read_back(sys.argv[6]), "failed": sorted(set(failed))}))
