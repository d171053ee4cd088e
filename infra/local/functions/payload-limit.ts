/** Lambda's quota for a request or a response of a synchronous call, in bytes of JSON (6 MB and what an envelope takes). */
export const payloadLimit = 6_291_556

/** Whether a text is longer than that many bytes; counts them only where it could be (a UTF-16 unit takes three at most). */
export const exceeds = (text: string, bytes: number): boolean =>
  text.length * 3 > bytes && Buffer.byteLength(text) > bytes
