"""Chapter 02: Basic self-attention."""
