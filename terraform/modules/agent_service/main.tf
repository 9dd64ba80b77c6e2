locals {
  full_name = "${var.prefix}-${var.name}"

  # A target group's name has room for 32 characters; a longer one keeps its beginning and gets a checksum of the whole.
  target_group_name = length(local.full_name) <= 32 ? local.full_name : "${trimsuffix(substr(local.full_name, 0, 25), "-")}-${substr(sha1(local.full_name), 0, 6)}"

  # Of /ready, here and by the load balancer: a task is up before its agent is loaded, and takes no requests until then.
  health_check = join("; ", [
    "import sys, urllib.request",
    "sys.exit(urllib.request.urlopen('http://127.0.0.1:${var.service.container_port}/ready', timeout=4).status != 200)",
  ])

  # Every member that ECS would add by itself is written out, so that what is read back equals what was sent.
  # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
  container = {
    name      = var.name
    image     = var.image
    essential = true
    cpu       = 0

    portMappings = [
      { containerPort = var.service.container_port, hostPort = var.service.container_port, protocol = "tcp" },
    ]

    environment = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]

    # The root file system is read-only and Fargate knows no tmpfs: /tmp is an empty volume that dies with the task.
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    volumesFrom            = []
    systemControls         = []
    linuxParameters        = { capabilities = { add = [], drop = ["ALL"] }, initProcessEnabled = true }

    healthCheck = {
      command     = ["CMD", "python3", "-c", local.health_check]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = var.service.health_grace_seconds
    }

    stopTimeout = var.service.stop_timeout_seconds

    # Not blocking: an agent that can't write its log goes on answering.
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group_name
        awslogs-region        = var.region
        awslogs-stream-prefix = "task"
        max-buffer-size       = "4m"
        mode                  = "non-blocking"
      }
    }
  }
}

################################################################################
# Task definition
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
################################################################################

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = var.roles.execution_arn
  task_role_arn            = var.roles.task_arn
  container_definitions    = jsonencode([local.container])

  # Earlier revisions stay active: the circuit breaker and a rollback go back to them.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.size.cpu_architecture
  }

  volume {
    name = "tmp"
  }
}

################################################################################
# Security group: only the load balancer calls the agent. The way out is the shared group of the network.
################################################################################

resource "aws_security_group" "this" {
  name        = local.full_name
  description = "Tasks of the agent ${var.name}: requests from the load balancer."
  vpc_id      = var.network.vpc_id

  tags = { Name = local.full_name }
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  security_group_id            = aws_security_group.this.id
  description                  = "Requests from the load balancer"
  referenced_security_group_id = var.load_balancer.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.service.container_port
  to_port                      = var.service.container_port
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_tasks" {
  security_group_id            = var.load_balancer.security_group_id
  description                  = "Requests to the agent ${var.name}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = var.service.container_port
  to_port                      = var.service.container_port
}

################################################################################
# The agent's place on the load balancer
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
################################################################################

resource "aws_lb_target_group" "this" {
  name        = local.target_group_name
  vpc_id      = var.network.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = var.service.container_port

  # A task that leaves goes on until the last request it took could have ended.
  deregistration_delay = max(30, var.service.timeout_seconds)

  # A request may take a minute or a millisecond: the least busy task gets the next.
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = "/ready"
    protocol            = "HTTP"
    port                = "traffic-port"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener_rule" "this" {
  listener_arn = var.load_balancer.listener_arn
  priority     = var.load_balancer.listener_priority

  condition {
    path_pattern {
      values = ["/agents/${var.name}", "/agents/${var.name}/*"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  lifecycle {
    precondition {
      condition     = var.load_balancer.idle_timeout_seconds > var.service.timeout_seconds
      error_message = "The load balancer closes a connection that is silent for ${var.load_balancer.idle_timeout_seconds} s, but ${var.name} may think for ${var.service.timeout_seconds} s. Raise load_balancer.idle_timeout_seconds of the environment above the agent's timeout."
    }
  }
}

################################################################################
# Service
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html
################################################################################

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.this.arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = var.service.desired_count
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = var.service.health_grace_seconds
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [aws_security_group.this.id, var.network.task_egress_security_group_id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = var.name
    container_port   = var.service.container_port
  }

  # ECS refuses a target group that no listener leads to, and tasks need their ways in and out.
  depends_on = [
    aws_lb_listener_rule.this,
    aws_vpc_security_group_ingress_rule.from_load_balancer,
    aws_vpc_security_group_egress_rule.load_balancer_to_tasks,
  ]

  lifecycle {
    # The count belongs to the API: autoscaling, pause and resume set it.
    ignore_changes = [desired_count]
  }
}
