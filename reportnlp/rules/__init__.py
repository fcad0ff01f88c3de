"""The rule engine: a panel's phrases, their context, and what a whole report says."""
