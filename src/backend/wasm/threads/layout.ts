/**
 * @file Where the words lie through which threads talk, as byte offsets. What different threads write lies two cache lines
 * apart: processors fetch lines in pairs.
 */

/** The board, one a memory: always at the same address, known to all code. */
export const board = {
  /** Address of the control block of the team at work, 0 for none. */
  team: 0,
  /** Counts blocks given back to the allocator: what was there stays as long as it stands still. */
  freed: 4,
  bytes: 64,
} as const;

/** The control block, one a team. */
export const control = {
  /**
   * i64: the number of the task in the upper half, the chunks nobody has claimed yet in the lower. It only ever moves on, so
   * whoever replaces the ticket he read by one that is a chunk smaller owns that chunk, of the task whose words he read.
   */
  ticket: 0,
  /** The task: number of its module, address of the module's record, its site and chunks, and the threads that may help. */
  module: 128,
  record: 132,
  site: 136,
  chunks: 140,
  limit: 144,
  /** `freed` of the board when the task began; written after the words above. */
  freed: 148,
  /** Chunks of the task that helpers have done. */
  done: 256,
  /** Not 0 while the caller sleeps until `done` changes. */
  waiting: 260,
  /** Helpers that have started. */
  ready: 384,
  /** Helpers with a higher number than this do nothing. */
  allowed: 388,
  /** Changes when helpers that sleep shall look for work. */
  bell: 392,
  /** Not 0 if a helper may have gone to sleep since the bell rang last. */
  asleep: 396,
  /** Helpers that failed with a chunk. */
  failed: 400,
  /** Not 0 while helpers that sleep are not to be woken. */
  quiet: 404,
  /** The words of helper 0, who does not exist; those of the others follow. */
  helpers: 512,
} as const;

/** The words of one helper. */
export const helper = {
  /** A chunk plus 1 while the helper claims or does it, else 0. */
  busy: 0,
  /** Not 0 from its start to its end. */
  up: 4,
  /** What went wrong, in UTF-8: number of bytes, then those. */
  errorBytes: 8,
  error: 12,
  bytes: 128,
} as const;

/** A module's record: how a helper comes by the module. */
export const record = {
  /** The module's number, never given twice. */
  number: 0,
  /** Address and length of its binary. */
  address: 4,
  length: 8,
  bytes: 64,
} as const;

/** As many threads as a control block has room for. */
export const mostThreads = 64;

export const controlBytes: number = control.helpers + mostThreads * helper.bytes;
