variable "name" {
  description = "Name that both roles begin with, for example vitracka-staging-test-agent."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9+=,.@_-]{1,54}$", var.name))
    error_message = "name must be at most 54 letters, digits or +=,.@_- characters: IAM allows 64, and the longer role's name adds ten."
  }
}

variable "region" {
  description = "AWS region of the agent."
  type        = string
}

variable "account_id" {
  description = "AWS account of the agent."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the only repository the tasks may pull from."
  type        = string

  validation {
    condition     = can(regex("^arn:aws:ecr:[a-z0-9-]+:[0-9]{12}:repository/[^*]+$", var.repository_arn))
    error_message = "repository_arn must be the ARN of one ECR repository, without a wildcard."
  }
}

variable "log_group_arn" {
  description = "ARN of the only log group the tasks may write to, without the `:*` that stands for its streams."
  type        = string
}

variable "api_keys_secret_arn" {
  description = "ARN of the only secret the agent may read."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the secret. The role may use it for this secret alone."
  type        = string
}

variable "models" {
  description = "The models the agent may call: ids of models (anthropic.claude-haiku-5-5) or of inference profiles, which have a geography in front (us., eu., global., ...)."
  type        = set(string)

  validation {
    condition     = length(var.models) > 0
    error_message = "models must name at least one model: an agent without one can't answer."
  }

  validation {
    condition     = alltrue([for model in var.models : can(regex("^([a-z-]+\\.)?[a-z0-9]+\\.[a-z0-9][a-z0-9.:-]*$", model))])
    error_message = "models must be ids of Bedrock models or inference profiles, for example us.anthropic.claude-haiku-5-5, without wildcards."
  }
}
