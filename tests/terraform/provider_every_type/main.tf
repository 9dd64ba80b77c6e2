# Every resource type and data source that the offline provider maps, with more arguments than the stacks use.
# tests/terraform/test_provider_apply.py applies it and compares what boto3 reads with what is written here.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

variable "secret_value" {
  type      = string
  ephemeral = true
}

variable "secret_version" {
  type    = number
  default = 1
}

variable "alarm_threshold" {
  type    = number
  default = 5
}

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["000000000000"]

  default_tags {
    tags = { Project = "every-type", Owner = "provider" }
  }
}

################################################################################
# Data sources
################################################################################

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

data "aws_availability_zones" "this" {
  state = "available"
}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "Tasks"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "task" {
  statement {
    sid       = "Write"
    actions   = ["logs:PutLogEvents", "logs:CreateLogStream"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

################################################################################
# Keys, buckets, repositories
################################################################################

resource "aws_kms_key" "this" {
  description             = "every type"
  enable_key_rotation     = true
  rotation_period_in_days = 180
  deletion_window_in_days = 7

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Account"
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })

  tags = { Name = "every-type" }
}

resource "aws_kms_alias" "this" {
  name          = "alias/every-type"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_s3_bucket" "this" {
  bucket        = "every-type"
  force_destroy = true

  tags = { Name = "every-type" }
}

resource "aws_s3_bucket" "prefixed" {
  bucket_prefix = "every-type-"
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:*"]
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_ecr_repository" "this" {
  name                 = "every/type"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }

  tags = { Name = "every-type" }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "the newest 30"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

################################################################################
# Network
################################################################################

resource "aws_vpc" "this" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "every-type" }
}

resource "aws_subnet" "this" {
  count = 2

  vpc_id                  = aws_vpc.this.id
  availability_zone       = data.aws_availability_zones.this.names[count.index]
  cidr_block              = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  map_public_ip_on_launch = false

  tags = { Name = "every-type-${count.index}" }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "every-type" }
}

resource "aws_route_table_association" "this" {
  count = 2

  subnet_id      = aws_subnet.this[count.index].id
  route_table_id = aws_route_table.this.id
}

resource "aws_security_group" "this" {
  name        = "every-type"
  description = "Every type"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "every-type" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "callers"
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80

  tags = { Name = "every-type" }
}

resource "aws_vpc_security_group_egress_rule" "group" {
  security_group_id            = aws_security_group.this.id
  description                  = "itself"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "storage" {
  security_group_id = aws_security_group.this.id
  description       = "storage"
  prefix_list_id    = aws_vpc_endpoint.gateway.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "everything" {
  security_group_id = aws_security_group.this.id
  cidr_ipv6         = "::/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_endpoint" "gateway" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.this.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this.id]

  tags = { Name = "every-type-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.this.region}.sts"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.this[*].id
  security_group_ids  = [aws_security_group.this.id]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "*", Resource = "*" }]
  })

  tags = { Name = "every-type-sts" }
}

################################################################################
# Load balancer
################################################################################

resource "aws_lb" "this" {
  name                       = "every-type"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = aws_subnet.this[*].id
  security_groups            = [aws_security_group.this.id]
  idle_timeout               = 120
  drop_invalid_header_fields = true
  enable_deletion_protection = false

  tags = { Name = "every-type" }
}

resource "aws_lb_target_group" "this" {
  name                 = "every-type"
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = aws_vpc.this.id
  deregistration_delay = 30

  health_check {
    path                = "/health"
    interval            = 10
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 4
    matcher             = "200"
  }

  tags = { Name = "every-type" }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      message_body = "{}"
      status_code  = "404"
    }
  }

  tags = { Name = "every-type" }
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.this.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  listener_arn = aws_lb_listener.this.arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    path_pattern {
      values = ["/agents/every-type/*", "/agents/every-type"]
    }
  }

  condition {
    host_header {
      values = ["example.org"]
    }
  }

  tags = { Name = "every-type" }
}

################################################################################
# Alarms and logs
################################################################################

resource "aws_sns_topic" "this" {
  name              = "every-type"
  display_name      = "Every type"
  kms_master_key_id = aws_kms_key.this.key_id

  tags = { Name = "every-type" }
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
    }]
  })
}

resource "aws_sns_topic_subscription" "this" {
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = "oncall@example.org"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/every/type"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.this.arn

  tags = { Name = "every-type" }
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  alarm_name          = "every-type-metric"
  alarm_description   = "runbooks/every-type.md"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = var.alarm_threshold
  treat_missing_data  = "notBreaching"
  namespace           = "Vitracka/Agents"
  metric_name         = "Duration"
  extended_statistic  = "p95"
  period              = 60
  dimensions          = { Agent = "every-type", Environment = "test" }
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  tags = { Name = "every-type" }
}

resource "aws_cloudwatch_metric_alarm" "math" {
  alarm_name          = "every-type-math"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 2
  threshold           = 1.5
  alarm_actions       = [aws_sns_topic.this.arn]

  metric_query {
    id          = "rate"
    expression  = "100 * errors / invocations"
    label       = "Error rate"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", invocations = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "Vitracka/Agents"
        metric_name = metric_query.value
        dimensions  = { Agent = "every-type" }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

################################################################################
# Roles, secrets, tasks
################################################################################

resource "aws_iam_role" "this" {
  name                 = "every-type"
  description          = "Every type"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  max_session_duration = 7200

  tags = { Name = "every-type" }
}

resource "aws_iam_role_policy" "this" {
  name   = "write"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.task.json
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "every/type"
  description             = "Every type"
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = 0

  tags = { Name = "every-type" }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = var.secret_value
  secret_string_wo_version = var.secret_version
}

resource "aws_ecs_cluster" "this" {
  name = "every-type"

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  configuration {
    execute_command_configuration {
      logging = "NONE"
    }
  }

  tags = { Name = "every-type" }
}

resource "aws_ecs_task_definition" "this" {
  family                   = "every-type"
  cpu                      = "256"
  memory                   = "512"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  execution_role_arn       = aws_iam_role.this.arn
  task_role_arn            = aws_iam_role.this.arn

  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "every-type"
    image                  = "${aws_ecr_repository.this.repository_url}@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = 60
    portMappings           = [{ containerPort = 8000, protocol = "tcp" }]
    environment            = [{ name = "PORT", value = "8000" }, { name = "AGENT_VERSION", value = "0.1.0" }]
    secrets                = [{ name = "KEYS", valueFrom = aws_secretsmanager_secret.this.arn }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    healthCheck            = { command = ["CMD", "true"], interval = 10, timeout = 5, retries = 3, startPeriod = 20 }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.this.region
        awslogs-stream-prefix = "task"
      }
    }
  }])

  tags = { Name = "every-type" }
}

resource "aws_ecs_service" "this" {
  name                               = "every-type"
  cluster                            = aws_ecs_cluster.this.arn
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = 0
  launch_type                        = "FARGATE"
  platform_version                   = "1.4.0"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  health_check_grace_period_seconds  = 60
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = aws_subnet.this[*].id
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "every-type"
    container_port   = 8000
  }

  tags = { Name = "every-type" }

  depends_on = [aws_lb_listener_rule.this]
}
