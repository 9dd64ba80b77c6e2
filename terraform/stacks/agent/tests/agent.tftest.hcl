mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:us-east-1:111122223333:log-group:/vitracka/test/test-agent"
    }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = {
      arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:vitracka/test/test-agent/api-keys-AbCdEf"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/mocked"
    }
  }

  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/mocked/1111111111111111"
    }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/vitracka-test-test-agent:1"
    }
  }
}

variables {
  environment        = "test"
  region             = "us-east-1"
  account_id         = "111122223333"
  repository_url     = "111122223333.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent"
  repository_arn     = "arn:aws:ecr:us-east-1:111122223333:repository/vitracka/test-agent"
  log_retention_days = 7
  api_keys           = "{\"keys\": [\"canary-4711\"]}"

  platform = {
    vpc_id                             = "vpc-11111111"
    private_subnet_ids                 = ["subnet-11111111", "subnet-22222222"]
    task_egress_security_group_id      = "sg-11111111"
    cluster_arn                        = "arn:aws:ecs:us-east-1:111122223333:cluster/vitracka-test"
    listener_arn                       = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
    load_balancer_security_group_id    = "sg-22222222"
    load_balancer_idle_timeout_seconds = 120
    alarm_topic_arn                    = "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
    kms_key_arn                        = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  }

  agent = {
    name                 = "test-agent"
    image_digest         = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    version              = "0.1.0-abc1234"
    cpu                  = 256
    memory               = 512
    desired_count        = 1
    concurrency          = 10
    timeout_seconds      = 30
    stop_timeout_seconds = 40
    model_id             = "anthropic.claude-haiku-5-5"
    models_allowed       = ["anthropic.claude-haiku-5-5"]
    listener_priority    = 10
    environment          = { AGENT_SESSION_STORE = "memory" }
  }
}

run "the_image_is_pinned_by_digest_and_names_tell_agent_and_environment" {
  assert {
    condition     = output.image == "111122223333.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    error_message = "The image has to be pinned by digest."
  }

  assert {
    condition     = output.service_name == "test-agent" && output.log_group_name == "/vitracka/test/test-agent"
    error_message = "Service and log group have to be named after the agent."
  }

  assert {
    condition     = output.alarm_names == ["vitracka-test-test-agent-duration", "vitracka-test-test-agent-error-rate"]
    error_message = "The agent has to have its alarms."
  }
}

run "the_agent_is_told_its_settings" {
  assert {
    condition = local.environment == {
      AGENT_CONCURRENCY     = "10"
      AGENT_ENVIRONMENT     = "test"
      AGENT_MODEL_ID        = "anthropic.claude-haiku-5-5"
      AGENT_SESSION_STORE   = "memory"
      AGENT_TIMEOUT_SECONDS = "30"
      AGENT_VERSION         = "0.1.0-abc1234"
      AWS_REGION            = "us-east-1"
      PORT                  = "8000"
    }
    error_message = "The agent has to be told its settings, and of no secret that holds no value."
  }
}

run "with_keys_the_agent_is_told_where_they_are_and_not_what" {
  variables {
    api_keys_version = 1
  }

  assert {
    condition     = local.environment["AGENT_API_KEYS_SECRET"] == "arn:aws:secretsmanager:us-east-1:111122223333:secret:vitracka/test/test-agent/api-keys-AbCdEf"
    error_message = "The agent has to be told where its keys are."
  }

  assert {
    condition     = !strcontains(jsonencode(local.environment), "canary-4711")
    error_message = "The agent's environment must not hold a key."
  }
}

run "the_secret_may_be_named_otherwise" {
  variables {
    secrets = {
      api_keys_name        = "other/api-keys"
      recovery_window_days = 0
    }
  }

  assert {
    condition     = output.api_keys_secret_arn != null
    error_message = "The secret has to exist under the name given."
  }
}

run "refuses_a_model_that_its_role_could_not_call" {
  command = plan

  variables {
    agent = {
      name                 = "test-agent"
      image_digest         = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
      version              = "0.1.0-abc1234"
      cpu                  = 256
      memory               = 512
      desired_count        = 1
      concurrency          = 10
      timeout_seconds      = 30
      stop_timeout_seconds = 40
      model_id             = "anthropic.claude-sonnet-5-5"
      models_allowed       = ["anthropic.claude-haiku-5-5"]
      listener_priority    = 10
    }
  }

  expect_failures = [var.agent]
}

run "refuses_a_digest_that_is_none" {
  command = plan

  variables {
    agent = {
      name                 = "test-agent"
      image_digest         = "latest"
      version              = "0.1.0-abc1234"
      cpu                  = 256
      memory               = 512
      desired_count        = 1
      concurrency          = 10
      timeout_seconds      = 30
      stop_timeout_seconds = 40
      model_id             = "anthropic.claude-haiku-5-5"
      models_allowed       = ["anthropic.claude-haiku-5-5"]
      listener_priority    = 10
    }
  }

  expect_failures = [var.agent]
}

run "refuses_to_serve_nobody" {
  command = plan

  variables {
    agent = {
      name                 = "test-agent"
      image_digest         = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
      version              = "0.1.0-abc1234"
      cpu                  = 256
      memory               = 512
      desired_count        = 1
      concurrency          = 0
      timeout_seconds      = 30
      stop_timeout_seconds = 40
      model_id             = "anthropic.claude-haiku-5-5"
      models_allowed       = ["anthropic.claude-haiku-5-5"]
      listener_priority    = 10
    }
  }

  expect_failures = [var.agent]
}

run "refuses_to_have_its_own_variables_overridden" {
  command = plan

  variables {
    agent = {
      name                 = "test-agent"
      image_digest         = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
      version              = "0.1.0-abc1234"
      cpu                  = 256
      memory               = 512
      desired_count        = 1
      concurrency          = 10
      timeout_seconds      = 30
      stop_timeout_seconds = 40
      model_id             = "anthropic.claude-haiku-5-5"
      models_allowed       = ["anthropic.claude-haiku-5-5"]
      listener_priority    = 10
      environment          = { PORT = "9000" }
    }
  }

  expect_failures = [var.agent]
}

run "refuses_what_is_no_account" {
  command = plan

  variables {
    account_id = "account"
  }

  expect_failures = [var.account_id]
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "virginia"
  }

  expect_failures = [var.region]
}

run "refuses_an_environment_in_capitals" {
  command = plan

  variables {
    environment = "Test"
  }

  expect_failures = [var.environment]
}

run "refuses_a_project_too_long_for_what_is_named_after_it" {
  command = plan

  variables {
    project = "vitracka-and-friends"
  }

  expect_failures = [var.project]
}
