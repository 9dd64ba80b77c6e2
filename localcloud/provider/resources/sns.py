"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

import json

from localcloud.provider.arguments import JSON, POLICY, TEXT_AS_BOOL, Argument, Values, receive, send
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_MISSING = ("NotFound", "NotFoundException")


def _topic(aws: Aws, arn: str) -> dict[str, str] | None:
    answer = aws.find("sns", "get_topic_attributes", _MISSING, TopicArn=arn)
    return None if answer is None else answer["Attributes"]


class Topic(Resource):
    """https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""

    type_name = "aws_sns_topic"
    generated_name = ("name", "name_prefix", 256)
    conflicts = (("name", "name_prefix"),)
    _attributes = (
        Argument("display_name", "DisplayName"),
        Argument("kms_master_key_id", "KmsMasterKeyId"),
        Argument("policy", "Policy", POLICY),
        Argument("delivery_policy", "DeliveryPolicy", JSON),
    )
    arguments = (
        Argument("name", replace=True),
        Argument("name_prefix", replace=True, terraform_only="makes up the name"),
        *_attributes,
        Argument("fifo_topic", default=False, only_default=True),
        Argument("content_based_deduplication", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "sns",
            "create_topic",
            Name=values["name"],
            Attributes=send(self._attributes, values) or None,
            Tags=tag_list(values.get("tags_all")),
        )
        return {"id": answer["TopicArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        arn = state["id"]
        attributes = _topic(aws, arn)
        if attributes is None:
            return None
        tags = aws.call("sns", "list_tags_for_resource", ResourceArn=arn)
        return {
            **receive(self.arguments, attributes),
            "name": arn.rsplit(":", 1)[-1],
            "name_prefix": state.get("name_prefix") or "",
            "arn": arn,
            "owner": attributes.get("Owner"),
            "beginning_archive_time": "",
            "fifo_throughput_scope": "",
            "signature_version": int(attributes.get("SignatureVersion") or 0),
            "tracing_config": attributes.get("TracingConfig") or "",
            "tags_all": tag_map(tags.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        for argument in self._attributes:
            if argument.name in changed:
                value = values[argument.name] or ""
                aws.call(
                    "sns",
                    "set_topic_attributes",
                    TopicArn=prior["id"],
                    AttributeName=argument.member,
                    AttributeValue=value,
                )

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("sns", "untag_resource", ResourceArn=state["id"], TagKeys=drop)
        if put:
            aws.call("sns", "tag_resource", ResourceArn=state["id"], Tags=tag_list(put))

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("sns", "delete_topic", _MISSING, TopicArn=state["id"])


class TopicPolicy(Resource):
    """https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"""

    type_name = "aws_sns_topic_policy"
    arguments = (Argument("arn", replace=True), Argument("policy", "Policy", POLICY))

    def create(self, aws: Aws, values: Values) -> Values:
        self._put(aws, values["arn"], values["policy"])
        return {"id": values["arn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        attributes = _topic(aws, state["id"])
        if attributes is None:
            return None
        return {**receive(self.arguments, attributes), "arn": state["id"], "owner": attributes.get("Owner")}

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        self._put(aws, prior["id"], values["policy"])

    def delete(self, aws: Aws, state: Values) -> None:
        """A topic always has a policy: what is left is the one that a topic is born with."""
        arn = state["id"]
        owner = arn.split(":")[4]
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                f"SNS:{action}"
                for action in (
                    "GetTopicAttributes",
                    "SetTopicAttributes",
                    "AddPermission",
                    "RemovePermission",
                    "DeleteTopic",
                    "Subscribe",
                    "ListSubscriptionsByTopic",
                    "Publish",
                )
            ],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
        }
        policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        if _topic(aws, arn) is not None:
            self._put(aws, arn, json.dumps(policy))

    @staticmethod
    def _put(aws: Aws, arn: str, policy: str) -> None:
        aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


class TopicSubscription(Resource):
    """https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"""

    type_name = "aws_sns_topic_subscription"
    _attributes = (
        Argument("raw_message_delivery", "RawMessageDelivery", TEXT_AS_BOOL, default=False),
        Argument("filter_policy", "FilterPolicy", JSON),
        Argument("filter_policy_scope", "FilterPolicyScope", choices=("MessageAttributes", "MessageBody")),
    )
    arguments = (
        Argument("topic_arn", "TopicArn", replace=True),
        Argument(
            "protocol",
            "Protocol",
            replace=True,
            choices=(
                "application",
                "email",
                "email-json",
                "firehose",
                "http",
                "https",
                "lambda",
                "sms",
                "sqs",
            ),
        ),
        Argument("endpoint", "Endpoint", replace=True),
        *_attributes,
        Argument(
            "confirmation_timeout_in_minutes", default=1, terraform_only="says how long Terraform waits"
        ),
        Argument("endpoint_auto_confirms", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        attributes = {
            name: value for name, value in send(self._attributes, values).items() if value != "false"
        }
        answer = aws.call(
            "sns",
            "subscribe",
            TopicArn=values["topic_arn"],
            Protocol=values["protocol"],
            Endpoint=values["endpoint"],
            Attributes=attributes or None,
            ReturnSubscriptionArn=True,
        )
        return {"id": answer["SubscriptionArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.find("sns", "get_subscription_attributes", _MISSING, SubscriptionArn=state["id"])
        if answer is None:
            return None
        attributes = answer["Attributes"]
        return {
            **receive(self.arguments, attributes),
            "arn": state["id"],
            "owner_id": attributes.get("Owner"),
            "confirmation_was_authenticated": attributes.get("ConfirmationWasAuthenticated") == "true",
            "pending_confirmation": attributes.get("PendingConfirmation") == "true",
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        for argument in self._attributes:
            if argument.name in changed:
                value = values[argument.name]
                aws.call(
                    "sns",
                    "set_subscription_attributes",
                    SubscriptionArn=prior["id"],
                    AttributeName=argument.member,
                    AttributeValue="" if value is None else argument.kind.send(value),
                )

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("sns", "unsubscribe", _MISSING, SubscriptionArn=state["id"])


RESOURCES: tuple[Resource, ...] = (Topic(), TopicPolicy(), TopicSubscription())
