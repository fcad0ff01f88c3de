"""Labelling functions: one file each, found by name; a user's own is a file anywhere.

The shortest is a function of a report that gives question and answer in the panel's words, and leaves out
what it has nothing to say to (or gives None):

    def vote(report):
        if "tree-in-bud" in report.text.lower():
            return {"nodule": "present"}

It is asked by `reportnlp weak votes ... --function mine.py` beside the usual ones, or by `--functions
mine.py,rules` beside those alone, in several processes where that pays. A class
can prepare itself, and take options (`--option mine.word=clot`):

    from reportnlp.functions import blocks

    class Options(blocks.Options):
        word: str = "embolus"

    class Function:
        text_only = True  # equal texts are then asked about once

        def __init__(self, panel, options):
            self.word = options.word

        def vote(self, report):
            return {"pulmonary_embolism": "present"} if self.word in report.text else {}

A file in this folder, or an entry point of the group `reportnlp.functions`, has a `TITLE` besides; where its
options must be given, a `plant(folder, panel)` lays out what an example needs and returns them, and the
contract test asks it with no edit. A `Function` that can be called with a report, and gives a `Label` for
every question, is a method of `reportnlp label` too.

An error that a function raises is counted by its kind, its report is listed by id, and its vote is an
abstain.
"""
