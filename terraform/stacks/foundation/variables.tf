variable "project" {
  description = "Name of the project: the first part of every repository's name and the value of the tag Project."
  type        = string
  default     = "vitracka"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 16 lower-case letters, digits or hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "AWS region of the state bucket and the repositories, for example us-east-1."
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

variable "state_bucket" {
  description = "Name of the bucket that holds Terraform's state. It exists before this stack does (the stack's own state lies in it) and is adopted here."
  type        = string
}

variable "agents" {
  description = "Names of the agents that need a repository, for example [\"test-agent\"]."
  type        = set(string)

  validation {
    condition     = alltrue([for agent in var.agents : can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", agent))])
    error_message = "agents must be names of 3 to 40 lower-case letters, digits or hyphens, each beginning with a letter."
  }
}

variable "images_kept" {
  description = "How many of its newest images a repository keeps; older ones expire."
  type        = number
  default     = 30
}

variable "repository_force_delete" {
  description = "Whether destroying a repository deletes the images in it. Only for environments that are thrown away."
  type        = bool
  default     = false
}

variable "key_deletion_window_days" {
  description = "Days between the destruction of the key and its deletion, in which it can still be recovered (7 to 30)."
  type        = number
  default     = 30
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
