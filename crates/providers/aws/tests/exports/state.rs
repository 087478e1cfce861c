//! Writes exports out of bodies, by the documentation of what exports hold: the way back.

use serde_json::{Map, Value, json};

/// Types of AWS Config, with the call and the key that they are taken from.
pub(crate) const CONFIG: [(&str, &str, &str); 15] = [
    ("AWS::EC2::VPC", "ec2-describe-vpcs", "Vpcs"),
    ("AWS::EC2::Subnet", "ec2-describe-subnets", "Subnets"),
    ("AWS::EC2::RouteTable", "ec2-describe-route-tables", "RouteTables"),
    ("AWS::EC2::InternetGateway", "ec2-describe-internet-gateways", "InternetGateways"),
    ("AWS::EC2::NatGateway", "ec2-describe-nat-gateways", "NatGateways"),
    ("AWS::EC2::EIP", "ec2-describe-addresses", "Addresses"),
    ("AWS::EC2::NetworkAcl", "ec2-describe-network-acls", "NetworkAcls"),
    ("AWS::EC2::SecurityGroup", "ec2-describe-security-groups", "SecurityGroups"),
    ("AWS::EC2::NetworkInterface", "ec2-describe-network-interfaces", "NetworkInterfaces"),
    ("AWS::EC2::Instance", "ec2-describe-instances", "Reservations"),
    (
        "AWS::EC2::VPCPeeringConnection",
        "ec2-describe-vpc-peering-connections",
        "VpcPeeringConnections",
    ),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "elbv2-describe-load-balancers", "LoadBalancers"),
    ("AWS::ElasticLoadBalancingV2::Listener", "elbv2-describe-listeners", "Listeners"),
    ("AWS::RDS::DBInstance", "rds-describe-db-instances", "DBInstances"),
    ("AWS::Lambda::Function", "lambda-list-functions", "Functions"),
];

/// A snapshot of AWS Config that holds bodies.
pub(crate) fn snapshot(files: &[(String, Value)]) -> Value {
    let mut items = vec![json!({
        "resourceType": "AWS::Quantum::Link", "configurationItemStatus": "ResourceDiscovered",
        "awsAccountId": "111122223333", "awsRegion": "eu-central-1", "configuration": {},
    })];
    for (kind, call, key) in CONFIG {
        let bodies = files.iter().filter(|(path, _)| path.ends_with(&format!("{call}.json")));
        let resources = bodies.flat_map(|(_, body)| body[key].as_array().unwrap());
        let resources = resources.flat_map(|one| match one["Instances"].as_array() {
            Some(instances) => instances.clone(),
            None => vec![one.clone()],
        });
        items.extend(resources.map(|one| {
            let mut configuration = small(one);
            if kind == "AWS::EC2::SecurityGroup" {
                ranges(&mut configuration);
            }
            json!({
                "resourceType": kind, "configurationItemStatus": "OK",
                "awsAccountId": "111122223333", "awsRegion": "eu-central-1",
                "configuration": configuration,
            })
        }));
    }
    json!({"fileVersion": "1.0", "configurationItems": items})
}

/// Names that begin small.
fn small(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let renamed = entries.into_iter().map(|(key, value)| {
                let mut letters = key.chars();
                let first = letters.next().unwrap().to_ascii_lowercase();
                (format!("{first}{}", letters.as_str()), small(value))
            });
            Value::Object(renamed.collect())
        }
        Value::Array(items) => items.into_iter().map(small).collect(),
        other => other,
    }
}

/// Ranges as Config writes them: as objects and, for IPv4, as text beside them.
fn ranges(group: &mut Value) {
    for list in ["ipPermissions", "ipPermissionsEgress"] {
        for rule in group[list].as_array_mut().into_iter().flatten() {
            let four = rule["ipRanges"].take();
            let text: Vec<Value> =
                four.as_array().unwrap().iter().map(|one| one["cidrIp"].clone()).collect();
            rule["ipv4Ranges"] = four;
            rule["ipRanges"] = Value::Array(text);
        }
    }
}

