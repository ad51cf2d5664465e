"""Chapter 03: Learnable self-attention."""
