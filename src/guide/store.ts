// What survives a restart: channel numbers, the last lineup, programmes, and when they were fetched.
// SQLite in the data folder, on the main thread: each call is short, long reads come in pieces.
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { makeFolder } from '../base/folder.ts'
import type { Logger } from '../base/log.ts'
import { categoriesOf } from './genre.ts'
import type { Episode, NowNext, Programme } from './guide.ts'
import type { LineupChannel } from './lineup.ts'
import type { StoredProgramme } from './programme.ts'

// Raised when the tables change: an older file is then made anew, since a receiver has it all.
const version = 1
const cacheKib = 1024 // the kernel has the rest of the file
const readerCacheKib = 256 // it reads everything once
const mostExpired = 200 // programmes at once: some milliseconds

const tables = `
  CREATE TABLE channel (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, number INTEGER NOT NULL UNIQUE,
    fetched INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE programme (key INTEGER PRIMARY KEY, channel INTEGER NOT NULL REFERENCES channel, start INTEGER NOT NULL,
    stop INTEGER NOT NULL, event INTEGER, title TEXT NOT NULL, subtitle TEXT NOT NULL, description TEXT NOT NULL,
    genre INTEGER NOT NULL, episode TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX programme_time ON programme (channel, start);
  CREATE INDEX programme_stop ON programme (stop);
  CREATE VIRTUAL TABLE words USING fts5 (title, subtitle, description, content = 'programme', content_rowid = 'key',
    detail = 'none', tokenize = 'unicode61 remove_diacritics 2');
  CREATE TRIGGER programme_added AFTER INSERT ON programme BEGIN
    INSERT INTO words (rowid, title, subtitle, description)
    VALUES (new.key, new.title, new.subtitle, new.description); END;
  CREATE TRIGGER programme_removed AFTER DELETE ON programme BEGIN
    INSERT INTO words (words, rowid, title, subtitle, description)
    VALUES ('delete', old.key, old.title, old.subtitle, old.description); END;
  PRAGMA user_version = ${version};`

const columns = 'c.id AS channel, start, stop, event, title, subtitle, description, genre, episode'

type Row = Record<string, SQLOutputValue>
type Statements = ReturnType<typeof prepare>

export class Store {
  readonly #database: DatabaseSync
  readonly #do: Statements
  #isClosed = false

  /** Opens or makes the file. One that is damaged or of another version is made anew. */
  static open(file: string, log?: Logger): Store {
    makeFolder(dirname(file))
    try {
      return new Store(openDatabase(file))
    } catch (err) {
      log?.warn({ err, file }, 'guide store made anew')
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
      return new Store(openDatabase(file))
    }
  }

  /** Opens a file that another thread has open, to read it. */
  static read(file: string): Store {
    const database = new DatabaseSync(file, { readOnly: true })
    database.exec(`PRAGMA cache_size = -${readerCacheKib}`)
    return new Store(database)
  }

  private constructor(database: DatabaseSync) {
    this.#database = database
    this.#do = prepare(database)
  }

  /** A value kept under a name; undefined if there is none. */
  state(name: string): unknown {
    const row = this.#do.state.get(name)
    return typeof row?.value === 'string' ? JSON.parse(row.value) : undefined
  }

  setState(name: string, value: unknown): void {
    this.#do.setState.run(name, JSON.stringify(value))
  }

