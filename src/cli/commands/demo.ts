/** @file `adjoint demo`: what `npm start` runs. Fits the hare and lynx pelts, then the spiral of torchdiffeq; explains a picture. */
import { text } from "../../base/kinds.ts";
import { optional } from "../../base/options.ts";
import { type Command, command, flag } from "../command.ts";

export const demo: Command = command({
  name: "demo",
  help: "train two neural ODEs, explain a picture, and leave the figures in a folder",
  arguments: [],
  flags: {
    folder: flag("-o, --output <folder>", optional(text, "out", "folder for models and pictures")),
  },
  run: async (_, given, context) => {
    const [{ fitPelts }, { trainSpiral }, { showLooks }] = await Promise.all([
      import("../demo/pelts.ts"),
      import("../demo/spiral.ts"),
      import("../demo/looks.ts"),
    ]);
    await fitPelts(given.folder, context);
    context.say("");
    await trainSpiral(given.folder, context);
    context.say("");
    await showLooks(given.folder, context);
  },
});
