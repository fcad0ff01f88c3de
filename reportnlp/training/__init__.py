"""What text and image training share, thin over transformers' `Trainer`: it knows nothing of reports.

`loop.train` trains a model, `search.search` looks for settings, `weights.class_weights` lets rare answers
count.
"""
