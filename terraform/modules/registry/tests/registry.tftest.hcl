mock_provider "aws" {}

variables {
  name        = "vitracka/test-agent"
  kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "images_are_immutable_scanned_and_encrypted" {
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag has to go on meaning the same image."
  }

  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Images have to be scanned when they are pushed."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.this.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "Images have to be encrypted with the key given."
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete == false
    error_message = "A repository with images must not be destroyed by default."
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.selection.countNumber if rule.selection.tagStatus == "any"] == [30]
    error_message = "The newest 30 images have to be kept by default."
  }

  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
  assert {
    condition     = max([for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.rulePriority]...) == one([for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.rulePriority if rule.selection.tagStatus == "any"])
    error_message = "ECR wants the rule for any image to come last."
  }
}

run "a_repository_that_is_thrown_away_goes_with_its_images" {
  variables {
    force_delete = true
    images_kept  = 2
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete
    error_message = "force_delete has to reach the repository."
  }

  assert {
    condition     = strcontains(aws_ecr_lifecycle_policy.this.policy, "Keep the newest 2 images")
    error_message = "images_kept has to reach the lifecycle policy."
  }
}

run "refuses_a_name_without_a_project" {
  command = plan

  variables {
    name = "test-agent"
  }

  expect_failures = [var.name]
}

run "refuses_to_keep_a_single_image" {
  command = plan

  variables {
    images_kept = 1
  }

  expect_failures = [var.images_kept]
}
