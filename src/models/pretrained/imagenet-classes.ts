/** @file The names of ImageNet's classes. */
import { parseClassNames } from "../images/class-names.ts";
import { requireNode } from "./cache.ts";
import { cachedFile } from "./cached.ts";
import { type PublishedFile, kerasFile } from "./published.ts";

const published = (): PublishedFile =>
  kerasFile(
    "download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
  );

/**
 * The 1000 names of ImageNet's classes, in the order of the networks by name: "tench", "goldfish", ... From Keras' published list,
 * which is downloaded once. Throws DownloadError where that cannot be had.
 */
export async function imagenetClassNames(
  options: { readonly signal?: AbortSignal } = {},
): Promise<string[]> {
  const { files } = requireNode("imagenetClassNames");
  const path = await cachedFile(published(), { ...options, most: 1 << 20 });
  return parseClassNames(await files.readFile(path, "utf8"), path);
}
