/** @file The registry of commands, in the order of the help. */
import type { Command } from "../command.ts";
import { classify } from "./classify.ts";
import { convert } from "./convert.ts";
import { demo } from "./demo.ts";
import { explain } from "./explain.ts";
import { fit } from "./fit.ts";
import { models } from "./models.ts";
import { predict } from "./predict.ts";
import { summary } from "./summary.ts";

export const commands: readonly Command[] = [
  fit,
  predict,
  explain,
  classify,
  summary,
  convert,
  models,
  demo,
];
