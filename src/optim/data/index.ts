/** @file Data for training: files, batches, augmentation. */
export { augmentations, randomCrop, randomFlip, randomShift } from "./augment.ts";
export type { Augmentation, RandomCropOptions } from "./augment.ts";
export { batches } from "./batches.ts";
export type { BatchOptions, Batches } from "./batches.ts";
export { DataError } from "./data-error.ts";
export { gunzip } from "./gunzip.ts";
export type { GunzipOptions } from "./gunzip.ts";
export { readIdx } from "./idx.ts";
export type { ReadIdxOptions } from "./idx.ts";
export { channelStatistics, normalise } from "./statistics.ts";
export type { ChannelStatistics } from "./statistics.ts";
