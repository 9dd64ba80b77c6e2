output "topic_arn" {
  description = "ARN of the topic. Known once its policy lets alarms publish to it."
  value       = aws_sns_topic.this.arn
  depends_on  = [aws_sns_topic_policy.this]
}
