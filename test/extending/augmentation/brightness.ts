/** @file An augmentation: each image brighter or darker by its own factor. */
import { random } from "../../../src/index.ts";
import type { Augmentation } from "../../../src/optim/index.ts";

export const randomBrightness =
  (most: number): Augmentation =>
  (images, key) =>
    images.mul(random.uniform(key, [images.shape[0]!, 1, 1, 1], { min: 1 - most, max: 1 + most }));
