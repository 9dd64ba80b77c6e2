"""The agents. Each folder holds one: what it is (agent.py) and what it needs (agent.toml)."""
