/** @file Controllers by name. A new controller is one file and one line here. */
import type { Controller } from "./controller.ts";
import { iController } from "./i-controller.ts";
import { piController } from "./pi-controller.ts";

/** Makes each controller with its default settings. */
export const controllers: Readonly<Record<string, () => Controller>> = {
  i: iController,
  pi: piController,
};
