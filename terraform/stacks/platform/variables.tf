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

variable "network" {
  description = "Address range of the VPC (a /16 to /20) and the two or three availability zones it spans. Zones may be appended later, not reordered: a subnet's range follows its place in the list."
  type = object({
    cidr               = string
    availability_zones = list(string)
  })
}

variable "interface_endpoints" {
  description = "Short names of the AWS services that tasks reach through a private interface endpoint, for example [\"ecr.api\", \"logs\"]. There is no other way out of the VPC."
  type        = list(string)
  default = [
    "bedrock-runtime", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sts",
  ]
}

variable "load_balancer" {
  description = "The load balancer: whether only the VPC reaches it, its certificate (none: plain HTTP, allowed only where internal), who may call (CIDR ranges; none: the VPC), the seconds a connection may be silent, and whether it is protected against deletion."
  type = object({
    internal             = optional(bool, true)
    deletion_protection  = optional(bool, true)
    certificate_arn      = optional(string)
    allowed_cidrs        = optional(list(string))
    idle_timeout_seconds = optional(number, 120)
  })
  default = {}

  validation {
    condition     = var.load_balancer.internal || var.load_balancer.certificate_arn != null
    error_message = "load_balancer must have a certificate where it is not internal: set certificate_arn, or internal to true."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the platform's own logs."
  type        = number
}

variable "alarm_emails" {
  description = "Addresses that are told when an alarm goes off and when it is over. Each has to confirm its subscription once."
  type        = list(string)
  default     = []
}

variable "key_deletion_window_days" {
  description = "Days between the destruction of the key and its deletion, in which it can still be recovered (7 to 30)."
  type        = number
  default     = 30
}

variable "features" {
  description = "Parts of the platform that an environment may leave out."
  type = object({
    container_insights = optional(bool, true)
  })
  default = {}
}

variable "tags" {
  description = "Tags beside Project, Environment and ManagedBy that everything here carries, for example Owner and CostCenter."
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
