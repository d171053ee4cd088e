import { castNames } from '../cast.ts'

const firstNames = ['Aarati', 'Bikash', 'Chandra', 'Deepa', 'Gopal', 'Ishwari', 'Kiran', 'Laxmi', 'Manoj', 'Nirmala']
const lastNames = ['Adhikari', 'Basnet', 'Gurung', 'Karki', 'Lama', 'Maharjan', 'Rai', 'Shrestha', 'Tamang', 'Thapa']
const trades = ['Books', 'Café', 'Electronics', 'Momo House', 'Pharmacy', 'Tailors', 'Trekking', 'Travels']

const chosen = (words: readonly string[], number: number): string => words[number % words.length] ?? ''

/** The same name for an id each time, with the id's end, so that no two of a test have the same. */
export const userName = (id: string): string => {
  const number = Number.parseInt(id.slice(-8), 16)
  const first = chosen(firstNames, number)
  const last = chosen(lastNames, Math.floor(number / firstNames.length))
  return castNames.get(id) ?? `${first} ${last} ${id.slice(-4)}`
}

export const businessName = (id: string): string => {
  const number = Number.parseInt(id.slice(-8), 16)
  const generic = `${chosen(lastNames, number)} ${chosen(trades, Math.floor(number / lastNames.length))} ${id.slice(-4)}`
  return castNames.get(id) ?? generic
}

/** Nobody serves it: what shows an avatar must do without it. */
export const avatarUrl = (id: string): string => `https://avatars.example.com/${id}.png`
