print(sorted([3, 1, 2]), sorted("banana"), sorted([3, 1, 2], reverse=True), sorted((1.5, 1, True)))
words = ["bb", "a", "ccc", "dd", "e"]
print(sorted(words, key=len), sorted(words, key=len, reverse=True), sorted(words, key=lambda w: (-len(w), w)))
print(sorted({"b": 1, "a": 2}), sorted({"b": 1, "a": 2}.items(), key=lambda kv: kv[1]))
print(sorted([(1, "b"), (1, "a"), (0, "z")]), sorted([[2], [1, 5], []]))
words.sort(key=str.upper)
print(words, list(reversed(words)), words[::-1])
print(min([3, 1, 2]), max(3, 1, 2), min("b", "a"), max([1, 5, 3], key=lambda v: -v), min([], default=None), max([[1, 2], [1, 3]]))
print(max({"a": 5, "b": 3}, key={"a": 5, "b": 3}.get), min(["aa", "b"], key=len), max((), default=0))
for wrong in (lambda: sorted([1, "a"]), lambda: min([]), lambda: max(1), lambda: max([])):
    try:
        wrong()
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)


class Version:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    def __repr__(self):
        return f"v{self.n}"


print(sorted([Version(3), Version(1), Version(2)]), min([Version(3), Version(1)]))
