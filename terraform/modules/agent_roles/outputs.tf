output "execution_role_arn" {
  description = "ARN of the role that ECS starts tasks with. Known once its policy is attached."
  value       = aws_iam_role.execution.arn
  depends_on  = [aws_iam_role_policy.execution]
}

output "task_role_arn" {
  description = "ARN of the role that the agent has. Known once its policy is attached."
  value       = aws_iam_role.task.arn
  depends_on  = [aws_iam_role_policy.task]
}
