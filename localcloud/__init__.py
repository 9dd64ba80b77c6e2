"""What stands in for AWS on one machine: emulator, engines, Bedrock, offline Terraform provider."""
