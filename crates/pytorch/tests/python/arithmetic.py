print(7 // 2, -7 // 2, 7 // -2, -7 // -2, 7 % 3, -7 % 3, 7 % -3, -7 % -3)
print(7 / 2, 6 / 2, -7 / 2, 7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 7 // 2.0)
print(divmod(17, 5), divmod(-17, 5), divmod(17, -5), divmod(7.5, 2), divmod(-1, 3))
print(2 ** 10, 2 ** -1, (-2) ** 3, -2 ** 2, 2 ** 0.5, 0 ** 0, 2 ** 3 ** 2, (-8) ** 2, 10 ** -2)
print(1 + 2 * 3 - 4 / 2, (1 + 2) * 3, -3 - -3, +5, - - 5, 1_000_000)
print(0x1F, 0b101, 0o17, 1e3, 1.5e-3, .5, 5.)
print(abs(-3), abs(-2.5), pow(2, 5), pow(2, 5, 7), pow(2.0, 3), max(1, 2.5), min(-1, 0))
print(3 * 1.0, 2 + 0.5, True + 1, 1 - 0.9, 0.1 + 0.2, 1 / 3)
print(10 ** 15, 2 ** 62, 4611686018427387904 // 3, -(2 ** 62))
print(int(3.7), int(-3.7), int("12"), int(" -5 "), int("ff", 16), int("101", 2), int(True), float("1.5"), float("-1e3"), float(3))
for wrong in (lambda: 1 / 0, lambda: 1 // 0, lambda: 1 % 0, lambda: 1.0 / 0, lambda: 1.0 // 0):
    try:
        wrong()
    except ZeroDivisionError as error:
        print(error)
for wrong in (lambda: int("x"), lambda: float("x"), lambda: int("1.5"), lambda: int([]), lambda: 1 + "a", lambda: "a" + 1, lambda: [1] + (2,), lambda: -"a", lambda: None + 1):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        print(type(error).__name__, error)
print(int(64 * 0.25), int(32 * 1.75), (64 + 4) // 8 * 8, int(2.5 + 0.5), 224 // 32, 16 * 5 * 5)
print("ab" * 3, 2 * [0, 1], (1,) * 0, [[0]] * 2, "-" * 10, 3 * (1, 2))
