# Applied once per agent and environment, each with a state of its own: breaking one agent can't touch another.

locals {
  prefix = "${var.project}-${var.environment}"
  name   = "${local.prefix}-${var.agent.name}"
  path   = "${var.project}/${var.environment}/${var.agent.name}"
  image  = "${var.repository_url}@${var.agent.image_digest}"

  # What agent_runtime reads. Where no value is managed for the keys, the agent is not told of the secret.
  environment = merge(
    var.agent.environment,
    {
      PORT                  = tostring(var.agent.container_port)
      AGENT_ENVIRONMENT     = var.environment
      AGENT_VERSION         = var.agent.version
      AGENT_CONCURRENCY     = tostring(var.agent.concurrency)
      AGENT_TIMEOUT_SECONDS = tostring(var.agent.timeout_seconds)
      AGENT_MODEL_ID        = var.agent.model_id
      AWS_REGION            = var.region
    },
    var.api_keys_version > 0 ? { AGENT_API_KEYS_SECRET = module.api_keys.secret_arn } : {},
  )
}

module "log_group" {
  source = "../../modules/log_group"

  name           = "/${local.path}"
  retention_days = var.log_retention_days
  kms_key_arn    = var.platform.kms_key_arn
}

module "api_keys" {
  source = "../../modules/secret"

  name                 = coalesce(var.secrets.api_keys_name, "${local.path}/api-keys")
  description          = "API keys that callers of ${var.agent.name} in ${var.environment} may use."
  kms_key_arn          = var.platform.kms_key_arn
  value                = var.api_keys
  value_version        = var.api_keys_version
  recovery_window_days = var.secrets.recovery_window_days
}

module "roles" {
  source = "../../modules/agent_roles"

  name                = local.name
  region              = var.region
  account_id          = var.account_id
  repository_arn      = var.repository_arn
  log_group_arn       = module.log_group.arn
  api_keys_secret_arn = module.api_keys.secret_arn
  kms_key_arn         = var.platform.kms_key_arn
  models              = var.agent.models_allowed
}

module "service" {
  source = "../../modules/agent_service"

  name           = var.agent.name
  prefix         = local.prefix
  region         = var.region
  cluster_arn    = var.platform.cluster_arn
  image          = local.image
  environment    = local.environment
  log_group_name = module.log_group.name

  network = {
    vpc_id                        = var.platform.vpc_id
    subnet_ids                    = var.platform.private_subnet_ids
    task_egress_security_group_id = var.platform.task_egress_security_group_id
  }

  load_balancer = {
    listener_arn         = var.platform.listener_arn
    listener_priority    = var.agent.listener_priority
    security_group_id    = var.platform.load_balancer_security_group_id
    idle_timeout_seconds = var.platform.load_balancer_idle_timeout_seconds
  }

  size = {
    cpu              = var.agent.cpu
    memory           = var.agent.memory
    cpu_architecture = var.agent.cpu_architecture
  }

  service = {
    container_port       = var.agent.container_port
    desired_count        = var.agent.desired_count
    timeout_seconds      = var.agent.timeout_seconds
    stop_timeout_seconds = var.agent.stop_timeout_seconds
    health_grace_seconds = var.agent.health_grace_seconds
  }

  roles = {
    execution_arn = module.roles.execution_role_arn
    task_arn      = module.roles.task_role_arn
  }
}

module "alarms" {
  source = "../../modules/agent_alarms"

  name               = local.name
  agent              = var.agent.name
  environment        = var.environment
  topic_arn          = var.platform.alarm_topic_arn
  error_rate_percent = var.alarms.error_rate_percent
  duration_seconds   = var.alarms.duration_seconds
}
