/** @file The first part of the demo: hare and lynx pelts, fitted by the same code as `adjoint fit`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../command.ts";
import { parseTable } from "../csv.ts";
import { WorkError, reason } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { fitTable, summaryLines } from "../fit.ts";

/** Pelts traded by the Hudson's Bay Company, in thousands (after MacLulich 1937 and Elton and Nicholson 1942). */
const pelts = `year,hare,lynx
1900,30,4
1901,47.2,6.1
1902,70.2,9.8
1903,77.4,35.2
1904,36.3,59.4
1905,20.6,41.7
1906,18.1,19
1907,21.4,13
1908,22,8.3
1909,25.4,9.1
1910,27.1,7.4
1911,40.3,8
1912,57,12.3
1913,76.6,19.5
1914,52.3,45.7
1915,19.5,51.1
1916,11.2,29.7
1917,7.6,15.8
1918,14.6,9.7
1919,16.2,10.1
1920,24.7,8.6
`;

/** Fits the pelts and leaves data, model and pictures in the folder. */
export async function fitPelts(folder: string, context: Context): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new WorkError(`cannot make the folder ${folder}: ${reason(error)}`);
  });
  const data = join(folder, "hare-lynx.csv");
  await writeAtomic(data, pelts);
  context.say(`Hare and lynx, 1900 to 1920: adjoint fit ${data}`);
  const summary = await fitTable(
    {
      title: "Hare and lynx pelts (thousands), Hudson’s Bay Company",
      table: parseTable(pelts, data),
      output: join(folder, "hare-lynx.json"),
      plot: join(folder, "hare-lynx.png"),
      horizon: 20,
      checkpointEvery: 250,
      resume: false,
      options: { seed: context.seed },
    },
    context,
  );
  for (const line of summaryLines(summary)) context.say(line);
}
