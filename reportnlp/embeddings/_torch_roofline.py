"""How fast can it be? The arithmetic of memory traffic, which bounds this training on any device.

Width 300 in float32 is 1,200 bytes a row. A row that learns is read once and written once: 2,400 bytes.

* **As the papers' programs do it**, a pair of skip-gram with 5 negatives touches its input row, its target
  row and 5 negative rows: 7 rows, 16,800 bytes. With windows drawn from 1 .. 5 a word is in 6 pairs: 100,800
  bytes per word that subsampling keeps.
* **As the fused kernel does it**, a word's 6 contexts share its target and its 5 negatives: 6 + 6 = 12 rows,
  28,800 bytes per word, 4,800 per pair. The batch's own numbers (rows, weights, scales, 4 to 8 bytes each)
  add about 300 bytes.
* **As plain torch operations do it**, what is gathered and computed is written to memory and read again. An
  input row and its step are passed over about 8 times; the 6 targets about 8 times, and 4 times more for each
  of the 6 contexts: 48 + 48 + 144 rows, about 290,000 bytes per word.

Arithmetic is no bound: three products of 2 x 300 x 6 operations per pair, 10,800 operations for 4,800 bytes,
is 2.3 a byte, where a GPU of 60 TFLOP/s and 3.35 TB/s (an H100 by its data sheet) balances at 18.

So at 3.35 TB/s the fused kernel cannot pass 116 million kept words (698 million pairs) a second out of main
memory, the papers' way 33 million, plain operations 12 million. Tables of 20,000 words are 48 MB and fit
about into that GPU's second cache (50 MB), so that main memory may not be what binds; atomic adds to the rows
of frequent words then are. What is asked for, 20 times gensim's two cores (295 thousand words/s, so 5.9
million), needs 170 GB/s when every word is kept: 5 % of the bandwidth. None of these bounds was measured on a
GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOAT = 4
"""Bytes in a float32."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes that skip-gram with negative sampling must move.

    Attributes:
        per_pair: for one word and one of its contexts.
        per_word: for one word that subsampling keeps, over all of its contexts.
        operations: floating-point operations per pair.
    """

    per_pair: float
    per_word: float
    operations: float


def traffic(*, width: int = 300, window: int = 5, negative: int = 5, shared: bool = True) -> Traffic:
    """Work out the least traffic.

    Args:
        width: numbers per vector.
        window: the widest window; widths 1 .. window are equally frequent.
        negative: negatives per pair.
        shared: a word's contexts share its negatives (this engine), or every pair draws its own (the papers).

    Example:
        >>> traffic(shared=False).per_pair, traffic().per_pair, traffic().per_word
        (16800.0, 4800.0, 28800.0)
    """
    contexts = float(window + 1)
    rows = contexts + 1 + negative if shared else contexts * (2 + negative)
    per_word = rows * width * FLOAT * 2
    return Traffic(per_word / contexts, per_word, 3.0 * 2 * width * (1 + negative))


def roofline(
    words_per_second: float,
    *,
    bandwidth: float,
    kept: float = 1.0,
    width: int = 300,
    window: int = 5,
    negative: int = 5,
) -> str:
    """Describe a measured rate against the bound of the device's memory.

    Args:
        words_per_second: words read per second, before subsampling.
        bandwidth: the device's bytes per second, from its data sheet or measured.
        kept: the share of words that subsampling keeps.
        width: numbers per vector.
        window: the widest window.
        negative: negatives per pair.

    Example:
        >>> print(roofline(5_900_000, bandwidth=3.35e12))
        5,900,000 words/s, 5,900,000 of them kept, 35,400,000 pairs/s
        28,800 bytes per kept word, 4,800 per pair: 169.9 GB/s, 5.1 % of 3,350 GB/s
        bound: 116,319,444 words/s out of main memory
    """
    needed = traffic(width=width, window=window, negative=negative)
    learned = words_per_second * kept
    achieved = learned * needed.per_word
    bound = bandwidth / needed.per_word / kept
    pairs = learned * (window + 1)
    return (
        f"{words_per_second:,.0f} words/s, {learned:,.0f} of them kept, {pairs:,.0f} pairs/s\n"
        f"{needed.per_word:,.0f} bytes per kept word, {needed.per_pair:,.0f} per pair: "
        f"{achieved / 1e9:,.1f} GB/s, {achieved / bandwidth:.1%}".replace("%", " %")
        + f" of {bandwidth / 1e9:,.0f} GB/s\nbound: {bound:,.0f} words/s out of main memory"
    )
