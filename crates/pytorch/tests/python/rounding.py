import math
print(round(0.5), round(1.5), round(2.5), round(-0.5), round(-1.5), round(2.675, 2), round(1234, -2), round(3.14159, 3))
print(round(2.5, 0), round(7), type(round(2.0)).__name__, type(round(2.0, 1)).__name__, round(1e10))
print(round(-2.6), round(15, -1), round(25, -1), round(0.05, 1), round(1.005, 2))
print(math.floor(2.7), math.floor(-2.1), math.ceil(2.1), math.ceil(-2.9), math.trunc(-2.9), math.floor(3))
print(int(2.9999999999999999), int(1e3), -7 // 2, int(-7 / 2))


def make_divisible(v, divisor=8, min_value=None):
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    if new_v < 0.9 * v:
        new_v += divisor
    return new_v


print([make_divisible(32 * w) for w in (0.25, 0.35, 0.5, 0.75, 1.0, 1.3, 1.4)])
print([int(math.ceil(1.2 * d)) for d in (1, 2, 3, 4)], [round(w * 1.1 / 8) * 8 for w in (32, 16, 24, 40, 112)])
