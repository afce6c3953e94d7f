// The keys, in a dialog.
import { openDialog } from '../base/dialog.ts'
import { element } from '../base/element.ts'
import { keys } from '../player/remote.ts'

export function showKeys(): void {
  const rows = keys.flatMap(([key, what]) => [element('dt', {}, key), element('dd', {}, what)])
  openDialog('Keys', element('dl', { class: 'keys' }, ...rows))
}
