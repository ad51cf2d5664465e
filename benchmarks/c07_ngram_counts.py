"""Count the n-grams of the plays for the figure that prices a sentence.

Usage: python benchmarks/c07_ngram_counts.py        (about 2 s on one core)

Writes `src/lecture21/course/live/write/plays.bin`: all n-grams of the training split up to n = 5, with their counts.
"""

from lecture21._support.files import write_atomic
from lecture21.course.live.write import ngrams
from lecture21.data import shakespeare, split

if __name__ == "__main__":
    data = ngrams.encode(split(shakespeare())[0])
    write_atomic(ngrams.FOLDER / "plays.bin", data)
    print(f"{len(data):,} bytes")
