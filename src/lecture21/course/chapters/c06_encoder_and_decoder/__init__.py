"""Chapter 06: Encoder and decoder."""
