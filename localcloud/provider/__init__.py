"""The offline stand-in for Terraform's `hashicorp/aws` provider.

It serves the real provider's schema, so `terraform validate` and mocked `terraform test` see the whole provider, and it
applies exactly the resource types that `resources/` maps, against an AWS that answers on a loopback address
and nowhere else. docs/decisions/0002-offline-provider.md says why it exists and what it does not prove.
"""

from __future__ import annotations

#: The version of hashicorp/aws whose schema is served (that of the generated bindings in
#: requirements/provider-schema.txt).
PROVIDER_VERSION = "6.25.0"

#: What commands print to say which provider ran.
PROVIDER_NAME = f"offline stand-in for hashicorp/aws {PROVIDER_VERSION}"
