/** @file What goes wrong with explanations. */
import { AdjointError } from "../base/errors.ts";

/** A network, layer, class or image that cannot be explained as asked: the message says why and names the way out. */
export class ExplainError extends AdjointError {
  override readonly name: string = "ExplainError";
}
