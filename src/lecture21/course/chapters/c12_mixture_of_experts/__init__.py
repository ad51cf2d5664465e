"""Chapter 12: Mixtures of experts, bagging and boosting."""
