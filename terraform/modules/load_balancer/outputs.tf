output "name" {
  description = "Name of the load balancer."
  value       = aws_lb.this.name
}

output "arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "dns_name" {
  description = "Name under which callers find it."
  value       = aws_lb.this.dns_name
}

output "listener_arn" {
  description = "ARN of the listener that agents add their rules to: HTTPS where there is a certificate."
  value       = one(concat(aws_lb_listener.https[*].arn, local.tls ? [] : [aws_lb_listener.http.arn]))
}

output "security_group_id" {
  description = "ID of its security group."
  value       = aws_security_group.this.id
}

output "idle_timeout_seconds" {
  description = "Seconds a connection may be silent."
  value       = aws_lb.this.idle_timeout
}
