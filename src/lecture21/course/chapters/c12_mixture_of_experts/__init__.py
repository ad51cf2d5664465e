"""Chapter 12: Mixtures of experts."""
