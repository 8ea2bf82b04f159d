// Pictures from files to tensors, as hashes: the same code runs on Node and in the browser.

import { loadImage, preprocess, preprocessModes, resize } from "../../src/models/index.ts";

export async function sha256(data: ArrayBufferView<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Hashes of a file's picture, of it resized, and of its tensors. */
async function imageHashes(file: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const picture = await loadImage(new Blob([file]));
  const small = resize(picture, 17, 13, "bicubic");
  const tensors = preprocessModes.map((mode) => preprocess(small, { mode }).data());
  return Promise.all(
    [picture.data, small.data, ...tensors].map((data) => sha256(data as Uint8Array<ArrayBuffer>)),
  );
}

/** The bytes of base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** `imageHashes` of every file of test/golden/images.json. */
export async function goldenHashes(json: string): Promise<string[][]> {
  const { pngs, jpegs } = JSON.parse(json) as Record<"pngs" | "jpegs", { file: string }[]>;
  return Promise.all([...pngs, ...jpegs].map(({ file }) => imageHashes(bytesOf(file))));
}
