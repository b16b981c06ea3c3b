#!/usr/bin/env python3
"""Print libsio-proto/src/json_pow10.h: powers of ten to 128 bits, for reading and writing doubles."""

FIRST, LAST = -342, 324


def power(exponent):
    """10**exponent scaled into [2**127, 2**128), rounded down, plus 1."""
    if exponent >= 0:
        value = 10**exponent
        shift = value.bit_length() - 128
        scaled = value >> shift if shift >= 0 else value << -shift
    else:
        divisor = 10**-exponent
        scaled = (1 << (127 + divisor.bit_length())) // divisor
        if scaled >= 1 << 128:
            scaled = (1 << (126 + divisor.bit_length())) // divisor
    assert 1 << 127 <= scaled < 1 << 128
    return scaled + 1


print("/* Made by scripts/gen_pow10.py. Entry i is 10^(i + POW10_FIRST), scaled by a power of two into")
print(" * [2^127, 2^128), rounded down, plus 1: high and low 64 bits. */")
print("#ifndef SIO_SRC_JSON_POW10_H")
print("#define SIO_SRC_JSON_POW10_H")
print()
print("#include <stdint.h>")
print()
print(f"enum {{ POW10_FIRST = {FIRST}, POW10_LAST = {LAST} }};")
print()
print("/* clang-format off */")
print(f"static const uint64_t pow10_table[{LAST - FIRST + 1}][2] = {{")
for exponent in range(FIRST, LAST + 1):
    value = power(exponent)
    print(f"    {{0x{value >> 64:016x}, 0x{value & (1 << 64) - 1:016x}}},")
print("};")
print("/* clang-format on */")
print()
print("#endif")
