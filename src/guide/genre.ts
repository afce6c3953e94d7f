// Content nibbles of a broadcast as categories, in the English words that media centres sort by.
// Source: ETSI EN 300 468, table 28.

const main: Readonly<Record<number, string>> = {
  1: 'Movie',
  2: 'News',
  3: 'Show',
  4: 'Sports',
  5: 'Children',
  6: 'Music',
  7: 'Arts',
  8: 'Social',
  9: 'Education',
  10: 'Leisure',
}

const detailed: Readonly<Record<number, string>> = {
  0x11: 'Thriller',
  0x12: 'Adventure',
  0x13: 'Science Fiction',
  0x14: 'Comedy',
  0x15: 'Soap',
  0x16: 'Romance',
  0x17: 'History',
  0x21: 'Weather',
  0x22: 'News Magazine',
  0x23: 'Documentary',
  0x24: 'Talk Show',
  0x31: 'Game Show',
  0x32: 'Variety Show',
  0x33: 'Talk Show',
  0x43: 'Football',
  0x44: 'Tennis',
  0x47: 'Motor Sports',
  0x55: 'Cartoon',
  0x61: 'Pop',
  0x62: 'Classical Music',
  0x65: 'Musical',
  0x81: 'Magazine',
  0x91: 'Nature',
  0x92: 'Technology',
  0x94: 'Travel',
  0xa1: 'Travel',
  0xa5: 'Cooking',
}

/** @param genre  both nibbles; undefined or 0 where the broadcaster says nothing
 *  @param isEpisode  a part of a series is no film, whatever the nibbles say */
export function categoriesOf(genre: number | undefined, isEpisode: boolean): readonly string[] {
  const first = genre === undefined ? undefined : main[genre >> 4]
  const kept = isEpisode && first === 'Movie' ? 'Drama' : first
  const second = genre === undefined ? undefined : detailed[genre]
  return [kept, second, isEpisode ? 'Series' : undefined].filter((word) => word !== undefined)
}
