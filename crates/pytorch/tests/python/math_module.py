import math
from math import sqrt, pi as PI, log

print(math.sqrt(16), sqrt(2), math.floor(2.5), math.ceil(2.5), math.pi, PI, math.e, math.inf, math.nan)
print(math.log(math.e), math.log2(8), math.log10(1000), log(8, 2), math.exp(0), math.pow(2, 3), math.fabs(-1), math.gcd(12, 18), math.lcm(4, 6))
print(math.prod([1, 2, 3, 4]), math.prod([]), math.factorial(5), math.hypot(3, 4), math.isclose(0.1 + 0.2, 0.3), math.copysign(1, -0.0), math.fmod(-7, 3))
print(math.sin(0), math.cos(0), math.tanh(0), round(math.atan2(1, 1), 6), math.degrees(math.pi), math.radians(180) == math.pi, math.comb(5, 2), math.isqrt(17))
print(math.modf(2.5), math.trunc(2.9), math.isfinite(1), math.isinf(math.inf), math.isnan(math.nan), math.dist((0, 0), (3, 4)), math.erf(0.0))
for wrong in (lambda: math.sqrt(-1), lambda: math.log(0), lambda: math.floor("a"), lambda: math.factorial(-1)):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
n = 3 * 3 * 64
print(f"{math.sqrt(2.0 / n):.6f}", type(math.floor(2.0)).__name__, math.ceil(7 / 2), int(math.log2(224 // 7)))
