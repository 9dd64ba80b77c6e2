variable "name" {
  description = "Name of the load balancer, for example vitracka-staging."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$", var.name)) && !startswith(var.name, "internal-")
    error_message = "name must be at most 32 letters, digits or hyphens, neither beginning nor ending with a hyphen, and not beginning with internal-."
  }
}

variable "vpc_id" {
  description = "ID of the VPC it stands in."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of its subnets, at least two in different zones: private ones where it is internal, public ones otherwise."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name at least two subnets in different zones."
  }
}

variable "internal" {
  description = "Whether it has private addresses only."
  type        = bool
  default     = true

  validation {
    condition     = var.internal || var.certificate_arn != null
    error_message = "A load balancer that is not internal must have a certificate: set certificate_arn, or internal to true."
  }
}

variable "certificate_arn" {
  description = "ARN of the ACM certificate. With it callers are served over HTTPS and HTTP only redirects; without it they are served over plain HTTP."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate, for example arn:aws:acm:us-east-1:111122223333:certificate/0000-...."
  }
}

variable "ssl_policy" {
  description = "AWS's name for the TLS versions and ciphers of the HTTPS listener."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-3-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "ssl_policy must be one of AWS's TLS 1.3 policies that go no lower than TLS 1.2, for example ELBSecurityPolicy-TLS13-1-2-Res-2021-06."
  }
}

variable "allowed_cidrs" {
  description = "Address ranges that may call it."
  type        = set(string)

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs must be at least one IPv4 range, for example 10.20.0.0/16."
  }

  validation {
    condition     = !var.internal || !contains(var.allowed_cidrs, "0.0.0.0/0")
    error_message = "allowed_cidrs of an internal load balancer must not be everybody (0.0.0.0/0): name the ranges that call it."
  }
}

variable "idle_timeout_seconds" {
  description = "Seconds a connection may be silent. It has to exceed the longest time an agent may think."
  type        = number
  default     = 120

  validation {
    condition     = var.idle_timeout_seconds >= 1 && var.idle_timeout_seconds <= 4000
    error_message = "idle_timeout_seconds must be 1 to 4000: the load balancer allows no other."
  }
}

variable "deletion_protection" {
  description = "Whether it refuses to be deleted."
  type        = bool
  default     = true
}
