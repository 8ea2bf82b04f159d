/** @file Files that others have published, and where they are. */

/** A published file. */
export interface PublishedFile {
  /** What it is called there, and in the cache. */
  readonly name: string;
  readonly url: string;
  /** Its MD5 as published, in hexadecimal; undefined where none was. */
  readonly md5?: string;
}

/** Where Keras' authors keep their files. */
const storage = "https://storage.googleapis.com";

/** A file of theirs. `ADJOINT_MIRROR` names another place with the same paths. */
export function kerasFile(path: string, md5?: string): PublishedFile {
  const mirror = (globalThis as { process?: Partial<NodeJS.Process> }).process?.env?.[
    "ADJOINT_MIRROR"
  ];
  return {
    name: path.slice(path.lastIndexOf("/") + 1),
    url: `${(mirror || storage).replace(/\/+$/, "")}/${path}`,
    ...(md5 !== undefined && { md5 }),
  };
}

/** Weights in the folder of Keras' applications. */
export function kerasWeights(path: string, md5?: string): PublishedFile {
  return kerasFile(`tensorflow/keras-applications/${path}`, md5);
}
