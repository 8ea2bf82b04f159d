// The registry of commands: the order is the order of the help.
import type { Command } from "../command.ts";
import { demo } from "./demo.ts";
import { fit } from "./fit.ts";
import { predict } from "./predict.ts";

export const commands: readonly Command[] = [fit, predict, demo];
