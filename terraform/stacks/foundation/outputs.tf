output "repository_urls" {
  description = "Address of each agent's repository, without tag or digest, by the agent's name."
  value       = { for agent, repository in module.registry : agent => repository.repository_url }
}

output "repository_arns" {
  description = "ARN of each agent's repository, by the agent's name."
  value       = { for agent, repository in module.registry : agent => repository.repository_arn }
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts images and state."
  value       = module.encryption.key_arn
}

output "state_bucket" {
  description = "Name of the bucket that holds Terraform's state."
  value       = module.state.bucket
}
