d = {"b": 1, "a": 2}
d["c"] = 3
d["b"] = 10
print(d, len(d), list(d), d["a"], d.get("z"), d.get("z", 0), "a" in d, 1 in d)
print(d.keys(), d.values(), d.items(), list(d.items())[0])
print(d.pop("a"), d.pop("zz", None), d, d.setdefault("b", 5), d.setdefault("n", []), d)
d.update({"x": 1}, y=2)
d.update([("z", 3)])
print(d, d.popitem(), d)
print(dict(a=1, b=2), dict([("k", "v")]), dict(zip("ab", (1, 2))), dict({"a": 1}, b=3), dict.fromkeys("ab"), dict.fromkeys([1], 0))
copy = d.copy()
copy["only"] = 1
print("only" in d, copy == d, {"a": 1, "b": 2} == {"b": 2, "a": 1})
for key in d:
    print(key, end=" ")
print()
for key, value in d.items():
    print(f"{key}={value}", end=" ")
print()
keys = d.keys()
d["late"] = 0
print(keys, "late" in keys, len(keys), sorted(keys))
print({1: "int", 1.0: "float", True: "bool"}, {**d, "b": "over"}["b"])
print(list(reversed({"a": 1, "b": 2})), max({"a": 3, "b": 2}), sum({1: "x", 2: "y"}), {"a": 1}.items() == {"a": 1}.items())
print({"a": 1}.keys() & {"a", "b"}, {"a": 1}.keys() - {"a"})
cfg = {18: ("basic", [2, 2, 2, 2]), 50: ("bottleneck", [3, 4, 6, 3])}
block, depths = cfg[50]
print(block, sum(depths))
for wrong in (lambda: {}["k"], lambda: {}[1], lambda: {[]: 1}, lambda: {}.popitem(), lambda: {}.pop((1, 2))):
    try:
        wrong()
    except (KeyError, TypeError) as error:
        print(type(error).__name__, error)
d.clear()
print(d, bool(d))
grow = {"a": 1}
try:
    for key in grow:
        grow[key + "x"] = 1
except RuntimeError as error:
    print(error)
nested = {}
nested.setdefault("layer1", {}).setdefault("conv", []).append(3)
print(nested)
