/** The service removes markup and control characters, and composes letters (NFC): this text may be stored as another one. */
export const mayBeChanged = (text: string): boolean =>
  (text.includes('<') && text.includes('>')) || /(?![\n\t])\p{Cc}/u.test(text) || text.normalize('NFC') !== text
