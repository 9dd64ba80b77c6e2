provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  skip_credentials_validation = var.provider_settings.skip_credentials_validation
  skip_metadata_api_check     = var.provider_settings.skip_metadata_api_check
  skip_requesting_account_id  = var.provider_settings.skip_requesting_account_id
  s3_use_path_style           = var.provider_settings.s3_use_path_style

  default_tags {
    tags = merge(var.tags, {
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
    })
  }
}
