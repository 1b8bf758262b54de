compose = lambda f, g: lambda x: f(g(x))
inc = lambda x: x + 1
double = lambda x: x * 2
print(compose(inc, double)(5), compose(double, inc)(5))
print((lambda: None)(), (lambda *a, k=1, **kw: (a, k, kw))(1, 2, k=3, z=4))
print(sorted([(1, "b"), (0, "c"), (1, "a")], key=lambda p: (-p[0], p[1])))
print(inc.__name__)
table = {"relu": lambda x: max(x, 0), "neg": lambda x: -x}
print([table[name](-3) for name in table])
choose = lambda x: "even" if x % 2 == 0 else "odd"
print(list(map(choose, range(3))))
print((lambda x, y=2, *z: x + y + sum(z))(1, 2, 3, 4))
