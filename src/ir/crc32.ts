/** @file The cyclic redundancy check of zip, gzip and PNG (ISO 3309, polynomial 0xEDB88320 reflected). */

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  table[byte] = rest;
}

/** The check of some bytes as 8 hexadecimal digits; `before` goes on from the check of what precedes them. */
export function crc32(bytes: Uint8Array, before = "00000000"): string {
  let rest = ~Number.parseInt(before, 16);
  for (let index = 0; index < bytes.length; index++)
    rest = table[(rest ^ bytes[index]!) & 255]! ^ (rest >>> 8);
  return (~rest >>> 0).toString(16).padStart(8, "0");
}
