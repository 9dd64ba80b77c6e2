output "secret_arn" {
  description = "ARN of the secret. Known once its value, where one is managed here, has been written."
  value       = aws_secretsmanager_secret.this.arn
  depends_on  = [aws_secretsmanager_secret_version.this]
}