/// A Terraform state with the resources of bodies that it knows.
pub(crate) fn of(files: &[(String, Value)]) -> Value {
    let mut writer = Writer { files, resources: Vec::new() };
    writer.networks();
    writer.rules();
    writer.gateways();
    writer.public_access();
    writer.transit();
    writer.machines();
    json!({"version": 4, "terraform_version": "1.9.8", "resources": writer.resources})
}

struct Writer<'f> {
    files: &'f [(String, Value)],
    resources: Vec<Value>,
}

impl Writer<'_> {
    /// The items of a list of every body of a call.
    fn all(&self, key: &str) -> Vec<Value> {
        let lists = self.files.iter().filter_map(|(_, body)| body[key].as_array());
        lists.flatten().cloned().collect()
    }

    fn add(&mut self, kind: &str, attributes: Value) {
        self.resources.push(json!({
            "mode": "managed", "type": kind, "name": "x",
            "instances": [{"attributes": attributes}],
        }));
    }

    fn networks(&mut self) {
        let tables = self.all("RouteTables");
        let acls = self.all("NetworkAcls");
        for vpc in self.all("Vpcs") {
            let id = &vpc["VpcId"];
            let main = tables.iter().find(|one| {
                let all = one["Associations"].as_array();
                one["VpcId"] == *id
                    && all.is_some_and(|all| all.iter().any(|one| one["Main"] == true))
            });
            let acl = acls.iter().find(|one| one["VpcId"] == *id && one["IsDefault"] == true);
            let blocks = vpc["CidrBlockAssociationSet"].as_array().cloned().unwrap_or_default();
            let six = vpc["Ipv6CidrBlockAssociationSet"].as_array().cloned().unwrap_or_default();
            self.add(
                "aws_vpc",
                json!({
                    "id": id, "owner_id": vpc["OwnerId"], "cidr_block": vpc["CidrBlock"],
                    "ipv6_cidr_block": six.first().map(|one| &one["Ipv6CidrBlock"]),
                    "main_route_table_id": main.map(|one| &one["RouteTableId"]),
                    "default_network_acl_id": acl.map(|one| &one["NetworkAclId"]),
                }),
            );
            for block in blocks.iter().filter(|one| one["CidrBlock"] != vpc["CidrBlock"]) {
                if block["CidrBlockState"]["State"] == "associated" {
                    self.add(
                        "aws_vpc_ipv4_cidr_block_association",
                        json!({"vpc_id": id, "cidr_block": block["CidrBlock"]}),
                    );
                }
            }
            for block in six.iter().skip(1) {
                self.add(
                    "aws_vpc_ipv6_cidr_block_association",
                    json!({"vpc_id": id, "ipv6_cidr_block": block["Ipv6CidrBlock"]}),
                );
            }
        }
        for subnet in self.all("Subnets") {
            let six = &subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"];
            self.add(
                "aws_subnet",
                json!({
                    "id": subnet["SubnetId"], "vpc_id": subnet["VpcId"],
                    "owner_id": subnet["OwnerId"], "cidr_block": subnet["CidrBlock"],
                    "ipv6_cidr_block": six, "availability_zone": subnet["AvailabilityZone"],
                }),
            );
        }
        for table in tables {
            self.table(&table);
        }
        for acl in acls {
            let entries = |egress: bool| -> Vec<Value> {
                let all = acl["Entries"].as_array().into_iter().flatten();
                let own = all.filter(|one| one["Egress"] == egress);
                own.filter(|one| one["RuleNumber"].as_i64().unwrap() < 32_767).map(entry).collect()
            };
            let subnets = acl["Associations"].as_array().into_iter().flatten();
            let subnets: Vec<&Value> = subnets.map(|one| &one["SubnetId"]).collect();
            self.add(
                "aws_network_acl",
                json!({
                    "id": acl["NetworkAclId"], "vpc_id": acl["VpcId"], "owner_id": acl["OwnerId"],
                    "subnet_ids": subnets, "ingress": entries(false), "egress": entries(true),
                }),
            );
        }
    }

    fn table(&mut self, table: &Value) {
        let id = &table["RouteTableId"];
        let all = table["Routes"].as_array().into_iter().flatten();
        let own = all.filter(|one| {
            one["GatewayId"] != "local" && one["Origin"] != "EnableVgwRoutePropagation"
        });
        let routes: Vec<Value> = own
            .map(|one| {
                json!({
                    "cidr_block": one["DestinationCidrBlock"],
                    "ipv6_cidr_block": one["DestinationIpv6CidrBlock"],
                    "destination_prefix_list_id": one["DestinationPrefixListId"],
                    "gateway_id": one["GatewayId"], "nat_gateway_id": one["NatGatewayId"],
                    "egress_only_gateway_id": one["EgressOnlyInternetGatewayId"],
                    "transit_gateway_id": one["TransitGatewayId"],
                    "vpc_peering_connection_id": one["VpcPeeringConnectionId"],
                    "network_interface_id": one["NetworkInterfaceId"],
                    "local_gateway_id": one["LocalGatewayId"],
                    "carrier_gateway_id": one["CarrierGatewayId"],
                    "core_network_arn": one["CoreNetworkArn"],
                })
            })
            .collect();
        self.add(
            "aws_route_table",
            json!({
                "id": id, "vpc_id": table["VpcId"], "owner_id": table["OwnerId"], "route": routes,
            }),
        );
        for one in table["Associations"].as_array().into_iter().flatten() {
            let state = &one["AssociationState"]["State"];
            if one["Main"] != true && (state.is_null() || state == "associated") {
                self.add(
                    "aws_route_table_association",
                    json!({
                        "id": one["RouteTableAssociationId"], "route_table_id": id,
                        "subnet_id": one["SubnetId"], "gateway_id": one["GatewayId"],
                    }),
                );
            }
        }
    }

    fn rules(&mut self) {
        for group in self.all("SecurityGroups") {
            let rules = |list: &str| -> Vec<Value> {
                group[list].as_array().into_iter().flatten().map(rule).collect()
            };
            self.add(
                "aws_security_group",
                json!({
                    "id": group["GroupId"], "name": group["GroupName"], "vpc_id": group["VpcId"],
                    "owner_id": group["OwnerId"], "ingress": rules("IpPermissions"),
                    "egress": rules("IpPermissionsEgress"),
                }),
            );
        }
    }

    fn gateways(&mut self) {
        for gateway in self.all("InternetGateways") {
            let attached = &gateway["Attachments"][0];
            let works = attached["State"] == "available" || attached["State"] == "attached";
            self.add(
                "aws_internet_gateway",
                json!({
                    "id": gateway["InternetGatewayId"], "owner_id": gateway["OwnerId"],
                    "vpc_id": if works { attached["VpcId"].clone() } else { Value::Null },
                }),
            );
        }
        for gateway in self.all("EgressOnlyInternetGateways") {
            self.add(
                "aws_egress_only_internet_gateway",
                json!({
                    "id": gateway["EgressOnlyInternetGatewayId"],
                    "vpc_id": gateway["Attachments"][0]["VpcId"],
                }),
            );
        }
        for gateway in self.all("NatGateways") {
            // What is gone, or never came, is in no state.
            let address = &gateway["NatGatewayAddresses"][0];
            if gateway["State"] == "available" {
                self.add(
                    "aws_nat_gateway",
                    json!({
                        "id": gateway["NatGatewayId"], "subnet_id": gateway["SubnetId"],
                        "connectivity_type": gateway["ConnectivityType"],
                        "allocation_id": address["AllocationId"],
                        "network_interface_id": address["NetworkInterfaceId"],
                        "private_ip": address["PrivateIp"], "public_ip": address["PublicIp"],
                    }),
                );
            }
        }
        for address in self.all("Addresses") {
            self.add(
                "aws_eip",
                json!({
                    "id": address["AllocationId"], "public_ip": address["PublicIp"],
                    "private_ip": address["PrivateIpAddress"],
                    "network_interface": address["NetworkInterfaceId"],
                    "association_id": address["AssociationId"],
                }),
            );
        }
        for peering in self.all("VpcPeeringConnections") {
            let (own, peer) = (&peering["RequesterVpcInfo"], &peering["AccepterVpcInfo"]);
            self.add(
                "aws_vpc_peering_connection",
                json!({
                    "id": peering["VpcPeeringConnectionId"],
                    "accept_status": peering["Status"]["Code"],
                    "vpc_id": own["VpcId"], "peer_vpc_id": peer["VpcId"],
                    "owner_id": own["OwnerId"], "peer_owner_id": peer["OwnerId"],
                    "peer_region": peer["Region"],
                }),
            );
        }
    }

    fn public_access(&mut self) {
        let files: Vec<(String, Value)> = self.files.to_vec();
        for (path, body) in &files {
            let options = &body["VpcBlockPublicAccessOptions"];
            let mut folders = path.split('/').skip(2);
            let (account, region) = (folders.next(), folders.next());
            if options.is_object() {
                self.add(
                    "aws_vpc_block_public_access_options",
                    json!({
                        "aws_account_id": account, "aws_region": region,
                        "internet_gateway_block_mode": options["InternetGatewayBlockMode"],
                    }),
                );
            }
            for one in body["VpcBlockPublicAccessExclusions"].as_array().into_iter().flatten() {
                if one["State"]
                    .as_str()
                    .is_some_and(|state| state.ends_with("-complete") && state != "delete-complete")
                {
                    self.add(
                        "aws_vpc_block_public_access_exclusion",
                        json!({
                            "id": one["ExclusionId"], "resource_arn": one["ResourceArn"],
                            "internet_gateway_exclusion_mode": one["InternetGatewayExclusionMode"],
                        }),
                    );
                }
            }
        }
    }

    fn transit(&mut self) {
        for gateway in self.all("TransitGateways") {
            self.add(
                "aws_ec2_transit_gateway",
                json!({
                    "id": gateway["TransitGatewayId"], "owner_id": gateway["OwnerId"],
                    "security_group_referencing_support":
                        gateway["Options"]["SecurityGroupReferencingSupport"],
                }),
            );
        }
        let attachments = self.all("TransitGatewayAttachments");
        for one in self.all("TransitGatewayVpcAttachments") {
            let id = &one["TransitGatewayAttachmentId"];
            if one["State"] != "available" {
                continue;
            }
            self.add(
                "aws_ec2_transit_gateway_vpc_attachment",
                json!({
                    "id": id, "transit_gateway_id": one["TransitGatewayId"], "vpc_id": one["VpcId"],
                    "vpc_owner_id": one["VpcOwnerId"], "subnet_ids": one["SubnetIds"],
                    "appliance_mode_support": one["Options"]["ApplianceModeSupport"],
                    "security_group_referencing_support":
                        one["Options"]["SecurityGroupReferencingSupport"],
                }),
            );
            let listed = attachments.iter().find(|one| one["TransitGatewayAttachmentId"] == *id);
            let table = listed.map(|one| &one["Association"]["TransitGatewayRouteTableId"]);
            if let Some(table) = table.filter(|table| table.is_string()) {
                self.add("aws_ec2_transit_gateway_route_table_association", json!({
                    "transit_gateway_attachment_id": id, "transit_gateway_route_table_id": table,
                }));
            }
        }
        for table in self.all("TransitGatewayRouteTables") {
            self.add(
                "aws_ec2_transit_gateway_route_table",
                json!({
                    "id": table["TransitGatewayRouteTableId"],
                    "transit_gateway_id": table["TransitGatewayId"],
                }),
            );
        }
        let about = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let table = name.split("tgw-rtb-").nth(1)?.strip_suffix(".json")?;
            Some(format!("tgw-rtb-{table}"))
        };
        let files: Vec<(String, Value)> = self.files.to_vec();
        for (path, body) in files.iter().filter(|(path, _)| path.contains("transit-gateway-routes"))
        {
            for route in body["Routes"].as_array().into_iter().flatten() {
                if route["Type"] == "static" {
                    let attachment = &route["TransitGatewayAttachments"][0];
                    self.add("aws_ec2_transit_gateway_route", json!({
                        "transit_gateway_route_table_id": about(path),
                        "destination_cidr_block": route["DestinationCidrBlock"],
                        "blackhole": route["State"] == "blackhole",
                        "transit_gateway_attachment_id": attachment["TransitGatewayAttachmentId"],
                    }));
                }
            }
        }
    }

    fn machines(&mut self) {
        for one in self.all("NetworkInterfaces") {
            // Those that services make for themselves are in no state.
            let kind = &one["InterfaceType"];
            let described = one["Description"].as_str().is_some_and(|text| !text.is_empty());
            if (kind != "interface" && !kind.is_null()) || described {
                continue;
            }
            let all = one["PrivateIpAddresses"].as_array().into_iter().flatten();
            let addresses: Vec<&Value> = all.map(|one| &one["PrivateIpAddress"]).collect();
            let all = one["Ipv6Addresses"].as_array().into_iter().flatten();
            let six: Vec<&Value> = all.map(|one| &one["Ipv6Address"]).collect();
            let groups = one["Groups"].as_array().into_iter().flatten();
            let groups: Vec<&Value> = groups.map(|one| &one["GroupId"]).collect();
            let machine = &one["Attachment"]["InstanceId"];
            // A machine's first interface is told by the machine, with the public address that it
            // was given when it started.
            if machine.is_string() && one["Attachment"]["DeviceIndex"] == 0 {
                let own = one["PrivateIpAddress"].as_str();
                let more = addresses.iter().filter(|address| address.as_str() != own);
                self.add("aws_instance", json!({
                    "id": machine, "primary_network_interface_id": one["NetworkInterfaceId"],
                    "arn": format!("arn:aws:ec2:{}:{}:instance/x",
                        one["AvailabilityZone"].as_str().unwrap().trim_end_matches(char::is_alphabetic),
                        one["OwnerId"].as_str().unwrap()),
                    "instance_state": "running", "subnet_id": one["SubnetId"],
                    "source_dest_check": one["SourceDestCheck"], "private_ip": own,
                    "secondary_private_ips": more.collect::<Vec<_>>(), "ipv6_addresses": six,
                    "vpc_security_group_ids": groups,
                    "public_ip": one["Association"]["PublicIp"],
                }));
                continue;
            }
            let attachment: Vec<Value> =
                if machine.is_string() { vec![json!({"instance": machine})] } else { Vec::new() };
            self.add(
                "aws_network_interface",
                json!({
                    "id": one["NetworkInterfaceId"], "subnet_id": one["SubnetId"],
                    "owner_id": one["OwnerId"], "source_dest_check": one["SourceDestCheck"],
                    "private_ip": one["PrivateIpAddress"], "private_ips": addresses,
                    "ipv6_addresses": six, "security_groups": groups, "attachment": attachment,
                    "description": "",
                }),
            );
        }
    }
}

