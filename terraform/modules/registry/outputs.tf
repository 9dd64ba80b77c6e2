output "repository_url" {
  description = "Address that images are pushed to and pulled from, without tag or digest."
  value       = aws_ecr_repository.this.repository_url
}

output "repository_arn" {
  description = "ARN of the repository."
  value       = aws_ecr_repository.this.arn
}
