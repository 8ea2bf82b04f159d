/** @file Damage that once did harm: the file and the seed of the mutation. Every one stays. */
export const corpus: readonly (readonly [victim: string, seed: number])[] = [
  ["chain.h5", 26],
  ["chain.json", 49],
  ["fer-mini-xception/model.hdf5", 49],
];
