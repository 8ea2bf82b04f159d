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
