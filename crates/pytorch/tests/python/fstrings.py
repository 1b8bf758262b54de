import math
name, n, x = "conv", 42, 3.14159
print(f"{name} {n} {x}", f"{name!r} {name!s}", f"{n=} {x = } {name=}", f"{{literal}} {n}")
print(f"{x:.2f} {x:8.3f}| {x:<8.1f}| {x:^9.2f}| {x:+.1f} {-x:.0f} {x:010.4f}")
print(f"{n:5d}| {n:<5d}| {n:^5}| {n:05d} {n:+d} {n:x} {n:X} {n:#x} {n:b} {n:#b} {n:o} {n:#010b} {n:c}")
print(f"{1234567:,} {1234567.891:,.2f} {1234567:_} {0.256:%} {0.256:.1%} {12345.678:e} {12345.678:.2e} {12345.678:g} {0.0000123:g} {1e20:g}")
print(f"{name:>10}|{name:<10}|{name:^10}|{name:*^10}|{name:.2}|{name:>8.3}|{name!r:>10}")
width, precision = 10, 3
print(f"{x:{width}.{precision}f}| {name:>{width}}| {n:{'>'}{6}}| {x!r:.{precision}}")
print(f"{[1, 2][0]} {dict(a=1)['a']} {'a' if n else 'b'} {(lambda v: v + 1)(2)} {max(1, 2)}")
print(f"{n + 1} {n % 5} {n // 4:>4} {n * 'a'[:1] if n < 3 else 'long'}")
print(f"{'nested ' + f'{n}'}", f"{True} {None} {[1.0, 'a']} {(1,)} {{1: 2}}", f"{ {1: 2} }")
print(f"{1.0} {1e16} {1.5:g} {100000.0:g} {1e6:g} {1234567.0:g} {0.1 + 0.2:.17g} {2.5:.0f} {3.5:.0f} {1.25:.1f}")
print(f"{math.pi:.3f}" f"{2 ** 10}" "plain", f'''{"triple"}''', rf"\d{n}")
print(f"{-5:=6d}|{-5:06d}|{5: d}|{-1234.5:,.1f}|{float('nan'):.2f}|{float('inf'):5.1f}|{True:d}|{12:.1f}|{7:6.2f}")
print(f"{'a':5}|{1:5}|{1.5:5}|{None!s:>6}|{[1]!s:>6}|{'é':>3}|")
print(f"{2 ** 30:,d} params, {138357544 / 1e6:.2f}M, {0.5:>7.1%}, {1536 / 1024:.1f}KB")


class Shape:
    def __format__(self, spec):
        return f"<{spec}>"

    def __str__(self):
        return "shape"


print(f"{Shape():abc} {Shape()!s:>7} {Shape()}")
for wrong in (lambda: f"{'a':d}", lambda: f"{1.5:d}", lambda: f"{[]:>5}", lambda: f"{1:q}"):
    try:
        print(wrong())
    except (ValueError, TypeError) as error:
        print(type(error).__name__, error)
print(f"{n:>{width}}"
      f" and {x:.1f}")
