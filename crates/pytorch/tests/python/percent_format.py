print("%20s|%-10s|%s" % ("Conv2d", "ReLU", None))
print("%d %5d|%-5d|%05d|%+d|% d|%i" % (1, 2, 3, 4, 5, 6, 7))
print("%f %.2f %8.3f|%-8.1f|%+.1f|%08.2f" % (1.5, 2.345, 3.14159, 2.0, 1.0, -1.5))
print("%e %.2e %g %G %g %g" % (12345.678, 0.00012, 1e-5, 1e20, 0.5, 100000))
print("%x %X %o %#x %r %s %%" % (255, 255, 8, 255, "a'b", [1, "x"]))
print("%(name)s has %(count)d (%(ratio).1f%%)" % {"name": "net", "count": 3, "ratio": 12.5})
print("%s" % "one", "%s" % (1,), "%s" % [1, 2], "%s and %s" % ("a", (1, 2)))
print("%d" % 3.99, "%d" % True, "%s" % 1.0, "%.3s|%5.1s|" % ("abcdef", "xyz"), "%c%c" % ("a", 98))
print("%*d|%-*d|%.*f" % (5, 1, 4, 2, 2, 3.14159))
print("%20s output shape : %s" % ("Linear", (1, 10)))
print(f"%20s output shape : {(1, 10)}" % ("Linear"))
print("%5.1f%% of %s" % (99.5, "all"))
print("no args" % (), "%s" % {"a": 1}, "%r" % "é")
for wrong in (lambda: "%d" % "a", lambda: "%s %s" % ("a",), lambda: "%s" % (1, 2), lambda: "%(a)s" % {"b": 1}, lambda: "%z" % 1):
    try:
        print(wrong())
    except (TypeError, KeyError, ValueError) as error:
        print(type(error).__name__, error)
