// Wrong use of the command line, which is not a failure of the command.

/** What was asked for does not fit the command. Ends with exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
