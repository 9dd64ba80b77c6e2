"""What the tasks do. `tasks.py` parses and calls one function of this package; nothing here knows of Invoke."""
