"""Load balancers, target groups, listeners and rules."""

from __future__ import annotations

from localcloud.provider.arguments import (
    SET,
    TEXT_AS_BOOL,
    TEXT_AS_NUMBER,
    Argument,
    Kind,
    Values,
    receive,
    send,
)
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_NOT_STORED = "the emulator does not store it"
_LOAD_BALANCER_MISSING = ("LoadBalancerNotFound",)
_TARGET_GROUP_MISSING = ("TargetGroupNotFound",)
_LISTENER_MISSING = ("ListenerNotFound", *_LOAD_BALANCER_MISSING)
_RULE_MISSING = ("RuleNotFound", *_LISTENER_MISSING)
_PROTOCOLS = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
_TEXT = Kind(str, lambda value: value)


class _Tagged(Resource):
    """Every resource of this service is named by its ARN and tagged by it."""

    def tags(self, aws: Aws, arn: str) -> dict[str, str]:
        answer = aws.call("elbv2", "describe_tags", ResourceArns=[arn])
        return tag_map(answer["TagDescriptions"][0]["Tags"]) if answer["TagDescriptions"] else {}

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("elbv2", "remove_tags", ResourceArns=[state["id"]], TagKeys=drop)
        if put:
            aws.call("elbv2", "add_tags", ResourceArns=[state["id"]], Tags=tag_list(put))


class _Attributes:
    """Arguments that the API keeps as a list of keys and texts, apart from the rest."""

    def __init__(self, keys: dict[str, str], arguments: tuple[Argument, ...]) -> None:
        self._keys = keys
        self._arguments = {argument.name: argument for argument in arguments}

    def send(self, values: Values, only: set[str] | None = None) -> list[dict[str, str]]:
        return [
            {"Key": key, "Value": self._arguments[name].kind.send(values[name])}
            for name, key in self._keys.items()
            if values.get(name) is not None and (only is None or name in only)
        ]

    def receive(self, answer: list[dict[str, str]]) -> Values:
        texts = {attribute["Key"]: attribute["Value"] for attribute in answer}
        return {
            name: self._arguments[name].kind.receive(texts[key])
            if key in texts
            else self._arguments[name].default
            for name, key in self._keys.items()
        }

    def __and__(self, changed: set[str]) -> set[str]:
        return set(self._keys) & changed


