/** @file Calling functions of users: a missing argument is said to be one. */
import { ArgumentError, complaint } from "../base/errors.ts";

/**
 * `fn(...args)`. Where `fn` declares more parameters than there are arguments, and stumbles over `undefined`, ArgumentError
 * naming `who` says so; the cause is what it stumbled over. (A parameter may be optional, so the count alone is not a mistake,
 * and further arguments are passed along: JavaScript cannot tell whether a function takes them.)
 */
export function callWith<A extends readonly unknown[], R>(
  who: string,
  fn: (...args: A) => R,
  args: A,
): R {
  try {
    return fn(...args);
  } catch (error) {
    if (!(error instanceof TypeError) || args.length >= fn.length) throw error;
    const wrong = new ArgumentError(
      complaint(
        who,
        `${fn.length} arguments, as the function declares`,
        String(args.length),
        `With ${args.length} it fails: ${error.message}.`,
      ),
    );
    wrong.cause = error;
    throw wrong;
  }
}
