// `adjoint demo`: what `npm start` runs. Fits the hare and lynx pelts, then the spiral of torchdiffeq; explains a picture.
import { type Command, command, option } from "../command.ts";
import * as values from "../values.ts";

export const demo: Command = command({
  name: "demo",
  help: "train two neural ODEs and explain a picture in front of you, and leave the figures in a folder",
  arguments: [],
  options: {
    folder: option(
      "-o, --output <folder>",
      "where models and pictures go",
      values.path,
      "out",
      "out",
    ),
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
