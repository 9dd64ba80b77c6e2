"""CloudWatch metric alarms."""

from __future__ import annotations

from localcloud.provider.arguments import SET, Argument, Kind, Values, receive
from localcloud.provider.aws import Aws
from localcloud.provider.resource import Resource, tag_list, tag_map

_COMPARISONS = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_DIMENSIONS = Kind(
    lambda value: tag_list(value, "Name", "Value") or [],
    lambda value: tag_map(value, "Name", "Value") or None,
)
_NUMBER = Kind(float, lambda value: value)


class MetricAlarm(Resource):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""

    type_name = "aws_cloudwatch_metric_alarm"
    one_of = (("metric_name", "metric_query"),)
    conflicts = (("metric_name", "metric_query"), ("statistic", "extended_statistic"))
    _of_one_metric = (
        "metric_name",
        "namespace",
        "dimensions",
        "period",
        "statistic",
        "extended_statistic",
        "unit",
    )
    arguments = (
        Argument("alarm_name", "AlarmName", replace=True),
        Argument("alarm_description", "AlarmDescription"),
        Argument("actions_enabled", "ActionsEnabled", default=True),
        Argument("alarm_actions", "AlarmActions", SET),
        Argument("ok_actions", "OKActions", SET),
        Argument("insufficient_data_actions", "InsufficientDataActions", SET),
        Argument("comparison_operator", "ComparisonOperator", choices=_COMPARISONS),
        Argument("evaluation_periods", "EvaluationPeriods"),
        Argument("datapoints_to_alarm", "DatapointsToAlarm"),
        Argument("threshold", "Threshold", _NUMBER),
        Argument("treat_missing_data", "TreatMissingData", default="missing",
                 choices=("breaching", "notBreaching", "ignore", "missing")),
        Argument("metric_name", "MetricName"),
        Argument("namespace", "Namespace"),
        Argument("dimensions", "Dimensions", _DIMENSIONS),
        Argument("period", "Period"),
        Argument("statistic", "Statistic", choices=_STATISTICS),
        Argument("extended_statistic", "ExtendedStatistic"),
        Argument("unit", "Unit"),
        Argument(
            "metric_query",
            "Metrics",
            many=True,
            not_read_back="the emulator drops the metrics of a metric-math alarm",
            block=(
                Argument("id", "Id"),
                Argument("expression", "Expression"),
                Argument("label", "Label"),
                Argument("period", "Period"),
                Argument("return_data", "ReturnData", default=False),
                Argument(
                    "metric",
                    "MetricStat",
                    block=(
                        Argument("metric_name", "Metric.MetricName"),
                        Argument("namespace", "Metric.Namespace"),
                        Argument("dimensions", "Metric.Dimensions", _DIMENSIONS),
                        Argument("period", "Period"),
                        Argument("stat", "Stat"),
                        Argument("unit", "Unit"),
                    ),
                ),
            ),
        ),
    )  # fmt: skip

    def create(self, aws: Aws, values: Values) -> Values:
        aws.call(
            "cloudwatch", "put_metric_alarm", **self.request(values), Tags=tag_list(values.get("tags_all"))
        )
        return {"id": values["alarm_name"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        answer = aws.call(
            "cloudwatch", "describe_alarms", AlarmNames=[state["id"]], AlarmTypes=["MetricAlarm"]
        )
        if not answer["MetricAlarms"]:
            return None
        alarm = answer["MetricAlarms"][0]
        observed = receive(self.arguments, alarm)
        if state.get("metric_query"):
            # the emulator answers defaults of a one-metric alarm for these
            observed |= dict.fromkeys(self._of_one_metric)
        elif observed["extended_statistic"]:
            observed["statistic"] = None  # the emulator answers its default beside it
        elif observed.get("extended_statistic"):
            # an alarm has one of the two; the emulator answers its default for the other
            observed["statistic"] = None
        tags = aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=alarm["AlarmArn"])
        return {
            **observed,
            "arn": alarm["AlarmArn"],
            "evaluate_low_sample_count_percentiles": alarm.get("EvaluateLowSampleCountPercentile") or "",
            "tags_all": tag_map(tags.get("Tags")),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        aws.call("cloudwatch", "put_metric_alarm", **self.request(values))

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("cloudwatch", "untag_resource", ResourceARN=state["arn"], TagKeys=drop)
        if put:
            aws.call("cloudwatch", "tag_resource", ResourceARN=state["arn"], Tags=tag_list(put))

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find(
            "cloudwatch",
            "delete_alarms",
            ("ResourceNotFound", "ResourceNotFoundException"),
            AlarmNames=[state["id"]],
        )

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "alarm_name": identifier}


RESOURCES: tuple[Resource, ...] = (MetricAlarm(),)
