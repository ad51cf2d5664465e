"""Chapter 05: The transformer block."""
