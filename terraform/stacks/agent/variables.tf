variable "project" {
  description = "Name of the project: the first part of every name and the value of the tag Project."
  type        = string
  default     = "vitracka"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 16 lower-case letters, digits or hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "Name of the environment, for example staging: the second part of every name and the value of the tag Environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,10}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 12 lower-case letters, digits or hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "AWS region of the environment, for example us-east-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of an AWS region, for example us-east-1."
  }
}

variable "account_id" {
  description = "The only AWS account this stack may be applied to."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the twelve digits of an AWS account."
  }
}

variable "platform" {
  description = "What the agent stands on: the outputs of the stack platform in the same environment."
  type = object({
    vpc_id                             = string
    private_subnet_ids                 = list(string)
    task_egress_security_group_id      = string
    cluster_arn                        = string
    listener_arn                       = string
    load_balancer_security_group_id    = string
    load_balancer_idle_timeout_seconds = number
    alarm_topic_arn                    = string
    kms_key_arn                        = string
  })
}

variable "repository_url" {
  description = "Where the image is pulled from: the repository's address without tag or digest."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the only repository the agent's tasks may pull from."
  type        = string
}

variable "agent" {
  description = "The agent: its image by digest and the version it claims to be, its size (CPU units, MiB), its limits (requests at once, seconds), the model it calls and the models it may call, its place on the listener, and environment variables beside those the stack sets."
  type = object({
    name                 = string
    image_digest         = string
    version              = string
    cpu                  = number
    memory               = number
    cpu_architecture     = optional(string, "ARM64")
    container_port       = optional(number, 8000)
    desired_count        = number
    concurrency          = number
    timeout_seconds      = number
    stop_timeout_seconds = number
    health_grace_seconds = optional(number, 60)
    model_id             = string
    models_allowed       = list(string)
    listener_priority    = number
    environment          = optional(map(string), {})
  })

  validation {
    condition     = contains(var.agent.models_allowed, var.agent.model_id)
    error_message = "agent.model_id must be one of agent.models_allowed: its role could not call it otherwise."
  }

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.agent.image_digest))
    error_message = "agent.image_digest must be sha256: and 64 hexadecimal digits."
  }

  validation {
    condition     = var.agent.concurrency >= 1 && floor(var.agent.concurrency) == var.agent.concurrency
    error_message = "agent.concurrency must be a whole number from 1."
  }

  validation {
    condition = length(setintersection(keys(var.agent.environment), [
      "PORT", "AGENT_ENVIRONMENT", "AGENT_VERSION", "AGENT_CONCURRENCY", "AGENT_TIMEOUT_SECONDS", "AGENT_MODEL_ID",
      "AGENT_API_KEYS_SECRET", "AWS_REGION",
    ])) == 0
    error_message = "agent.environment must not name a variable that this stack sets itself: change the setting it comes from."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the agent's log."
  type        = number
}

variable "alarms" {
  description = "When the agent's alarms go off: per cent of invocations that fail, and seconds that the slowest per cent of invocations take."
  type = object({
    error_rate_percent = optional(number, 5)
    duration_seconds   = optional(number, 30)
  })
  default = {}
}

variable "secrets" {
  description = "The secret with the agent's API keys: its name (none: PROJECT/ENVIRONMENT/AGENT/api-keys) and the days it can still be recovered after a destroy (7 to 30, or 0: gone at once)."
  type = object({
    api_keys_name        = optional(string)
    recovery_window_days = optional(number, 30)
  })
  default = {}
}

variable "api_keys" {
  description = "The API keys that callers may use, as the JSON text the agent reads. It is written to Secrets Manager and kept in no plan and no state."
  type        = string
  default     = null
  ephemeral   = true
}

variable "api_keys_version" {
  description = "Counts the values of api_keys: raise it to have a new value written. 0: no value is managed here, and the agent is told of no keys."
  type        = number
  default     = 0
}

variable "tags" {
  description = "Tags beside Project, Environment, Agent and ManagedBy that everything here carries, for example Owner and CostCenter."
  type        = map(string)
  default     = {}
}

variable "provider_settings" {
  description = "How the AWS provider behaves. The defaults are for AWS; an emulator needs path-style S3 addresses and no checks of its credentials."
  type = object({
    skip_credentials_validation = optional(bool, false)
    skip_metadata_api_check     = optional(bool, false)
    skip_requesting_account_id  = optional(bool, false)
    s3_use_path_style           = optional(bool, false)
  })
  default = {}
}
