"""test-agent: proves that the pipeline and the infrastructure work."""
