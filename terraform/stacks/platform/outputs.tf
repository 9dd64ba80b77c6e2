output "vpc_id" {
  description = "ID of the VPC."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "IDs of the private subnets that tasks run in."
  value       = module.network.private_subnet_ids
}

output "task_egress_security_group_id" {
  description = "ID of the security group that lets a task reach the endpoints."
  value       = module.network.task_egress_security_group_id
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = module.cluster.cluster_arn
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.cluster.cluster_name
}

output "load_balancer_name" {
  description = "Name of the load balancer."
  value       = module.load_balancer.name
}

output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = module.load_balancer.arn
}

output "load_balancer_dns_name" {
  description = "Name under which callers find the load balancer."
  value       = module.load_balancer.dns_name
}

output "load_balancer_security_group_id" {
  description = "ID of the load balancer's security group."
  value       = module.load_balancer.security_group_id
}

output "load_balancer_idle_timeout_seconds" {
  description = "Seconds that a connection to the load balancer may be silent."
  value       = module.load_balancer.idle_timeout_seconds
}

output "listener_arn" {
  description = "ARN of the listener that agents add their rules to."
  value       = module.load_balancer.listener_arn
}

output "alarm_topic_arn" {
  description = "ARN of the topic that alarms report to."
  value       = module.alarm_topic.topic_arn
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts logs, secrets and alarm messages."
  value       = module.encryption.key_arn
}