  /** Numbers of all channels that were ever in a lineup. */
  numbers(): Map<string, number> {
    return new Map(this.#do.numbers.all().map(({ id, number }) => [String(id), Number(number)]))
  }

  lineup(): LineupChannel[] {
    return (this.state('lineup') as LineupChannel[] | undefined) ?? []
  }

  /** Keeps the lineup and its numbers. */
  setLineup(channels: readonly LineupChannel[]): void {
    this.#transaction(() => {
      for (const { id, number } of channels) this.#do.addChannel.run(id, number)
      this.setState('lineup', channels)
    })
  }

  /** When each channel's programmes were last answered, unix seconds; 0 if never. */
  ages(): Map<string, number> {
    return new Map(this.#do.ages.all().map(({ id, fetched }) => [String(id), Number(fetched)]))
  }

  /** Takes programmes over: they replace what is kept between the first of them and `until`. Without any,
   *  what is kept stays.
   *  @param until  unix seconds; the end of the last one unless given
   *  @returns whether anything is different now */
  update(id: string, programmes: readonly StoredProgramme[], until?: number): boolean {
    const key = this.#do.key.get(id)?.key
    const first = programmes[0]
    const last = programmes.at(-1)
    if (typeof key !== 'number' || first === undefined || last === undefined) return false
    return this.#transaction(() => this.#replace(key, programmes, first.start, until ?? last.stop))
  }

  /** Keeps when a channel's programmes were answered, unix seconds. */
  setAge(id: string, at: number): void {
    this.#do.setFetched.run(at, id)
  }

  /** Forgets programmes that ended before `before`, unix seconds, some at a time.
   *  @returns whether there may be more */
  expire(before: number): boolean {
    return Number(this.#do.expire.run(before, mostExpired).changes) === mostExpired
  }

  /** What is on air at some time in `from` .. `to`. */
  programmes(id: string, from: number, to: number): Programme[] {
    return this.#do.between.all(id, from, to).map(programmeOf)
  }

  nowNext(id: string, at: number): NowNext {
    const [first, second] = this.#do.nowNext.all(id, at).map(programmeOf)
    if (first === undefined) return {}
    return first.start <= at ? { now: first, next: second } : { next: first }
  }

  /** Programmes with all of the words, the last one perhaps not complete, soonest first. */
  search(text: string, from: number, limit: number): Programme[] {
    const words = text.match(/[\p{L}\p{N}]+/gu) ?? []
    if (words.length === 0) return []
    const query = words.slice(0, 16).map((word, index) => `"${word}"${index === words.length - 1 ? '*' : ''}`)
    return this.#do.search.all(query.join(' '), from, limit).map(programmeOf)
  }

  /** All programmes and channels with something still to come after `now`. */
  counts(now: number): { programmes: number; channelsWithData: number } {
    const row = this.#do.counts.get(now)
    return { programmes: Number(row?.programmes), channelsWithData: Number(row?.channels) }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#database.close()
  }

  // Only what is different is written: a receiver tells mostly what it told before.
  #replace(key: number, programmes: readonly StoredProgramme[], from: number, to: number): boolean {
    const kept = new Map(
      this.#do.kept.all(key, from, to).map((row) => [Number(row.start), { key: row.key, text: textOf(row) }]),
    )
    let isChanged = false
    const added: StoredProgramme[] = []
    for (const programme of programmes) {
      const before = kept.get(programme.start)
      if (before?.text === textOf(rowOf(programme))) kept.delete(programme.start)
      else added.push(programme)
    }
    for (const { key: old } of kept.values()) {
      this.#do.remove.run(old as SQLInputValue)
      isChanged = true
    }
    for (const programme of added) {
      const { start, stop, event, title, subtitle, description, genre, episode } = rowOf(programme)
      this.#do.add.run(key, start, stop, event, title, subtitle, description, genre, episode)
      isChanged = true
    }
    return isChanged
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${cacheKib};
      PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 8388608`)
    const found = database.prepare('PRAGMA user_version').get()?.user_version
    if (found === 0) database.exec(`BEGIN; ${tables} COMMIT`)
    else if (found !== version) throw new Error(`version ${String(found)} of the store is not ${version}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function prepare(database: DatabaseSync) {
  const one = (sql: string): StatementSync => database.prepare(sql)
  const programmes = `SELECT ${columns} FROM programme p JOIN channel c ON c.key = p.channel`
  return {
    state: one('SELECT value FROM state WHERE name = ?'),
    setState: one('INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'),
    numbers: one('SELECT id, number FROM channel'),
    addChannel: one('INSERT INTO channel (id, number) VALUES (?, ?) ON CONFLICT (id) DO NOTHING'),
    ages: one('SELECT id, fetched FROM channel'),
    key: one('SELECT key FROM channel WHERE id = ?'),
    setFetched: one('UPDATE channel SET fetched = ? WHERE id = ?'),
    // The one that is on air at the beginning of the span and reaches into it is replaced, too.
    kept: one(`SELECT key, start, stop, event, title, subtitle, description, genre, episode FROM programme
      WHERE channel = ?1 AND start < ?3 AND stop > ?2`),
    add: one(`INSERT INTO programme (channel, start, stop, event, title, subtitle, description, genre, episode)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    remove: one('DELETE FROM programme WHERE key = ?'),
    expire: one('DELETE FROM programme WHERE key IN (SELECT key FROM programme WHERE stop < ? LIMIT ?)'),
    between: one(`${programmes} WHERE c.id = ?1 AND start < ?3 AND stop > ?2 ORDER BY start`),
    // Programmes do not overlap: the last that has begun is the only one that can still run.
    nowNext: one(`${programmes} WHERE c.id = ?1 AND stop > ?2 AND start >= coalesce(
      (SELECT max(start) FROM programme q WHERE q.channel = c.key AND q.start <= ?2), ?2) ORDER BY start LIMIT 2`),
    search: one(`${programmes} WHERE p.key IN (SELECT rowid FROM words WHERE words MATCH ?) AND stop > ?
      ORDER BY start, c.number LIMIT ?`),
    counts: one(`SELECT count(*) AS programmes,
      (SELECT count(*) FROM channel c WHERE EXISTS
        (SELECT 1 FROM programme q WHERE q.channel = c.key AND q.start > ?1 - 86400 AND q.stop > ?1)) AS channels
      FROM programme`),
  }
}

function rowOf({ id, genre, episode, ...rest }: StoredProgramme) {
  return { ...rest, event: id ?? null, genre, episode: packEpisode(episode) }
}

function textOf({ stop, event, title, subtitle, description, genre, episode }: Row): string {
  return [stop, event, genre, episode, title, subtitle, description].join('\0')
}

function programmeOf(row: Row): Programme {
  const episode = unpackEpisode(String(row.episode))
  return {
    channelId: String(row.channel),
    id: row.event === null ? undefined : Number(row.event),
    start: Number(row.start),
    stop: Number(row.stop),
    title: String(row.title),
    subtitle: String(row.subtitle) || undefined,
    description: String(row.description) || undefined,
    categories: categoriesOf(Number(row.genre), episode !== undefined),
    episode,
  }
}

function packEpisode(episode: Episode | undefined): string {
  return episode === undefined ? '' : [episode.season, episode.number, episode.total].join('.')
}

function unpackEpisode(text: string): Episode | undefined {
  if (text === '') return undefined
  const [season, number, total] = text.split('.').map((part) => (part === '' ? undefined : Number(part)))
  return { season, number, total }
}
