"""The resident runner of a test pod. PROTOCOL.md says how to talk to it."""
