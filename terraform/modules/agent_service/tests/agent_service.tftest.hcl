mock_provider "aws" {
  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/mocked/1111111111111111"
    }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/vitracka-test-test-agent:1"
    }
  }
}

variables {
  name           = "test-agent"
  prefix         = "vitracka-test"
  region         = "us-east-1"
  cluster_arn    = "arn:aws:ecs:us-east-1:111122223333:cluster/vitracka-test"
  image          = "111122223333.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  log_group_name = "/vitracka/test/test-agent"

  environment = {
    PORT              = "8000"
    AGENT_CONCURRENCY = "10"
  }

  network = {
    vpc_id                        = "vpc-11111111"
    subnet_ids                    = ["subnet-11111111", "subnet-22222222"]
    task_egress_security_group_id = "sg-11111111"
  }

  load_balancer = {
    listener_arn         = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
    listener_priority    = 10
    security_group_id    = "sg-22222222"
    idle_timeout_seconds = 120
  }

  size = {
    cpu    = 256
    memory = 512
  }

  service = {
    desired_count        = 2
    timeout_seconds      = 30
    stop_timeout_seconds = 40
  }

  roles = {
    execution_arn = "arn:aws:iam::111122223333:role/vitracka-test-test-agent-execution"
    task_arn      = "arn:aws:iam::111122223333:role/vitracka-test-test-agent-task"
  }
}

run "the_container_is_locked_down" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001:10001"
    error_message = "The container must not run as root."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "The container's root file system has to be read-only."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities == { add = [], drop = ["ALL"] }
    error_message = "The container has to be without capabilities."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints == [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }] && [for volume in aws_ecs_task_definition.this.volume : volume.name] == ["tmp"]
    error_message = "Nothing but /tmp may be written to."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == var.image
    error_message = "The image has to be the one given, by digest."
  }
}

run "the_task_fits_fargate_and_has_both_roles" {
  assert {
    condition     = aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"]) && aws_ecs_task_definition.this.network_mode == "awsvpc" && aws_ecs_task_definition.this.cpu == "256" && aws_ecs_task_definition.this.memory == "512"
    error_message = "The task has to be Fargate's, in the size given."
  }

  assert {
    condition     = aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64" && aws_ecs_task_definition.this.runtime_platform[0].operating_system_family == "LINUX"
    error_message = "The task has to run on ARM64 unless told otherwise."
  }

  assert {
    condition     = aws_ecs_task_definition.this.execution_role_arn == var.roles.execution_arn && aws_ecs_task_definition.this.task_role_arn == var.roles.task_arn
    error_message = "Each role has to be in its place."
  }

  assert {
    condition     = aws_ecs_task_definition.this.skip_destroy
    error_message = "Earlier revisions have to stay: a rollback goes back to them."
  }
}

run "the_container_says_how_it_is_and_what_it_does" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment == [{ name = "AGENT_CONCURRENCY", value = "10" }, { name = "PORT", value = "8000" }]
    error_message = "The environment has to be what was given, in order."
  }

  assert {
    condition     = strcontains(join(" ", jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command), "http://127.0.0.1:8000/ready")
    error_message = "The container's health has to be asked of /ready."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 40 && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.startPeriod == 60
    error_message = "The times given have to reach the container."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration == {
      logDriver = "awslogs"
      options = {
        awslogs-group         = "/vitracka/test/test-agent"
        awslogs-region        = "us-east-1"
        awslogs-stream-prefix = "task"
        max-buffer-size       = "4m"
        mode                  = "non-blocking"
      }
    }
    error_message = "The log has to go to the agent's log group, without blocking the agent."
  }
}

run "tasks_are_private_and_called_by_the_load_balancer_only" {
  assert {
    condition     = aws_ecs_service.this.network_configuration[0].assign_public_ip == false
    error_message = "A task must not get a public address."
  }

  assert {
    condition     = aws_ecs_service.this.network_configuration[0].security_groups == toset([aws_security_group.this.id, "sg-11111111"]) && aws_ecs_service.this.network_configuration[0].subnets == toset(["subnet-11111111", "subnet-22222222"])
    error_message = "A task has to stand in the private subnets, behind its own security group and the one that leads out."
  }

  assert {
    condition = [
      aws_vpc_security_group_ingress_rule.from_load_balancer.security_group_id,
      aws_vpc_security_group_ingress_rule.from_load_balancer.referenced_security_group_id,
      aws_vpc_security_group_ingress_rule.from_load_balancer.from_port,
      aws_vpc_security_group_ingress_rule.from_load_balancer.to_port,
    ] == [aws_security_group.this.id, "sg-22222222", 8000, 8000] && aws_vpc_security_group_ingress_rule.from_load_balancer.cidr_ipv4 == null
    error_message = "Only the load balancer may call a task, on its port."
  }

  assert {
    condition = [
      aws_vpc_security_group_egress_rule.load_balancer_to_tasks.security_group_id,
      aws_vpc_security_group_egress_rule.load_balancer_to_tasks.referenced_security_group_id,
      aws_vpc_security_group_egress_rule.load_balancer_to_tasks.from_port,
      aws_vpc_security_group_egress_rule.load_balancer_to_tasks.to_port,
    ] == ["sg-22222222", aws_security_group.this.id, 8000, 8000] && aws_vpc_security_group_egress_rule.load_balancer_to_tasks.cidr_ipv4 == null
    error_message = "The load balancer may call the tasks of this agent, on their port."
  }
}

