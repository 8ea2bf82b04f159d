/** @file Damage that once did harm: the file and the seed of the mutation. Every one stays. */
export const corpus: readonly (readonly [victim: string, seed: number])[] = [
  // A length that is negative, because an address lies beyond the end.
  ["branches.h5", 91],
  ["chunked.h5", 92],
  ["chunked.h5", 283],
];
