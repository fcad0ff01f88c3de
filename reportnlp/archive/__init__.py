"""The archive runner: labels any number of reports in shards, survives a kill, and never loses a row.

It is given a labeler and a writer (`parties`), and knows no finding.
"""
