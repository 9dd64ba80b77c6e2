output "alarm_names" {
  description = "Names of the alarms."
  value = [
    aws_cloudwatch_metric_alarm.duration.alarm_name,
    aws_cloudwatch_metric_alarm.error_rate.alarm_name,
  ]
}
