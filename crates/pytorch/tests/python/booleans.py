print(1 and 2, 0 and 2, 1 or 2, 0 or 2, None or "default", "" or [] or {}, "a" and "b" and "")
print(0 or None, None and 1, not 1 or 2)


def side(name, value):
    print("side", name)
    return value


side("a", True) or side("b", True)
side("c", False) and side("d", True)
print(bool(0), bool(0.0), bool("0"), bool([]), bool([0]), bool({}), bool(()), bool(None), bool(range(0)), bool(range(1)))


class Sized:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n


class Truth:
    def __bool__(self):
        return False


print(bool(Sized(0)), bool(Sized(2)), bool(Truth()), "yes" if Sized(1) else "no")
width = None
print(width if width else 64, width or 64)
print("a" if False else "b" if False else "c")
print(any([]), all([]), any([0, "", 3]), all([1, "a", []]))
print(int(True), str(False), True * 5, sum([True, True, False]), -True, ~True)
print(5 & 3, 5 | 3, 5 ^ 3, 1 << 4, 255 >> 3, ~5, True & False, True | False, True ^ True)
