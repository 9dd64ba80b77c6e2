mock_provider "aws" {}

variables {
  bucket      = "vitracka-state-111122223333-us-east-1"
  kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

# Planned only: what is protected against destruction can't be cleaned up after a test.
run "the_bucket_keeps_versions_encrypts_and_is_private" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "A broken state has to be repairable from its version before."
  }

  assert {
    condition = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0] == {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
    error_message = "Objects have to be encrypted with the key given."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing in the bucket may become public."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }
    ]
    error_message = "The bucket has to refuse what does not come over TLS."
  }
}

run "refuses_a_name_with_dots" {
  command = plan

  variables {
    bucket = "vitracka.state"
  }

  expect_failures = [var.bucket]
}
