output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "IDs of the public subnets, in the order of the zones; empty where there are none."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id if var.public_subnets]
}

output "task_egress_security_group_id" {
  description = "ID of the security group that lets a task reach the endpoints. Every task has it beside its own."
  value       = aws_security_group.task_egress.id
}
