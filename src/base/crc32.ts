/** @file The cyclic redundancy check of zip, gzip and PNG (ISO 3309, polynomial 0xEDB88320 reflected), eight bytes at a time. */

/** `tables[256 n + byte]`: what a byte that is followed by n others contributes. */
const tables = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  tables[byte] = rest;
}
for (let index = 256; index < tables.length; index++) {
  const before = tables[index - 256]!;
  tables[index] = tables[before & 255]! ^ (before >>> 8);
}

/** The check of some bytes as 8 hexadecimal digits; `before` goes on from the check of what precedes them. */
export function crc32(bytes: Uint8Array, before = "00000000"): string {
  let rest = ~Number.parseInt(before, 16);
  let index = 0;
  for (const end = bytes.length - 7; index < end; index += 8) {
    rest ^= fourAt(bytes, index);
    const next = fourAt(bytes, index + 4);
    rest =
      tables[1792 + (rest & 255)]! ^
      tables[1536 + ((rest >>> 8) & 255)]! ^
      tables[1280 + ((rest >>> 16) & 255)]! ^
      tables[1024 + (rest >>> 24)]! ^
      tables[768 + (next & 255)]! ^
      tables[512 + ((next >>> 8) & 255)]! ^
      tables[256 + ((next >>> 16) & 255)]! ^
      tables[next >>> 24]!;
  }
  for (; index < bytes.length; index++) rest = tables[(rest ^ bytes[index]!) & 255]! ^ (rest >>> 8);
  return (~rest >>> 0).toString(16).padStart(8, "0");
}

function fourAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
