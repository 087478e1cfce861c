"""The mock server, but that it counts the rules of a security group for each family of addresses, as the provider does.

Usage: server.py, with the arguments of moto_server.

The provider lets a group hold 60 rules in each direction for IPv4 and 60 for IPv6 (Amazon VPC user guide, "Amazon VPC
quotas"); the mock server counts both together.
"""

import sys

from moto.ec2.exceptions import RulesPerSecurityGroupLimitExceededError
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.server import main

RULES_MAX = 60


def is_v6(ranges):
    return "CidrIpv6" in ranges if isinstance(ranges, dict) else ":" in str(ranges)


def verify(self, group, current_rule_nb, ip_ranges, source_groups=None, egress=False):
    held = group.egress_rules if egress else group.ingress_rules
    known = [rule.ip_range for rule in held if rule.ip_range] + list(ip_ranges or [])
    # A rule that names a group counts in both families.
    both = sum(1 for rule in held if not rule.ip_range) + len(source_groups or [])
    sixes = sum(1 for one in known if is_v6(one))
    if max(sixes, len(known) - sixes) + both > RULES_MAX:
        raise RulesPerSecurityGroupLimitExceededError


SecurityGroupBackend._verify_group_will_respect_rule_count_limit = verify
sys.exit(main(sys.argv[1:]))
