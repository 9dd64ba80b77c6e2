variable "name" {
  description = "Name of the cluster, for example vitracka-staging."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9_-]{0,254}$", var.name))
    error_message = "name must be at most 255 letters, digits, underscores or hyphens, beginning with a letter."
  }
}

variable "container_insights" {
  description = "Whether CloudWatch collects metrics of each task and container (Container Insights with enhanced observability, billed per metric)."
  type        = bool
  default     = true
}
