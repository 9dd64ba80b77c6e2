variable "name" {
  description = "Name of the log group, for example /vitracka/staging/test-agent."
  type        = string

  validation {
    condition     = can(regex("^/[a-zA-Z0-9_/.#-]{1,511}$", var.name))
    error_message = "name must begin with a slash and hold letters, digits or _/.#- characters only."
  }
}

variable "retention_days" {
  description = "Days that a log event is kept."
  type        = number

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.retention_days
    )
    error_message = "retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the log group. Its policy must let CloudWatch Logs use it for this name."
  type        = string
}
