class ShapeError(ValueError):
    """Shapes that do not fit."""


class Coded(Exception):
    def __init__(self, code, message="none"):
        super().__init__(f"[{code}] {message}")
        self.code = code


class Quiet(Exception):
    def __str__(self):
        return "quiet " + ",".join(map(str, self.args))


try:
    raise ShapeError("3 is not 4")
except ValueError as error:
    print(type(error).__name__, error, isinstance(error, ShapeError), repr(error))
try:
    raise Coded(7, message="bad")
except Coded as error:
    print(error, error.code, error.args)
try:
    raise Quiet(1, 2)
except Exception as error:
    print(error, repr(error))


def check(n):
    if n < 0:
        raise ShapeError(f"negative: {n}")
    assert n != 5, "five"
    assert n != 6
    assert n != 7, ("tuple", n)
    return n


for n in (1, -1, 5, 6, 7):
    try:
        print(check(n))
    except ShapeError as error:
        print("shape", error)
    except AssertionError as error:
        print("assert", error, error.args)
try:
    raise Coded
except TypeError as error:
    print(error)
try:
    raise "text"
except TypeError as error:
    print(error)
