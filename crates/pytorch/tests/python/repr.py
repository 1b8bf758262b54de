print([1, "a", None, True, 1.5, (1,), [], {}, (), {"k": [1]}])
print(repr("a'b"), repr('a"b'), repr("a'b\"c"), repr("tab\t nl\n back\\ nul\0 \x7f é \u200b"), repr(""))
print({"a": "x", 1: 2.0, (1, 2): None}, {1}, set(), frozenset([1]), frozenset())
print(["it's", 'say "hi"', "both'\""], ("one",), (("nested",),))
print(repr(range(3)), repr(range(1, 10, 2)), repr(slice(1, 2)), repr(None), repr(...), repr(NotImplemented))
print(repr(1e-10), repr(100.0), repr(-0.0), [float("inf"), float("nan")], repr(True))
print(repr(b"bytes\x00'"), repr(int), repr(type(None)), repr(ValueError("a", 1)), repr(KeyError("k")), repr(Exception()))
print(repr([].__class__), str(dict), {}.keys(), {"a": 1}.values(), {"a": 1}.items())
loop = [1]
loop.append(loop)
print(loop)
d = {}
d["self"] = d
print(d)


class Plain:
    pass


class Shown:
    def __repr__(self):
        return "Shown()"


class Both:
    def __str__(self):
        return "str"

    def __repr__(self):
        return "repr"


print(Shown(), str(Shown()), [Shown()], f"{Shown()}", Both(), [Both()], f"{Both()} {Both()!r}", "%s %r" % (Both(), Both()))
print(repr(Plain).startswith("<class '"), repr(Plain()).startswith("<__main__.Plain object at 0x"), Plain.__name__, Plain)
print(str("a\nb"), ["a\nb"], ascii("é"), "\U0001F600", ["\U0001F600"])
