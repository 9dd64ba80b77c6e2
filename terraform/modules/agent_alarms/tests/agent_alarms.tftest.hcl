mock_provider "aws" {}

variables {
  name        = "vitracka-test-test-agent"
  agent       = "test-agent"
  environment = "test"
  topic_arn   = "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
}

run "error_rate_is_errors_in_invocations_of_this_agent_here" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.error_rate.alarm_name == "vitracka-test-test-agent-error-rate" && aws_cloudwatch_metric_alarm.error_rate.threshold == 5 && aws_cloudwatch_metric_alarm.error_rate.comparison_operator == "GreaterThanThreshold"
    error_message = "The alarm has to go off above 5 %."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.error_rate.metric_query : query.expression if query.return_data] == ["100 * FILL(errors, 0) / invocations"]
    error_message = "The alarm has to look at failed invocations in per cent of all."
  }

  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.error_rate.metric_query : query.id => [query.metric[0].namespace, query.metric[0].metric_name, query.metric[0].stat, query.metric[0].period] if !query.return_data } == {
      errors      = ["Vitracka/Agents", "Errors", "Sum", 60]
      invocations = ["Vitracka/Agents", "Invocations", "Sum", 60]
    }
    error_message = "The alarm has to read the metrics that agents write."
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.error_rate.metric_query : query.metric[0].dimensions == tomap({ Agent = "test-agent", Environment = "test" }) if !query.return_data])
    error_message = "The alarm has to read this agent's metrics in this environment."
  }
}

run "duration_is_compared_in_milliseconds" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.duration.threshold == 30000 && aws_cloudwatch_metric_alarm.duration.metric_name == "Duration" && aws_cloudwatch_metric_alarm.duration.extended_statistic == "p99"
    error_message = "The alarm has to go off when the slowest per cent takes more than 30 s."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.duration.dimensions == tomap({ Agent = "test-agent", Environment = "test" })
    error_message = "The alarm has to read this agent's metrics in this environment."
  }
}

run "both_tell_the_topic_and_name_their_runbook" {
  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.error_rate, aws_cloudwatch_metric_alarm.duration] :
      alarm.actions_enabled && alarm.alarm_actions == toset([var.topic_arn]) && alarm.ok_actions == toset([var.topic_arn]) && alarm.treat_missing_data == "notBreaching" && alarm.evaluation_periods == 5 && alarm.datapoints_to_alarm == 3
    ])
    error_message = "Both alarms have to tell the topic when three minutes of five were bad and when it is over, and to stay silent without traffic."
  }

  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.error_rate.alarm_description, "Runbook: runbooks/error-rate.md") && endswith(aws_cloudwatch_metric_alarm.duration.alarm_description, "Runbook: runbooks/duration.md")
    error_message = "An alarm has to name its runbook."
  }

  assert {
    condition     = output.alarm_names == ["vitracka-test-test-agent-duration", "vitracka-test-test-agent-error-rate"]
    error_message = "Both alarms have to be named."
  }
}

run "thresholds_are_the_environments" {
  variables {
    error_rate_percent = 1
    duration_seconds   = 24
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.error_rate.threshold == 1 && aws_cloudwatch_metric_alarm.duration.threshold == 24000
    error_message = "The thresholds have to reach the alarms."
  }
}

run "refuses_an_error_rate_that_never_happens" {
  command = plan

  variables {
    error_rate_percent = 100
  }

  expect_failures = [var.error_rate_percent]
}

run "refuses_a_duration_of_nothing" {
  command = plan

  variables {
    duration_seconds = 0
  }

  expect_failures = [var.duration_seconds]
}
