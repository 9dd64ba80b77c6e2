variable "name" {
  description = "Name of the key's alias, without `alias/`, for example vitracka-staging."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,250}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name must be letters, digits, slashes, underscores or hyphens, and must not begin with aws/, which AWS keeps for its own keys."
  }
}

variable "description" {
  description = "What the key encrypts, as a sentence for people who find it in the console."
  type        = string
}

variable "region" {
  description = "AWS region of the services that use the key."
  type        = string
}

variable "account_id" {
  description = "AWS account whose principals and services may use the key."
  type        = string
}

variable "log_group_prefixes" {
  description = "CloudWatch Logs may use the key for log groups whose names begin with one of these. Empty: it may not use the key."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.log_group_prefixes : startswith(prefix, "/") && !strcontains(prefix, "*")])
    error_message = "log_group_prefixes must begin with a slash and name what they mean: a wildcard would open the key to other log groups."
  }
}

variable "alarm_topic_prefixes" {
  description = "CloudWatch alarms may use the key to publish to SNS topics whose names begin with one of these. Empty: they may not use the key."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.alarm_topic_prefixes : can(regex("^[a-zA-Z0-9_-]+$", prefix))])
    error_message = "alarm_topic_prefixes must be beginnings of topic names: letters, digits, underscores or hyphens."
  }
}

variable "deletion_window_days" {
  description = "Days between the destruction of the key and its deletion, in which it can still be recovered (7 to 30)."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30: AWS allows no other window."
  }
}
