"""The emulator (ministack) with its gaps closed: settings, checks, state on disk."""
