"""VPC, subnets, route tables, security groups and endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from localcloud.provider.arguments import POLICY, SET, Argument, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_NOT_STORED = "the emulator does not store it"


class _Ec2Resource(Resource):
    """What EC2's resources share: tags, and an id that EC2 makes."""

    #: EC2's name of the type for tags on creation.
    ec2_type: ClassVar[str]

    def tag_specifications(self, values: Values) -> list[Values] | None:
        tags = tag_list(values.get("tags_all"))
        return [{"ResourceType": self.ec2_type, "Tags": tags}] if tags else None

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("ec2", "delete_tags", Resources=[state["id"]], Tags=[{"Key": name} for name in drop])
        if put:
            aws.call("ec2", "create_tags", Resources=[state["id"]], Tags=tag_list(put))


class Vpc(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html"""

    type_name = "aws_vpc"
    ec2_type = "vpc"
    _attributes = {
        "enable_dns_support": ("EnableDnsSupport", "enableDnsSupport"),
        "enable_dns_hostnames": ("EnableDnsHostnames", "enableDnsHostnames"),
    }
    arguments = (
        Argument("cidr_block", "CidrBlock", replace=True),
        Argument("instance_tenancy", "InstanceTenancy", default="default", choices=("default", "dedicated")),
        Argument("enable_dns_support", default=True),
        Argument("enable_dns_hostnames"),
        Argument("assign_generated_ipv6_cidr_block", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2", "create_vpc", **self.request(values), TagSpecifications=self.tag_specifications(values)
        )
        return {"id": answer["Vpc"]["VpcId"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if values["enable_dns_hostnames"]:
            self._modify(aws, state["id"], "enable_dns_hostnames", True)
        if not values["enable_dns_support"]:
            self._modify(aws, state["id"], "enable_dns_support", False)

    def read(self, aws: Aws, state: Values) -> Values | None:
        vpc_id = state["id"]
        answer = aws.find("ec2", "describe_vpcs", ("InvalidVpcID.NotFound",), VpcIds=[vpc_id])
        if answer is None or not answer["Vpcs"]:
            return None
        vpc = answer["Vpcs"][0]
        of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
        groups = aws.call("ec2", "describe_security_groups", Filters=of_vpc)["SecurityGroups"]
        tables = aws.call("ec2", "describe_route_tables", Filters=of_vpc)["RouteTables"]
        acls = aws.call("ec2", "describe_network_acls", Filters=of_vpc)["NetworkAcls"]
        main = next((table["RouteTableId"] for table in tables if _is_main(table)), None)
        return {
            **receive(self.arguments, vpc),
            **{name: self._attribute(aws, vpc_id, *names) for name, names in self._attributes.items()},
            "arn": aws.arn("ec2", f"vpc/{vpc_id}"),
            "owner_id": vpc.get("OwnerId"),
            "dhcp_options_id": vpc.get("DhcpOptionsId"),
            "default_network_acl_id": next(
                (acl["NetworkAclId"] for acl in acls if acl.get("IsDefault")), None
            ),
            "default_security_group_id": next(
                (group["GroupId"] for group in groups if group["GroupName"] == "default"), None
            ),
            "default_route_table_id": main,
            "main_route_table_id": main,
            "enable_network_address_usage_metrics": False,
            "ipv6_association_id": "",
            "ipv6_cidr_block": "",
            "ipv6_cidr_block_network_border_group": "",
            "tags_all": tag_map(vpc.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        for name in self._attributes:
            if name in changed:
                self._modify(aws, prior["id"], name, bool(values[name]))
        if "instance_tenancy" in changed:
            tenancy = values["instance_tenancy"]
            aws.call("ec2", "modify_vpc_tenancy", VpcId=prior["id"], InstanceTenancy=tenancy)

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("ec2", "delete_vpc", ("InvalidVpcID.NotFound",), VpcId=state["id"])

    def _modify(self, aws: Aws, vpc_id: str, name: str, value: bool) -> None:
        aws.call("ec2", "modify_vpc_attribute", VpcId=vpc_id, **{self._attributes[name][0]: {"Value": value}})

    @staticmethod
    def _attribute(aws: Aws, vpc_id: str, member: str, attribute: str) -> bool:
        return aws.call("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute=attribute)[member]["Value"]


def _is_main(table: Values) -> bool:
    return any(association.get("Main") for association in table.get("Associations", []))


class Subnet(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html"""

    type_name = "aws_subnet"
    ec2_type = "subnet"
    arguments = (
        Argument("vpc_id", "VpcId", replace=True),
        Argument("cidr_block", "CidrBlock", replace=True),
        Argument("availability_zone", "AvailabilityZone", replace=True),
        Argument("availability_zone_id", "AvailabilityZoneId", replace=True),
        Argument("map_public_ip_on_launch", default=False),
        Argument("assign_ipv6_address_on_creation", default=False, only_default=True),
        Argument("enable_dns64", default=False, only_default=True),
        Argument("enable_resource_name_dns_a_record_on_launch", default=False, only_default=True),
        Argument("enable_resource_name_dns_aaaa_record_on_launch", default=False, only_default=True),
        Argument("ipv6_native", default=False, only_default=True),
    )
    conflicts = (("availability_zone", "availability_zone_id"),)

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2", "create_subnet", **self.request(values), TagSpecifications=self.tag_specifications(values)
        )
        return {"id": answer["Subnet"]["SubnetId"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        if values["map_public_ip_on_launch"]:
            self._map_public(aws, state["id"], True)

    def read(self, aws: Aws, state: Values) -> Values | None:
        missing = ("InvalidSubnetID.NotFound",)
        answer = aws.find("ec2", "describe_subnets", missing, SubnetIds=[state["id"]])
        if answer is None or not answer["Subnets"]:
            return None
        subnet = answer["Subnets"][0]
        names = subnet.get("PrivateDnsNameOptionsOnLaunch") or {}
        return {
            **receive(self.arguments, subnet),
            "map_public_ip_on_launch": subnet.get("MapPublicIpOnLaunch", False),
            "arn": subnet["SubnetArn"],
            "owner_id": subnet.get("OwnerId"),
            "ipv6_cidr_block_association_id": "",
            "private_dns_hostname_type_on_launch": names.get("HostnameType", "ip-name"),
            "tags_all": tag_map(subnet.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        if "map_public_ip_on_launch" in changed:
            self._map_public(aws, prior["id"], bool(values["map_public_ip_on_launch"]))

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("ec2", "delete_subnet", ("InvalidSubnetID.NotFound",), SubnetId=state["id"])

    @staticmethod
    def _map_public(aws: Aws, subnet_id: str, value: bool) -> None:
        aws.call("ec2", "modify_subnet_attribute", SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": value})


def _route_table(aws: Aws, table_id: str) -> Values | None:
    answer = aws.find(
        "ec2", "describe_route_tables", ("InvalidRouteTableID.NotFound",), RouteTableIds=[table_id]
    )
    return answer["RouteTables"][0] if answer and answer["RouteTables"] else None


class RouteTable(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html

    Inline `route`s are not mapped: the private subnets have none.
    """

    type_name = "aws_route_table"
    ec2_type = "route-table"
    arguments = (Argument("vpc_id", "VpcId", replace=True),)

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2",
            "create_route_table",
            **self.request(values),
            TagSpecifications=self.tag_specifications(values),
        )
        return {"id": answer["RouteTable"]["RouteTableId"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        table = _route_table(aws, state["id"])
        if table is None:
            return None
        return {
            **receive(self.arguments, table),
            "arn": aws.arn("ec2", f"route-table/{state['id']}"),
            "owner_id": table.get("OwnerId"),
            "propagating_vgws": [gateway["GatewayId"] for gateway in table.get("PropagatingVgws", [])],
            "route": [_route(route) for route in table.get("Routes", []) if _is_configured(route)],
            "tags_all": tag_map(table.get("Tags")),
        }

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("ec2", "delete_route_table", ("InvalidRouteTableID.NotFound",), RouteTableId=state["id"])


_ROUTE_MEMBERS = {
    "carrier_gateway_id": "CarrierGatewayId",
    "cidr_block": "DestinationCidrBlock",
    "core_network_arn": "CoreNetworkArn",
    "destination_prefix_list_id": "DestinationPrefixListId",
    "egress_only_gateway_id": "EgressOnlyInternetGatewayId",
    "gateway_id": "GatewayId",
    "ipv6_cidr_block": "DestinationIpv6CidrBlock",
    "local_gateway_id": "LocalGatewayId",
    "nat_gateway_id": "NatGatewayId",
    "network_interface_id": "NetworkInterfaceId",
    "transit_gateway_id": "TransitGatewayId",
    "vpc_peering_connection_id": "VpcPeeringConnectionId",
}


def _is_configured(route: Values) -> bool:
    """Not the VPC's own route, and not one that a gateway endpoint put there."""
    gateway = route.get("GatewayId") or ""
    return (
        gateway != "local"
        and not gateway.startswith("vpce-")
        and route.get("Origin") != "EnableVgwRoutePropagation"
    )


def _route(route: Values) -> Values:
    return {name: route.get(member, "") for name, member in _ROUTE_MEMBERS.items()} | {"vpc_endpoint_id": ""}


class RouteTableAssociation(Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html"""

    type_name = "aws_route_table_association"
    one_of = (("subnet_id", "gateway_id"),)
    conflicts = (("subnet_id", "gateway_id"),)
    arguments = (
        Argument("route_table_id", "RouteTableId"),
        Argument("subnet_id", "SubnetId", replace=True),
        Argument("gateway_id", "GatewayId", replace=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        return {"id": aws.call("ec2", "associate_route_table", **self.request(values))["AssociationId"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        by_id = [{"Name": "association.route-table-association-id", "Values": [state["id"]]}]
        for table in aws.call("ec2", "describe_route_tables", Filters=by_id)["RouteTables"]:
            for association in table.get("Associations", []):
                if association["RouteTableAssociationId"] == state["id"]:
                    return receive(self.arguments, association)
        return None

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> Values:
        answer = aws.call(
            "ec2",
            "replace_route_table_association",
            AssociationId=prior["id"],
            RouteTableId=values["route_table_id"],
        )
        return {"id": answer["NewAssociationId"]}

    def delete(self, aws: Aws, state: Values) -> None:
        missing = ("InvalidAssociationID.NotFound",)
        aws.find("ec2", "disassociate_route_table", missing, AssociationId=state["id"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        """`SUBNET_OR_GATEWAY_ID/ROUTE_TABLE_ID`, as the real provider takes it."""
        target, _, table_id = identifier.partition("/")
        for association in (_route_table(aws, table_id) or {}).get("Associations", []):
            if target in (association.get("SubnetId"), association.get("GatewayId")):
                return {"id": association["RouteTableAssociationId"]}
        return {"id": identifier}


_GROUP_MISSING = ("InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidGroupId.NotFound")
_EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


class SecurityGroup(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html

    Inline `ingress` and `egress` are not mapped: rules are resources of their own.
    """

    type_name = "aws_security_group"
    ec2_type = "security-group"
    generated_name = ("name", "name_prefix", 255)
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("name", "GroupName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("description", "Description", default="Managed by Terraform", replace=True),
        Argument("vpc_id", "VpcId", replace=True),
        Argument("revoke_rules_on_delete", default=False, terraform_only="says what a destroy does first"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2",
            "create_security_group",
            **self.request(values),
            TagSpecifications=self.tag_specifications(values),
        )
        return {"id": answer["GroupId"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        # Terraform wants a group that lets nothing out; EC2 makes one that lets everything out
        missing = ("InvalidPermission.NotFound",)
        aws.find(
            "ec2", "revoke_security_group_egress", missing, GroupId=state["id"], IpPermissions=_EVERYTHING
        )

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("ec2", "describe_security_groups", _GROUP_MISSING, GroupIds=[state["id"]])
        if answer is None or not answer["SecurityGroups"]:
            return None
        group = answer["SecurityGroups"][0]
        return {
            **receive(self.arguments, group),
            "arn": aws.arn("ec2", f"security-group/{state['id']}"),
            "owner_id": group.get("OwnerId"),
            "name_prefix": state.get("name_prefix") or "",
            "ingress": _inline_rules(group, "IpPermissions"),
            "egress": _inline_rules(group, "IpPermissionsEgress"),
            "tags_all": tag_map(group.get("Tags")),
        }

    def delete(self, aws: Aws, state: Values) -> None:
        if state.get("revoke_rules_on_delete"):
            answer = aws.find("ec2", "describe_security_groups", _GROUP_MISSING, GroupIds=[state["id"]])
            for group in (answer or {}).get("SecurityGroups", []):
                for direction, member in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
                    if group.get(member):
                        operation = f"revoke_security_group_{direction}"
                        aws.call("ec2", operation, GroupId=state["id"], IpPermissions=group[member])
        aws.find("ec2", "delete_security_group", _GROUP_MISSING, GroupId=state["id"])


def _inline_rules(group: Values, member: str) -> list[Values]:
    """A group's rules as its computed `ingress` and `egress` show them: one per permission and description."""
    rules = []
    for permission in group.get(member) or []:
        by_description: dict[str, Values] = {}

        def rule(
            source: Values, permission: Values = permission, found: dict[str, Values] = by_description
        ) -> Values:
            return found.setdefault(
                source.get("Description") or "",
                {
                    "cidr_blocks": [],
                    "description": source.get("Description") or "",
                    "from_port": max(permission.get("FromPort") or 0, 0),
                    "ipv6_cidr_blocks": [],
                    "prefix_list_ids": [],
                    "protocol": permission["IpProtocol"],
                    "security_groups": [],
                    "self": False,
                    "to_port": max(permission.get("ToPort") or 0, 0),
                },
            )

        for source in permission.get("IpRanges") or []:
            rule(source)["cidr_blocks"].append(source["CidrIp"])
        for source in permission.get("Ipv6Ranges") or []:
            rule(source)["ipv6_cidr_blocks"].append(source["CidrIpv6"])
        for source in permission.get("PrefixListIds") or []:
            rule(source)["prefix_list_ids"].append(source["PrefixListId"])
        for source in permission.get("UserIdGroupPairs") or []:
            if source["GroupId"] == group["GroupId"]:
                rule(source)["self"] = True
            else:
                rule(source)["security_groups"].append(source["GroupId"])
        rules += by_description.values()
    return rules


class _SecurityGroupRule(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html"""

    ec2_type = "security-group-rule"
    direction: ClassVar[str]
    one_of = (("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"),)
    conflicts = one_of
    _source = ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    arguments = (
        Argument("security_group_id", "GroupId", replace=True),
        Argument("cidr_ipv4", "CidrIpv4"),
        Argument("cidr_ipv6", "CidrIpv6"),
        Argument("prefix_list_id", "PrefixListId"),
        Argument("referenced_security_group_id", "ReferencedGroupInfo.GroupId"),
        Argument("description", "Description"),
        Argument("from_port", "FromPort", unset=(-1,)),
        Argument("to_port", "ToPort", unset=(-1,)),
        Argument("ip_protocol", "IpProtocol"),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2",
            f"authorize_security_group_{self.direction}",
            GroupId=values["security_group_id"],
            IpPermissions=[_permission(values)],
            TagSpecifications=self.tag_specifications(values),
        )
        rule_id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return {"id": rule_id, "security_group_rule_id": rule_id}

    def read(self, aws: Aws, state: Values) -> Values | None:
        missing = ("InvalidSecurityGroupRuleId.NotFound",)
        answer = aws.find("ec2", "describe_security_group_rules", missing, SecurityGroupRuleIds=[state["id"]])
        if answer is None or not answer["SecurityGroupRules"]:
            return None
        rule = answer["SecurityGroupRules"][0]
        observed = receive(self.arguments, rule)
        if not any(observed[name] for name in self._source):
            # Only a prefix list is stored without a trace, and its description with it: the state's word has to do.
            observed = {**observed, **{name: state.get(name) for name in ("prefix_list_id", "description")}}
        return {
            **observed,
            "arn": rule.get("SecurityGroupRuleArn") or aws.arn("ec2", f"security-group-rule/{state['id']}"),
            "security_group_rule_id": state["id"],
            "tags_all": tag_map(rule.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        rule: dict[str, Any] = {
            "IpProtocol": values["ip_protocol"],
            "FromPort": -1 if values.get("from_port") is None else values["from_port"],
            "ToPort": -1 if values.get("to_port") is None else values["to_port"],
            "Description": values.get("description") or "",
            "CidrIpv4": values.get("cidr_ipv4"),
            "CidrIpv6": values.get("cidr_ipv6"),
            "PrefixListId": values.get("prefix_list_id"),
            "ReferencedGroupId": values.get("referenced_security_group_id"),
        }
        wanted = {name: value for name, value in rule.items() if value is not None}
        aws.call(
            "ec2",
            "modify_security_group_rules",
            GroupId=prior["security_group_id"],
            SecurityGroupRules=[{"SecurityGroupRuleId": prior["id"], "SecurityGroupRule": wanted}],
        )

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find(
            "ec2",
            f"revoke_security_group_{self.direction}",
            (*_GROUP_MISSING, "InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"),
            GroupId=state["security_group_id"],
            SecurityGroupRuleIds=[state["id"]],
        )


def _permission(values: Values) -> Values:
    described = {"Description": values["description"]} if values.get("description") else {}
    permission: Values = {"IpProtocol": values["ip_protocol"]}
    for argument, member in (("from_port", "FromPort"), ("to_port", "ToPort")):
        if values.get(argument) is not None:
            permission[member] = values[argument]
    if values.get("cidr_ipv4"):
        permission["IpRanges"] = [{"CidrIp": values["cidr_ipv4"], **described}]
    elif values.get("cidr_ipv6"):
        permission["Ipv6Ranges"] = [{"CidrIpv6": values["cidr_ipv6"], **described}]
    elif values.get("prefix_list_id"):
        permission["PrefixListIds"] = [{"PrefixListId": values["prefix_list_id"], **described}]
    else:
        permission["UserIdGroupPairs"] = [{"GroupId": values["referenced_security_group_id"], **described}]
    return permission


class IngressRule(_SecurityGroupRule):
    type_name = "aws_vpc_security_group_ingress_rule"
    direction = "ingress"


class EgressRule(_SecurityGroupRule):
    type_name = "aws_vpc_security_group_egress_rule"
    direction = "egress"


class VpcEndpoint(_Ec2Resource):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html"""

    type_name = "aws_vpc_endpoint"
    ec2_type = "vpc-endpoint"
    arguments = (
        Argument("vpc_id", "VpcId", replace=True),
        Argument("service_name", "ServiceName", replace=True),
        Argument(
            "vpc_endpoint_type",
            "VpcEndpointType",
            default="Gateway",
            replace=True,
            choices=("Gateway", "Interface", "GatewayLoadBalancer", "Resource", "ServiceNetwork"),
        ),
        Argument("subnet_ids", "SubnetIds", SET),
        Argument("route_table_ids", "RouteTableIds", SET),
        Argument("security_group_ids", "SecurityGroupIds", SET, not_read_back=_NOT_STORED),
        Argument("private_dns_enabled", "PrivateDnsEnabled", not_read_back=_NOT_STORED),
        Argument("policy", "PolicyDocument", POLICY, not_read_back=_NOT_STORED),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ec2",
            "create_vpc_endpoint",
            **self.request(values),
            TagSpecifications=self.tag_specifications(values),
        )
        return {"id": answer["VpcEndpoint"]["VpcEndpointId"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        missing = ("InvalidVpcEndpointId.NotFound",)
        answer = aws.find("ec2", "describe_vpc_endpoints", missing, VpcEndpointIds=[state["id"]])
        if answer is None or not answer["VpcEndpoints"] or answer["VpcEndpoints"][0]["State"] == "deleted":
            return None
        endpoint = answer["VpcEndpoints"][0]
        return {
            **receive(self.arguments, endpoint),
            "arn": aws.arn("ec2", f"vpc-endpoint/{state['id']}"),
            "state": endpoint["State"],
            "owner_id": endpoint.get("OwnerId"),
            "requester_managed": endpoint.get("RequesterManaged", False),
            "cidr_blocks": [],
            "dns_entry": [],
            "network_interface_ids": endpoint.get("NetworkInterfaceIds", []),
            "ip_address_type": endpoint.get("IpAddressType", ""),
            "service_region": aws.region,
            "security_group_ids": state.get("security_group_ids") or [],
            "private_dns_enabled": bool(state.get("private_dns_enabled")),
            "policy": state.get("policy") or "",
            "prefix_list_id": self._prefix_list(aws, endpoint),
            "tags_all": tag_map(endpoint.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        request: dict[str, Any] = {}
        for argument, noun in (
            ("subnet_ids", "SubnetIds"),
            ("route_table_ids", "RouteTableIds"),
            ("security_group_ids", "SecurityGroupIds"),
        ):
            if argument in changed:
                had, wanted = set(prior.get(argument) or []), set(values.get(argument) or [])
                request[f"Add{noun}"] = sorted(wanted - had) or None
                request[f"Remove{noun}"] = sorted(had - wanted) or None
        if "private_dns_enabled" in changed:
            request["PrivateDnsEnabled"] = values["private_dns_enabled"]
        if "policy" in changed:
            request |= {"PolicyDocument": values["policy"]} if values["policy"] else {"ResetPolicy": True}
        aws.call("ec2", "modify_vpc_endpoint", VpcEndpointId=prior["id"], **request)

    def delete(self, aws: Aws, state: Values) -> None:
        missing = ("InvalidVpcEndpointId.NotFound",)
        aws.find("ec2", "delete_vpc_endpoints", missing, VpcEndpointIds=[state["id"]])

    @staticmethod
    def _prefix_list(aws: Aws, endpoint: Values) -> str:
        """What a security group names to let traffic reach a gateway endpoint's service."""
        if endpoint["VpcEndpointType"] != "Gateway":
            return ""
        by_name = [{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]
        lists = aws.call("ec2", "describe_prefix_lists", Filters=by_name)["PrefixLists"]
        return lists[0]["PrefixListId"] if lists else ""


RESOURCES: tuple[Resource, ...] = (
    Vpc(),
    Subnet(),
    RouteTable(),
    RouteTableAssociation(),
    SecurityGroup(),
    IngressRule(),
    EgressRule(),
    VpcEndpoint(),
)
