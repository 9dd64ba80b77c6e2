variable "bucket" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits or hyphens. Dots are legal but break TLS on virtual-hosted addresses."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the bucket's objects."
  type        = string
}
