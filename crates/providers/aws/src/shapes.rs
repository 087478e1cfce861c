//! The table of bodies that are read: which key holds which resources.
//!
//! A new kind of resource is one line here and one module that converts it.

/// How resources stand in a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `key` holds an array of resources.
    List,
    /// `key` holds one resource.
    One,
    /// The body as a whole is about one resource, which its request named: the item is the object
    /// that holds `key`.
    Whole,
    /// `key` holds an array of objects; each of them holds an array of resources at this key.
    Nested(&'static str),
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// What it holds.
    pub(crate) kind: Kind,
    /// The key that tells it.
    pub(crate) key: &'static str,
    /// How resources stand at the key.
    pub(crate) form: Form,
    /// The call that answers so, in the words of the AWS CLI.
    pub(crate) call: &'static str,
    /// The fields that can identify a resource, best first; empty where nothing does.
    pub(crate) ids: &'static [&'static str],
    /// Where the key alone does not tell: fields of which the first resource has at least one.
    pub(crate) needs: &'static [&'static str],
}

macro_rules! shapes {
    ($($kind:ident { $($key:literal $form:expr, $call:literal, $ids:expr, $needs:expr;)+ })*) => {
        /// What a collection holds.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum Kind {
            $(
                #[doc = concat!("Resources of the kind `", stringify!($kind), "`.")]
                $kind,
            )*
        }

        impl Kind {
            /// How many kinds there are.
            pub(crate) const COUNT: usize = [$(Self::$kind),*].len();

            /// The position of the kind in a table of all kinds.
            pub(crate) const fn index(self) -> usize {
                self as usize
            }

            /// The call that answers with it, in the words of the AWS CLI.
            pub(crate) fn call(self) -> &'static str {
                SHAPES.iter().find(|shape| shape.kind == self).map_or("", |shape| shape.call)
            }
        }

        /// Every shape that is read.
        pub(crate) const SHAPES: &[Shape] = &[$($(Shape {
            kind: Kind::$kind,
            key: $key,
            form: $form,
            call: $call,
            ids: &$ids,
            needs: &$needs,
        },)+)*];
    };
}

use Form::{List, Nested, One, Whole};

