"""Chapter 16: Long context."""
