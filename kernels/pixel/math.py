"""Arithmetic on pixels: each function once, as NumPy, as C and as Triton.

C and Triton compute in float32, and round alike but for powers and logarithms. `{0}`, `{1}` stand for the
arguments. A function of `BOOLEAN` gives a truth value, which only `where`, `both`, `either` and `inverse` take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Function:
    """numpy: of arrays. c, triton: templates of an expression."""

    numpy: Callable[..., Any]
    c: str
    triton: str


def _power(base: Any, exponent: Any) -> Any:
    return np.power(np.maximum(base, 0), exponent)


def _sqrt(value: Any) -> Any:
    return np.sqrt(np.maximum(value, 0))


def _log2(value: Any) -> Any:
    return np.log2(np.maximum(value, np.finfo(np.float32).tiny))


def _fma(one: Any, other: Any, more: Any) -> Any:
    made = np.asarray(one, np.float64) * other + more
    return made.astype(np.result_type(one, other, more))


def hashed(x: Any, y: Any, seed: Any) -> Any:
    """A number in 0..1 for every pixel that looks like noise: the finaliser of MurmurHash3 (Appleby 2011) over
    place and seed, the upper 24 bits. The same in all three languages."""
    word = np.uint32
    with np.errstate(over="ignore"):
        mixed = (np.asarray(x).astype(word) * word(0x9E3779B1)) ^ (np.asarray(y).astype(word) * word(0x85EBCA77))
        mixed = mixed ^ np.asarray(seed).astype(np.int64).astype(word)
        for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
            mixed = (mixed ^ (mixed >> word(shift))) * word(factor)
        mixed = mixed ^ (mixed >> word(16))
    return (mixed >> word(8)).astype(np.float64) * 2.0**-24


FUNCTIONS: Mapping[str, Function] = {
    "add": Function(np.add, "({0} + {1})", "({0} + {1})"),
    "sub": Function(np.subtract, "({0} - {1})", "({0} - {1})"),
    "mul": Function(np.multiply, "({0} * {1})", "({0} * {1})"),
    # A product and a sum, rounded once where the processor can.
    "fma": Function(_fma, "GF_FMA({0}, {1}, {2})", "tl.fma({0}, {1}, {2})"),
    "div": Function(np.divide, "({0} / {1})", "tl.div_rn({0}, {1})"),
    "min": Function(np.minimum, "gf_min({0}, {1})", "tl.minimum({0}, {1})"),
    "max": Function(np.maximum, "gf_max({0}, {1})", "tl.maximum({0}, {1})"),
    "neg": Function(np.negative, "(-{0})", "(-{0})"),
    "abs": Function(np.abs, "fabsf({0})", "tl.abs({0})"),
    "sqrt": Function(_sqrt, "sqrtf(gf_max({0}, 0.0f))", "tl.sqrt_rn(tl.maximum({0}, 0.0))"),
    "floor": Function(np.floor, "floorf({0})", "tl.floor({0})"),
    "exp2": Function(np.exp2, "gf_exp2({0})", "tl.exp2({0})"),
    "log2": Function(_log2, "gf_log2({0})", "gf_log2({0})"),
    # Of a base below 0, the power of 0.
    "pow": Function(_power, "gf_pow({0}, {1})", "gf_pow({0}, {1})"),
    "lt": Function(np.less, "({0} < {1})", "({0} < {1})"),
    "le": Function(np.less_equal, "({0} <= {1})", "({0} <= {1})"),
    "eq": Function(np.equal, "({0} == {1})", "({0} == {1})"),
    "both": Function(np.logical_and, "({0} & {1})", "({0} & {1})"),
    "either": Function(np.logical_or, "({0} | {1})", "({0} | {1})"),
    "inverse": Function(np.logical_not, "(!{0})", "({0} == 0)"),
    "where": Function(np.where, "({0} ? {1} : {2})", "tl.where({0}, {1}, {2})"),
    "hashed": Function(hashed, "gf_hashed({0}, {1}, {2})", "gf_hashed({0}, {1}, {2})"),
}  # fmt: skip

BOOLEAN = frozenset({"lt", "le", "eq", "both", "either", "inverse"})
