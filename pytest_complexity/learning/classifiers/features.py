"""A prompt as numbers: words, pieces of words, and what it names and shows.

Three blocks, each tf-idf with logarithmic counts and of length 1, so that none drowns the others. The vocabulary comes
from scikit-learn; a prompt is then looked up in plain dicts, which takes a fraction of the time of its transformers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.classifiers.base import Arrays, array_of

_TYPES = "list tuple dict string array set integer float number boolean matrix tree queue heap stack graph char word"
_OPERATIONS = (
    "sort sum count find check remove convert regex recurs dynamic largest smallest maximum minimum longest shortest "
    "subsequence substring prime nth lambda bit binary nested pair permutation combination volume area perimeter angle "
    "replace split extract merge common repeat rotate swap product differ average median frequen vowel digit odd even "
    "square cube rearrange subset sublist path cost insert append reverse filter palindrome divis factor power series "
    "modulo duplicate unique consecutive lower upper ascii decimal hexadecimal date match group index lowest highest"
)
_NAMED = re.compile("|".join(sorted({*_TYPES.split(), *_OPERATIONS.split()}, key=len, reverse=True)))
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SIGNATURE = re.compile(r"def\s+\w+\s*\(([^)]{0,500})\)")


def named_and_shown(text: str) -> list[str]:
    """Tokens: types and operations named, constants, quotes, a signature's shape, examples, the prompt's length."""
    found = sorted(set(_NAMED.findall(text.lower())))
    numbers = _NUMBER.findall(text)
    found += [f"numbers={min(len(numbers), 3)}", f"commas={min(text.count(','), 3)}"]
    found += [f"constant={number}" for number in set(numbers) if len(number) <= 3]
    found += [f"length={min(len(text) // 25, 12)}", f"lines={min(text.count(chr(10)), 8)}"]
    signature = _SIGNATURE.search(text)
    if signature:
        found += [f"arguments={min(signature[1].count(',') + bool(signature[1].strip()), 5)}"]
    shown = {"quoted": "'" in text or '"' in text, "typed": "->" in text, "examples": ">>>" in text or "assert" in text}
    return found + [name for name, there in shown.items() if there]


def learned_matrix(texts: Sequence[str]) -> tuple[PromptFeatures, Any]:
    """The features of a set of texts, and the texts as sparse rows."""
    return _learned_matrix(tuple(texts))


@lru_cache(maxsize=1)  # classifiers are mostly trained on the same texts, one after the other
def _learned_matrix(texts: tuple[str, ...]) -> tuple[PromptFeatures, Any]:
    features = PromptFeatures.learned(texts)
    return features, features.matrix(texts)


@dataclass(frozen=True)
class Block:
    """One kind of piece: how a text is cut, which pieces are known, and what each weighs (idf)."""

    cut: Callable[[str], Sequence[str]]
    index: Mapping[str, int]
    weights: Floats

    def vector(self, text: str) -> tuple[list[int], Floats]:
        """The known pieces of a text, and their values: of length 1, or none."""
        index = self.index
        counts = Counter([index[piece] for piece in self.cut(text) if piece in index])
        found = list(counts)
        values = (1 + np.log(list(counts.values()))) * self.weights[found] if found else np.zeros(0)
        return found, values / np.sqrt(values @ values) if found else values


class PromptFeatures:
    """The three blocks of a set of training texts."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        self.size = sum(len(block.weights) for block in self.blocks)

    @classmethod
    def learned(cls, texts: Sequence[str]) -> PromptFeatures:
        """Of the texts: the pieces that at least two of them have."""
        blocks = []
        for vectorizer in _vectorizers():
            try:
                vectorizer.fit(texts)
            except ValueError:  # no piece occurs in two texts
                blocks.append(Block(vectorizer.build_analyzer(), {}, np.zeros(0)))
                continue
            pieces = vectorizer.get_feature_names_out().tolist()
            blocks.append(_block(vectorizer, pieces, vectorizer.idf_))
        return cls(blocks)

    def vector(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """The columns that are not 0, and their values."""
        columns, values, start = [], [], 0
        for block in self.blocks:
            found, weights = block.vector(text)
            columns.append(np.array(found, dtype=np.int64) + start)
            values.append(weights)
            start += len(block.weights)
        return np.concatenate(columns), np.concatenate(values)

    def matrix(self, texts: Sequence[str]) -> Any:
        """The texts as sparse rows."""
        vectors = [self.vector(text) for text in texts]
        ends = np.cumsum([0, *(len(columns) for columns, _ in vectors)])
        columns = np.concatenate([columns for columns, _ in vectors])
        values = np.concatenate([values for _, values in vectors])
        return csr_matrix((values, columns, ends), shape=(len(texts), self.size))

    def state(self) -> dict[str, NDArray[Any]]:
        """As arrays; each block's pieces as the bytes of a JSON list."""
        arrays: dict[str, NDArray[Any]] = {}
        for number, block in enumerate(self.blocks):
            arrays[f"pieces{number}"] = np.frombuffer(json.dumps(list(block.index)).encode("ascii"), dtype=np.uint8)
            arrays[f"idf{number}"] = block.weights
        return arrays

    @classmethod
    def restored(cls, arrays: Arrays) -> PromptFeatures:
        """Of what `state` returned. Raises `TrainedError`."""
        blocks = []
        for number, vectorizer in enumerate(_vectorizers()):
            weights = array_of(arrays, f"idf{number}", "f", 1)
            raw = array_of(arrays, f"pieces{number}", "u", 1).astype(np.uint8).tobytes()
            try:
                pieces = json.loads(raw)
            except (ValueError, RecursionError):
                raise TrainedError(f"array 'pieces{number}' is not JSON") from None
            right = isinstance(pieces, list) and all(isinstance(piece, str) for piece in pieces)
            if not right or not len(pieces) == len(set(pieces)) == len(weights):
                raise TrainedError(f"arrays 'pieces{number}' and 'idf{number}' do not fit each other")
            blocks.append(_block(vectorizer, pieces, weights))
        return cls(blocks)


def _block(vectorizer: TfidfVectorizer, pieces: Sequence[str], weights: Floats) -> Block:
    return Block(vectorizer.build_analyzer(), {piece: number for number, piece in enumerate(pieces)}, weights)


def _vectorizers() -> tuple[TfidfVectorizer, ...]:
    return (
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", min_df=2, max_features=8_000),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, max_features=16_000),
        TfidfVectorizer(analyzer=named_and_shown, min_df=2),
    )
