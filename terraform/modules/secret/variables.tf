variable "name" {
  description = "Name of the secret, for example vitracka/staging/test-agent/api-keys."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_+=.@-]{1,500}$", var.name))
    error_message = "name must be at most 500 letters, digits or /_+=.@- characters."
  }
}

variable "description" {
  description = "What the secret is for, as a sentence for people who find it in the console. Never a value."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the secret."
  type        = string
}

variable "value" {
  description = "The secret's value. It is sent to Secrets Manager and kept in no plan and no state."
  type        = string
  default     = null
  ephemeral   = true
}

variable "value_version" {
  description = "Counts the values: raise it to have the value of `value` written. 0: the value is not managed here."
  type        = number
  default     = 0

  validation {
    condition     = var.value_version >= 0 && floor(var.value_version) == var.value_version
    error_message = "value_version must be a whole number from 0: it only ever counts up."
  }
}

variable "recovery_window_days" {
  description = "Days that the secret can still be recovered after it was destroyed: 7 to 30, or 0 for gone at once."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days must be 0 or 7 to 30: AWS allows no other window."
  }
}
