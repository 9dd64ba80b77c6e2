# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
# No capacity provider: services name the launch type FARGATE themselves.

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights ? "enhanced" : "disabled"
  }
}
