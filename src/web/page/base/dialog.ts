// A dialog above the page: focus goes in and comes back, Escape and a click beside it close it.
import { element, iconButton, type Child } from './element.ts'

/** Shows it. Resolves when it has been closed. */
export function openDialog(
  title: string,
  ...content: readonly Child[]
): {
  dialog: HTMLDialogElement
  closed: Promise<void>
} {
  const heading = element('h2', { id: 'dialog-title' }, title)
  const { promise: closed, resolve } = Promise.withResolvers<undefined>()
  const dialog = element('dialog', { class: 'dialog', 'aria-labelledby': heading.id })
  const close = iconButton('close', 'Close', () => dialog.close())
  dialog.append(
    element('div', { class: 'dialog-head' }, heading, close),
    element('div', { class: 'dialog-body' }, ...content.filter((child) => child !== undefined)),
  )
  dialog.addEventListener('click', ({ target }) => {
    if (target === dialog) dialog.close()
  })
  dialog.addEventListener('close', () => {
    dialog.remove()
    resolve(undefined)
  })
  document.body.append(dialog)
  dialog.showModal()
  return { dialog, closed }
}

/** A question before something that cannot be undone. */
export async function confirmed(title: string, text: string, yes: string): Promise<boolean> {
  let isConfirmed = false
  const agree = () => {
    isConfirmed = true
    dialog.close()
  }
  const { dialog, closed } = openDialog(
    title,
    element('p', {}, text),
    element(
      'div',
      { class: 'actions is-end' },
      element('button', { type: 'button', class: 'button', on: { click: () => dialog.close() } }, 'Cancel'),
      element('button', { type: 'button', class: 'button primary', on: { click: agree } }, yes),
    ),
  )
  await closed
  return isConfirmed
}
