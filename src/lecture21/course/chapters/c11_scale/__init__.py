"""Chapter 11: Scale: predict a run before you pay for it."""
