def kind(value):
    match value:
        case 0:
            return "zero"
        case -1 | -2:
            return "small negative"
        case "M" | "A":
            return f"pool {value}"
        case int(n) if n > 100:
            return f"big {n}"
        case int():
            return "int"
        case str() as text:
            return "str " + text
        case []:
            return "empty"
        case [x]:
            return f"one {x}"
        case ["conv", width, *rest]:
            return f"conv {width} {rest}"
        case (a, b):
            return f"pair {a} {b}"
        case {"type": "linear", "out": out, **more}:
            return f"linear {out} {more}"
        case None:
            return "none"
        case True | False:
            return "bool"
        case _:
            return "other"


for v in (0, -2, "M", 101, 5, "x", [], [1], ["conv", 3, 1, 2], (1, 2), {"type": "linear", "out": 10, "bias": 1}, None, 1.5, [1, 2, 3]):
    print(kind(v))


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def where(p):
    match p:
        case Point(x=0, y=0):
            return "origin"
        case Point(x, 0):
            return f"on x at {x}"
        case Point():
            return "somewhere"


print(where(Point(0, 0)), where(Point(3, 0)), where(Point(1, 1)), where(5))
match = 3
print(match)
