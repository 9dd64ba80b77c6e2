# Applied once per environment: what its agents stand on.

locals {
  name = "${var.project}-${var.environment}"
}

module "encryption" {
  source = "../../modules/encryption"

  name                 = local.name
  description          = "Encrypts the logs, secrets and alarm messages of ${var.project} in ${var.environment}."
  region               = var.region
  account_id           = var.account_id
  deletion_window_days = var.key_deletion_window_days
  alarm_topic_prefixes = ["${local.name}-"]

  log_group_prefixes = [
    "/${var.project}/${var.environment}/",
    "/aws/ecs/containerinsights/${local.name}/",
  ]
}

module "network" {
  source = "../../modules/network"

  name                = local.name
  region              = var.region
  account_id          = var.account_id
  cidr                = var.network.cidr
  availability_zones  = var.network.availability_zones
  interface_endpoints = var.interface_endpoints
  public_subnets      = !var.load_balancer.internal
}

module "load_balancer" {
  source = "../../modules/load_balancer"

  name                 = local.name
  vpc_id               = module.network.vpc_id
  subnet_ids           = var.load_balancer.internal ? module.network.private_subnet_ids : module.network.public_subnet_ids
  internal             = var.load_balancer.internal
  certificate_arn      = var.load_balancer.certificate_arn
  allowed_cidrs        = coalesce(var.load_balancer.allowed_cidrs, [var.network.cidr])
  idle_timeout_seconds = var.load_balancer.idle_timeout_seconds
  deletion_protection  = var.load_balancer.deletion_protection
}

# Made before the cluster: ECS would make it by itself, unencrypted.
module "container_insights_log" {
  source = "../../modules/log_group"
  count  = var.features.container_insights ? 1 : 0

  name           = "/aws/ecs/containerinsights/${local.name}/performance"
  retention_days = var.log_retention_days
  kms_key_arn    = module.encryption.key_arn
}

module "cluster" {
  source = "../../modules/cluster"

  name               = local.name
  container_insights = var.features.container_insights

  depends_on = [module.container_insights_log]
}

module "alarm_topic" {
  source = "../../modules/alarm_topic"

  name        = "${local.name}-alarms"
  account_id  = var.account_id
  kms_key_arn = module.encryption.key_arn
  emails      = var.alarm_emails
}
