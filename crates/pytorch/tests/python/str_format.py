print("{} {}".format(1, "a"), "{0} {1} {0}".format("x", "y"), "{a} {b}".format(a=1, b=2), "{} {k}".format(0, k=1))
print("{:>5}|{:<5}|{:^5}|{:05.1f}|{:,}|{:.1%}".format("a", "b", "c", 2.25, 10000, 0.5))
print("{0[1]} {1[key]} {2.real}".format([1, 2], {"key": "v"}, 5))
print("{!r} {!s}".format("q", "q"), "{{}} {}".format(1), "{:{w}.{p}f}".format(3.14159, w=8, p=2))
print("{:d} {:x} {:b} {:e}".format(10, 255, 5, 1234.5), "{0:<10}{1:>10}".format("left", "right") + "|")
print("{}".format([1, "a", None]), "{}".format((1,)), "{name:>{width}}".format(name="n", width=4))
print("layer{}.{}".format(*[1, 2]), "{a}".format(**{"a": 3}))
print(format(3.14159, ".2f"), format(255, "x"), format("a", ">3"), format(12), format(1e6, ",.0f"))
try:
    "{} {}".format(1)
except IndexError as error:
    print(error)
try:
    "{a}".format(b=1)
except KeyError as error:
    print("KeyError", error)
