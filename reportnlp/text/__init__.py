"""From a report's characters to sections, sentences, tokens and their context."""
