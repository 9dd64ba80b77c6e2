# https://docs.aws.amazon.com/secretsmanager/latest/userguide/intro.html

resource "aws_secretsmanager_secret" "this" {
  name                    = var.name
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

# Write-only: Terraform remembers the version's number, never the value.
# https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments
resource "aws_secretsmanager_secret_version" "this" {
  count = var.value_version > 0 ? 1 : 0

  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = var.value
  secret_string_wo_version = var.value_version
}
