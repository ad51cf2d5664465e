"""Chapter 13: Ensemble error and average error."""
