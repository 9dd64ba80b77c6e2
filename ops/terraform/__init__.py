"""Terraform: its binary, working directories, and what it is told and answers."""

from ops.terraform.run import Plan, Terraform
from ops.terraform.workdir import Stack, prepare

__all__ = ["Plan", "Stack", "Terraform", "prepare"]
