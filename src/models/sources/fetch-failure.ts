/** @file Why something could not be fetched. */
import { reasonOf } from "../../base/node/files.ts";

/** What a failed `fetch` says of itself: Node's says "fetch failed", and keeps the reason beneath. */
export function fetchFailure(cause: unknown): string {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return inner instanceof Error && inner.message !== ""
    ? inner.message
    : ((inner as { code?: string } | undefined)?.code ?? reasonOf(cause));
}
