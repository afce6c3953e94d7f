// Folders of ours: made where they are missing, and proved to take files before anything relies on them.
import { lstatSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Makes the folder and those above it. Level by level: Node's own `recursive` never returns where the
 *  system says that a folder is missing although it is there, as below /proc.
 *  @throws what the system says against the first level that cannot be made */
export function makeFolder(path: string): void {
  const missing: string[] = []
  let at = resolve(path)
  for (; !isThere(at); at = dirname(at)) missing.push(at)
  for (const folder of missing.reverse()) makeOne(folder)
  statSync(`${path}/`) // says ENOTDIR where a file has that name
}

/** Makes the folder and a trial in it, which goes at once. @throws what the system says against it */
export function proveFolder(path: string): void {
  makeFolder(path)
  rmdirSync(mkdtempSync(join(path, '.trial-')))
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

// Of whatever kind: a file, or a link to nowhere, is told by what comes next.
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
