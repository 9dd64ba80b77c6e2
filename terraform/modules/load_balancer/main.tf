locals {
  tls = var.certificate_arn != null

  # Who calls a path that no agent serves gets the same kind of answer that agents give (RFC 9457). The load balancer
  # offers no application/problem+json for a fixed response; application/json is the nearest it has.
  not_found = jsonencode({
    type   = "about:blank"
    title  = "Not Found"
    status = 404
    detail = "No agent is served under this path."
  })

  listening_ports = local.tls ? [443, 80] : [80]

  ingress = {
    for pair in setproduct(var.allowed_cidrs, local.listening_ports) :
    "${pair[0]}-${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }
}

################################################################################
# Security group. The way out, to each agent's tasks, is added by the agents.
################################################################################

resource "aws_security_group" "this" {
  name        = "${var.name}-load-balancer"
  description = "Load balancer: callers in, agents out."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "callers" {
  for_each = local.ingress

  security_group_id = aws_security_group.this.id
  description       = each.value.port == 443 ? "HTTPS from callers" : "HTTP from callers"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

################################################################################
# Load balancer
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html
################################################################################

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.this.id]
  idle_timeout               = var.idle_timeout_seconds
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
}

resource "aws_lb_listener" "https" {
  count = local.tls ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = var.ssl_policy
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      message_body = local.not_found
      status_code  = "404"
    }
  }
}

# One listener for both cases, so that a certificate can come later without two listeners contending for port 80.
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = local.tls ? "redirect" : "fixed-response"

    dynamic "redirect" {
      for_each = local.tls ? [1] : []

      content {
        port        = "443"
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }

    dynamic "fixed_response" {
      for_each = local.tls ? [] : [1]

      content {
        content_type = "application/json"
        message_body = local.not_found
        status_code  = "404"
      }
    }
  }
}
