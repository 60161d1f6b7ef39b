"""The supervisor of a test pod. PROTOCOL.md describes its protocol."""
