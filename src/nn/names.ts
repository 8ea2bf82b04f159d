/** @file Names of layers: Keras' default names, each once within a model. */

/**
 * Keras' name for a class in the style of files: MaxPooling2D is max_pooling2d, ReLU is re_lu
 * (keras.utils.naming.to_snake_case).
 */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** Keras' class for one of our kinds: conv2dTranspose is Conv2DTranspose. */
export function classNameOf(kind: string): string {
  return (kind.charAt(0).toUpperCase() + kind.slice(1)).replace(/(\d)d(?![a-z])/g, "$1D");
}

/** Gives the first of `base`, `base_1`, `base_2`, ... that is not among the names taken, and takes it. */
export function nameMaker(taken: Set<string>): (base: string) => string {
  const counts = new Map<string, number>();
  return (base) => {
    let count = counts.get(base) ?? 0;
    let name = count === 0 ? base : `${base}_${count}`;
    while (taken.has(name)) name = `${base}_${++count}`;
    counts.set(base, count);
    taken.add(name);
    return name;
  };
}

/** Up to three of the names that look most like the one asked for, by the number of letters to change. */
export function nearNames(name: string, known: readonly string[]): string[] {
  const scored = known.map((candidate) => ({
    candidate,
    distance: candidate.includes(name) || name.includes(candidate) ? 0 : distance(name, candidate),
  }));
  return scored
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
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
