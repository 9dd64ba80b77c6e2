variable "name" {
  description = "Name of the topic, for example vitracka-staging-alarms."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,256}$", var.name))
    error_message = "name must be at most 256 letters, digits, underscores or hyphens."
  }
}

variable "account_id" {
  description = "AWS account whose alarms may publish to the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts messages at rest. Its policy must let CloudWatch use it for this topic."
  type        = string
}

variable "emails" {
  description = "Addresses that are told. Each has to confirm its subscription once."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails must be addresses, for example oncall@example.com."
  }
}