run "a_bad_version_is_rolled_back_and_a_good_one_loses_nothing" {
  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "A version that does not come up has to be rolled back."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200
    error_message = "New tasks have to come before old ones go."
  }

  assert {
    condition     = aws_ecs_service.this.propagate_tags == "SERVICE" && aws_ecs_service.this.enable_execute_command == false && aws_ecs_service.this.launch_type == "FARGATE" && aws_ecs_service.this.desired_count == 2
    error_message = "Tasks have to carry the service's tags, and nobody may log into them."
  }

  assert {
    condition     = aws_lb_target_group.this.deregistration_delay == "30"
    error_message = "A task that leaves has to be given half a minute."
  }
}

run "the_listener_leads_to_the_agents_own_path" {
  assert {
    condition     = one([for condition in aws_lb_listener_rule.this.condition : one(condition.path_pattern).values]) == toset(["/agents/test-agent", "/agents/test-agent/*"])
    error_message = "The agent has to be served under its own path, and no other agent's."
  }

  assert {
    condition     = aws_lb_listener_rule.this.priority == 10 && aws_lb_listener_rule.this.action[0].target_group_arn == aws_lb_target_group.this.arn
    error_message = "The rule has to lead to the agent's tasks, at the place given."
  }

  assert {
    condition     = aws_lb_target_group.this.target_type == "ip" && aws_lb_target_group.this.port == 8000 && aws_lb_target_group.this.health_check[0].path == "/ready" && aws_lb_target_group.this.health_check[0].matcher == "200"
    error_message = "The load balancer has to ask /ready of each task."
  }
}

run "a_patient_agent_gets_a_patient_load_balancer" {
  variables {
    service = {
      container_port       = 8080
      desired_count        = 1
      timeout_seconds      = 60
      stop_timeout_seconds = 70
    }

    size = {
      cpu              = 512
      memory           = 1024
      cpu_architecture = "X86_64"
    }
  }

  assert {
    condition     = aws_lb_target_group.this.deregistration_delay == "60"
    error_message = "A task that leaves has to be given the time its last request may take."
  }

  assert {
    condition     = aws_lb_target_group.this.port == 8080 && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings[0].containerPort == 8080 && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "X86_64"
    error_message = "Port and processor have to be the ones given."
  }
}

run "a_long_name_is_shortened_for_the_target_group_without_clashing" {
  variables {
    name = "coach-companion-for-the-evening"
  }

  assert {
    condition     = can(regex("^vitracka-test-coach-compa-[0-9a-f]{6}$", aws_lb_target_group.this.name))
    error_message = "A target group's name has at most 32 characters: the beginning and a checksum."
  }

  assert {
    condition     = aws_ecs_task_definition.this.family == "vitracka-test-coach-companion-for-the-evening"
    error_message = "Other names have room for the whole."
  }
}

run "refuses_a_load_balancer_less_patient_than_the_agent" {
  command = plan

  variables {
    load_balancer = {
      listener_arn         = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
      listener_priority    = 10
      security_group_id    = "sg-22222222"
      idle_timeout_seconds = 30
    }
  }

  expect_failures = [aws_lb_listener_rule.this]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/vitracka/test-agent:latest"
  }

  expect_failures = [var.image]
}

run "refuses_a_size_that_fargate_has_not" {
  command = plan

  variables {
    size = {
      cpu    = 256
      memory = 4096
    }
  }

  expect_failures = [var.size]
}

run "refuses_a_processor_that_fargate_has_not" {
  command = plan

  variables {
    size = {
      cpu              = 256
      memory           = 512
      cpu_architecture = "arm64"
    }
  }

  expect_failures = [var.size]
}

run "refuses_to_kill_a_task_before_its_requests_can_end" {
  command = plan

  variables {
    service = {
      desired_count        = 1
      timeout_seconds      = 60
      stop_timeout_seconds = 60
    }
  }

  expect_failures = [var.service]
}

run "refuses_a_stop_that_fargate_would_not_wait_for" {
  command = plan

  variables {
    service = {
      desired_count        = 1
      timeout_seconds      = 60
      stop_timeout_seconds = 121
    }
  }

  expect_failures = [var.service]
}

run "refuses_a_port_that_needs_root" {
  command = plan

  variables {
    service = {
      container_port       = 80
      desired_count        = 1
      timeout_seconds      = 30
      stop_timeout_seconds = 40
    }
  }

  expect_failures = [var.service]
}

run "refuses_half_a_task" {
  command = plan

  variables {
    service = {
      desired_count        = 0.5
      timeout_seconds      = 30
      stop_timeout_seconds = 40
    }
  }

  expect_failures = [var.service]
}

run "refuses_a_start_longer_than_ecs_waits" {
  command = plan

  variables {
    service = {
      desired_count        = 1
      timeout_seconds      = 30
      stop_timeout_seconds = 40
      health_grace_seconds = 301
    }
  }

  expect_failures = [var.service]
}

run "refuses_credentials_in_the_environment" {
  command = plan

  variables {
    environment = { AWS_SECRET_ACCESS_KEY = "canary-4711" }
  }

  expect_failures = [var.environment]
}

run "refuses_a_variable_in_small_letters" {
  command = plan

  variables {
    environment = { port = "8000" }
  }

  expect_failures = [var.environment]
}

run "refuses_a_place_that_the_listener_has_not" {
  command = plan

  variables {
    load_balancer = {
      listener_arn         = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
      listener_priority    = 0
      security_group_id    = "sg-22222222"
      idle_timeout_seconds = 120
    }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_a_name_in_capitals" {
  command = plan

  variables {
    name = "TestAgent"
  }

  expect_failures = [var.name]
}
