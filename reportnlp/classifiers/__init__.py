"""Networks and linear models that answer a panel's questions: one file an architecture."""