class LoadBalancer(_Tagged):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"""

    type_name = "aws_lb"
    generated_name = ("name", "name_prefix", 32)
    conflicts = (("name", "name_prefix"),)
    arguments = (
        Argument("name", "LoadBalancerName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("load_balancer_type", "Type", default="application", replace=True, only_default=True),
        Argument("internal", replace=True),
        Argument("subnets"),
        Argument("security_groups", "SecurityGroups", SET),
        Argument(
            "ip_address_type", "IpAddressType", choices=("ipv4", "dualstack", "dualstack-without-public-ipv4")
        ),
        Argument("idle_timeout", kind=TEXT_AS_NUMBER, default=60),
        Argument("client_keep_alive", kind=TEXT_AS_NUMBER, default=3600),
        Argument("drop_invalid_header_fields", kind=TEXT_AS_BOOL, default=False),
        Argument("enable_deletion_protection", kind=TEXT_AS_BOOL, default=False),
        Argument("enable_http2", kind=TEXT_AS_BOOL, default=True),
        Argument("enable_tls_version_and_cipher_suite_headers", kind=TEXT_AS_BOOL, default=False),
        Argument("enable_waf_fail_open", kind=TEXT_AS_BOOL, default=False),
        Argument("enable_xff_client_port", kind=TEXT_AS_BOOL, default=False),
        Argument("enable_zonal_shift", kind=TEXT_AS_BOOL, default=False),
        Argument("preserve_host_header", kind=TEXT_AS_BOOL, default=False),
        Argument(
            "desync_mitigation_mode",
            kind=_TEXT,
            default="defensive",
            choices=("monitor", "defensive", "strictest"),
        ),
        Argument(
            "xff_header_processing_mode",
            kind=_TEXT,
            default="append",
            choices=("append", "preserve", "remove"),
        ),
        # of network load balancers
        Argument("enable_cross_zone_load_balancing", default=False, only_default=True),
        Argument("dns_record_client_routing_policy", default="any_availability_zone", only_default=True),
    )
    _attributes = _Attributes(
        {
            "idle_timeout": "idle_timeout.timeout_seconds",
            "client_keep_alive": "client_keep_alive.seconds",
            "drop_invalid_header_fields": "routing.http.drop_invalid_header_fields.enabled",
            "enable_deletion_protection": "deletion_protection.enabled",
            "enable_http2": "routing.http2.enabled",
            "enable_tls_version_and_cipher_suite_headers": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            "enable_waf_fail_open": "waf.fail_open.enabled",
            "enable_xff_client_port": "routing.http.xff_client_port.enabled",
            "enable_zonal_shift": "zonal_shift.config.enabled",
            "preserve_host_header": "routing.http.preserve_host_header.enabled",
            "desync_mitigation_mode": "routing.http.desync_mitigation_mode",
            "xff_header_processing_mode": "routing.http.xff_header_processing.mode",
        },
        arguments,
    )

    def create(self, aws: Aws, values: Values) -> Values:
        request = self.request(values)
        answer = aws.call(
            "elbv2",
            "create_load_balancer",
            **{"Name" if name == "LoadBalancerName" else name: value for name, value in request.items()},
            Scheme="internal" if values.get("internal") else "internet-facing",
            Subnets=values.get("subnets"),
            Tags=tag_list(values.get("tags_all")),
        )
        return {"id": answer["LoadBalancers"][0]["LoadBalancerArn"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        self._set_attributes(aws, state["id"], values, None)

    def read(self, aws: Aws, state: Values) -> Values | None:
        arn = state["id"]
        answer = aws.find("elbv2", "describe_load_balancers", _LOAD_BALANCER_MISSING, LoadBalancerArns=[arn])
        if answer is None or not answer["LoadBalancers"]:
            return None
        balancer = answer["LoadBalancers"][0]
        attributes = aws.call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn)["Attributes"]
        return {
            **receive(self.arguments, balancer),
            **self._attributes.receive(attributes),
            "arn": arn,
            "arn_suffix": arn.split(":loadbalancer/", 1)[-1],
            "dns_name": balancer["DNSName"],
            "zone_id": balancer["CanonicalHostedZoneId"],
            "vpc_id": balancer.get("VpcId"),
            "internal": balancer["Scheme"] == "internal",
            "subnets": [zone["SubnetId"] for zone in balancer["AvailabilityZones"]],
            "name_prefix": state.get("name_prefix") or "",
            "tags_all": self.tags(aws, arn),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        arn = prior["id"]
        if self._attributes & changed:
            self._set_attributes(aws, arn, values, changed)
        if "security_groups" in changed:
            groups = values["security_groups"] or []
            aws.call("elbv2", "set_security_groups", LoadBalancerArn=arn, SecurityGroups=groups)
        if "subnets" in changed:
            aws.call("elbv2", "set_subnets", LoadBalancerArn=arn, Subnets=values["subnets"] or [])
        if "ip_address_type" in changed:
            aws.call(
                "elbv2", "set_ip_address_type", LoadBalancerArn=arn, IpAddressType=values["ip_address_type"]
            )

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("elbv2", "delete_load_balancer", _LOAD_BALANCER_MISSING, LoadBalancerArn=state["id"])

    def _set_attributes(self, aws: Aws, arn: str, values: Values, only: set[str] | None) -> None:
        attributes = self._attributes.send(values, only)
        aws.call("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=attributes)


class TargetGroup(_Tagged):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""

    type_name = "aws_lb_target_group"
    generated_name = ("name", "name_prefix", 32)
    conflicts = (("name", "name_prefix"),)
    _health_check = (
        Argument("enabled", "HealthCheckEnabled", default=True),
        Argument("healthy_threshold", "HealthyThresholdCount", default=3, choices=tuple(range(2, 11))),
        Argument("unhealthy_threshold", "UnhealthyThresholdCount", default=3, choices=tuple(range(2, 11))),
        Argument("interval", "HealthCheckIntervalSeconds", default=30),
        Argument("timeout", "HealthCheckTimeoutSeconds"),
        Argument("path", "HealthCheckPath"),
        Argument("port", "HealthCheckPort", default="traffic-port"),
        Argument("protocol", "HealthCheckProtocol", default="HTTP", choices=("HTTP", "HTTPS", "TCP")),
        Argument("matcher", "Matcher.HttpCode"),
    )
    arguments = (
        Argument("name", "TargetGroupName", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        Argument("port", "Port", replace=True),
        Argument(
            "protocol",
            "Protocol",
            replace=True,
            choices=_PROTOCOLS,
        ),
        Argument("protocol_version", "ProtocolVersion", replace=True, not_read_back=_NOT_STORED),
        Argument(
            "target_type",
            "TargetType",
            default="instance",
            replace=True,
            choices=("instance", "ip", "lambda", "alb"),
        ),
        Argument("vpc_id", "VpcId", replace=True),
        Argument("ip_address_type", "IpAddressType", replace=True, not_read_back=_NOT_STORED),
        Argument("health_check", block=_health_check, computed_block=True),
        Argument("deregistration_delay", kind=_TEXT, default="300"),
        Argument("slow_start", kind=TEXT_AS_NUMBER, default=0),
        Argument("load_balancing_algorithm_type", kind=_TEXT),
        # of functions and of network load balancers
        Argument("lambda_multi_value_headers_enabled", default=False, only_default=True),
        Argument("proxy_protocol_v2", default=False, only_default=True),
    )
    _attributes = _Attributes(
        {
            "deregistration_delay": "deregistration_delay.timeout_seconds",
            "slow_start": "slow_start.duration_seconds",
            "load_balancing_algorithm_type": "load_balancing.algorithm.type",
        },
        arguments,
    )

    def create(self, aws: Aws, values: Values) -> Values:
        request = self.request(values) | self._health_request(values)
        answer = aws.call(
            "elbv2",
            "create_target_group",
            **{"Name" if name == "TargetGroupName" else name: value for name, value in request.items()},
            Tags=tag_list(values.get("tags_all")),
        )
        return {"id": answer["TargetGroups"][0]["TargetGroupArn"]}

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        attributes = self._attributes.send(values)
        aws.call("elbv2", "modify_target_group_attributes", TargetGroupArn=state["id"], Attributes=attributes)

    def read(self, aws: Aws, state: Values) -> Values | None:
        arn = state["id"]
        answer = aws.find("elbv2", "describe_target_groups", _TARGET_GROUP_MISSING, TargetGroupArns=[arn])
        if answer is None or not answer["TargetGroups"]:
            return None
        group = answer["TargetGroups"][0]
        attributes = self._attributes.receive(
            aws.call("elbv2", "describe_target_group_attributes", TargetGroupArn=arn)["Attributes"]
        )
        algorithm = attributes["load_balancing_algorithm_type"] or "round_robin"
        return {
            **receive(self.arguments, group),
            **attributes,
            "load_balancing_algorithm_type": algorithm,
            "health_check": [receive(self._health_check, group)],
            "arn": arn,
            "arn_suffix": arn.rsplit(":", 1)[-1],
            "load_balancer_arns": group.get("LoadBalancerArns", []),
            "name_prefix": state.get("name_prefix") or "",
            "protocol_version": state.get("protocol_version") or "HTTP1",
            "ip_address_type": state.get("ip_address_type") or "ipv4",
            "connection_termination": False,
            "tags_all": self.tags(aws, arn),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        arn = prior["id"]
        if "health_check" in changed:
            aws.call("elbv2", "modify_target_group", TargetGroupArn=arn, **self._health_request(values))
        if self._attributes & changed:
            attributes = self._attributes.send(values, changed)
            aws.call("elbv2", "modify_target_group_attributes", TargetGroupArn=arn, Attributes=attributes)

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("elbv2", "delete_target_group", _TARGET_GROUP_MISSING, TargetGroupArn=state["id"])

    def _health_request(self, values: Values) -> Values:
        blocks = values.get("health_check") or []
        return send(self._health_check, blocks[0]) if blocks else {}


_PLACEHOLDERS = {
    "host": "#{host}",
    "path": "/#{path}",
    "port": "#{port}",
    "protocol": "#{protocol}",
    "query": "#{query}",
}

_ACTION_TYPES = (
    "forward",
    "redirect",
    "fixed-response",
    "authenticate-cognito",
    "authenticate-oidc",
    "jwt-validation",
)

# The emulator drops a weighted forward (`forward` blocks): it is not mapped, so that it is refused.
_ACTION = (
    Argument("type", "Type", choices=_ACTION_TYPES),
    Argument("order", "Order"),
    Argument("target_group_arn", "TargetGroupArn"),
    Argument(
        "fixed_response",
        "FixedResponseConfig",
        block=(
            Argument(
                "content_type",
                "ContentType",
                choices=("text/plain", "text/css", "text/html", "application/javascript", "application/json"),
            ),
            Argument("message_body", "MessageBody"),
            Argument("status_code", "StatusCode"),
        ),
    ),
    Argument(
        "redirect",
        "RedirectConfig",
        block=(
            *(Argument(name, name.capitalize(), default=default) for name, default in _PLACEHOLDERS.items()),
            Argument("status_code", "StatusCode", choices=("HTTP_301", "HTTP_302")),
        ),
    ),
)


class Listener(_Tagged):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html"""

    type_name = "aws_lb_listener"
    arguments = (
        Argument("load_balancer_arn", "LoadBalancerArn", replace=True),
        Argument("port", "Port"),
        Argument("protocol", "Protocol", choices=_PROTOCOLS),
        Argument("ssl_policy", "SslPolicy"),
        Argument("certificate_arn"),
        Argument("default_action", "DefaultActions", block=_ACTION, many=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        tags = tag_list(values.get("tags_all"))
        answer = aws.call("elbv2", "create_listener", **self._request(values), Tags=tags)
        return {"id": answer["Listeners"][0]["ListenerArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        arn = state["id"]
        answer = aws.find("elbv2", "describe_listeners", _LISTENER_MISSING, ListenerArns=[arn])
        if answer is None or not answer["Listeners"]:
            return None
        listener = answer["Listeners"][0]
        certificates = listener.get("Certificates") or [{}]
        return {
            **receive(self.arguments, listener),
            "arn": arn,
            "ssl_policy": listener.get("SslPolicy") or "",
            "certificate_arn": certificates[0].get("CertificateArn"),
            "routing_http_response_server_enabled": True,
            "tags_all": self.tags(aws, arn),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        request = self._request(values)
        del request["LoadBalancerArn"]
        aws.call("elbv2", "modify_listener", ListenerArn=prior["id"], **request)

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("elbv2", "delete_listener", _LISTENER_MISSING, ListenerArn=state["id"])

    def _request(self, values: Values) -> Values:
        # of an application load balancer, the provider takes HTTP when nothing is said
        request = {"Protocol": "HTTP"} | self.request(values)
        if values.get("certificate_arn"):
            request["Certificates"] = [{"CertificateArn": values["certificate_arn"]}]
        return request


_CONDITIONS = {
    "path_pattern": ("path-pattern", "PathPatternConfig"),
    "host_header": ("host-header", "HostHeaderConfig"),
}


class ListenerRule(_Tagged):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html"""

    type_name = "aws_lb_listener_rule"
    arguments = (
        Argument("listener_arn", replace=True),
        Argument("priority", kind=TEXT_AS_NUMBER),
        Argument("action", "Actions", block=_ACTION, many=True),
        Argument(
            "condition",
            block=tuple(Argument(name, block=(Argument("values", "Values", SET),)) for name in _CONDITIONS),
            many=True,
        ),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "elbv2",
            "create_rule",
            **self.request(values),
            ListenerArn=values["listener_arn"],
            Priority=values.get("priority") or self._free_priority(aws, values["listener_arn"]),
            Conditions=self._send_conditions(values),
            Tags=tag_list(values.get("tags_all")),
        )
        return {"id": answer["Rules"][0]["RuleArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        arn = state["id"]
        answer = aws.find("elbv2", "describe_rules", _RULE_MISSING, RuleArns=[arn])
        if answer is None or not answer["Rules"]:
            return None
        rule = answer["Rules"][0]
        return {
            **receive(self.arguments, rule),
            "arn": arn,
            "priority": int(rule["Priority"]) if rule["Priority"].isdigit() else None,
            "condition": [self._receive_condition(condition) for condition in rule["Conditions"]],
            "listener_arn": arn.replace(":listener-rule/", ":listener/").rsplit("/", 1)[0],
            "tags_all": self.tags(aws, arn),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        arn = prior["id"]
        if "priority" in changed:
            priorities = [{"RuleArn": arn, "Priority": values["priority"]}]
            aws.call("elbv2", "set_rule_priorities", RulePriorities=priorities)
        if changed & {"action", "condition"}:
            conditions = self._send_conditions(values)
            aws.call("elbv2", "modify_rule", RuleArn=arn, **self.request(values), Conditions=conditions)

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("elbv2", "delete_rule", _RULE_MISSING, RuleArn=state["id"])

    @staticmethod
    def _send_conditions(values: Values) -> list[Values]:
        return [
            {"Field": field, config: {"Values": list(block[name][0]["values"])}}
            for block in values["condition"]
            for name, (field, config) in _CONDITIONS.items()
            if block.get(name)
        ]

    @staticmethod
    def _receive_condition(condition: Values) -> Values:
        observed: Values = {name: [] for name in _CONDITIONS}
        for name, (field, config) in _CONDITIONS.items():
            if condition["Field"] == field:
                observed[name] = [{"values": (condition.get(config) or condition).get("Values", [])}]
        return observed

    @staticmethod
    def _free_priority(aws: Aws, listener_arn: str) -> int:
        """One more than the highest in use, as the real provider does."""
        rules = aws.call("elbv2", "describe_rules", ListenerArn=listener_arn)["Rules"]
        return max((int(rule["Priority"]) for rule in rules if rule["Priority"].isdigit()), default=0) + 1


RESOURCES: tuple[Resource, ...] = (LoadBalancer(), TargetGroup(), Listener(), ListenerRule())
