variable "name" {
  description = "Name of the repository: PROJECT/AGENT, for example vitracka/test-agent."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$", var.name))
    error_message = "name must be PROJECT/AGENT in lower-case letters, digits and single hyphens, for example vitracka/test-agent."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the images. It can't be changed on a repository that exists: AWS would replace the repository."
  type        = string
}

variable "images_kept" {
  description = "How many of its newest images the repository keeps; older ones expire."
  type        = number
  default     = 30

  validation {
    condition     = var.images_kept >= 2 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept must be a whole number from 2: with fewer there is nothing to roll back to."
  }
}

variable "force_delete" {
  description = "Whether destroying the repository deletes the images in it. Only for environments that are thrown away."
  type        = bool
  default     = false
}
