/** @file The error of explanations. */
import { AdjointError } from "../base/errors.ts";

/** An option, network, layer, class or image that cannot be explained as asked: the message says why, and what to do instead. */
export class ExplainError extends AdjointError {
  override readonly name: string = "ExplainError";
}
