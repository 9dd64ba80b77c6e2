mock_provider "aws" {}

variables {
  name        = "vitracka/test/test-agent/api-keys"
  description = "API keys of the tests."
  kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  value       = "canary-4711"
}

run "without_a_version_no_value_is_written" {
  assert {
    condition     = aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn
    error_message = "The secret has to be encrypted with the key given."
  }

  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "A destroyed secret has to stay recoverable for 30 days."
  }

  assert {
    condition     = length(aws_secretsmanager_secret_version.this) == 0
    error_message = "No version was given, and yet a value is managed."
  }
}

run "a_value_is_written_and_not_kept" {
  variables {
    value_version = 1
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this[0].secret_string_wo_version == 1
    error_message = "The value's number has to be kept: it is how a new one is noticed."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this[0].secret_string_wo == null
    error_message = "The value must not be kept in the state."
  }

  assert {
    condition     = !strcontains(jsonencode(aws_secretsmanager_secret_version.this[0]), "canary-4711")
    error_message = "The value must not be kept anywhere in the state."
  }
}

run "a_secret_may_go_at_once" {
  variables {
    recovery_window_days = 0
  }

  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 0
    error_message = "recovery_window_days has to reach the secret."
  }
}

run "refuses_a_recovery_window_that_aws_has_not" {
  command = plan

  variables {
    recovery_window_days = 3
  }

  expect_failures = [var.recovery_window_days]
}

run "refuses_a_version_that_does_not_count" {
  command = plan

  variables {
    value_version = 1.5
  }

  expect_failures = [var.value_version]
}

run "refuses_a_name_with_spaces" {
  command = plan

  variables {
    name = "api keys"
  }

  expect_failures = [var.name]
}
