# Applied once per account and region: what the environments in it share.

module "encryption" {
  source = "../../modules/encryption"

  name                 = "${var.project}-foundation"
  description          = "Encrypts the images and the Terraform state of ${var.project}."
  region               = var.region
  account_id           = var.account_id
  deletion_window_days = var.key_deletion_window_days
}

# The bucket is there before its own state is: it is adopted, not created.
import {
  to = module.state.aws_s3_bucket.this
  id = var.state_bucket
}

module "state" {
  source = "../../modules/state"

  bucket      = var.state_bucket
  kms_key_arn = module.encryption.key_arn
}

module "registry" {
  source   = "../../modules/registry"
  for_each = var.agents

  name         = "${var.project}/${each.value}"
  kms_key_arn  = module.encryption.key_arn
  images_kept  = var.images_kept
  force_delete = var.repository_force_delete
}
