// What `xg2g doctor` says of the job socket: whether it can be there, and who has it now. Makes and removes nothing.
import { accessSync, constants, lstatSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Config } from '../base/config.ts'
import type { Diagnosis } from './doctor.ts'

const answerMs = 2000
const longestAnswerBytes = 4096

export async function examineSocket({ udsPath: path, given }: Config): Promise<Diagnosis[]> {
  if (path === 'off') return []
  // The daemon does without the default one where it cannot be had.
  const wrong = given.includes('udsPath') ? 'bad' : 'note'
  const cure = 'set XG2G_UDS_PATH to a path in a folder of this user, or to off'
  try {
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there === undefined) checkFolder(path)
    else if (!there.isSocket())
      return [{ level: wrong, text: `The job socket cannot be ${path}: a file has that name`, cure }]
    else return [describe(path, await callerHears(path), wrong)]
    return [{ level: 'ok', text: `Job socket ${path} can be made` }]
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    return [{ level: wrong, text: `The job socket ${path} cannot be made: ${why}`, cure }]
  }
}

function describe(path: string, heard: string, wrong: 'bad' | 'note'): Diagnosis {
  switch (heard) {
    case 'EACCES':
      return {
        level: 'note',
        text: `The job socket ${path} may not be used by this user`,
        cure: 'add the user to its group (XG2G_UDS_GROUP)',
      }
    case 'ECONNREFUSED':
      checkFolder(path)
      return { level: 'ok', text: `Job socket ${path} was left behind, and will be made anew` }
    default:
      return heard.startsWith('{"')
        ? { level: 'ok', text: `Job socket ${path} is taken, xg2g is running` }
        : { level: wrong, text: `The job socket ${path} is taken by another program` }
  }
}

// In the lowest folder that is there all others and the socket would be made.
function checkFolder(path: string): void {
  let folder = dirname(resolve(path))
  while (lstatSync(folder, { throwIfNoEntry: false }) === undefined) folder = dirname(folder)
  accessSync(`${folder}/`, constants.W_OK | constants.X_OK)
}

/** The first bytes of what the socket answers to who asks for its state, or the code of the error. */
function callerHears(path: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(path, () => socket.write('{"mode":"status"}\n'))
    socket.setEncoding('utf8').setTimeout(answerMs, () => socket.destroy())
    socket.on('data', (text: string) => {
      heard += text
      if (heard.includes('\n') || heard.length > longestAnswerBytes) socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (heard ||= error.code ?? error.message))
    socket.on('close', () => resolve(heard))
  })
}