shapes! {
    // Networks.
    Vpcs { "Vpcs" List, "describe-vpcs", ["VpcId"], []; }
    Subnets { "Subnets" List, "describe-subnets", ["SubnetId"], []; }
    RouteTables { "RouteTables" List, "describe-route-tables", ["RouteTableId"], []; }
    InternetGateways {
        "InternetGateways" List, "describe-internet-gateways", ["InternetGatewayId"], [];
    }
    EgressOnlyInternetGateways {
        "EgressOnlyInternetGateways" List, "describe-egress-only-internet-gateways",
            ["EgressOnlyInternetGatewayId"], [];
    }
    NatGateways { "NatGateways" List, "describe-nat-gateways", ["NatGatewayId"], []; }
    VpcPeeringConnections {
        "VpcPeeringConnections" List, "describe-vpc-peering-connections",
            ["VpcPeeringConnectionId"], [];
    }
    TransitGateways {
        "TransitGateways" List, "describe-transit-gateways", ["TransitGatewayId"], [];
    }
    TransitGatewayAttachments {
        "TransitGatewayAttachments" List, "describe-transit-gateway-attachments",
            ["TransitGatewayAttachmentId"], [];
    }
    TransitGatewayVpcAttachments {
        "TransitGatewayVpcAttachments" List, "describe-transit-gateway-vpc-attachments",
            ["TransitGatewayAttachmentId"], [];
    }
    TransitGatewayPeeringAttachments {
        "TransitGatewayPeeringAttachments" List, "describe-transit-gateway-peering-attachments",
            ["TransitGatewayAttachmentId"], [];
    }
    TransitGatewayConnects {
        "TransitGatewayConnects" List, "describe-transit-gateway-connects",
            ["TransitGatewayAttachmentId"], [];
    }
    TransitGatewayRouteTables {
        "TransitGatewayRouteTables" List, "describe-transit-gateway-route-tables",
            ["TransitGatewayRouteTableId"], [];
    }
    TransitGatewayAssociations {
        "Associations" Whole, "get-transit-gateway-route-table-associations",
            ["TransitGatewayRouteTableId"], ["TransitGatewayAttachmentId"];
        "TransitGatewayAssociations" List, "get-transit-gateway-route-table-associations",
            ["TransitGatewayRouteTableId"], [];
    }
    TransitGatewayPropagations {
        "TransitGatewayRouteTablePropagations" Whole,
            "get-transit-gateway-route-table-propagations", ["TransitGatewayRouteTableId"], [];
        "TransitGatewayPropagations" List, "get-transit-gateway-route-table-propagations",
            ["TransitGatewayRouteTableId"], [];
    }
    TransitGatewayRoutes {
        "Routes" Whole, "search-transit-gateway-routes", ["TransitGatewayRouteTableId"],
            ["TransitGatewayAttachments", "Type"];
    }
    TransitGatewayStaticRoutes {
        "TransitGatewayStaticRoutes" List, "search-transit-gateway-routes",
            ["TransitGatewayRouteTableId"], [];
    }
    TransitGatewayPrefixListReferences {
        "TransitGatewayPrefixListReferences" Whole,
            "get-transit-gateway-prefix-list-references", ["TransitGatewayRouteTableId"], [];
    }
    VpnGateways { "VpnGateways" List, "describe-vpn-gateways", ["VpnGatewayId"], []; }
    VpnConnections { "VpnConnections" List, "describe-vpn-connections", ["VpnConnectionId"], []; }
    CustomerGateways {
        "CustomerGateways" List, "describe-customer-gateways", ["CustomerGatewayId"], [];
    }
    ClientVpnEndpoints {
        "ClientVpnEndpoints" List, "describe-client-vpn-endpoints", ["ClientVpnEndpointId"], [];
    }
    ClientVpnTargetNetworks {
        "ClientVpnTargetNetworks" List, "describe-client-vpn-target-networks",
            ["AssociationId"], [];
    }
    DirectConnectGateways {
        "directConnectGateways" List, "describe-direct-connect-gateways",
            ["directConnectGatewayId"], [];
    }
    DirectConnectGatewayAssociations {
        "directConnectGatewayAssociations" List, "describe-direct-connect-gateway-associations",
            [], [];
    }
    PrefixLists {
        "PrefixLists" List, "describe-prefix-lists", ["PrefixListId"], ["Cidrs"];
    }
    ManagedPrefixLists {
        "PrefixLists" List, "describe-managed-prefix-lists", ["PrefixListId"],
            ["AddressFamily", "PrefixListArn", "MaxEntries", "OwnerId"];
        "ManagedPrefixLists" List, "describe-managed-prefix-lists", ["PrefixListId"], [];
    }
    PrefixListEntries {
        "Entries" Whole, "get-managed-prefix-list-entries", ["PrefixListId"], ["Cidr"];
        "PrefixListEntries" List, "get-managed-prefix-list-entries", ["PrefixListId"], [];
    }
    VpcEndpoints { "VpcEndpoints" List, "describe-vpc-endpoints", ["VpcEndpointId"], []; }
    VpcEndpointServices {
        "ServiceDetails" List, "describe-vpc-endpoint-services", [], [];
        "VpcEndpointServices" List, "describe-vpc-endpoint-services", [], [];
    }
    VpcEndpointServiceConfigurations {
        "ServiceConfigurations" List, "describe-vpc-endpoint-service-configurations",
            ["ServiceId"], [];
    }
    VpcEndpointConnections {
        "VpcEndpointConnections" List, "describe-vpc-endpoint-connections", ["VpcEndpointId"], [];
    }
    SecurityGroups {
        "SecurityGroups" List, "describe-security-groups", ["GroupId"], ["GroupId"];
    }
    SecurityGroupRules {
        "SecurityGroupRules" List, "describe-security-group-rules", ["SecurityGroupRuleId"], [];
    }
    SecurityGroupVpcAssociations {
        "SecurityGroupVpcAssociations" List, "describe-security-group-vpc-associations", [], [];
    }
    NetworkAcls { "NetworkAcls" List, "describe-network-acls", ["NetworkAclId"], []; }
    NetworkInterfaces {
        "NetworkInterfaces" List, "describe-network-interfaces", ["NetworkInterfaceId"], [];
    }
    Addresses { "Addresses" List, "describe-addresses", ["AllocationId", "PublicIp"], []; }
    BlockPublicAccessOptions {
        "VpcBlockPublicAccessOptions" One, "describe-vpc-block-public-access-options", [], [];
    }
    BlockPublicAccessExclusions {
        "VpcBlockPublicAccessExclusions" List, "describe-vpc-block-public-access-exclusions",
            ["ExclusionId"], [];
    }
    AvailabilityZones {
        "AvailabilityZones" List, "describe-availability-zones", [], [];
    }
    Regions { "Regions" List, "describe-regions", [], []; }

    // Machines.
    Instances {
        "Reservations" Nested("Instances"), "describe-instances", ["InstanceId"], [];
        "Instances" List, "describe-instances", ["InstanceId"], ["InstanceId"];
    }
    IamInstanceProfileAssociations {
        "IamInstanceProfileAssociations" List, "describe-iam-instance-profile-associations",
            ["AssociationId"], [];
    }
    AutoScalingGroups {
        "AutoScalingGroups" List, "describe-auto-scaling-groups",
            ["AutoScalingGroupARN", "AutoScalingGroupName"], [];
    }
    LaunchTemplateVersions {
        "LaunchTemplateVersions" List, "describe-launch-template-versions", [], [];
    }
    InstanceConnectEndpoints {
        "InstanceConnectEndpoints" List, "describe-instance-connect-endpoints",
            ["InstanceConnectEndpointId"], [];
    }

    // Load balancers.
    LoadBalancers {
        "LoadBalancers" List, "describe-load-balancers", ["LoadBalancerArn"],
            ["LoadBalancerArn"];
    }
    ClassicLoadBalancers {
        "LoadBalancerDescriptions" List, "describe-load-balancers", [], [];
    }
    Listeners {
        "Listeners" List, "describe-listeners", ["ListenerArn"], ["LoadBalancerArn"];
        "LoadBalancerListeners" Nested("Listeners"), "describe-listeners", ["ListenerArn"], [];
    }
    ListenerRules { "Rules" List, "describe-rules", ["RuleArn"], ["RuleArn"]; }
    TargetGroups {
        "TargetGroups" List, "describe-target-groups", ["TargetGroupArn"], ["TargetGroupArn"];
    }
    TargetHealth {
        "TargetHealthDescriptions" Whole, "describe-target-health", ["TargetGroupArn"], [];
        "LoadBalancerTargetHealth" List, "describe-target-health", ["TargetGroupArn"], [];
    }
    LoadBalancerAttributes {
        "LoadBalancerAttributes" List, "describe-load-balancer-attributes",
            ["LoadBalancerArn"], ["LoadBalancerArn"];
        "Attributes" Whole, "describe-load-balancer-attributes", ["LoadBalancerArn"], [];
    }
    TargetGroupAttributes {
        "TargetGroupAttributes" List, "describe-target-group-attributes", ["TargetGroupArn"],
            ["TargetGroupArn"];
        "Attributes" Whole, "describe-target-group-attributes", ["TargetGroupArn"], [];
    }
    ClassicLoadBalancerAttributes {
        "LoadBalancerAttributes" Whole, "describe-load-balancer-attributes",
            ["LoadBalancerName"], ["CrossZoneLoadBalancing", "ConnectionDraining"];
    }
    InstanceHealth {
        "InstanceStates" Whole, "describe-instance-health", ["LoadBalancerName"], [];
    }

    // Data stores.
    DbInstances {
        "DBInstances" List, "describe-db-instances", ["DBInstanceArn", "DBInstanceIdentifier"], [];
        "RdsInstances" List, "describe-db-instances", ["DBInstanceArn", "DBInstanceIdentifier"], [];
    }
    DbClusters {
        "DBClusters" List, "describe-db-clusters", ["DBClusterArn", "DBClusterIdentifier"], [];
    }
    DbSubnetGroups {
        "DBSubnetGroups" List, "describe-db-subnet-groups",
            ["DBSubnetGroupArn", "DBSubnetGroupName"], [];
    }
    CacheClusters {
        "CacheClusters" List, "describe-cache-clusters", ["ARN", "CacheClusterId"], [];
    }
    ReplicationGroups {
        "ReplicationGroups" List, "describe-replication-groups", ["ARN", "ReplicationGroupId"], [];
    }
    ServerlessCaches {
        "ServerlessCaches" List, "describe-serverless-caches", ["ARN", "ServerlessCacheName"], [];
    }
    CacheSubnetGroups {
        "CacheSubnetGroups" List, "describe-cache-subnet-groups",
            ["ARN", "CacheSubnetGroupName"], [];
    }
    MemoryDbClusters {
        "Clusters" List, "describe-clusters", ["ARN", "Name"], ["ACLName", "NumberOfShards"];
    }
    MemoryDbSubnetGroups {
        "SubnetGroups" List, "describe-subnet-groups", ["ARN"], ["ARN"];
    }
    DaxClusters {
        "Clusters" List, "describe-clusters", ["ClusterArn", "ClusterName"],
            ["ClusterDiscoveryEndpoint", "TotalNodes"];
    }
    DaxSubnetGroups {
        "SubnetGroups" List, "describe-subnet-groups", ["SubnetGroupName"], ["SubnetGroupName"];
    }
    RedshiftClusters {
        "Clusters" List, "describe-clusters", ["ClusterNamespaceArn", "ClusterIdentifier"],
            ["ClusterIdentifier"];
    }
    RedshiftSubnetGroups {
        "ClusterSubnetGroups" List, "describe-cluster-subnet-groups", [], [];
    }
    RedshiftWorkgroups {
        "workgroups" List, "list-workgroups", ["workgroupArn"], [];
    }
    SearchDomains {
        "DomainStatusList" List, "describe-domains", ["ARN", "DomainName"], [];
        "DomainStatus" One, "describe-domain", ["ARN", "DomainName"], [];
        "ElasticsearchDomains" List, "describe-elasticsearch-domains", ["ARN", "DomainName"], [];
    }
    KafkaClusters {
        "ClusterInfoList" List, "list-clusters", ["ClusterArn", "clusterArn"], [];
    }
    KafkaBootstrapBrokers {
        "BootstrapBrokerString" Whole, "get-bootstrap-brokers", ["ClusterArn"], [];
    }
    BrokerDetails { "BrokerInstances" Whole, "describe-broker", ["BrokerId"], []; }
    Brokers { "BrokerSummaries" List, "list-brokers", ["BrokerArn"], []; }
    FileSystems {
        "FileSystems" List, "describe-file-systems", ["FileSystemArn", "FileSystemId"], [];
    }
    MountTargets { "MountTargets" List, "describe-mount-targets", ["MountTargetId"], []; }
    MountTargetSecurityGroups {
        "SecurityGroups" Whole, "describe-mount-target-security-groups", ["MountTargetId"], [];
    }

    // Functions and containers.
    Functions { "Functions" List, "list-functions", ["FunctionArn"], []; }
    FunctionAliases { "Aliases" List, "list-aliases", ["AliasArn"], []; }
    FunctionUrls {
        "FunctionUrlConfigs" List, "list-function-url-configs", ["FunctionUrl"], [];
        "FunctionUrl" Whole, "get-function-url-config", ["FunctionUrl"], [];
    }
    ContainerClusters { "clusters" List, "describe-clusters", ["clusterArn"], ["clusterArn"]; }
    ContainerServices { "services" List, "describe-services", ["serviceArn"], ["serviceArn"]; }
    ContainerTasks { "tasks" List, "describe-tasks", ["taskArn"], ["taskArn"]; }
    TaskDefinitions {
        "taskDefinition" One, "describe-task-definition", ["taskDefinitionArn"], [];
    }
    KubernetesClusters { "cluster" One, "describe-cluster", ["arn"], ["arn", "name"]; }
    KubernetesNodeGroups { "nodegroup" One, "describe-nodegroup", ["nodegroupArn"], []; }
    PodIdentityAssociations {
        "association" One, "describe-pod-identity-association",
        ["associationArn", "associationId"], ["serviceAccount"];
    }

    // Interfaces of applications.
    RestApis { "items" List, "get-rest-apis", ["id"], ["endpointConfiguration"]; }
    RestApiResources {
        "items" Whole, "get-resources", ["restApiId"], ["pathPart", "resourceMethods", "path"];
    }
    RestVpcLinks { "items" List, "get-vpc-links", ["id"], ["targetArns"]; }
    HttpApis { "Items" List, "get-apis", ["ApiId"], ["ProtocolType"]; }
    HttpApiIntegrations {
        "Items" Whole, "get-integrations", ["ApiId"], ["IntegrationType"];
    }
    ApiVpcLinks { "Items" List, "get-vpc-links", ["VpcLinkId"], ["VpcLinkId"]; }
    Accelerators { "Accelerators" List, "list-accelerators", ["AcceleratorArn"], []; }
    AcceleratorListeners {
        "Listeners" List, "list-listeners", ["ListenerArn"], ["PortRanges"];
    }
    AcceleratorEndpointGroups {
        "EndpointGroups" List, "list-endpoint-groups", ["EndpointGroupArn"], [];
    }
    ServiceNetworks {
        "items" List, "list-service-networks", ["arn"],
            ["numberOfAssociatedVPCs", "numberOfAssociatedServices"];
        "serviceNetworks" List, "list-service-networks", ["arn"], [];
    }
    LatticeVpcAssociations {
        "items" List, "list-service-network-vpc-associations", ["arn"], ["vpcId"];
    }
    LatticeVpcAssociationDetails {
        "securityGroupIds" Whole, "get-service-network-vpc-association", ["arn"], [];
    }
    LatticeServiceAssociations {
        "items" List, "list-service-network-service-associations", ["arn"], ["serviceArn"];
    }
    LatticeServices { "items" List, "list-services", ["arn"], ["dnsEntry"]; }
    LatticeAuthTypes {
        "authType" Whole, "get-service", ["arn"], [];
        "authType" Whole, "get-service-network", ["arn"], [];
    }
    LatticeListeners {
        "defaultAction" Whole, "get-listener", ["arn"], ["forward", "fixedResponse"];
    }
    LatticeRules { "action" Whole, "get-rule", ["arn"], ["forward", "fixedResponse"]; }
    LatticeTargetGroups {
        "items" List, "list-target-groups", ["arn"], ["serviceArns"];
    }
    LatticeTargets { "items" Whole, "list-targets", ["targetGroupId"], ["reasonCode"]; }
    CoreNetworks { "CoreNetworks" List, "list-core-networks", ["CoreNetworkId"], []; }
    ListedFirewalls {
        "Firewalls" List, "list-firewalls", ["FirewallArn"], ["FirewallArn"];
    }
    NetworkFirewalls {
        "Firewall" One, "describe-firewall", ["FirewallArn"], ["FirewallArn"];
    }
    FirewallPolicies {
        "FirewallPolicy" Whole, "describe-firewall-policy", ["FirewallPolicyArn"], [];
    }
    FirewallRuleGroups { "RuleGroup" Whole, "describe-rule-group", ["RuleGroupArn"], []; }
    DnsFirewallAssociations {
        "FirewallRuleGroupAssociations" List, "list-firewall-rule-group-associations", ["Id"], [];
    }

    // Who is who, and what each may do.
    CallerIdentity { "Account" Whole, "get-caller-identity", [], []; }
    OrganizationAccounts { "Accounts" List, "list-accounts", ["Id"], ["Arn", "Id"]; }
    UserDetails {
        "UserDetailList" List, "get-account-authorization-details", ["Arn"], [];
    }
    GroupDetails {
        "GroupDetailList" List, "get-account-authorization-details", ["Arn"], [];
    }
    RoleDetails {
        "RoleDetailList" List, "get-account-authorization-details", ["Arn"], [];
    }
    PolicyDetails {
        "Policies" List, "get-account-authorization-details", ["Arn"], ["PolicyVersionList", "Arn"];
    }
    PoliciesForTarget {
        "Policies" Whole, "list-policies-for-target", ["TargetId"], ["TargetId"];
    }
    OrganizationPolicies {
        "Policy" One, "describe-policy", [], ["PolicySummary", "Content"];
    }
    PolicyTargets {
        "Targets" Whole, "list-targets-for-policy", ["PolicyId"], ["TargetId"];
    }
    OrganizationParents { "Parents" Whole, "list-parents", ["ChildId"], ["Id"]; }
    OrganizationUnits {
        "OrganizationalUnits" Whole, "list-organizational-units-for-parent", ["ParentId"], ["Id"];
    }
    AccountsForParent {
        "Accounts" Whole, "list-accounts-for-parent", ["ParentId"], ["ParentId"];
    }
    OrganizationRoots { "Roots" List, "list-roots", ["Id"], ["Id"]; }
    Organizations { "Organization" One, "describe-organization", ["Id"], ["Id"]; }
    Roles { "Roles" List, "list-roles", ["Arn"], ["Arn"]; }
    Users { "Users" List, "list-users", ["Arn"], ["Arn"]; }
    InstanceProfiles {
        "InstanceProfiles" List, "list-instance-profiles", ["Arn"], [];
    }
    ResourceTags {
        "TagDescriptions" List, "describe-tags", ["ResourceArn"], ["ResourceArn"];
        "ResourceTagMappingList" List, "get-resources", ["ResourceARN"], [];
    }
    BucketTags { "TagSet" Whole, "get-bucket-tagging", ["Bucket"], []; }
    BucketLocations { "LocationConstraint" Whole, "get-bucket-location", ["Bucket"], []; }
    Buckets { "Buckets" List, "list-buckets", ["Name"], ["Name"]; }
    BucketPolicies { "Policy" Whole, "get-bucket-policy", ["Bucket"], []; }
    PublicAccessBlocks {
        "PublicAccessBlockConfiguration" Whole, "get-public-access-block", ["Bucket"], [];
    }
    OwnershipControls {
        "OwnershipControls" Whole, "get-bucket-ownership-controls", ["Bucket"], [];
    }
    BucketAccessLists { "Grants" Whole, "get-bucket-acl", ["Bucket"], ["Grantee"]; }
    FunctionPolicies { "Policy" Whole, "get-policy", ["FunctionName"], []; }
    TableNames { "TableNames" Whole, "list-tables", [], []; }
    Tables { "Table" One, "describe-table", ["TableArn"], ["TableArn"]; }
    QueueUrls { "QueueUrls" Whole, "list-queues", [], []; }
    QueueAttributes { "Attributes" Whole, "get-queue-attributes", ["QueueUrl"], []; }
    Topics { "Topics" List, "list-topics", ["TopicArn"], ["TopicArn"]; }
    TopicAttributes { "Attributes" Whole, "get-topic-attributes", ["TopicArn"], []; }
    Secrets { "SecretList" List, "list-secrets", ["ARN"], []; }
    SecretPolicies { "ResourcePolicy" Whole, "get-resource-policy", ["ARN"], []; }
    Keys { "Keys" List, "list-keys", ["KeyArn"], ["KeyArn"]; }
    KeyPolicies { "Policy" Whole, "get-key-policy", ["KeyId"], []; }
}

/// Keys of bodies that carry no resource: pages, metadata, echoes of requests.
pub(crate) const SILENT_KEYS: &[&str] = &[
    "NextToken",
    "nextToken",
    "Marker",
    "NextMarker",
    "IsTruncated",
    "ResponseMetadata",
    "$metadata",
    "SdkResponseMetadata",
    "SdkHttpMetadata",
    "AdditionalRoutesAvailable",
    "TransitGatewayRouteTableId",
    "collector_version",
    "provider",
    "config-file-git-sha1",
    "failures",
    "Owner",
    "Prefix",
    "FirewallStatus",
    "FirewallPolicyResponse",
    "RuleGroupResponse",
    "UpdateToken",
];
