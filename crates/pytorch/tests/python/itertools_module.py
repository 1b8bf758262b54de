import itertools
from itertools import chain, product, repeat, islice, count, zip_longest, accumulate, combinations, permutations, cycle, starmap, takewhile, groupby

print(list(chain([1], (2, 3), "ab")), list(chain.from_iterable([[1], [2, 3]])), list(chain()))
print(list(product([1, 2], "ab")), list(product(range(2), repeat=2)), list(itertools.product()))
print(list(repeat(0, 3)), list(zip(repeat("x"), range(2))), list(islice(count(5), 3)), list(islice("abcdef", 1, 5, 2)), list(islice(count(0, 10), 2)))
print(list(zip_longest([1], [2, 3], fillvalue=0)), list(accumulate([1, 2, 3])), list(combinations("abc", 2)), list(permutations([1, 2])))
print(list(islice(cycle("ab"), 5)), list(starmap(pow, [(2, 3), (3, 2)])), list(takewhile(lambda v: v < 3, [1, 2, 5, 1])))
print([(k, list(g)) for k, g in groupby([1, 1, 2, 1])], list(itertools.pairwise([1, 2, 3])))
ids = count()
print(next(ids), next(ids), [next(ids) for _ in range(2)])
