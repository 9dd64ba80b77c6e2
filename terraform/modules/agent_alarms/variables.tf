variable "name" {
  description = "Name that the alarms begin with, for example vitracka-staging-test-agent."
  type        = string
}

variable "agent" {
  description = "The agent's name, as its metrics carry it in the dimension Agent."
  type        = string
}

variable "environment" {
  description = "The environment's name, as the agent's metrics carry it in the dimension Environment."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the topic that is told when an alarm goes off and when it is over."
  type        = string
}

variable "error_rate_percent" {
  description = "Per cent of a minute's invocations that may fail."
  type        = number
  default     = 5

  validation {
    condition     = var.error_rate_percent > 0 && var.error_rate_percent < 100
    error_message = "error_rate_percent must lie between 0 and 100."
  }
}

variable "duration_seconds" {
  description = "Seconds that 99 per cent of a minute's invocations have to stay below."
  type        = number
  default     = 30

  validation {
    condition     = var.duration_seconds > 0
    error_message = "duration_seconds must be above 0."
  }
}
