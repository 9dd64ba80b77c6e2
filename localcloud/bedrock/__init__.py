"""A stand-in for Bedrock's runtime: Converse and ConverseStream on loopback, answered by rules instead of a model."""
