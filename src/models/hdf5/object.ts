/** @file Groups and datasets of HDF5: their attributes, what groups lead to, what datasets hold. */
import { describe } from "../../base/errors.ts";
import { readAttribute } from "./attributes.ts";
import { type Dataset, readDataset } from "./dataset.ts";
import type { Hdf5File } from "./file.ts";
import { readLinks } from "./links.ts";
import { type Message, kindsOfMessage, readMessages, requireCompact } from "./messages.ts";

/** A group or dataset. */
export class Hdf5Object {
  /** Its path in the file. */
  readonly path: string;
  private readonly file: Hdf5File;
  private readonly messages: readonly Message[];
  private links: Promise<ReadonlyMap<string, number>> | undefined;

  private constructor(file: Hdf5File, path: string, messages: readonly Message[]) {
    this.file = file;
    this.path = path;
    this.messages = messages;
  }

  /** The object at an address. FormatError where there is none. */
  static async at(file: Hdf5File, path: string, address: number): Promise<Hdf5Object> {
    return new Hdf5Object(file, path, await readMessages(file, path, address));
  }

  /** Whether it has elements. */
  get isDataset(): boolean {
    return this.messages.some(({ kind }) => kind === kindsOfMessage.layout);
  }

  /** Names of what a group leads to, in the file's order. */
  async names(): Promise<string[]> {
    return [...(await this.children()).keys()];
  }

  /** What a path below a group leads to (`conv1/kernel:0`), or undefined. */
  async find(path: string): Promise<Hdf5Object | undefined> {
    // oxlint-disable-next-line typescript/no-this-alias
    let found: Hdf5Object = this;
    for (const name of path.split("/").filter((part) => part !== "")) {
      // oxlint-disable-next-line no-await-in-loop
      const address = (await found.children()).get(name);
      if (address === undefined) return undefined;
      // oxlint-disable-next-line no-await-in-loop
      found = await Hdf5Object.at(this.file, `${found.path.replace(/\/$/, "")}/${name}`, address);
    }
    return found;
  }

  private children(): Promise<ReadonlyMap<string, number>> {
    return (this.links ??= this.isDataset
      ? Promise.resolve(new Map())
      : readLinks(this.file, this.path, this.messages));
  }

  /** The texts of an attribute; undefined where there is none of the name. FormatError where it is no text. */
  async texts(name: string): Promise<readonly string[] | undefined> {
    for (const { kind, body } of this.messages) {
      if (kind === kindsOfMessage.attributeInfo) requireCompact(body, "attributes", 2);
      if (kind !== kindsOfMessage.attribute) continue;
      // oxlint-disable-next-line no-await-in-loop
      const texts = await readAttribute(
        this.file,
        `${this.path}: attribute ${describe(name)}`,
        body,
        name,
      );
      if (texts !== undefined) return texts;
    }
    return undefined;
  }

  /** The elements of a dataset, not yet read. */
  dataset(): Promise<Dataset> {
    return readDataset(this.file, this.path, this.messages);
  }
}
