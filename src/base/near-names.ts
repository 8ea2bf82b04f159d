/** @file Names that look like one that was misspelt. */

/** Comparing takes time that grows with lengths and numbers, and files may hold any of both: what is longer is cut, what is more left out. */
const longest = 100;
const most = 2000;

/** Up to three of the names that look most like the one asked for, by the number of letters to change. */
export function nearNames(name: string, known: readonly string[]): string[] {
  const wanted = name.slice(0, longest);
  const scored = known.slice(0, most).map((full) => {
    const candidate = full.slice(0, longest);
    const isPart = candidate.includes(wanted) || wanted.includes(candidate);
    return { candidate, distance: isPart ? 0 : distance(wanted, candidate) };
  });
  return scored
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** The name that was probably meant: one that differs in case, underscores or a letter in three. */
export function likelyName(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll("_", "").toLowerCase();
  const [best] = known
    .map((candidate) => ({ candidate, changes: distance(plain(name), plain(candidate)) }))
    .toSorted((a, b) => a.changes - b.changes);
  return best !== undefined && 3 * best.changes <= name.length ? best.candidate : undefined;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length]!;
}
