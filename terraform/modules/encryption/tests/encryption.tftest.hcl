mock_provider "aws" {}

variables {
  name        = "vitracka-test"
  description = "Encrypts what the tests write."
  region      = "us-east-1"
  account_id  = "111122223333"
}

run "by_default_only_the_account_itself_may_use_the_key" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key has to rotate."
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A destroyed key has to stay recoverable for 30 days."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Sid] == ["AccountDecidesByIam"]
    error_message = "No service was named, and yet one may use the key."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[0].Principal.AWS == "arn:aws:iam::111122223333:root"
    error_message = "The key has to belong to the account."
  }

  assert {
    condition     = aws_kms_alias.this.name == "alias/vitracka-test"
    error_message = "The alias has to bear the name."
  }
}

run "logs_may_use_it_for_the_named_groups_only" {
  variables {
    log_group_prefixes = ["/vitracka/test/"]
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Condition if statement.Sid == "LogGroupsOfThisPrefix"] == [
      { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:us-east-1:111122223333:log-group:/vitracka/test/*"] } }
    ]
    error_message = "CloudWatch Logs has to be limited to the log groups named."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal.Service if statement.Sid == "LogGroupsOfThisPrefix"] == ["logs.us-east-1.amazonaws.com"]
    error_message = "Only this region's CloudWatch Logs may use the key."
  }

  assert {
    condition     = !strcontains(aws_kms_key.this.policy, "cloudwatch.amazonaws.com")
    error_message = "No topic was named: alarms may not use the key."
  }
}

run "alarms_may_use_it_for_the_named_topics_only" {
  variables {
    alarm_topic_prefixes = ["vitracka-test-"]
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Condition if statement.Sid == "AlarmsToTopicsOfThisPrefix"] == [
      {
        ArnLike      = { "kms:EncryptionContext:aws:sns:topicArn" = ["arn:aws:sns:us-east-1:111122223333:vitracka-test-*"] }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
    ]
    error_message = "Alarms have to be limited to this account and the topics named."
  }
}

run "refuses_the_name_of_a_key_of_aws" {
  command = plan

  variables {
    name = "aws/ecr"
  }

  expect_failures = [var.name]
}

run "refuses_a_wildcard_for_log_groups" {
  command = plan

  variables {
    log_group_prefixes = ["/vitracka/*"]
  }

  expect_failures = [var.log_group_prefixes]
}

run "refuses_a_wildcard_for_topics" {
  command = plan

  variables {
    alarm_topic_prefixes = ["*"]
  }

  expect_failures = [var.alarm_topic_prefixes]
}

run "refuses_a_short_deletion_window" {
  command = plan

  variables {
    deletion_window_days = 6
  }

  expect_failures = [var.deletion_window_days]
}

run "refuses_a_long_deletion_window" {
  command = plan

  variables {
    deletion_window_days = 31
  }

  expect_failures = [var.deletion_window_days]
}