fn entry(one: &Value) -> Value {
    json!({
        "rule_no": one["RuleNumber"], "action": one["RuleAction"], "protocol": one["Protocol"],
        "cidr_block": one["CidrBlock"], "ipv6_cidr_block": one["Ipv6CidrBlock"],
        "from_port": one["PortRange"]["From"], "to_port": one["PortRange"]["To"],
        "icmp_type": one["IcmpTypeCode"]["Type"], "icmp_code": one["IcmpTypeCode"]["Code"],
    })
}

fn rule(one: &Value) -> Value {
    let all = |list: &str, key: &str| -> Vec<Value> {
        one[list].as_array().into_iter().flatten().map(|one| one[key].clone()).collect()
    };
    let mut rule = Map::new();
    rule.insert("protocol".to_owned(), one["IpProtocol"].clone());
    // Where all protocols are meant, Terraform writes zeros.
    let port = |key: &str| if one["IpProtocol"] == "-1" { json!(0) } else { one[key].clone() };
    rule.insert("from_port".to_owned(), port("FromPort"));
    rule.insert("to_port".to_owned(), port("ToPort"));
    rule.insert("cidr_blocks".to_owned(), Value::Array(all("IpRanges", "CidrIp")));
    rule.insert("ipv6_cidr_blocks".to_owned(), Value::Array(all("Ipv6Ranges", "CidrIpv6")));
    rule.insert("prefix_list_ids".to_owned(), Value::Array(all("PrefixListIds", "PrefixListId")));
    rule.insert("security_groups".to_owned(), Value::Array(all("UserIdGroupPairs", "GroupId")));
    rule.insert("self".to_owned(), json!(false));
    Value::Object(rule)
}
