"""What generated Triton modules begin with; this file is read as text, and never imported by gflow."""

import triton
import triton.language as tl

# Products and sums are not contracted (`enable_fp_fusion=False`): as in C, sums of products are rounded once where
# `tl.fma` says so, all other arithmetic as it is written. Comparisons make 0 of what is no number.


@triton.jit
def gf_clamp(place, length):
    return tl.minimum(tl.maximum(place, 0), length - 1)


@triton.jit
def gf_unit(value):
    return tl.minimum(tl.where(value > 0.0, value, 0.0), 1.0)


@triton.jit
def gf_u8(value):
    return (gf_unit(value) * 255.0 + 0.5).to(tl.uint8)


@triton.jit
def gf_from_u8(value):
    return value.to(tl.float32) * (1.0 / 255.0)


@triton.jit
def gf_log2(value):
    return tl.log2(tl.maximum(value, 1.1754944e-38))


@triton.jit
def gf_pow(base, exponent):
    power = tl.exp2(gf_log2(base) * exponent)
    return tl.where(base > 0.0, power, tl.where(exponent == 0.0, 1.0, 0.0))


@triton.jit
def gf_offset(value):
    return tl.minimum(tl.maximum(tl.where(value == value, value, 0.0), -16777216.0), 16777216.0)


@triton.jit
def gf_mixed(one, other, share):
    return one + (other - one) * share


@triton.jit
def gf_word(value):
    return value.to(tl.int32).to(tl.uint32, bitcast=True)


@triton.jit
def gf_hashed(x, y, seed):
    mixed = (gf_word(x) * 0x9E3779B1) ^ (gf_word(y) * 0x85EBCA77) ^ gf_word(seed)
    mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6B
    mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35
    return ((mixed ^ (mixed >> 16)) >> 8).to(tl.float32) * (1.0 / 16777216.0)


@triton.jit
def gf_place(value, entries, inside):
    """Between which entries of a table a value is, and how far it is to the second."""
    place = gf_unit(tl.where(inside, value, 0.0)) * (entries - 1)
    low = tl.minimum(place.to(tl.int32), entries - 2)
    return low, place - low.to(tl.float32)


@triton.jit
def gf_between(table, at, step, share, inside):
    low = tl.load(table + at, mask=inside, other=0.0)
    return low + (tl.load(table + at + step, mask=inside, other=0.0) - low) * share


@triton.jit
def gf_table(table, entries, value, inside):
    at, share = gf_place(value, entries, inside)
    return gf_between(table, at, 1, share, inside)


@triton.jit
def gf_cube(cube, entries, red, green, blue, channel, inside):
    """One color of a cube of (n, n, n, 3), by blue, green, red."""
    i, across = gf_place(red, entries, inside)
    j, down = gf_place(green, entries, inside)
    k, deep = gf_place(blue, entries, inside)
    at, row, plane = ((k * entries + j) * entries + i) * 3 + channel, 3 * entries, 3 * entries * entries
    near = gf_between(cube, at, 3, across, inside)
    near += (gf_between(cube, at + row, 3, across, inside) - near) * down
    far = gf_between(cube, at + plane, 3, across, inside)
    far += (gf_between(cube, at + plane + row, 3, across, inside) - far) * down
    return near + (far - near) * deep
