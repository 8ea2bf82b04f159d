/** @file Names of things in Keras' spelling and in ours. */

/** name_of_an_option as nameOfAnOption. */
export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** nameOfAnOption as name_of_an_option. */
export function snakeName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
