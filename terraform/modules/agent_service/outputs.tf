output "service_name" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "task_definition_arn" {
  description = "ARN of the task definition's revision that the service is meant to run."
  value       = aws_ecs_task_definition.this.arn
}

output "target_group_arn" {
  description = "ARN of the target group that the tasks register in."
  value       = aws_lb_target_group.this.arn
}
