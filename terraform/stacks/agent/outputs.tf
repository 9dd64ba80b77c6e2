output "service_name" {
  description = "Name of the service."
  value       = module.service.service_name
}

output "task_definition_arn" {
  description = "ARN of the task definition's revision that the service is meant to run."
  value       = module.service.task_definition_arn
}

output "target_group_arn" {
  description = "ARN of the target group that the tasks register in."
  value       = module.service.target_group_arn
}

output "log_group_name" {
  description = "Name of the agent's log group."
  value       = module.log_group.name
}

output "api_keys_secret_arn" {
  description = "ARN of the secret with the agent's API keys."
  value       = module.api_keys.secret_arn
}

output "alarm_names" {
  description = "Names of the agent's alarms."
  value       = module.alarms.alarm_names
}

output "image" {
  description = "The image that the tasks are meant to run, by digest."
  value       = local.image
}
