mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
    }
  }
}

variables {
  name        = "vitracka-test-alarms"
  account_id  = "111122223333"
  kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "messages_are_encrypted_and_come_from_this_account_over_tls" {
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "Messages have to be encrypted with the key given."
  }

  assert {
    condition = [for statement in jsondecode(aws_sns_topic_policy.this.policy).Statement : statement if statement.Effect == "Allow"] == [
      {
        Sid       = "AlarmsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
        Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      }
    ]
    error_message = "Only alarms of this account may publish."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.this.policy).Statement : statement.Condition if statement.Effect == "Deny"] == [{ Bool = { "aws:SecureTransport" = "false" } }]
    error_message = "The topic has to refuse what does not come over TLS."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Nobody was named, and yet somebody is told."
  }
}

run "each_address_is_told" {
  variables {
    emails = ["oncall@example.com", "team@example.com"]
  }

  assert {
    condition     = { for email, subscription in aws_sns_topic_subscription.email : email => "${subscription.protocol}:${subscription.endpoint}" } == { "oncall@example.com" = "email:oncall@example.com", "team@example.com" = "email:team@example.com" }
    error_message = "Each address has to be subscribed, once."
  }
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    emails = ["oncall"]
  }

  expect_failures = [var.emails]
}

run "refuses_a_name_that_sns_refuses" {
  command = plan

  variables {
    name = "alarms of vitracka"
  }

  expect_failures = [var.name]
}
