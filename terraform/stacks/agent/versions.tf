terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # Bucket, key and locking come with `-backend-config`: each stack of each environment has a state of its own.
  backend "s3" {}
}
