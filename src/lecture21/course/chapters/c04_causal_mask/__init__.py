"""Chapter 04: The causal mask."""
