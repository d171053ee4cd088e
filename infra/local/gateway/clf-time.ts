const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

let cachedSecond = 0
let cachedText = ''

/** A time (milliseconds since 1970) in Common Log Format, UTC: `13/Dec/2020:10:17:47 +0000`. */
export const clfTime = (time: number): string => {
  const second = Math.floor(time / 1000)
  if (second !== cachedSecond) {
    const iso = new Date(time).toISOString()
    cachedSecond = second
    cachedText = `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
  }
  return cachedText
}
