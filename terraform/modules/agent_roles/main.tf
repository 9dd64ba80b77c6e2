locals {
  # Only ECS may take the roles, and only for tasks of this account and region (the confused deputy problem).
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#create_task_iam_policy_and_role
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TasksOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:${var.region}:${var.account_id}:*" }
        }
      },
    ]
  })

  invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]

  # A model's id is PROVIDER.MODEL; an inference profile's has a geography in front: GEOGRAPHY.PROVIDER.MODEL.
  # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
  geographies = ["us", "eu", "apac", "au", "ca", "jp", "us-gov", "global"]
  profile_ids = sort([for model in var.models : model if contains(local.geographies, split(".", model)[0])])
  model_ids   = sort([for model in var.models : model if !contains(local.geographies, split(".", model)[0])])

  model_statements = length(local.model_ids) == 0 ? [] : [
    {
      Sid      = "ModelsNamed"
      Effect   = "Allow"
      Action   = local.invoke
      Resource = [for id in local.model_ids : "arn:aws:bedrock:${var.region}::foundation-model/${id}"]
    },
  ]

  profile_statements = length(local.profile_ids) == 0 ? [] : [
    {
      Sid      = "ProfilesNamed"
      Effect   = "Allow"
      Action   = local.invoke
      Resource = [for id in local.profile_ids : "arn:aws:bedrock:${var.region}:${var.account_id}:inference-profile/${id}"]
    },
  ]

  # A profile sends a call to any region of its geography, and a global one to the model's ARN without a region, so the
  # region can't be named. The condition keeps the model from being called in any way but through its profile.
  # https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
  # https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
  behind_profile_statements = [
    for id in local.profile_ids : {
      Sid    = "ModelBehind${replace(title(replace(id, "/[^a-z0-9]/", " ")), " ", "")}"
      Effect = "Allow"
      Action = local.invoke
      Resource = [
        for region in startswith(id, "global.") ? ["*", ""] : ["*"] :
        "arn:aws:bedrock:${region}::foundation-model/${join(".", slice(split(".", id), 1, length(split(".", id))))}"
      ]
      Condition = {
        ArnEquals = { "bedrock:InferenceProfileArn" = "arn:aws:bedrock:${var.region}:${var.account_id}:inference-profile/${id}" }
      }
    }
  ]
}

################################################################################
# Execution role: what ECS does to start a task
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
################################################################################

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "ECS starts the agent's tasks with it: pulls the image, writes the log."
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "execution" {
  name = "start-task"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # AWS can't scope this action. The token opens only the repositories that the next statement names.
        Sid      = "RegistryToken"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*"
      },
      {
        Sid      = "PullFromOwnRepository"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = var.repository_arn
      },
      {
        Sid      = "WriteOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${var.log_group_arn}:*"
      },
    ]
  })
}

################################################################################
# Task role: what the agent itself does
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
################################################################################

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  description        = "The agent itself has it: calls its models, reads its API keys."
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "task" {
  name = "run-agent"
  role = aws_iam_role.task.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.model_statements,
      local.profile_statements,
      local.behind_profile_statements,
      [
        {
          Sid      = "ReadOwnApiKeys"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = var.api_keys_secret_arn
        },
        {
          Sid      = "DecryptOwnApiKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = var.kms_key_arn
          Condition = {
            StringEquals = {
              "kms:EncryptionContext:SecretARN" = var.api_keys_secret_arn
              "kms:ViaService"                  = "secretsmanager.${var.region}.amazonaws.com"
            }
          }
        },
      ],
    )
  })
}
