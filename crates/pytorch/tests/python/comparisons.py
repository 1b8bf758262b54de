print(1 < 2 < 3, 1 < 3 < 2, 1 < 2 > 0, 3 > 2 == 2, 1 == 1.0 == True)


def loud(x):
    print("eval", x)
    return x


print(loud(3) < loud(2) < loud(1))
print(loud(1) < loud(2) < loud(3))
print([1, 2] < [1, 3], (1, 2) < (1, 2, 0), "abc" < "abd", "Z" < "a", [] < [0])
print(1 in [1, 2], 3 not in (1, 2), "bc" in "abcd", "a" in {"a": 1}, 2 in range(0, 10, 2), 3 in range(0, 10, 2))
print(None is None, None is not None, (x := [1]) is x)
print([1, 2] == [1, 2], (1,) == [1], {"a": 1, "b": 2} == {"b": 2, "a": 1}, {1, 2} == {2, 1}, "1" == 1)
print(True == 1, False == 0, True + True)
print(not 0, not [], not "a", not None, not (1 and 0))
print(1 != 2 != 1, {1, 2} <= {1, 2, 3}, {1} < {1}, {3} >= set())
try:
    1 < "a"
except TypeError as error:
    print(error)
try:
    [1] < (1,)
except TypeError as error:
    print(error)
print(float("nan") == float("nan"), 0.1 + 0.2 == 0.3, 10**16 == 1e16, 0 == -0.0)
