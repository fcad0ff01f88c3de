"""Label models: one file each, found by name. Votes of labelling functions in, probabilities out."""
