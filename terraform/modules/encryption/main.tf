locals {
  # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  # Without this statement nobody could administer the key. It gives no principal a right by itself: it lets the
  # account's IAM policies decide, and those of the agents' roles are limited to an encryption context.
  account_statement = {
    Sid       = "AccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  logs_statement = {
    Sid       = "LogGroupsOfThisPrefix"
    Effect    = "Allow"
    Principal = { Service = "logs.${var.region}.amazonaws.com" }
    Action = [
      "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo",
      "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey",
    ]
    Resource = "*"
    Condition = {
      ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = [
          for prefix in var.log_group_prefixes : "arn:aws:logs:${var.region}:${var.account_id}:log-group:${prefix}*"
        ]
      }
    }
  }

  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  alarms_statement = {
    Sid       = "AlarmsToTopicsOfThisPrefix"
    Effect    = "Allow"
    Principal = { Service = "cloudwatch.amazonaws.com" }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
    Resource  = "*"
    Condition = {
      StringEquals = { "aws:SourceAccount" = var.account_id }
      ArnLike = {
        "kms:EncryptionContext:aws:sns:topicArn" = [
          for prefix in var.alarm_topic_prefixes : "arn:aws:sns:${var.region}:${var.account_id}:${prefix}*"
        ]
      }
    }
  }

  statements = concat(
    [local.account_statement],
    length(var.log_group_prefixes) > 0 ? [local.logs_statement] : [],
    length(var.alarm_topic_prefixes) > 0 ? [local.alarms_statement] : [],
  )
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days

  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
