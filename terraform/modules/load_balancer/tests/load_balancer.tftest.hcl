mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/vitracka-test/1111111111111111"
    }
  }

  mock_resource "aws_lb_listener" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/2222222222222222"
    }
  }
}

variables {
  name          = "vitracka-test"
  vpc_id        = "vpc-11111111"
  subnet_ids    = ["subnet-11111111", "subnet-22222222"]
  allowed_cidrs = ["10.20.0.0/16"]
}

run "by_default_it_is_internal_and_protected" {
  assert {
    condition     = aws_lb.this.internal
    error_message = "The load balancer must not be reachable from the internet."
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "The load balancer has to refuse deletion."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields
    error_message = "Invalid headers have to be dropped: they are how requests are smuggled."
  }

  assert {
    condition     = aws_lb.this.security_groups == toset([aws_security_group.this.id]) && aws_lb.this.load_balancer_type == "application"
    error_message = "The load balancer has to stand behind its security group."
  }

  assert {
    condition     = aws_lb.this.idle_timeout == 120
    error_message = "Connections have to be allowed two minutes of silence."
  }
}

run "without_a_certificate_it_listens_on_http_only" {
  assert {
    condition     = length(aws_lb_listener.https) == 0
    error_message = "Without a certificate there can be no HTTPS."
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].type == "fixed-response"
    error_message = "HTTP has to serve callers itself."
  }

  assert {
    condition     = output.listener_arn == aws_lb_listener.http.arn
    error_message = "Agents have to add their rules to the HTTP listener."
  }

  assert {
    condition     = { for rule in aws_vpc_security_group_ingress_rule.callers : rule.from_port => rule.cidr_ipv4 } == { "80" = "10.20.0.0/16" }
    error_message = "Only the ranges named may call, on HTTP only."
  }
}

run "an_unknown_path_is_answered_as_a_problem" {
  assert {
    condition     = aws_lb_listener.http.default_action[0].fixed_response[0].status_code == "404" && aws_lb_listener.http.default_action[0].fixed_response[0].content_type == "application/json"
    error_message = "An unknown path has to be a 404 in JSON."
  }

  assert {
    condition     = jsondecode(aws_lb_listener.http.default_action[0].fixed_response[0].message_body).status == 404 && jsondecode(aws_lb_listener.http.default_action[0].fixed_response[0].message_body).title == "Not Found"
    error_message = "The answer has to be a problem as RFC 9457 describes it."
  }
}

run "with_a_certificate_http_only_redirects" {
  variables {
    certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
  }

  override_resource {
    target = aws_lb_listener.https
    values = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/vitracka-test/1111111111111111/3333333333333333"
    }
  }

  assert {
    condition     = aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].protocol == "HTTPS" && aws_lb_listener.https[0].certificate_arn == var.certificate_arn
    error_message = "HTTPS has to be served with the certificate given."
  }

  assert {
    condition     = aws_lb_listener.https[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-3-2021-06"
    error_message = "HTTPS has to be TLS 1.3."
  }

  assert {
    condition     = aws_lb_listener.https[0].default_action[0].fixed_response[0].status_code == "404"
    error_message = "An unknown path has to be a 404 over HTTPS too."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301" && length(aws_lb_listener.http.default_action[0].fixed_response) == 0
    error_message = "HTTP has to do nothing but redirect."
  }

  assert {
    condition     = output.listener_arn == aws_lb_listener.https[0].arn && output.listener_arn != aws_lb_listener.http.arn
    error_message = "Agents have to add their rules to the HTTPS listener."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.callers : rule.from_port]) == toset([443, 80])
    error_message = "Callers have to be let in on both ports."
  }
}

run "a_public_one_needs_a_certificate_and_has_one" {
  variables {
    internal        = false
    allowed_cidrs   = ["0.0.0.0/0"]
    certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = aws_lb.this.internal == false
    error_message = "internal has to reach the load balancer."
  }
}

run "what_is_thrown_away_is_not_protected" {
  variables {
    deletion_protection  = false
    idle_timeout_seconds = 300
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection == false && aws_lb.this.idle_timeout == 300
    error_message = "deletion_protection and idle_timeout_seconds have to reach the load balancer."
  }
}

run "refuses_a_public_one_without_a_certificate" {
  command = plan

  variables {
    internal = false
  }

  expect_failures = [var.internal]
}

run "refuses_everybody_as_callers_of_an_internal_one" {
  command = plan

  variables {
    allowed_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.allowed_cidrs]
}

run "refuses_to_be_called_by_nobody" {
  command = plan

  variables {
    allowed_cidrs = []
  }

  expect_failures = [var.allowed_cidrs]
}

run "refuses_a_certificate_that_is_none" {
  command = plan

  variables {
    certificate_arn = "arn:aws:iam::111122223333:server-certificate/mine"
  }

  expect_failures = [var.certificate_arn]
}

run "refuses_an_old_tls_policy" {
  command = plan

  variables {
    ssl_policy = "ELBSecurityPolicy-2016-08"
  }

  expect_failures = [var.ssl_policy]
}

run "refuses_a_tls_13_policy_that_also_allows_tls_10" {
  command = plan

  variables {
    ssl_policy = "ELBSecurityPolicy-TLS13-1-0-2021-06"
  }

  expect_failures = [var.ssl_policy]
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-11111111"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_a_long_name" {
  command = plan

  variables {
    name = "vitracka-with-a-name-that-is-too-long"
  }

  expect_failures = [var.name]
}

run "refuses_a_silence_of_hours" {
  command = plan

  variables {
    idle_timeout_seconds = 7200
  }

  expect_failures = [var.idle_timeout_seconds]
}
