variable "name" {
  description = "Name that everything in the network begins with, for example vitracka-staging."
  type        = string
}

variable "region" {
  description = "AWS region of the network."
  type        = string
}

variable "account_id" {
  description = "AWS account whose principals may use the endpoints."
  type        = string
}

variable "cidr" {
  description = "Address range of the VPC, a /16 to /20. Every subnet takes a sixteenth of it."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be an IPv4 range from /16 to /20, for example 10.20.0.0/16."
  }

  validation {
    condition     = try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must begin at its own network address, for example 10.20.0.0/16 instead of 10.20.0.1/16."
  }
}

variable "availability_zones" {
  description = "The two or three availability zones it spans. Zones may be appended later, not reordered: a subnet's range follows its place in the list."
  type        = list(string)

  validation {
    condition     = contains([2, 3], length(var.availability_zones)) && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must be two or three different zones: a load balancer needs two, and the address range has room for three."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : startswith(zone, var.region)])
    error_message = "availability_zones must lie in the region, for example us-east-1a in us-east-1."
  }
}

variable "interface_endpoints" {
  description = "Short names of the AWS services that tasks reach through a private interface endpoint, for example ecr.api."
  type        = list(string)

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)*$", service)) && !startswith(service, "com.")])
    error_message = "interface_endpoints must be short names such as ecr.api; the prefix com.amazonaws.REGION is added here."
  }

  validation {
    condition     = length(distinct(var.interface_endpoints)) == length(var.interface_endpoints)
    error_message = "interface_endpoints must name each service once."
  }
}

variable "public_subnets" {
  description = "Whether there are public subnets with an internet gateway, for a load balancer that the internet reaches. Tasks never run in them."
  type        = bool
  default     = false
}
