variable "name" {
  description = "Name of the service and its container: the agent's, for example test-agent."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 lower-case letters, digits or hyphens, beginning with a letter."
  }
}

variable "prefix" {
  description = "What stands before the agent's name where a name is shared with other environments: PROJECT-ENVIRONMENT, for example vitracka-staging."
  type        = string
}

variable "region" {
  description = "AWS region that the log goes to."
  type        = string
}

variable "network" {
  description = "Where tasks run: the VPC, its private subnets, and the security group that lets a task reach the endpoints."
  type = object({
    vpc_id                        = string
    subnet_ids                    = list(string)
    task_egress_security_group_id = string
  })
}

variable "cluster_arn" {
  description = "ARN of the cluster."
  type        = string
}

variable "load_balancer" {
  description = "How callers reach the agent: the listener, the rule's place on it (1 to 50000, each once), the load balancer's security group and its idle timeout in seconds."
  type = object({
    listener_arn         = string
    listener_priority    = number
    security_group_id    = string
    idle_timeout_seconds = number
  })

  validation {
    condition     = var.load_balancer.listener_priority >= 1 && var.load_balancer.listener_priority <= 50000
    error_message = "load_balancer.listener_priority must be 1 to 50000: the load balancer allows no other."
  }
}

variable "image" {
  description = "The image by digest: REPOSITORY@sha256:…"
  type        = string

  validation {
    condition     = can(regex("^[^@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be pinned by digest, for example 111122223333.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent@sha256:…: a tag may come to mean another image."
  }
}

variable "size" {
  description = "A task's CPU units (1024 are one vCPU), memory in MiB and processor."
  type = object({
    cpu              = number
    memory           = number
    cpu_architecture = optional(string, "ARM64")
  })

  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
  validation {
    condition = try(contains({
      256  = [512, 1024, 2048]
      512  = range(1024, 4096 + 1, 1024)
      1024 = range(2048, 8192 + 1, 1024)
      2048 = range(4096, 16384 + 1, 1024)
      4096 = range(8192, 30720 + 1, 1024)
    }[var.size.cpu], var.size.memory), false)
    error_message = "size.cpu and size.memory must be a pair that Fargate offers: 256 with 512, 1024 or 2048; 512 with 1024 to 4096; 1024 with 2048 to 8192; 2048 with 4096 to 16384; 4096 with 8192 to 30720 (in steps of 1024)."
  }

  validation {
    condition     = contains(["ARM64", "X86_64"], var.size.cpu_architecture)
    error_message = "size.cpu_architecture must be ARM64 or X86_64."
  }
}

variable "service" {
  description = "How it runs: the port it listens on, the tasks there are at first (the API owns the count afterwards), the seconds an invocation, a stop and a start may take."
  type = object({
    container_port       = optional(number, 8000)
    desired_count        = number
    timeout_seconds      = number
    stop_timeout_seconds = number
    health_grace_seconds = optional(number, 60)
  })

  validation {
    condition     = var.service.desired_count >= 0 && floor(var.service.desired_count) == var.service.desired_count
    error_message = "service.desired_count must be a whole number from 0."
  }

  validation {
    condition     = var.service.container_port >= 1024 && var.service.container_port <= 65535
    error_message = "service.container_port must be 1024 to 65535: the container has neither root nor the right to open a lower one."
  }

  validation {
    condition     = var.service.stop_timeout_seconds > var.service.timeout_seconds && var.service.stop_timeout_seconds <= 120
    error_message = "service.stop_timeout_seconds must exceed service.timeout_seconds, so that what was accepted is answered before the task is killed, and must not exceed 120, Fargate's limit."
  }

  validation {
    condition     = var.service.health_grace_seconds >= 0 && var.service.health_grace_seconds <= 300
    error_message = "service.health_grace_seconds must be 0 to 300: ECS allows no longer start period."
  }
}

variable "environment" {
  description = "The container's environment variables. Never a secret: they can be read by whoever may see the task definition."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "environment must have names in capital letters, digits and underscores."
  }

  validation {
    condition     = length(setintersection(keys(var.environment), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])) == 0
    error_message = "environment must not hold credentials of AWS: a task has those of its role."
  }
}

variable "roles" {
  description = "ARNs of the role ECS starts tasks with, and of the role the agent has."
  type = object({
    execution_arn = string
    task_arn      = string
  })
}

variable "log_group_name" {
  description = "Name of the log group that tasks write to."
  type        = string
}
