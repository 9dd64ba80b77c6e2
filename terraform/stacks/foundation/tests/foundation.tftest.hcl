mock_provider "aws" {
  mock_resource "aws_kms_key" {
    override_during = plan
    defaults = {
      arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    }
  }

  mock_resource "aws_ecr_repository" {
    override_during = plan
    defaults = {
      repository_url = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mocked"
      arn            = "arn:aws:ecr:us-east-1:111122223333:repository/mocked"
    }
  }
}

# An import needs a provider that answers; what is adopted is stood in for here.
override_resource {
  target = module.state.aws_s3_bucket.this
}

variables {
  region       = "us-east-1"
  account_id   = "111122223333"
  state_bucket = "vitracka-state-111122223333-us-east-1"
  agents       = ["test-agent", "coach-companion"]
}

run "each_agent_has_a_repository" {
  command = plan

  assert {
    condition     = toset(keys(output.repository_urls)) == toset(["test-agent", "coach-companion"]) && keys(output.repository_urls) == keys(output.repository_arns)
    error_message = "Each agent has to have a repository of its own."
  }

  assert {
    condition     = output.state_bucket == "vitracka-state-111122223333-us-east-1"
    error_message = "The bucket adopted has to be the one given."
  }
}

run "it_works_without_agents" {
  command = plan

  variables {
    agents = []
  }

  assert {
    condition     = output.repository_urls == {}
    error_message = "No agent was named, and yet one has a repository."
  }
}

run "refuses_what_is_no_account" {
  command = plan

  variables {
    account_id = "1234"
  }

  expect_failures = [var.account_id]
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "us-east"
  }

  expect_failures = [var.region]
}

run "refuses_an_agent_in_capitals" {
  command = plan

  variables {
    agents = ["TestAgent"]
  }

  expect_failures = [var.agents]
}

run "refuses_a_project_too_long_for_what_is_named_after_it" {
  command = plan

  variables {
    project = "vitracka-and-friends"
  }

  expect_failures = [var.project]
}
