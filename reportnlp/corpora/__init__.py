"""Corpus folders: their cards, whether what the cards say is true, and the quality that must hold on them."""

from reportnlp.corpora.card import Card, read_card
from reportnlp.corpora.check import problems
from reportnlp.corpora.folder import Corpus, read_corpus

__all__ = ["Card", "Corpus", "problems", "read_card", "read_corpus"]
