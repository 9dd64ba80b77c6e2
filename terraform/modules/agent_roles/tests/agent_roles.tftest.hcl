mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/mocked"
    }
  }
}

variables {
  name                = "vitracka-test-test-agent"
  region              = "us-east-1"
  account_id          = "111122223333"
  repository_arn      = "arn:aws:ecr:us-east-1:111122223333:repository/vitracka/test-agent"
  log_group_arn       = "arn:aws:logs:us-east-1:111122223333:log-group:/vitracka/test/test-agent"
  api_keys_secret_arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:vitracka/test/test-agent/api-keys-AbCdEf"
  kms_key_arn         = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  models              = ["anthropic.claude-haiku-5-5"]
}

run "only_tasks_of_this_account_take_the_roles" {
  assert {
    condition = alltrue([
      for role in [aws_iam_role.execution, aws_iam_role.task] : jsondecode(role.assume_role_policy).Statement == [
        {
          Sid       = "TasksOfThisAccount"
          Effect    = "Allow"
          Principal = { Service = "ecs-tasks.amazonaws.com" }
          Action    = "sts:AssumeRole"
          Condition = {
            StringEquals = { "aws:SourceAccount" = "111122223333" }
            ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:us-east-1:111122223333:*" }
          }
        }
      ]
    ])
    error_message = "Nobody but ECS may take the roles, for tasks of this account and region."
  }

  assert {
    condition     = aws_iam_role.execution.name == "vitracka-test-test-agent-execution" && aws_iam_role.task.name == "vitracka-test-test-agent-task"
    error_message = "The two roles have to be apart and bear the agent's name."
  }
}

run "the_execution_role_pulls_its_image_and_writes_its_log_and_no_more" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid => [statement.Effect, statement.Action, statement.Resource] } == {
      RegistryToken         = ["Allow", ["ecr:GetAuthorizationToken"], "*"]
      PullFromOwnRepository = ["Allow", ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], var.repository_arn]
      WriteOwnLog           = ["Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], "${var.log_group_arn}:*"]
    }
    error_message = "The execution role may do something else than start its own tasks."
  }
}

run "the_task_role_calls_its_model_and_reads_its_keys_and_no_more" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Sid => [statement.Effect, statement.Action, statement.Resource] } == {
      ModelsNamed       = ["Allow", ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"], ["arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5"]]
      ReadOwnApiKeys    = ["Allow", ["secretsmanager:GetSecretValue"], var.api_keys_secret_arn]
      DecryptOwnApiKeys = ["Allow", ["kms:Decrypt"], var.kms_key_arn]
    }
    error_message = "The task role may do something else than run its agent."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Condition if statement.Sid == "DecryptOwnApiKeys"] == [
      {
        StringEquals = {
          "kms:EncryptionContext:SecretARN" = var.api_keys_secret_arn
          "kms:ViaService"                  = "secretsmanager.us-east-1.amazonaws.com"
        }
      }
    ]
    error_message = "The key may be used for the agent's own secret alone, through Secrets Manager."
  }
}

run "a_profiles_model_can_be_called_through_the_profile_only" {
  variables {
    models = ["us.anthropic.claude-haiku-5-5"]
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Sid => statement.Resource if contains(statement.Action, "bedrock:InvokeModel") } == {
      ProfilesNamed                       = ["arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-5-5"]
      ModelBehindUsAnthropicClaudeHaiku55 = ["arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku-5-5"]
    }
    error_message = "A profile needs rights on itself and on the model behind it, in whatever region."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Condition if startswith(statement.Sid, "ModelBehind")] == [{ ArnEquals = { "bedrock:InferenceProfileArn" = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-5-5" } }]
    error_message = "The model must not be callable but through its profile."
  }
}

run "a_global_profile_also_needs_the_model_without_a_region" {
  variables {
    models = ["global.anthropic.claude-sonnet-5-5", "anthropic.claude-haiku-4-5-20251001-v1:0"]
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Resource if startswith(statement.Sid, "ModelBehind")] == [["arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-5-5", "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-5-5"]]
    error_message = "A global profile calls its model also by the ARN without a region."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Resource if statement.Sid == "ModelsNamed"] == [["arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"]]
    error_message = "A model without a geography is called in this region only."
  }
}

run "statement_ids_are_what_iam_accepts" {
  variables {
    models = ["us.anthropic.claude-haiku-5-5", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-5-5"]
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : can(regex("^[A-Za-z0-9]+$", statement.Sid))])
    error_message = "IAM takes letters and digits only in a Sid."
  }
}

run "refuses_an_agent_without_a_model" {
  command = plan

  variables {
    models = []
  }

  expect_failures = [var.models]
}

run "refuses_every_model_at_once" {
  command = plan

  variables {
    models = ["anthropic.*"]
  }

  expect_failures = [var.models]
}

run "refuses_every_repository_at_once" {
  command = plan

  variables {
    repository_arn = "arn:aws:ecr:us-east-1:111122223333:repository/vitracka/*"
  }

  expect_failures = [var.repository_arn]
}

run "refuses_a_name_too_long_for_iam" {
  command = plan

  variables {
    name = "vitracka-production-an-agent-with-a-name-that-is-too-long-for-iam"
  }

  expect_failures = [var.name]
}
