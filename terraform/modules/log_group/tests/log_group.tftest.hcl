mock_provider "aws" {}

variables {
  name           = "/vitracka/test/test-agent"
  retention_days = 7
  kms_key_arn    = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "logs_are_encrypted_and_end" {
  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "The log has to be encrypted with the key given."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 7
    error_message = "retention_days has to reach the log group."
  }
}

run "refuses_a_retention_that_cloudwatch_has_not" {
  command = plan

  variables {
    retention_days = 8
  }

  expect_failures = [var.retention_days]
}

run "refuses_logs_without_an_end" {
  command = plan

  variables {
    retention_days = 0
  }

  expect_failures = [var.retention_days]
}

run "refuses_a_name_without_a_slash_in_front" {
  command = plan

  variables {
    name = "test-agent"
  }

  expect_failures = [var.name]
}
