"""A test for students: questions of the exam, drawn with a seed, on paper and for a learning system."""
