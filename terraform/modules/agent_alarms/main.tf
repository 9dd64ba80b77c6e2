# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
# The metrics come out of the agent's log lines (namespace Vitracka/Agents). Without traffic there are none, and no
# traffic is no failure: missing data is not breaching. Three minutes of the last five have to be bad, so that one
# unlucky request doesn't wake anybody.

locals {
  namespace  = "Vitracka/Agents"
  dimensions = { Agent = var.agent, Environment = var.environment }
}

resource "aws_cloudwatch_metric_alarm" "error_rate" {
  alarm_name        = "${var.name}-error-rate"
  alarm_description = "More than ${var.error_rate_percent} % of the invocations of ${var.agent} in ${var.environment} fail. Runbook: runbooks/error-rate.md"

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.error_rate_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  actions_enabled = true
  alarm_actions   = [var.topic_arn]
  ok_actions      = [var.topic_arn]

  metric_query {
    id          = "rate"
    expression  = "100 * FILL(errors, 0) / invocations"
    label       = "Error rate in per cent"
    return_data = true
  }

  metric_query {
    id          = "errors"
    return_data = false

    metric {
      namespace   = local.namespace
      metric_name = "Errors"
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 60
    }
  }

  metric_query {
    id          = "invocations"
    return_data = false

    metric {
      namespace   = local.namespace
      metric_name = "Invocations"
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 60
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  alarm_name        = "${var.name}-duration"
  alarm_description = "One in a hundred invocations of ${var.agent} in ${var.environment} takes more than ${var.duration_seconds} s. Runbook: runbooks/duration.md"

  namespace          = local.namespace
  metric_name        = "Duration"
  dimensions         = local.dimensions
  extended_statistic = "p99"
  period             = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.duration_seconds * 1000 # the metric is in milliseconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  actions_enabled = true
  alarm_actions   = [var.topic_arn]
  ok_actions      = [var.topic_arn]
}
