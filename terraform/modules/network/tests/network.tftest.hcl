mock_provider "aws" {
  mock_resource "aws_vpc_endpoint" {
    defaults = {
      prefix_list_id = "pl-63a5400a"
    }
  }
}

variables {
  name                = "vitracka-test"
  region              = "us-east-1"
  account_id          = "111122223333"
  cidr                = "10.20.0.0/16"
  availability_zones  = ["us-east-1a", "us-east-1b"]
  interface_endpoints = ["ecr.api", "logs"]
}

run "by_default_there_is_no_way_to_the_internet" {
  assert {
    condition     = length(aws_internet_gateway.this) + length(aws_subnet.public) + length(aws_route_table.public) + length(aws_route.internet) == 0
    error_message = "A private network must have neither an internet gateway nor a public subnet."
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { "us-east-1a" = "10.20.0.0/20", "us-east-1b" = "10.20.16.0/20" }
    error_message = "Each zone has to have a private subnet of its own range."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch == false])
    error_message = "Nothing in a private subnet may get a public address."
  }

  assert {
    condition     = aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames
    error_message = "The endpoints' private names need both DNS settings."
  }

  assert {
    condition     = output.public_subnet_ids == []
    error_message = "There are no public subnets to name."
  }
}

run "endpoints_serve_this_account_only" {
  assert {
    condition     = { for name, endpoint in aws_vpc_endpoint.interface : name => endpoint.service_name } == { "ecr.api" = "com.amazonaws.us-east-1.ecr.api", "logs" = "com.amazonaws.us-east-1.logs" }
    error_message = "Exactly the endpoints named have to exist."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface" && endpoint.security_group_ids == toset([aws_security_group.endpoints.id])])
    error_message = "Interface endpoints have to answer to the services' own names, behind their security group."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : jsondecode(endpoint.policy).Statement[0].Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }])
    error_message = "Endpoints have to be limited to principals of this account."
  }

  assert {
    condition = { for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Sid => [statement.Action, statement.Resource, try(statement.Condition.StringEquals["aws:ResourceAccount"], null)] } == {
      LayersOfImages       = ["s3:GetObject", "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*", null]
      BucketsOfThisAccount = ["s3:*", "*", "111122223333"]
    }
    error_message = "S3 has to be limited to the layers of images and this account's buckets."
  }
}

run "security_groups_name_each_other_and_no_range" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints_from_tasks.referenced_security_group_id == aws_security_group.task_egress.id && aws_vpc_security_group_egress_rule.tasks_to_endpoints.referenced_security_group_id == aws_security_group.endpoints.id
    error_message = "Tasks and endpoints have to be named by their security groups."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_to_s3.prefix_list_id == "pl-63a5400a"
    error_message = "S3 has to be named by its prefix list."
  }

  assert {
    condition = alltrue([
      for rule in [
        aws_vpc_security_group_ingress_rule.endpoints_from_tasks,
        aws_vpc_security_group_egress_rule.tasks_to_endpoints,
        aws_vpc_security_group_egress_rule.tasks_to_s3,
      ] : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.ip_protocol == "tcp" && rule.from_port == 443 && rule.to_port == 443
    ])
    error_message = "Only HTTPS may pass, and no range of addresses is named."
  }
}

run "it_can_do_without_interface_endpoints" {
  variables {
    interface_endpoints = []
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "No endpoint was named, and yet one exists."
  }
}

run "public_subnets_come_with_a_gateway_and_leave_the_private_ones_alone" {
  variables {
    public_subnets = true
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block } == { "us-east-1a" = "10.20.64.0/20", "us-east-1b" = "10.20.80.0/20" }
    error_message = "Each zone has to have a public subnet of its own range."
  }

  assert {
    condition     = aws_route.internet[0].route_table_id == aws_route_table.public[0].id && alltrue([for association in aws_route_table_association.private : association.route_table_id == aws_route_table.private.id])
    error_message = "Only the public route table may lead to the internet."
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { "us-east-1a" = "10.20.0.0/20", "us-east-1b" = "10.20.16.0/20" }
    error_message = "Private subnets must not move when public ones come."
  }
}

run "a_third_zone_leaves_the_first_two_alone" {
  variables {
    availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { "us-east-1a" = "10.20.0.0/20", "us-east-1b" = "10.20.16.0/20", "us-east-1c" = "10.20.32.0/20" }
    error_message = "A zone that is appended must not move the others' subnets."
  }
}

run "refuses_a_small_range" {
  command = plan

  variables {
    cidr = "10.20.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_that_begins_in_the_middle" {
  command = plan

  variables {
    cidr = "10.20.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_what_is_no_range" {
  command = plan

  variables {
    cidr = "ten.twenty"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_single_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_zone_named_twice" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_zone_of_another_region" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-west-2b"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_the_long_name_of_a_service" {
  command = plan

  variables {
    interface_endpoints = ["com.amazonaws.us-east-1.logs"]
  }

  expect_failures = [var.interface_endpoints]
}

run "refuses_a_service_named_twice" {
  command = plan

  variables {
    interface_endpoints = ["logs", "logs"]
  }

  expect_failures = [var.interface_endpoints]
}
