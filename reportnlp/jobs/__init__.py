"""One file per command: files in, files out."""
