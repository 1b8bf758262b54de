class V:
    def __init__(self, *xs):
        self.xs = xs

    def __repr__(self):
        return f"V{self.xs}"

    def __add__(self, other):
        if isinstance(other, V):
            return V(*(a + b for a, b in zip(self.xs, other.xs)))
        if isinstance(other, (int, float)):
            return V(*(a + other for a in self.xs))
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __neg__(self):
        return V(*(-a for a in self.xs))

    def __mul__(self, k):
        return V(*(a * k for a in self.xs))

    def __rmul__(self, k):
        return self * k

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self.xs, other.xs))

    def __truediv__(self, k):
        return V(*(a / k for a in self.xs))

    def __floordiv__(self, k):
        return V(*(a // k for a in self.xs))

    def __mod__(self, k):
        return V(*(a % k for a in self.xs))

    def __pow__(self, k):
        return V(*(a ** k for a in self.xs))

    def __iadd__(self, other):
        print("in place")
        return self + other

    def __lt__(self, other):
        return self.xs < other.xs

    def __le__(self, other):
        return self.xs <= other.xs

    def __abs__(self):
        return sum(abs(a) for a in self.xs)

    def __bool__(self):
        return any(self.xs)

    def __int__(self):
        return int(self.xs[0])

    def __float__(self):
        return float(self.xs[0])

    def __or__(self, other):
        return V(*self.xs, *other.xs)

    def __invert__(self):
        return V(*reversed(self.xs))

    def __index__(self):
        return self.xs[0]


a, b = V(1, 2), V(3, 4)
print(a + b, a + 1, 1 + a, a - b, 5 - a, -a, a * 2, 2 * a, a @ b, b / 2, b // 2, b % 2, b ** 2)
print(sum([a, b], V(0, 0)), sum([a, b]), abs(-b), bool(V(0)), int(b), float(b), a | b, ~a, a < b, a > b, a <= a, a >= b)
c = a
c += b
print(c, a, [10, 20, 30][a], list(range(V(3))))
for wrong in (lambda: a + "x", lambda: "x" + a, lambda: a & b, lambda: object() + 1):
    try:
        wrong()
    except TypeError as error:
        print(error)
