"""What `runtime.py` measures with: a load generator, the servers and how they are started."""
