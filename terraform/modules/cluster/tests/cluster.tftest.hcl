mock_provider "aws" {}

variables {
  name = "vitracka-test"
}

run "container_insights_is_on_by_default" {
  assert {
    condition     = [for setting in aws_ecs_cluster.this.setting : setting.value if setting.name == "containerInsights"] == ["enhanced"]
    error_message = "Container Insights has to be on."
  }

  assert {
    condition     = output.cluster_name == "vitracka-test"
    error_message = "The cluster has to bear the name."
  }
}

run "container_insights_can_be_left_out" {
  variables {
    container_insights = false
  }

  assert {
    condition     = [for setting in aws_ecs_cluster.this.setting : setting.value if setting.name == "containerInsights"] == ["disabled"]
    error_message = "Container Insights has to be off, and said to be: an account may have it on by default."
  }
}

run "refuses_a_name_that_ecs_refuses" {
  command = plan

  variables {
    name = "1 cluster"
  }

  expect_failures = [var.name]
}
