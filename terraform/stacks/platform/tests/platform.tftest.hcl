mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    }
  }

  mock_resource "aws_lb" {
    defaults = {
      arn      = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/vitracka-test/1111111111111111"
      dns_name = "internal-vitracka-test-1111111111.us-east-1.elb.amazonaws.com"
    }
  }

  mock_resource "aws_lb_listener" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
    }
  }

  mock_resource "aws_vpc_endpoint" {
    defaults = {
      prefix_list_id = "pl-63a5400a"
    }
  }
}

variables {
  environment        = "test"
  region             = "us-east-1"
  account_id         = "111122223333"
  log_retention_days = 7

  network = {
    cidr               = "10.20.0.0/16"
    availability_zones = ["us-east-1a", "us-east-1b"]
  }
}

run "agents_are_told_what_they_stand_on" {
  assert {
    condition     = output.cluster_name == "vitracka-test" && output.load_balancer_name == "vitracka-test" && output.load_balancer_idle_timeout_seconds == 120 && length(output.private_subnet_ids) == 2
    error_message = "The outputs have to be what agents need."
  }

  assert {
    condition     = output.kms_key_arn == "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555" && output.alarm_topic_arn == "arn:aws:sns:us-east-1:111122223333:vitracka-test-alarms"
    error_message = "Key and topic have to be the environment's."
  }

  assert {
    condition     = length(module.network.public_subnet_ids) == 0
    error_message = "An internal environment must not have public subnets."
  }

  assert {
    condition     = length(module.container_insights_log) == 1
    error_message = "Container Insights has to write to a log group that is encrypted and ends."
  }
}

run "an_environment_may_do_without_container_insights_and_endpoints" {
  variables {
    interface_endpoints = []

    features = {
      container_insights = false
    }

    load_balancer = {
      deletion_protection = false
    }
  }

  assert {
    condition     = length(module.container_insights_log) == 0
    error_message = "What is left out must not leave a log group."
  }
}

run "a_public_load_balancer_stands_in_public_subnets" {
  variables {
    load_balancer = {
      internal        = false
      certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
      allowed_cidrs   = ["0.0.0.0/0"]
    }
  }

  assert {
    condition     = length(module.network.public_subnet_ids) == 2
    error_message = "A public load balancer needs public subnets."
  }
}

run "refuses_a_public_load_balancer_without_a_certificate" {
  command = plan

  variables {
    load_balancer = {
      internal      = false
      allowed_cidrs = ["0.0.0.0/0"]
    }
  }

  expect_failures = [var.load_balancer]
}

run "refuses_what_is_no_account" {
  command = plan

  variables {
    account_id = "account"
  }

  expect_failures = [var.account_id]
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "virginia"
  }

  expect_failures = [var.region]
}

run "refuses_an_environment_too_long_for_what_is_named_after_it" {
  command = plan

  variables {
    environment = "a-long-environment"
  }

  expect_failures = [var.environment]
}

run "refuses_a_project_in_capitals" {
  command = plan

  variables {
    project = "Vitracka"
  }

  expect_failures = [var.project]
}
