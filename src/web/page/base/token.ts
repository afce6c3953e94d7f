// Asks for the token that the API wants.
import { openDialog } from './dialog.ts'
import { element } from './element.ts'

/** The token that was typed; undefined if the dialog was closed without one. */
export async function askToken(reason: string): Promise<string | undefined> {
  const input = element('input', {
    type: 'password',
    name: 'token',
    class: 'field',
    autocomplete: 'current-password',
    'aria-label': 'Token',
    required: true,
    spellcheck: 'false',
  })
  let typed: string | undefined
  const form = element(
    'form',
    { class: 'token', method: 'dialog' },
    element('p', {}, `${reason}.`),
    element(
      'p',
      { class: 'quiet' },
      'Whoever set up xg2g has chosen it (XG2G_API_TOKEN or XG2G_API_READ_TOKEN). It is kept in this browser.',
    ),
    input,
    element('div', { class: 'actions' }, element('button', { class: 'button primary' }, 'Continue')),
  )
  const { dialog, closed } = openDialog('A token is needed', form)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    typed = input.value.trim()
    if (typed !== '') dialog.close()
  })
  input.focus()
  await closed
  return typed === '' ? undefined : typed
}
