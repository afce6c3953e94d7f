// One of the page's views: it works only while it is shown.

export interface View {
  readonly root: HTMLElement
  show(): void
  hide(): void
}
